"""What /api answers about runs, metrics and curves, against what the store says."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

import rolltape

RUNS = ["cart%20pole/s1", "cart%20pole/s2", "other/o"]


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def strict_json(response: httpx.Response) -> Any:
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.content.decode("utf-8"), parse_constant=no_constant)


def decode(frame: bytes) -> tuple[dict[str, Any], NDArray[np.float64], dict[str, dict[str, NDArray[np.float64]]]]:
    """A reader of the frame as the contract describes it."""
    (size,) = struct.unpack_from("<I", frame)
    assert (4 + size) % 8 == 0
    header = json.loads(frame[4 : 4 + size].decode("utf-8"), parse_constant=no_constant)
    numbers = np.frombuffer(frame, "<f8", offset=4 + size)
    b = header["buckets"]
    edges, at = numbers[: b + 1 if b else 0], b + 1
    runs: dict[str, dict[str, NDArray[np.float64]]] = {}
    for run in header["runs"]:
        runs[run["key"]] = {name: numbers[at + i * b : at + (i + 1) * b] for i, name in enumerate(header["columns"])}
        at += b * len(header["columns"])
    assert len(numbers) == (at if b else 0)
    return header, edges, runs


def test_runs_are_told_newest_first(client: httpx.Client) -> None:
    answer = strict_json(client.get("/api/runs"))
    assert isinstance(answer["version"], int)
    assert [run["key"] for run in answer["runs"]] == ["other/o", "cart%20pole/s2", "cart%20pole/s1"]
    run = answer["runs"][1]
    assert set(run) == {
        *("key", "id", "project", "name", "config", "tags", "status", "error", "started", "ended", "lost")
    }
    assert (run["id"], run["project"], run["name"]) == ("s2", "cart pole", "s2")
    assert (run["config"], run["tags"]) == ({"lr": 1e-3, "seed": 2}, ["x"])
    assert (run["status"], run["error"], run["lost"]) == ("finished", None, 0)
    assert run["started"] <= run["ended"]


def test_metrics_are_a_union(client: httpx.Client) -> None:
    every = strict_json(client.get("/api/metrics"))["metrics"]
    assert every == [
        {"name": "episodes", "runs": RUNS[:2]},
        {"name": "loss", "runs": RUNS[:2]},
        {"name": "speed", "runs": RUNS[2:]},
    ]
    some = strict_json(client.get("/api/metrics", params={"run": [RUNS[0], RUNS[2]]}))["metrics"]
    assert [(metric["name"], metric["runs"]) for metric in some] == [
        ("episodes", RUNS[:1]),
        ("loss", RUNS[:1]),
        ("speed", RUNS[2:]),
    ]


@pytest.mark.parametrize("x", ["step", "time", "relative", "episodes"])
@pytest.mark.parametrize("window", [None, (100.0, 1500.5)])
def test_a_curve_is_the_stores_curve(
    client: httpx.Client, tapes: Path, x: str, window: tuple[float, float] | None
) -> None:
    params: dict[str, Any] = {"metric": "loss", "run": RUNS, "x": x, "buckets": 37}
    if window:
        params |= {"lo": window[0], "hi": window[1]}
    answer = client.get("/api/curve", params=params)
    assert answer.status_code == 200
    header, edges, runs = decode(answer.content)
    wanted = rolltape.open(tapes).curve("loss", RUNS, x, window, 37)
    assert (header["metric"], header["x"], header["buckets"]) == ("loss", x, 37)
    assert header["columns"] == ["count", "mean", "min", "max", "std", "nonfinite"]
    np.testing.assert_array_equal(edges, wanted.edges)
    assert list(runs) == list(wanted.runs) == RUNS[:2]
    for run in header["runs"]:
        buckets = wanted.runs[run["key"]]
        for name, column in runs[run["key"]].items():
            np.testing.assert_array_equal(column, getattr(buckets, name).astype(np.float64), strict=True)
        assert run["nonfinite"] == buckets.nonfinite.sum()
        assert run["points"] == buckets.count.sum() + buckets.nonfinite.sum()
    if window is None:
        assert [(run["points"], run["nonfinite"]) for run in header["runs"]] == [(1000, 143)] * 2


def test_a_curve_of_all_runs(client: httpx.Client) -> None:
    header, _, _ = decode(client.get("/api/curve", params={"metric": "loss"}).content)
    assert [run["key"] for run in header["runs"]] == RUNS[:2]
    assert header["buckets"] == 1000


def test_a_metric_that_the_asked_runs_lack_has_no_edges(client: httpx.Client) -> None:
    header, edges, runs = decode(client.get("/api/curve", params={"metric": "loss", "run": "other/o"}).content)
    assert (header["buckets"], header["runs"], len(edges), runs) == (0, [], 0, {})


def test_a_run_without_the_x_metric_is_left_out(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="other", id="p", dir=tapes) as run:
        run.log({"loss": 1.0}, step=0)
    header, _, _ = decode(client.get("/api/curve", params={"metric": "loss", "x": "episodes", "buckets": 5}).content)
    assert [run["key"] for run in header["runs"]] == RUNS[:2]


def test_a_run_with_its_writers_and_events(client: httpx.Client) -> None:
    run = strict_json(client.get("/api/run", params={"run": "other/o"}))
    assert run["key"] == "other/o"
    assert run["environment"]["python"]
    (writer,) = run["writers"]
    assert set(writer) == {"name", "status", "frames", "points", "lost", "problem"}
    assert (writer["status"], writer["points"], writer["problem"]) == ("finished", 1, None)
    (event,) = run["events"]
    assert run["started"] <= event.pop("time") <= run["ended"]
    assert event == {"step": 5, "name": "note", "kind": "text", "text": "a text", "file": None}


def test_nan_in_a_config_is_text(client: httpx.Client, tapes: Path) -> None:
    directory = tapes / "odd" / "run"
    directory.mkdir(parents=True)
    (directory / "run.json").write_text('{"config": {"nan": NaN, "inf": [-Infinity, 1e999]}}')
    run = strict_json(client.get("/api/run", params={"run": "odd/run"}))
    assert run["config"] == {"nan": "nan", "inf": ["-inf", "inf"]}


def test_odd_values_stay_strict_json(client: httpx.Client, tapes: Path) -> None:
    directory = tapes / "odd" / "run"
    directory.mkdir(parents=True)
    config = '{"nan": NaN, "inf": [-Infinity, 1e999], "half \\ud800": "x\\udc00y", "pair": "\\ud83d\\ude00"}'
    (directory / "run.json").write_text(
        f'{{"id": "run", "project": "odd", "name": "\\udfff", "config": {config}, "started": 5}}'
    )
    answer = client.get("/api/runs")
    (run,) = (run for run in strict_json(answer)["runs"] if run["key"] == "odd/run")
    assert run["config"] == {"nan": "nan", "inf": ["-inf", "inf"], "half �": "x�y", "pair": "😀"}
    assert run["name"] == "�"
    assert strict_json(client.get("/api/run", params={"run": "odd/run"}))["config"] == run["config"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "{}",
        '{"config": []}',
        '{"config": 3, "started": "yesterday"}',
        '{"started": NaN}',
        '{"started": null}',
        '{"started": true, "tags": 4}',
        '{"environment": 3}',
        '{"id": 3, "name": null, "project": []}',
        '{"config": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"config": {"a": ' + "[" * 300 + "]" * 300 + "}}",
    ],
    ids=range(12),
)
def test_a_strange_run_does_not_hide_the_others(client: httpx.Client, tapes: Path, text: str) -> None:
    directory = tapes / "odd" / "run"
    directory.mkdir(parents=True)
    (directory / "run.json").write_text(text)
    assert {run["key"] for run in strict_json(client.get("/api/runs"))["runs"]} == {"odd/run", *RUNS}
    assert client.get("/api/run", params={"run": "odd/run"}).status_code == 200
    assert client.get("/api/metrics").status_code == 200
    question = {"metric": "loss", "run": [*RUNS]}
    assert client.get("/api/curve", params=question).status_code == 200


def test_a_foreign_tape_is_a_problem_of_its_run(client: httpx.Client, tapes: Path) -> None:
    (tapes / "other" / "o" / "foreign.tape").write_bytes(b"PNG\r\n" * 100)
    writers = strict_json(client.get("/api/run", params={"run": "other/o"}))["writers"]
    assert "not a tape" in writers[1]["problem"]


def test_an_empty_store(tmp_path: Path) -> None:
    from rolltape.server import serve_in_background

    with (
        serve_in_background(tmp_path / "new" / "store", 0) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        assert strict_json(client.get("/api/runs"))["runs"] == []
        assert strict_json(client.get("/api/metrics"))["metrics"] == []
        assert client.get("/api/curve", params={"metric": "loss"}).status_code == 404
    assert (tmp_path / "new" / "store").is_dir()


def test_head_has_no_body(client: httpx.Client) -> None:
    for path in ("/api/runs", "/api/curve?metric=loss", "/api/events", "/"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
