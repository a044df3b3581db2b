"""What /api answers about runs, metrics and curves, against what the store says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from frames import no_constant, read_curve

import rolltape
from rolltape.curves import group_runs

RUNS = ["cart%20pole/s1", "cart%20pole/s2", "other/o"]


def strict_json(response: httpx.Response) -> Any:
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.content.decode("utf-8"), parse_constant=no_constant)


def test_runs_are_told_newest_first(client: httpx.Client) -> None:
    answer = strict_json(client.get("/api/runs"))
    assert isinstance(answer["version"], int)
    assert [run["key"] for run in answer["runs"]] == ["other/o", "cart%20pole/s2", "cart%20pole/s1"]
    run = answer["runs"][1]
    assert set(run) == {
        *("key", "id", "project", "name", "config", "tags", "note", "status", "error", "started", "ended", "lost")
    }
    assert (run["id"], run["project"], run["name"]) == ("s2", "cart pole", "s2")
    assert (run["config"], run["tags"]) == ({"lr": 1e-3, "seed": 2}, ["x"])
    assert (run["status"], run["error"], run["lost"]) == ("finished", None, 0)
    assert run["started"] <= run["ended"]


def test_metrics_are_a_union(client: httpx.Client) -> None:
    every = strict_json(client.get("/api/metrics"))["metrics"]
    assert every == [{"name": "episodes", "lines": 2}, {"name": "loss", "lines": 2}, {"name": "speed", "lines": 1}]
    some = strict_json(client.get("/api/metrics", params={"run": [RUNS[0], RUNS[2]]}))["metrics"]
    assert some == [{"name": "episodes", "lines": 1}, {"name": "loss", "lines": 1}, {"name": "speed", "lines": 1}]


def test_a_group_counts_once_for_a_metric(client: httpx.Client, tapes: Path) -> None:
    infos = rolltape.open(tapes).runs()
    group = next(group for group in group_runs(infos) if group.project == "cart pole")
    params = {"group": group.id, "run": RUNS[0]}
    answer = strict_json(client.get("/api/metrics", params=params))["metrics"]
    assert answer == [{"name": "episodes", "lines": 2}, {"name": "loss", "lines": 2}]


@pytest.mark.parametrize("x", ["step", "time", "relative", "process", "episodes"])
@pytest.mark.parametrize("window", [None, (100.0, 1500.5)])
def test_a_curve_is_the_stores_curve(
    client: httpx.Client, tapes: Path, x: str, window: tuple[float, float] | None
) -> None:
    params: dict[str, Any] = {"metric": "loss", "run": RUNS, "x": x, "buckets": 37}
    if window:
        params |= {"lo": window[0], "hi": window[1]}
    answer = read_curve(client.get("/api/curve", params=params))
    wanted = rolltape.open(tapes).curve("loss", RUNS, x, window, 37)
    assert [answer.header[name] for name in ("metric", "x", "buckets")] == ["loss", x, 37]
    assert answer.header["columns"] == ["count", "center", "low", "high", "n"]
    np.testing.assert_array_equal(answer.edges, wanted.edges)
    assert [id for _, id in answer.lines] == list(wanted.runs) == RUNS[:2]
    for (metric, id), columns in answer.lines.items():
        buckets, told = wanted.runs[id], answer.told(metric, id)
        np.testing.assert_array_equal(columns["count"], buckets.count)
        np.testing.assert_array_equal(columns["n"], buckets.count > 0)
        for column, name in (("center", "mean"), ("low", "min"), ("high", "max")):
            np.testing.assert_array_equal(columns[column], getattr(buckets, name))
        assert told["nonfinite"] == buckets.nonfinite.sum()
        assert told["points"] == buckets.count.sum() + buckets.nonfinite.sum()
        assert (told["label"], told["keys"], told["group"]) == (id.split("/")[1], [id], False)
        if window is None:
            assert (told["points"], told["nonfinite"]) == (1000, 143)


def test_a_curve_of_all_runs(client: httpx.Client) -> None:
    answer = read_curve(client.get("/api/curve", params={"metric": "loss"}))
    assert {id for _, id in answer.lines} == set(RUNS[:2])
    assert answer.header["buckets"] == 1000


def test_a_metric_that_the_asked_runs_lack_has_no_edges(client: httpx.Client) -> None:
    answer = read_curve(client.get("/api/curve", params={"metric": "loss", "run": "other/o"}))
    assert (answer.header["buckets"], answer.header["lines"], len(answer.edges)) == (0, [], 0)


def test_a_run_without_the_x_metric_is_left_out(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="other", id="p", dir=tapes) as run:
        run.log({"loss": 1.0}, step=0)
    answer = read_curve(client.get("/api/curve", params={"metric": "loss", "x": "episodes", "buckets": 5}))
    assert {id for _, id in answer.lines} == set(RUNS[:2])


def test_a_run_with_its_writers_and_events(client: httpx.Client) -> None:
    run = strict_json(client.get("/api/run", params={"run": "other/o"}))
    assert run["key"] == "other/o"
    assert run["environment"]["python"]
    (writer,) = run["writers"]
    assert set(writer) == {"name", "status", "frames", "points", "lost", "problem"}
    assert (writer["status"], writer["points"], writer["problem"]) == ("finished", 1, None)
    (event,) = run["events"]
    assert run["started"] <= event.pop("time") <= run["ended"]
    assert event == {"step": 5, "name": "note", "kind": "text", "text": "a text", "cut": 0, "file": None}


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
    for path in ("/api/runs", "/api/curve?metric=loss", "/api/histogram?metric=loss&run=other/o", "/api/events", "/"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
