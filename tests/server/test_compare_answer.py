"""The comparison of groups, against plain loops over the scores and the functions of `stats`."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from test_server_api import strict_json

import rolltape
from rolltape import stats
from rolltape.curves.groups import group_runs
from rolltape.server import Served, serve_in_background
from rolltape.store import DirectoryStore

SCORES: dict[str, list[float]] = {
    "ten": [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.5],
    "five": [2.0, 7.0, 1.0, 8.0, 2.5],
    "three": [4.0, 6.0, 5.0],
    "two": [5.0, 0.5],
    "one": [4.5],
    "same": [5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    "diverged": [1.0, math.nan, 2.0, math.inf, 3.0],
    "without": [],
}


def record(root: Path, algorithm: str, seed: int, value: float | None, **config: Any) -> None:
    """A run whose points are `value` in its last tenth; None: it has another metric only."""
    config = {"algo": algorithm, "seed": seed, **config}
    with rolltape.init(project="p", config=config, dir=root) as run:
        run.log({"other": 1.0}, step=0)
        if value is not None:
            for step in range(0, 101, 10):
                run.log({"ret/é": value if step >= 90 else -100.0}, step=step)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compared")
    for algorithm, values in SCORES.items():
        for seed, value in enumerate(values):
            record(root, algorithm, seed, value)
    for seed in range(2):
        record(root, "without", seed, None)
        record(root, "three", 10 + seed, None)
    return root


@pytest.fixture(scope="module")
def ids(root: Path) -> dict[str, str]:
    return {group.config["algo"]: group.id for group in group_runs(DirectoryStore(root).runs())}


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    with serve_in_background(root, 0) as served:
        yield served


@pytest.fixture
def http(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield client


def compare(http: httpx.Client, groups: Sequence[str], **more: Any) -> Any:
    answer = http.get("/api/compare", params={"metric": "ret/é", "group": list(groups), **more})
    assert answer.status_code == 200, answer.text
    return strict_json(answer)


def finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def plain_better(x: Sequence[float], y: Sequence[float], *, lower: bool = False) -> float:
    wins = [0.5 if a == b else float(a < b if lower else a > b) for a in x for b in y]
    return sum(wins) / len(wins)


def test_every_group_with_its_scores_and_seeds(http: httpx.Client, ids: dict[str, str]) -> None:
    answer = compare(http, ids.values())
    assert [group["id"] for group in answer["groups"]] == list(ids.values())
    told = dict(zip(ids, answer["groups"], strict=True))
    for name, values in SCORES.items():
        group = told[name]
        assert group["n"] == len(finite(values))
        assert sorted(finite([s for s in group["scores"] if s is not None])) == pytest.approx(sorted(finite(values)))
        assert len(group["keys"]) == len(group["seeds"]) == len(group["scores"])
        assert group["running"] == group["unreadable"] == 0
        for key, seed, score in zip(group["keys"], group["seeds"], group["scores"], strict=True):
            assert key.startswith("p/")
            if seed < 10 and values and math.isfinite(values[seed]):
                assert score == pytest.approx(values[seed])
            else:
                assert score is None
    assert [(told[name]["missing"], told[name]["nonfinite"]) for name in ("ten", "three", "diverged", "without")] == [
        (0, 0),
        (2, 0),
        (0, 2),
        (2, 0),
    ]


def test_centres_and_spread_are_the_plain_ones(http: httpx.Client, ids: dict[str, str]) -> None:
    for name, group in zip(ids, compare(http, ids.values())["groups"], strict=True):
        values = sorted(finite(SCORES[name]))
        if not values:
            assert (
                group["mean"]["center"] is group["median"]["center"] is group["iqm"]["center"] is group["std"] is None
            )
            continue
        cut = len(values) // 4
        middle = values[cut : len(values) - cut]
        assert group["mean"]["center"] == pytest.approx(statistics.fmean(values))
        assert group["median"]["center"] == pytest.approx(statistics.median(values))
        assert group["iqm"]["center"] == pytest.approx(statistics.fmean(middle))
        if len(values) > 1:
            assert group["std"] == pytest.approx(statistics.stdev(values), abs=1e-12)
        else:
            assert group["std"] is None


def test_intervals_are_those_of_the_policy(http: httpx.Client, ids: dict[str, str]) -> None:
    for level in (0.95, 0.8):
        for name, group in zip(ids, compare(http, ids.values(), level=level)["groups"], strict=True):
            for statistic in ("mean", "median", "iqm"):
                band = stats.default_band(finite(SCORES[name]), statistic=statistic, level=level)  # type: ignore[arg-type]
                told = group[statistic]
                assert told["n"] == len(finite(SCORES[name]))
                assert (told["label"], told["method"], told["notes"]) == (band.label, band.method, list(band.notes))
                if told["n"] < 3:
                    assert told["low"] is told["high"] is None
                    assert told["method"] == "no interval below 3 seeds"
                else:
                    assert (told["low"], told["high"]) == pytest.approx((float(band.low), float(band.high)))
                    assert told["low"] <= told["center"] <= told["high"]


def test_the_profile_is_the_share_of_runs_above_each_threshold(http: httpx.Client, ids: dict[str, str]) -> None:
    profile = compare(http, ids.values())["profile"]
    taus = profile["taus"]
    every = [value for values in SCORES.values() for value in finite(values)]
    assert len(taus) == 101
    assert taus[0] < min(every) and taus[-1] > max(every)
    assert taus[-1] - taus[0] < 1.1 * (max(every) - min(every))
    assert np.allclose(np.diff(taus), taus[1] - taus[0])
    names = {id: name for name, id in ids.items()}
    assert [names[line["id"]] for line in profile["lines"]] == [name for name in ids if finite(SCORES[name])]
    for line in profile["lines"]:
        values = finite(SCORES[names[line["id"]]])
        assert line["share"] == pytest.approx([sum(value > tau for value in values) / len(values) for tau in taus])
        assert (line["share"][0], line["share"][-1], line["n"]) == (1, 0, len(values))
        if len(values) < 3:
            assert line["low"] is line["high"] is None
        else:
            assert all(a <= b <= c for a, b, c in zip(line["low"], line["share"], line["high"], strict=True))


@pytest.mark.parametrize("lower", [False, True])
def test_the_probability_of_improvement_counts_pairs(http: httpx.Client, ids: dict[str, str], lower: bool) -> None:
    answer = compare(http, ids.values(), lower=int(lower))
    pairs = answer["improvement"]["pairs"]
    assert [(pair["x"], pair["y"]) for pair in pairs] == [(x, y) for x in ids.values() for y in ids.values() if x != y]
    names = {id: name for name, id in ids.items()}
    of = {(pair["x"], pair["y"]): pair for pair in pairs}
    for (x, y), pair in of.items():
        ours, theirs = finite(SCORES[names[x]]), finite(SCORES[names[y]])
        assert pair["n"] == [len(ours), len(theirs)]
        if not ours or not theirs:
            assert pair["p"] is None
            continue
        assert pair["p"] == pytest.approx(plain_better(ours, theirs, lower=lower))
        assert pair["p"] + of[y, x]["p"] == pytest.approx(1)
        if min(pair["n"]) < 3:
            assert pair["low"] is pair["high"] is None
        else:
            assert 0 <= pair["low"] <= pair["p"] <= pair["high"] <= 1
            assert pair["low"] + of[y, x]["high"] == pytest.approx(1)
    assert answer["improvement"]["label"] == ("P(X < Y)" if lower else "P(X > Y)")
    assert ("smaller is better" if lower else "larger is better") in answer["method"]
    assert ("P(X < Y)" in answer["method"]) == lower


def test_with_lower_the_profile_is_the_share_below(http: httpx.Client, ids: dict[str, str]) -> None:
    profile = compare(http, [ids["ten"], ids["five"]], lower=1)["profile"]
    for line, name in zip(profile["lines"], ("ten", "five"), strict=True):
        values = SCORES[name]
        wanted = [sum(value < tau for value in values) / len(values) for tau in profile["taus"]]
        assert line["share"] == pytest.approx(wanted)
    assert profile["label"] == "share of runs with a score below the threshold"


def test_the_smallest_value_is_better_small_unless_it_is_said(http: httpx.Client, ids: dict[str, str]) -> None:
    two = [ids["ten"], ids["five"]]
    assert compare(http, two, score="min")["lower"]
    assert not compare(http, two, score="min", lower="0")["lower"]
    assert not compare(http, two, score="max")["lower"]
    assert compare(http, two, score="last")["groups"][1]["scores"].count(8.0) == 1


def test_the_method_says_what_was_done(http: httpx.Client, ids: dict[str, str]) -> None:
    method = compare(http, [ids["ten"], ids["five"], ids["three"], ids["one"]], level=0.9)["method"]
    for said in (
        "mean of the points in the last 10 % of each run's steps, metric ret/é",
        "of 21 runs left out: 2 without the metric",
        "90 % intervals over seeds: of the mean no interval below 3 seeds (n=1), Student's t (n=3) and bootstrap-t, ",
        "seed 0 (n=5–10), of the median and IQM ",
        "percentile bootstrap, 2000 resamples of whole runs, seed 0 (n=3–10)",
        "share of runs above each threshold, with pointwise 90 % bounds by stratified bootstrap over 1 task,",
        "P(X > Y), ties count ½, with 90 % bounds by stratified bootstrap over 1 task, 2000 resamples of both sides",
    ):
        assert said in method
    assert method.endswith(".") and "\n" not in method
    only_one_each = compare(http, [ids["two"], ids["one"]])["method"]
    assert "Student" not in only_one_each and "left out" not in only_one_each
    assert "2 with NaN or infinity there" in compare(http, [ids["diverged"], ids["ten"]])["method"]


def test_single_runs_and_groups_without_any_score(http: httpx.Client, ids: dict[str, str], root: Path) -> None:
    run = next(info.key for info in DirectoryStore(root).runs() if info.config["algo"] == "one")
    params = {"metric": "ret/é", "run": run, "group": ids["without"]}
    answer = strict_json(http.get("/api/compare", params=params))
    told = {group["id"]: group for group in answer["groups"]}
    assert (told[run]["n"], told[run]["mean"]["center"], told[run]["seeds"]) == (1, pytest.approx(4.5), [None])
    assert (told[ids["without"]]["n"], told[ids["without"]]["missing"]) == (0, 2)
    nothing = compare(http, [ids["without"], ids["ten"]], metric="no such metric")
    assert [group["n"] for group in nothing["groups"]] == [0, 0]
    assert nothing["profile"] == {
        "taus": [],
        "label": "share of runs with a score above the threshold",
        "method": "",
        "lines": [],
    }
    assert "interval" not in nothing["method"]


def test_equal_scores_everywhere(http: httpx.Client, ids: dict[str, str], root: Path) -> None:
    run = next(info.key for info in DirectoryStore(root).runs() if info.config == {"algo": "ten", "seed": 4})
    answer = strict_json(http.get("/api/compare", params={"metric": "ret/é", "group": ids["same"], "run": run}))
    assert answer["profile"]["taus"][0] < 5 < answer["profile"]["taus"][-1]
    assert [pair["p"] for pair in answer["improvement"]["pairs"]] == [0.5, 0.5]
    group = answer["groups"][0]
    assert (group["std"], group["mean"]["low"], group["mean"]["high"]) == (0, 5, 5)


def test_huge_scores_do_not_overflow(tmp_path: Path) -> None:
    for algorithm, values in (("a", [1.7e308, -1.7e308, 1.6e308]), ("b", [1e308] * 5)):
        for seed, value in enumerate(values):
            with rolltape.init(project="p", config={"algo": algorithm, "seed": seed}, dir=tmp_path) as run:
                run.log({"m": value}, step=0)
    groups = [group.id for group in group_runs(DirectoryStore(tmp_path).runs())]
    with serve_in_background(tmp_path, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        for more in ({}, {"lower": 1}, {"task": "algo"}):
            answer = client.get("/api/compare", params={"metric": "m", "group": groups, **more})
            assert answer.status_code == 200, answer.text
            labels = [group["label"] for group in strict_json(answer)["groups"]]
            assert labels == (["p"] if "task" in more else ["algo=b", "algo=a"])


def test_a_running_run_counts_and_is_told(tmp_path: Path) -> None:
    record(tmp_path, "a", 0, 1.0)
    run = rolltape.init(project="p", config={"algo": "a", "seed": 1}, dir=tmp_path)
    record(tmp_path, "b", 0, 2.0)
    run.log({"ret/é": 3.0}, step=5)
    groups = [group.id for group in group_runs(DirectoryStore(tmp_path).runs())]
    with serve_in_background(tmp_path, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = compare(client, groups)
        assert {(group["n"], group["running"]) for group in answer["groups"]} == {(2, 1), (1, 0)}
        assert "1 run still running" in answer["method"]
        run.log({"ret/é": 9.0}, step=1000)
        time.sleep(0.01)
        again = compare(client, groups)
        assert max(max(group["scores"]) for group in again["groups"]) == 9.0


TASKS = {"easy": {"x": [0.0, 5.0, 10.0], "y": [2.0, 4.0]}, "hard": {"x": [100.0, 300.0], "y": [200.0, 300.0, 250.0]}}


@pytest.fixture(scope="module")
def with_tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, list[str]]]:
    """Two algorithms in two environments, and one of them in a third; names as CleanRL gives them."""
    root = tmp_path_factory.mktemp("tasks")
    for task, algorithms in (*TASKS.items(), ("extra", {"x": [1.0]})):
        for algorithm, values in algorithms.items():
            for seed, value in enumerate(values):
                config = {"algo": algorithm, "env": {"id": task}, "seed": seed}
                name = f"{task}__{algorithm}__{seed}__1730000000"
                with rolltape.init(project="p", name=name, config=config, dir=root) as run:
                    run.log({"ret/é": value}, step=0)
    groups = [group.id for group in group_runs(DirectoryStore(root).runs())]
    with serve_in_background(root, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client, groups


@pytest.mark.parametrize("lower", [False, True])
def test_groups_that_differ_in_the_task_are_one_algorithm(
    with_tasks: tuple[httpx.Client, list[str]], lower: bool
) -> None:
    http, groups = with_tasks
    answer = compare(http, groups, task="env.id", lower=int(lower))
    assert (answer["tasks"], answer["tasks_left_out"]) == (["easy", "hard"], ["extra"])
    told = {group["label"]: group for group in answer["groups"]}
    assert len(told) == 2
    assert sorted(id for group in told.values() for id in group["id"].split(",")) == sorted(groups)

    def normal(task: str, value: float) -> float:
        every = [v for values in TASKS[task].values() for v in values]
        share = (value - min(every)) / (max(every) - min(every))
        return 1 - share if lower else share

    for algorithm in ("x", "y"):
        (group,) = (group for label, group in told.items() if algorithm in label)
        by_task = [[normal(task, value) for value in TASKS[task][algorithm]] for task in ("easy", "hard")]
        assert group["n"] == 5
        assert group["mean"]["center"] == pytest.approx(statistics.fmean(map(statistics.fmean, by_task)))
        assert group["median"]["center"] == pytest.approx(statistics.median(map(statistics.fmean, by_task)))
        pooled = sorted(value for of in by_task for value in of)
        assert group["iqm"]["center"] == pytest.approx(statistics.fmean(pooled[1:-1]))
        gap = statistics.fmean(statistics.fmean(1 - value for value in of) for of in by_task)
        assert group["gap"]["center"] == pytest.approx(gap)
        assert set(group["tasks"]) >= {"easy", "hard"}
        assert group["std"] is None
    (pair, _) = answer["improvement"]["pairs"]
    x, y = ("x", "y") if "x" in answer["groups"][0]["label"] else ("y", "x")
    wanted = statistics.fmean(plain_better(of[x], of[y], lower=lower) for of in TASKS.values())
    assert pair["p"] == pytest.approx(wanted)
    assert "normalised in each of 2 tasks" in answer["method"] and "all that is compared: extra" in answer["method"]


def test_tasks_that_cannot_be_compared(with_tasks: tuple[httpx.Client, list[str]], http: httpx.Client) -> None:
    client, groups = with_tasks
    for task in ("nope", "env", "seed"):
        answer = client.get("/api/compare", params={"metric": "ret/é", "group": groups, "task": task})
        assert answer.status_code == 400 and "task" in answer.json()["error"]


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("metric=m", 400, "2 to 50 to compare, not 0"),
        ("metric=m&group=A", 400, "2 to 50 to compare, not 1"),
        ("metric=m&group=A&group=A", 400, "2 to 50 to compare, not 1"),
        ("metric=m&" + "&".join(f"run=p/{i}" for i in range(51)), 400, "not 51"),
        ("group=A&group=B", 400, "metric is missing"),
        ("metric=m&metric=n&group=A&group=B", 400, "metric"),
        ("metric=m&group=A&group=B&score=best", 400, "score must be one of final, last, max, min"),
        ("metric=m&group=A&group=B&score=", 400, "score"),
        ("metric=m&group=A&group=B&lower=yes", 400, "lower"),
        ("metric=m&group=A&group=B&level=0", 400, "level"),
        ("metric=m&group=A&group=B&level=1", 400, "level"),
        ("metric=m&group=A&group=B&level=0.9995", 400, "level"),
        ("metric=m&group=A&group=B&level=-1", 400, "level"),
        ("metric=m&group=A&group=B&level=nan", 400, "level"),
        ("metric=m&group=A&group=B&level=0.9&level=0.9", 400, "level"),
        ("metric=m&group=A&group=B&task=a&task=b", 400, "task"),
        ("metric=m&group=A&group=nope", 404, "'nope'"),
        ("metric=m&group=A&run=p/nope", 404, "'p/nope'"),
    ],
)
def test_bad_questions(http: httpx.Client, ids: dict[str, str], query: str, status: int, named: str) -> None:
    query = query.replace("=A", f"={ids['ten']}").replace("=B", f"={ids['five']}")
    answer = http.get(f"/api/compare?{query}")
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert named in answer.json()["error"]


def test_extreme_levels_are_answered(http: httpx.Client, ids: dict[str, str]) -> None:
    for level in ("0.001", "0.999", "1e-9"):
        compare(http, list(ids.values()), level=level)
