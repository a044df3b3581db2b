"""Every wrong question gets a sentence that names the parameter, and none breaks the server."""

from __future__ import annotations

import socket
from urllib.parse import quote, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rolltape.curves import METHODS
from rolltape.server import Served
from rolltape.server.query import LONGEST_QUERY, MOST_RUNS

CURVE = "/api/curve?metric=loss"
HISTOGRAM = "/api/histogram?metric=loss&run=cart%2520pole/s1"


@pytest.mark.parametrize(
    ("path", "status", "named"),
    [
        ("/api/curve", 400, "metric"),
        ("/api/curve?metric=", 400, "metric"),
        ("/api/curve?metric=loss&metric=", 400, "metric"),
        ("/api/curve?" + "&".join(f"metric=m{i}" for i in range(9)), 400, "metric may be given 8 times"),
        ("/api/curve?metric=loss&metric=unknown", 404, "metric 'unknown'"),
        (f"{CURVE}&group=0123456789ab", 404, "group or run '0123456789ab'"),
        (f"{CURVE}&group=", 404, "group or run ''"),
        (f"{CURVE}&" + "&".join(f"group={i}" for i in range(MOST_RUNS + 1)), 400, "may be given 500 times"),
        *((f"{CURVE}&center={c}", 400, "center must be one of") for c in ("", "avg", "IQM")),
        (f"{CURVE}&center=mean&center=mean", 400, "center"),
        *((f"{CURVE}&band={b}", 400, "band must be one of") for b in ("", "sd", "95")),
        *((f"{CURVE}&seeds={s}", 400, "seeds must be one of") for s in ("", "2", "true")),
        *((f"{CURVE}&smooth={s}", 400, "smooth") for s in ("", "ema", "ema:", ":1", "box:3", "ema:1_0", "ema:nan")),
        *((f"{CURVE}&smooth={s}", 400, "smooth") for s in ("ema:1", "twema:2", "mean:0", "median:1.5", "gaussian:-1")),
        *((f"{CURVE}&smooth={s}", 400, "smooth") for s in ("ema:0.5:1", "gaussian:1e999", "mean:1e999", "none:x")),
        (f"{CURVE}&smooth=ema:0.5&smooth=ema:0.5", 400, "smooth"),
        ("/api/histogram?metric=loss", 400, "group or run is needed"),
        ("/api/histogram?metric=loss&run=other/o&run=cart%2520pole/s1", 400, "group or run"),
        ("/api/histogram?metric=loss&run=other/o&group=0123456789ab", 400, "group or run"),
        ("/api/histogram?metric=loss&group=0123456789ab", 404, "group or run '0123456789ab'"),
        ("/api/histogram?run=other/o", 400, "metric"),
        ("/api/histogram?run=other/o&metric=loss&metric=speed", 400, "metric"),
        ("/api/histogram?run=other/o&metric=unknown", 404, "metric 'unknown'"),
        *((f"{HISTOGRAM}&buckets={b}", 400, "buckets must be") for b in ("0", "401", "x", "")),
        *((f"{HISTOGRAM}&bins={b}", 400, "bins must be") for b in ("0", "201", "1.5", "")),
        (f"{HISTOGRAM}&x=unknown", 404, "x 'unknown'"),
        (f"{HISTOGRAM}&lo=2&hi=1", 400, "lo must be smaller than hi"),
        (f"{HISTOGRAM}&lo=nan&hi=1", 400, "lo"),
        ("/api/curve?metric=unknown", 404, "metric 'unknown'"),
        ("/api/curve?metric=%00", 404, "metric"),
        (f"{CURVE}&run=nope", 404, "'nope' is not in this store"),
        (f"{CURVE}&run=", 404, "'' is not in this store"),
        (f"{CURVE}&run=p/nope", 404, "run 'p/nope'"),
        (f"{CURVE}&run=../../etc", 404, "run"),
        (f"{CURVE}&run=/etc/passwd", 404, "run"),
        (f"{CURVE}&x=", 400, "x"),
        (f"{CURVE}&x=unknown", 404, "x 'unknown'"),
        (f"{CURVE}&x=speed&run=cart%2520pole/s1", 404, "x 'speed'"),
        (f"{CURVE}&x=step&x=time", 400, "x"),
        *((f"{CURVE}&buckets={quote(b)}", 400, "buckets") for b in ("0", "10001", "-1", "1.5", "", "nan", "1e3")),
        *((f"{CURVE}&buckets={quote(b)}", 400, "buckets") for b in ("1_0", " 5", "\u0665", "9" * 5000, "0x10")),
        (f"{CURVE}&lo=1", 400, "hi is missing"),
        (f"{CURVE}&hi=1", 400, "lo is missing"),
        (f"{CURVE}&lo=nan&hi=1", 400, "lo"),
        (f"{CURVE}&lo=0&hi=NaN", 400, "hi"),
        (f"{CURVE}&lo=0&hi=inf", 400, "hi"),
        (f"{CURVE}&lo=0&hi=1e999", 400, "hi must be a finite"),
        (f"{CURVE}&lo=0&hi=1_0", 400, "hi"),
        (f"{CURVE}&lo=&hi=1", 400, "lo"),
        (f"{CURVE}&lo=1&hi=1", 400, "lo must be smaller than hi"),
        (f"{CURVE}&lo=2&hi=1", 400, "lo must be smaller than hi"),
        (f"{CURVE}&lo=-1e308&hi=1e308", 400, "lo and hi"),
        ("/api/run", 400, "run is missing"),
        ("/api/run?run=", 400, "run is missing"),
        ("/api/run?run=a&run=b", 400, "run"),
        ("/api/run?run=nope", 404, "run 'nope'"),
        ("/api/run?run=..%2F..%2Fetc", 404, "run"),
        ("/api/run?run=%ff%fe", 404, "run"),
        ("/api/metrics?run=nope", 404, "'nope' is not in this store"),
        ("/api/metrics?" + "&".join(f"run={i}" for i in range(MOST_RUNS + 1)), 400, "run may be given 500 times"),
        ("/api/nope", 404, "/api/nope"),
        ("/api/runs/", 404, "/api/runs/"),
        ("/api/media/other/o/nope.png", 404, "file"),
    ],
)
def test_the_sentence_names_it(asker: httpx.Client, path: str, status: int, named: str) -> None:
    answer = asker.get(path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert named in answer.json()["error"]
    assert len(answer.json()["error"]) < 400


def test_odd_questions_that_can_be_answered(asker: httpx.Client) -> None:
    for more in ("lo=1&hi=1.0000000000000002", "lo=-1e307&hi=1e307", "lo=0&hi=5e-324", "lo=1e%2B21&hi=1e%2B22"):
        assert asker.get(f"{CURVE}&{more}&buckets=10").status_code == 200
        assert asker.get(f"{HISTOGRAM}&{more}&buckets=10").status_code == 200
    assert asker.get(f"{CURVE}&unknown=1").status_code == 200


def test_one_answer_has_its_limit(asker: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolltape.server.answers.curve.MOST_VALUES", 2999)
    answer = asker.get(f"{CURVE}&buckets=1000")
    assert answer.status_code == 400
    assert "buckets" in answer.json()["error"]


def test_a_query_has_its_limit(steady: Served) -> None:
    """A client library would not send it."""
    address = urlsplit(steady.url)
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        query = b"a" * (LONGEST_QUERY + 1)
        connection.sendall(b"GET /api/metrics?" + query + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":"the query must not be longer' in answer


def test_the_most_runs_of_the_longest_names(asker: httpx.Client) -> None:
    query = "&".join(f"run={i:0100d}/{i:0100d}" for i in range(MOST_RUNS))[:60_000]
    assert asker.get(f"/api/metrics?{query}").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/api/runs", "/", "/nope"])
def test_only_get_and_head_exist(asker: httpx.Client, method: str, path: str) -> None:
    origin = str(asker.base_url).rstrip("/")
    answer = asker.request(method, path, headers={"origin": origin})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


NUMBERS = st.one_of(
    st.floats().map(repr), st.integers().map(str), st.sampled_from(["", "-0", "1e-400", "١"]), st.text(max_size=5)
)
PARAMETER = st.one_of(
    st.tuples(st.just("metric"), st.sampled_from(["loss", "episodes", "speed", ""]) | st.text(max_size=5)),
    st.tuples(st.just("run"), st.sampled_from(["cart%20pole/s1", "s2", "other/o"]) | st.text(max_size=5)),
    st.tuples(st.just("x"), st.sampled_from(["step", "time", "relative", "loss", "note"]) | st.text(max_size=5)),
    st.tuples(st.sampled_from(["lo", "hi", "buckets", "bins"]), NUMBERS),
    st.tuples(st.just("group"), st.text(max_size=5)),
    st.tuples(st.sampled_from(["seed", "ignore"]), st.sampled_from(["seed", "lr"]) | st.text(min_size=1, max_size=5)),
    st.tuples(st.just("center"), st.sampled_from(["auto", "mean", "median", "iqm"]) | st.text(max_size=5)),
    st.tuples(st.just("band"), st.sampled_from(["minmax", "std", "iqr", "none"]) | st.text(max_size=5)),
    st.tuples(st.just("smooth"), st.builds("{}:{}".format, st.sampled_from(METHODS), NUMBERS) | st.text(max_size=5)),
    st.tuples(st.just("seeds"), st.sampled_from(["0", "1", "2"])),
    st.tuples(st.text(max_size=5), st.text(max_size=5)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["curve", "histogram", "metrics", "run", "runs"]),
    st.lists(PARAMETER, max_size=8),
    st.booleans(),
)
@example("curve", [("metric", "loss"), ("x", "loss"), ("lo", "-1e-320"), ("hi", "1e-320"), ("buckets", "10000")], True)
def test_no_query_breaks_the_server(
    asker: httpx.Client, route: str, parameters: list[tuple[str, str]], with_metric: bool
) -> None:
    if with_metric:
        parameters = [("metric", "loss"), *((name, value) for name, value in parameters if name != "metric")]
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)
    answer = asker.get(f"/api/{route}?{query}")
    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_no_path_breaks_the_server(asker: httpx.Client, path: bytes) -> None:
    for base in ("/", "/api/", "/api/media/other/o/", "/assets/"):
        answer = asker.get(base + quote(path, safe=""))
        assert answer.status_code in (200, 404), answer.text
