"""What a sweep found, against plain loops over the runs."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_server_api import strict_json

import rolltape
from rolltape import stats
from rolltape.server import Served, serve_in_background
from rolltape.store import DirectoryStore

RATES = [1e-4, 3e-4, 1e-3, 1e-2]
BATCHES = [32, 64, 128]
SEEDS = 3


def value_of(rate: float, batch: int, seed: int) -> float:
    return 10 * math.log10(rate) + batch / 100 + seed / 10


def record(root: Path, config: Any, value: float | None, project: str = "p", **more: Any) -> None:
    with rolltape.init(project=project, config=config, dir=root, **more) as run:
        run.log({"m": value} if value is not None else {"other": 1.0}, step=7)


def rewrite(root: Path, durations: dict[str, float]) -> None:
    """Set when runs of these ids began, so that they took so long."""
    for info in DirectoryStore(root).runs():
        if info.id in durations:
            file = root / info.key / "run.json"
            assert info.ended is not None
            file.write_text(json.dumps({**json.loads(file.read_text()), "started": info.ended - durations[info.id]}))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sweep")
    for rate in RATES:
        for batch in BATCHES:
            for seed in range(SEEDS):
                config = {"optimizer": {"lr": rate}, "batch": batch, "seed": seed, "env": "Ant"}
                record(root, config, value_of(rate, batch, seed))
    record(root, {"clip": 1}, 1.0, project="other")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    with serve_in_background(root, 0) as served:
        yield served


@pytest.fixture
def http(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        yield client


def sweep(http: httpx.Client, **params: Any) -> Any:
    answer = http.get("/api/sweep", params={"metric": "m", **params})
    assert answer.status_code == 200, answer.text
    return strict_json(answer)


def ask(root: Path, **params: Any) -> Any:
    with serve_in_background(root, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        return sweep(client, **params)


def test_groups_with_their_configs_and_scores(http: httpx.Client) -> None:
    answer = sweep(http, project="p")
    assert answer["pending"] == 0
    assert answer["score"] == "mean of the points in the last 10 % of each run's steps"
    assert len(answer["groups"]) == len(RATES) * len(BATCHES)
    for group in answer["groups"]:
        assert set(group["config"]) == {"optimizer.lr", "batch"}
        rate, batch = group["config"]["optimizer.lr"], group["config"]["batch"]
        values = [value_of(rate, batch, seed) for seed in range(SEEDS)]
        assert group["scores"] == pytest.approx(values[::-1])
        assert group["score"] == pytest.approx(statistics.fmean(values))
        reach = stats.t_quantile(0.975, 2) * statistics.stdev(values) / math.sqrt(SEEDS)
        assert (group["low"], group["high"]) == pytest.approx((group["score"] - reach, group["score"] + reach))
        assert (group["n"], group["runs"], group["running"]) == (3, 3, 0)
        assert group["wall"] >= 0
        assert len(group["id"]) == 12


def test_keys_that_vary(http: httpx.Client) -> None:
    keys = {one["key"]: one for one in sweep(http, project="p")["keys"]}
    assert keys == {
        "batch": {"key": "batch", "kind": "number", "log": True, "values": BATCHES, "distinct": 3},
        "optimizer.lr": {"key": "optimizer.lr", "kind": "number", "log": True, "values": RATES, "distinct": 4},
    }


def test_importance_is_that_of_the_ranking(http: httpx.Client) -> None:
    answer = sweep(http, project="p")
    importance = answer["importance"]
    assert (importance["n_groups"], importance["why_not"]) == (12, "")
    scores = [group["score"] for group in answer["groups"]]
    columns = {key: [group["config"][key] for group in answer["groups"]] for key in ("batch", "optimizer.lr")}
    ranking = stats.rank_hyperparameters(columns, scores)
    assert [key["key"] for key in importance["keys"]] == ["optimizer.lr", "batch"]
    for key, wanted in zip(importance["keys"], ranking.parameters, strict=True):
        assert key["importance"] == pytest.approx(wanted.explained)
        assert (key["null_low"], key["null_high"]) == pytest.approx(wanted.null)
        assert key["p"] == pytest.approx(wanted.p_value)
    assert [key["rank"] for key in importance["keys"]] == [1, 2]
    assert importance["keys"][0]["importance"] > importance["keys"][0]["null_high"]
    assert importance["keys"][0]["correlation"] > 0.9
    assert ranking.method in importance["method"]


def test_the_front_is_the_best_score_for_the_time(tmp_path: Path) -> None:
    runs = {"a": (1.0, 10.0), "b": (2.0, 20.0), "c": (2.0, 30.0), "d": (0.5, 5.0), "e": (2.5, 100.0), "f": (None, 1.0)}
    for i, (id, (value, _)) in enumerate(runs.items()):
        record(tmp_path, {"k": i}, value, id=id)
    rewrite(tmp_path, {id: duration for id, (_, duration) in runs.items()})
    for lower, wanted in ((0, {0, 1, 3, 4}), (1, {3})):
        answer = ask(tmp_path, lower=lower)
        assert {group["config"]["k"] for group in answer["groups"] if group["front"]} == wanted
        for group in answer["groups"]:
            assert group["wall"] == pytest.approx(list(runs.values())[group["config"]["k"]][1], abs=0.01)
    assert ask(tmp_path, score="min")["lower"] is True
    assert ask(tmp_path, score="min", lower=0)["lower"] is False


def test_ties_are_all_on_the_front(tmp_path: Path) -> None:
    for k in range(3):
        record(tmp_path, {"k": k}, 1.0, id=f"t{k}")
    answer = ask(tmp_path)
    assert [group["score"] for group in answer["groups"]] == [1.0] * 3
    best = min(group["wall"] for group in answer["groups"])
    assert [group["front"] for group in answer["groups"]] == [group["wall"] == best for group in answer["groups"]]


def test_where_and_project_choose_runs(http: httpx.Client) -> None:
    assert len(sweep(http)["groups"]) == 13
    some = sweep(http, where="optimizer.lr < 1e-3 and batch > 32")
    assert {group["config"]["batch"] for group in some["groups"]} == {64, 128}
    assert len(some["groups"]) == 4
    by_seed = sweep(http, project="p", where="seed = 1")
    assert [group["n"] for group in by_seed["groups"]] == [1] * 12
    assert [group["low"] for group in by_seed["groups"]] == [None] * 12
    assert "Student" not in by_seed["method"]


def test_grouping_options(http: httpx.Client) -> None:
    ignored = sweep(http, project="p", ignore="batch")
    assert [key["key"] for key in ignored["keys"]] == ["optimizer.lr"]
    assert [group["n"] for group in ignored["groups"]] == [9] * 4
    batches = sweep(http, project="p", seed="batch")
    assert {key["key"] for key in batches["keys"]} == {"seed", "optimizer.lr"}


def test_when_there_is_nothing_to_say(http: httpx.Client, tmp_path: Path) -> None:
    few = sweep(http, where="batch = 32 and optimizer.lr < 1e-3")
    assert few["importance"]["why_not"].startswith("groups with a score: 2; 4 are needed")
    assert few["importance"]["keys"] == []
    one = sweep(http, project="other")
    assert (len(one["groups"]), one["keys"], one["groups"][0]["front"]) == (1, [], True)
    nothing = sweep(http, project="nope")
    assert (nothing["groups"], nothing["keys"], nothing["importance"]["n_groups"]) == ([], [], 0)
    unknown = sweep(http, metric="no such metric")
    assert {group["score"] for group in unknown["groups"]} == {None}
    assert not any(group["front"] for group in unknown["groups"])
    for k in range(5):
        record(tmp_path, {"k": k % 3, "j": k}, 2.0)
    assert ask(tmp_path)["importance"]["why_not"] == "all scores are equal"


def test_keys_of_which_nothing_can_be_told(tmp_path: Path) -> None:
    for k in range(5):
        record(tmp_path, {"k": f"v{k}"}, float(k))
    importance = ask(tmp_path)["importance"]
    assert "another value in every configuration" in importance["why_not"]
    assert [(key["rank"], key["importance"]) for key in importance["keys"]] == [(None, None)]


def test_names_alone_tell_no_parameters(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        record(tmp_path, {}, float(ord(name)), name=name)
    assert ask(tmp_path)["importance"]["why_not"] == "no config key differs between the groups"


def test_odd_config_values(tmp_path: Path) -> None:
    odd: list[Any] = [
        {"layers": [64, 64], "é ü": None, "n": 1, "flag": True},
        {"layers": [64], "é ü": "日本", "n": math.nan, "flag": False},
        {"layers": [64, {"a": 1}], "é ü": 0.5, "n": math.inf, "flag": None},
        {"layers": {}, "n": "1", "flag": "x" * 5000, "huge": 10**400},
        {"layers": [], "n": -1e308, "deep": {"er": {"est": [None, math.nan]}}},
    ]
    for i, config in enumerate(odd):
        record(tmp_path, config, float(i))
    answer = ask(tmp_path)
    assert {key["key"] for key in answer["keys"]} == {"layers", "é ü", "n", "flag", "huge", "deep.er.est"}
    assert {key["kind"] for key in answer["keys"]} == {"category"}
    assert len(answer["groups"]) == 5
    by_score = sorted(answer["groups"], key=lambda group: group["score"])
    assert by_score[0]["config"]["é ü"] is None and by_score[1]["config"]["n"] == "nan"
    assert "huge" not in by_score[0]["config"]


def test_scores_that_are_no_numbers(tmp_path: Path) -> None:
    values = [1.0, math.nan, math.inf, None, 1.5e308, 1.7e308, 2.0, 3.0, 4.0]
    for k, value in enumerate(values):
        for seed in range(2):
            record(tmp_path, {"k": k, "seed": seed}, value)
    for more in ({}, {"lower": 1}, {"score": "last"}, {"score": "max"}):
        answer = ask(tmp_path, **more)
        by_key = {group["config"]["k"]: group for group in answer["groups"]}
        assert [by_key[k]["n"] for k in range(9)] == [2, 0, 0, 0, 2, 2, 2, 2, 2]
        assert [by_key[k]["score"] for k in (0, 1, 2, 3, 7)] == [1, None, None, None, 3]
        assert {group["low"] for group in answer["groups"]} == {None}  # of two seeds
        assert answer["importance"]["n_groups"] == 4  # the mean of two of the largest is no float64
        assert all(group["score"] is not None for group in answer["groups"] if group["front"])
        assert "4 runs whose score is NaN, infinite or cannot be read" in answer["method"]


def test_huge_scores_are_still_ranked(tmp_path: Path) -> None:
    for k in range(8):
        record(tmp_path, {"k": k % 2, "j": k}, 1e307 * (k % 2) + k)
    importance = ask(tmp_path)["importance"]
    assert importance["keys"][0]["key"] == "k"
    assert importance["keys"][0]["importance"] == pytest.approx(1)


def test_running_runs_count_until_now(tmp_path: Path) -> None:
    run = rolltape.init(project="p", config={"k": 1}, dir=tmp_path)
    run.log({"m": 5.0}, step=0)
    record(tmp_path, {"k": 2}, 6.0)
    running, ended = sorted(ask(tmp_path)["groups"], key=lambda group: group["config"]["k"])
    assert (running["running"], running["score"], ended["running"]) == (1, 5.0, 0)
    assert running["wall"] > 0
    run.close()


def test_what_there_was_no_time_for_comes_with_the_next_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rolltape.server.answers.sweep._PATIENCE", 0.0)
    for k in range(3):
        record(tmp_path, {"k": k}, float(k))
    with serve_in_background(tmp_path, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        answers = [sweep(client) for _ in range(4)]
    assert [answer["pending"] for answer in answers] == [2, 1, 0, 0]
    for answer in answers:
        assert sum(group["score"] is None for group in answer["groups"]) == answer["pending"]
        assert ("not known yet" in answer["method"]) == (answer["pending"] > 0)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "metric is missing"),
        ("metric=", "metric is missing"),
        ("metric=m&metric=n", "metric"),
        ("metric=m&score=mean", "score must be one of final, last, max, min"),
        ("metric=m&lower=2", "lower must be one of"),
        ("metric=m&where=lr%20%3C", "lr <"),
        ("metric=m&where=a&where=b", "where"),
        ("metric=m&project=a&project=b", "project"),
        ("metric=m&ignore=", "ignore"),
        ("metric=m&seed=", "seed"),
    ],
)
def test_bad_questions(http: httpx.Client, query: str, named: str) -> None:
    answer = http.get(f"/api/sweep?{query}")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert named in answer.json()["error"]
