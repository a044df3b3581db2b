"""The routes for another rolltape: who may ask, what is refused, how much at one time, and streams that end early."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rolltape
from rolltape.errors import RunNotFound, StoreError
from rolltape.server import Served, serve_in_background
from rolltape.server.access.token_file import changing, make_token
from rolltape.server.reading import answers, routes, streamed
from rolltape.server.reading.questions import LARGEST_BODY
from rolltape.store import DirectoryStore, Points
from rolltape.store.remote.store import RemoteStore
from rolltape.store.remote.wire import CONTENT_TYPE, WAITING, Block, read_blocks, read_opening

LONG = 1_500_000  # points, more than the buffers on the way hold


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two projects."""
    root = tmp_path_factory.mktemp("reading")
    for project, id in (("pole cart", "mine"), ("hidden", "veiled")):
        with rolltape.init(project=project, id=id, config={"lr": 1.0, id: id}, dir=root) as run:
            for step in range(100):
                run.log({"loss": 1.0 / (step + 1), f"metric-{id}": float(step)}, step=step)
            run.log({"said": f"text-{id}"}, step=1)
    with rolltape.init(project="pole cart", id="long", dir=root) as run:
        run.log_batch({"long": np.random.default_rng(0).normal(size=LONG)}, step=np.arange(LONG))
    return root


@pytest.fixture(scope="module")
def shown(root: Path) -> Iterator[Served]:
    with serve_in_background(root, 0) as served:
        yield served


@pytest.fixture
def client(shown: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shown.url, trust_env=False) as client:
        yield client


def blocks_of(answer: httpx.Response) -> list[Block]:
    source = io.BytesIO(answer.content)
    read_opening(source)
    found = list(read_blocks(source))
    assert source.read() == b""
    return found


def test_the_answers(client: httpx.Client) -> None:
    answer = client.get("/api/store/runs")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "content-length" not in answer.headers
    assert [run["id"] for run in blocks_of(answer)[0].facts["runs"]] == ["long", "veiled", "mine"]
    (part,) = blocks_of(client.get("/api/store/run", params={"run": "mine"}))
    assert part.facts["info"][0]["key"] == "pole%20cart/mine"
    (points,) = blocks_of(client.get("/api/store/points", params={"run": "mine", "metric": "loss"}))
    assert list(points.columns) == ["step", "time", "value"]
    (points,) = blocks_of(client.get("/api/store/points", params={"run": "mine", "metric": "loss", "x": "time"}))
    assert list(points.columns) == ["x", "step", "time", "value"]


def test_head(client: httpx.Client) -> None:
    for _ in range(20):  # over one connection, which an answer that does not end would break
        answer = client.head("/api/store/points", params={"run": "long", "metric": "long"})
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, CONTENT_TYPE, b"")
    assert client.head("/api/store/run", params={"run": "no"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "told", "kind"),
    [
        ("run", 400, "run is missing", None),
        ("run?run=a&run=b", 400, "run may be given once", None),
        ("run?run=mine&part=all", 400, "part must be one of info, metrics, writers, events", None),
        ("run?run=no", 404, "there is no run 'no'", "RunNotFound"),
        ("runs?where=lr+%3C", 400, "where: it ends", "StoreError"),
        ("points?run=mine", 400, "metric is missing", None),
        ("points?run=mine&metric=no", 404, "has no metric 'no'", "MetricNotFound"),
        ("points?run=mine&metric=loss&x=", 400, "x must be", None),
        ("points?run=mine&metric=loss&lo=1", 400, "hi is missing", None),
        ("points?run=mine&metric=loss&lo=1&hi=inf", 400, "hi must be a finite number", None),
        ("points?run=mine&metric=loss&resumed=no", 400, "resumed must be one of all, latest", None),
        ("nothing", 404, "is not served", None),
    ],
)
def test_what_is_refused(client: httpx.Client, query: str, status: int, told: str, kind: str | None) -> None:
    answer = client.get(f"/api/store/{query}")
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert answer.headers.get("rolltape-error") == kind


def test_a_query_that_is_too_long(shown: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(shown.url.rstrip("/").rpartition(":")[2]))
    connection.request("GET", f"/api/store/runs?where={'a' * 140_000}")
    answer = connection.getresponse()
    assert (answer.status, b"the query must not be longer" in answer.read()) == (400, True)
    connection.close()


BODIES: list[tuple[Any, str]] = [
    ({}, "give metric"),
    ({"metric": "loss", "metrics": []}, "give metric"),
    ({"metric": 3}, "metric must be a text"),
    ({"metric": "a" * 10_001}, "metric must be a text of at most 10000 characters"),
    ({"metrics": "loss"}, "metrics must be a list"),
    ({"metrics": [3]}, "each of metrics must be a text"),
    ({"metrics": ["loss"] * 10_001}, "metrics must be a list of at most 10000"),
    ({"metric": "loss", "runs": [None]}, "each of runs"),
    ({"metric": "loss", "runs": "mine"}, "runs must be a list"),
    ({"metric": "loss", "x": ""}, "x must be"),
    ({"metric": "loss", "window": [1]}, "window must be two numbers"),
    ({"metric": "loss", "window": [2, 1]}, "window must be two finite numbers"),
    ({"metric": "loss", "window": [0, 10**400]}, "window must be two finite numbers"),
    ({"metric": "loss", "window": [0, float("inf")]}, "window must be two finite numbers"),
    ({"metric": "loss", "window": [False, True]}, "window must be two numbers"),
    ({"metric": "loss", "buckets": 0}, "buckets must be a whole number from 1 to 100000"),
    ({"metric": "loss", "buckets": 100_001}, "buckets must be a whole number"),
    ({"metric": "loss", "buckets": 3.0}, "buckets must be a whole number"),
    ({"metric": "loss", "buckets": True}, "buckets must be a whole number"),
    ({"metric": "loss", "exact": 1}, "exact must be true or false"),
    ({"metric": "loss", "resumed": "no"}, "resumed must be one of"),
    ({"metric": "loss", "look": False}, "the body holds 'look'"),
    ({"metrics": [str(number) for number in range(10_000)]}, ""),
    ({"metrics": [f"m{n}" for n in range(10_000)], "runs": [f"r{n}" for n in range(10_000)]}, "runs times metrics"),
]


@pytest.mark.parametrize(("body", "told"), BODIES, ids=range(len(BODIES)))
def test_bodies(client: httpx.Client, shown: Served, body: Any, told: str) -> None:
    headers = {"origin": shown.url.rstrip("/"), "content-type": "application/json"}
    answer = client.post("/api/store/curves", content=json.dumps(body), headers=headers)
    if not told:
        assert answer.status_code == 200
        assert blocks_of(answer) == []
        return
    assert answer.status_code == 400
    assert told in answer.json()["error"]


def test_a_long_question_needs_an_origin_and_a_small_body(client: httpx.Client, shown: Served) -> None:
    def ask(**how: Any) -> int:
        return client.post("/api/store/curves", **how).status_code

    own = {"origin": shown.url.rstrip("/")}
    assert ask(json={"metric": "loss"}) == 403
    assert ask(json={"metric": "loss"}, headers={"origin": "http://elsewhere.example"}) == 403
    assert ask(json={"metric": "loss"}, headers=own) == 200
    assert ask(content="{}", headers={**own, "content-type": "text/plain"}) == 415
    assert ask(content=b" " * (LARGEST_BODY + 1), headers={**own, "content-type": "application/json"}) == 413
    assert ask(json={"metric": "loss"}, headers=own, params={"a": "b"}) == 400
    assert client.get("/api/store/curves").status_code == 405


@pytest.fixture
def tokens(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A server with a token file; makes a token, or revokes it: ``tokens("read:pole cart")``."""
    monkeypatch.delenv("ROLLTAPE_TOKEN", raising=False)
    file = tmp_path / "T"
    with changing(file):
        pass
    ids: dict[str, str] = {}
    with serve_in_background(root, 0, token_file=file) as served:

        def make(*scopes: str, revoke: str = "") -> tuple[str, str]:
            with changing(file) as known:
                if revoke:
                    known[:] = [one for one in known if one.id != ids[revoke]]
                    return served.url, revoke
                text, made = make_token(known, list(scopes))
            ids[text] = made.id
            return served.url, text

        yield make


def opened(place: tuple[str, str]) -> RemoteStore:
    store = rolltape.open(f"{place[0]}?token={place[1]}")
    assert isinstance(store, RemoteStore)
    return store


def test_a_token_that_may_read_one_project_sees_no_other(
    root: Path, tmp_path: Path, tokens: Callable[..., tuple[str, str]]
) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(root / "pole%20cart", alone / "pole%20cart", copy_function=shutil.copy2)
    here, there = DirectoryStore(alone), opened(tokens("read:pole cart"))
    assert [info.key for info in there.runs()] == [info.key for info in here.runs()]
    assert there.runs("hidden") == []
    assert there.runs(where="veiled = 'veiled'") == []
    assert list(there.curve("loss").runs) == list(here.curve("loss").runs) == ["pole%20cart/mine"]
    for run in ("veiled", "hidden/veiled", "pole%20cart/../hidden/veiled", "../hidden/veiled"):
        for ask in (
            lambda run=run: there.run(run),
            lambda run=run: there.metrics(run),
            lambda run=run: there.writers(run),
            lambda run=run: there.events(run),
            lambda run=run: there.summaries(run),
            lambda run=run: there.points(run, "loss"),
            lambda run=run: there.scan(run, "loss"),
            lambda run=run: there.curve("loss", [run]),
            lambda run=run: there.curves(["loss", "metric-veiled"], ["mine", run]),
        ):
            with pytest.raises(RunNotFound, match="there is no run"):
                ask()
    with pytest.raises(StoreError, match="none of the runs has a metric 'metric-veiled'"):
        there.curve("metric-veiled")
    assert there.curves(["metric-veiled"]) == {}
    assert len(opened(tokens("admin")).runs()) == len(opened(tokens("read:*")).runs()) == 3
    there.close()


def test_tokens_that_do_not_open(tokens: Callable[..., tuple[str, str]]) -> None:
    place, token = tokens("write:pole cart")
    with pytest.raises(StoreError, match="it needs the scope read:PROJECT or admin") as caught:
        opened((place, token))
    assert token not in str(caught.value)
    reader = opened(tokens("read:pole cart"))
    assert len(reader.runs()) == 2
    with pytest.raises(StoreError, match="knows no such token"):
        opened((place, "rtk_" + "x" * 32))
    with pytest.raises(StoreError, match=r"the request has no token.*put the token into ROLLTAPE_TOKEN"):
        rolltape.open(place)


def test_a_token_that_is_revoked_ends_what_it_was_reading(tokens: Callable[..., tuple[str, str]]) -> None:
    place, token = tokens("read:*")
    store = opened((place, token))
    blocks = store.scan("long", "long")
    assert len(next(blocks)[0]) > 0
    tokens(revoke=token)
    time.sleep(2.5)
    with pytest.raises(StoreError, match="ends too early"):
        list(blocks)
    with pytest.raises(StoreError, match="lets nobody in without its token: this server knows no such token"):
        store.runs()


def test_as_many_answers_at_one_time_as_there_may_be(client: httpx.Client) -> None:
    query = "/api/store/points?run=long&metric=long"
    streams = [client.stream("GET", query) for _ in range(routes.MOST_STREAMS)]
    for one in streams:
        assert one.__enter__().status_code == 200
    full = client.get("/api/store/runs")
    assert (full.status_code, full.headers["retry-after"]) == (503, "1")
    assert "32 answers are under way" in full.json()["error"]
    assert client.get("/api/runs").status_code == 200  # the page goes on
    for one in streams:
        one.__exit__(None, None, None)
    until(lambda: client.get("/api/store/runs").status_code == 200)  # a reader that went away has ended its answer


def test_somebody_who_takes_nothing(shown: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_SLOWEST", 0.5)
    port = int(shown.url.rstrip("/").rpartition(":")[2])
    lazy = [socket.create_connection(("127.0.0.1", port)) for _ in range(routes.MOST_STREAMS)]
    for one in lazy:
        one.sendall(b"GET /api/store/points?run=long&metric=long HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    until(lambda: client.get("/api/store/runs").status_code == 503)
    until(lambda: client.get("/api/store/runs").status_code == 200)
    for one in lazy:
        one.close()


def test_an_answer_that_nobody_waits_for_is_not_made(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    gone = threading.Event()

    def endless(self: DirectoryStore, *_: Any) -> Any:
        column = np.zeros(answers.ROWS, np.int64)
        for number in range(10_000):
            made.append(number)
            if gone.is_set():
                time.sleep(0.01)
            yield column.astype(float), Points(column, column, column.astype(float))

    monkeypatch.setattr(DirectoryStore, "scan", endless)
    with serve_in_background(root, 0) as served:
        store = rolltape.open(served.url)
        blocks = store.scan("long", "long")
        next(blocks)
        blocks.close()
        gone.set()
        time.sleep(0.5)
        so_far = len(made)
        time.sleep(0.3)
        assert len(made) == so_far < 200
        store.close()


@given(st.lists(st.integers(0, 25), max_size=12))
def test_blocks_are_made_even(sizes: list[int]) -> None:
    total = sum(sizes)
    numbers = np.arange(total)
    cuts = np.split(numbers, np.cumsum(sizes)[:-1]) if sizes else []
    with pytest.MonkeyPatch.context() as small:
        small.setattr(answers, "ROWS", 10)
        even = list(answers._evened((cut * 0.5, Points(cut, cut + 1, cut * 2.0)) for cut in cuts))
    assert [len(x) for x, _ in even] == [10] * (total // 10) + [total % 10] * (total % 10 > 0)
    if total:
        x, points = (
            np.concatenate([x for x, _ in even]),
            [np.concatenate(c) for c in zip(*(p for _, p in even), strict=True)],
        )
        for one, other in zip((x, *points), (numbers * 0.5, numbers, numbers + 1, numbers * 2.0), strict=True):
            assert one.tobytes() == other.tobytes()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_store_that_takes_its_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is not silent meanwhile, and an error that comes then is told all the same."""
    monkeypatch.setattr(streamed, "_SIGN", 0.1)
    go_on = threading.Event()
    real = DirectoryStore.runs

    def slow(self: DirectoryStore, project: str | None = None, where: str | None = None) -> Any:
        if project == "slow":
            go_on.wait(20)
        return real(self, None, where)

    monkeypatch.setattr(DirectoryStore, "runs", slow)
    with serve_in_background(root, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        for where, told in (("lr = 1", b'"runs"'), ("lr <", b'"kind":"StoreError"')):
            go_on.clear()
            with client.stream("GET", "/api/store/runs", params={"project": "slow", "where": where}) as answer:
                pieces = answer.iter_bytes()
                begun = next(pieces)
                while begun.count(WAITING) < 3:
                    begun += next(pieces)
                assert begun.endswith(WAITING * 2)
                go_on.set()
                assert told in b"".join(pieces)


def test_what_fails_on_the_way(root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(streamed, "_MESSAGE", 1)
    real = DirectoryStore.scan
    wrong: list[Exception] = []

    def breaking(self: DirectoryStore, *asked: Any) -> Any:
        for number, block in enumerate(real(self, *asked)):
            if number == 3:
                raise wrong[-1]
            yield block

    monkeypatch.setattr(DirectoryStore, "scan", breaking)
    with serve_in_background(root, 0) as served:
        store = rolltape.open(served.url)
        for error, told in (
            (RunNotFound("it is gone"), "it is gone"),
            (OSError(5, "Input/output error"), "Input/output error"),
            (ValueError("inner"), "the server failed to answer; its log tells why"),
        ):
            wrong.append(error)
            with pytest.raises(type(error) if isinstance(error, StoreError) else StoreError, match=told):
                list(store.scan("long", "long"))
        store.close()
    assert "an answer failed after it had begun" in caplog.text
    assert caplog.text.count("Traceback") == 1
