"""Whatever is asked, the server answers as its description says: never 500, and of the types that it tells."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import rolltape
from rolltape.server import Served, serve_in_background
from rolltape.server.collecting.options import Collecting
from rolltape.server.openapi import document
from rolltape.tape.shipment import CONTENT_TYPE

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [
    (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method in methods
    if path != "/api/events"  # a stream has no end
]
NEEDED = ("metric", "group", "run")
SCHEMA = schemathesis.openapi.from_dict(document())


@schemathesis.serializer(CONTENT_TYPE)
def as_it_is(_context: Any, value: Any) -> bytes:
    """A body that is bytes already, or text that is to be."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A writable server of groups with several seeds, a lone run, a failed one and a run that goes on."""
    root = tmp_path_factory.mktemp("fuzzed")
    generator = np.random.default_rng(0)
    for lr in (1e-3, 3e-3, 1e-2):
        for seed in range(4):
            config = {"lr": lr, "seed": seed, "env": f"e{seed % 2}"}
            with rolltape.init(project="p", id=f"lr{lr}s{seed}", config=config, tags=["t"], dir=root) as run:
                for step in range(50):
                    run.log({"loss": generator.normal(), "episodes": step // 3, "a/b": float("nan")}, step=step)
    with rolltape.init(project="ä b", id="one", dir=root) as run:
        run.log({"loss": float("inf"), "said": "a text", "frame": rolltape.Image(np.zeros((2, 2)))}, step=3)
    with pytest.raises(ZeroDivisionError), rolltape.init(project="p", id="failed", dir=root) as run:
        run.log({"loss": 1.0})
        1 / 0  # noqa: B018
    with rolltape.init(project="p", id="live", dir=root) as run:
        run.log({"loss": 1.0})
        with serve_in_background(root, 0, writable=True, collecting=Collecting()) as served:
            yield served


@pytest.fixture(scope="module")
def real(fuzzed: Served) -> dict[str, list[str]]:
    """Values that name what there is."""
    runs = httpx.get(f"{fuzzed.url}api/runs", trust_env=False).json()["runs"]
    groups = httpx.get(f"{fuzzed.url}api/groups", trust_env=False).json()["groups"]
    return {
        "run": [run["key"] for run in runs],
        "group": [group["id"] for group in groups],
        "metric": ["loss", "episodes", "a/b"],
        "x": ["step", "time", "relative", "process", "episodes", "loss", "a/b"],
        "project": ["p", "ä b"],
        "where": ["lr < 0.01", "last.loss > 0", "note = ''", "lr <", "nothing = 3"],
        "value": ["last:loss", "max:a/b", "mean:episodes", "min:nothing"],
        "smooth": ["ema:0.9", "gaussian:3", "median:5", "ema:2", "twema:0.5", "mean:0"],
        "buckets": ["1", "7", "400"],
        "task": ["env", "lr", "seed"],
        "seed": ["seed", "lr"],
        "ignore": ["env"],
    }


@pytest.fixture(scope="module")
def poster(fuzzed: Served) -> Iterator[httpx.Client]:
    headers = {"origin": fuzzed.url.rstrip("/"), "content-type": "application/json"}
    with httpx.Client(base_url=fuzzed.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def parameters_of(method: str, path: str) -> list[dict[str, Any]]:
    told = document()["paths"][path][method.lower()]["parameters"]
    return [one for one in told if one["in"] == "query"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[path for _, path in OPERATIONS])
@pytest.mark.filterwarnings("ignore")  # of what generates the requests
def test_whatever_is_asked(
    fuzzed: Served, real: dict[str, list[str]], session: requests.Session, method: str, path: str, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and method == "GET" and not parameters_of(method, path):
        return  # there is nothing that could be otherwise
    host = fuzzed.url.rstrip("/")

    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=SCHEMA[path][method].as_strategy(generation_mode=mode), some=st.lists(st.sampled_from(real["run"])))
    def ask(case: Any, some: list[str]) -> None:
        if path == "/api/notes" and mode is GenerationMode.POSITIVE and some:
            case.body = {**case.body, "runs": some}
        response = case.call(base_url=host, session=session, headers={"origin": host}, timeout=30)
        case.validate_response(response, checks=CHECKS)

    ask()


ASKED = [path for method, path in OPERATIONS if method == "GET" and parameters_of(method, path)]


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.filterwarnings("ignore")
def test_questions_about_what_there_is(
    fuzzed: Served, real: dict[str, list[str]], session: requests.Session, path: str
) -> None:
    """Random generation rarely finds a run that exists: here nearly every value is one that means something."""
    chance = random.Random(path)
    host = fuzzed.url.rstrip("/")
    answered: Counter[int] = Counter()
    for _ in range(60):
        query: dict[str, Any] = {}
        for one in parameters_of("GET", path):
            name, schema = one["name"], one["schema"]
            values = real.get(name) or schema.get("enum")
            if values is None or (name not in NEEDED and chance.random() < 0.6):
                continue
            many = chance.randint(1, 4) if schema["type"] == "array" else 1
            query[name] = [chance.choice(values) for _ in range(many)]
        if path == "/api/histogram":
            del query[chance.choice(["group", "run"])]
            query = {name: values[:1] for name, values in query.items()}
        if path in ("/api/curve", "/api/histogram") and chance.random() < 0.5:
            low = chance.choice([-5, 0, 1.5, 40, -1e300])
            query |= {"lo": low, "hi": low + chance.choice([0.1, 10, 1e6, 1e300])}
        case = SCHEMA[path]["GET"].Case(query=query)
        response = case.call(base_url=host, session=session, timeout=30)
        case.validate_response(response, checks=CHECKS)
        answered[response.status_code] += 1
    assert answered[200] >= 10, answered


@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.text() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["runs", "add", "remove", "note", "x"]), inner),
    )
)
def test_whatever_is_to_be_changed(poster: httpx.Client, body: Any) -> None:
    for path in ("notes", "delete"):
        answer = poster.post(f"/api/{path}", content=json.dumps(body))
        assert 400 <= answer.status_code < 500
        assert list(answer.json()) == ["error"]
