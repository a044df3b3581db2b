"""GET /api/groups: runs that differ in their seed are one row; scores over seeds, against plain NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import rolltape
from rolltape.server import serve_in_background
from rolltape.stats import default_band

RETURNS = {("adam", 1e-3): [3.0, 5.0, 4.0], ("adam", 1e-4): [7.0, 9.0, 8.5], ("sgd", 1e-3): [1.0]}


def record(root: Path) -> None:
    for (optimizer, lr), values in RETURNS.items():
        for seed, value in enumerate(values):
            config = {"optimizer": {"name": optimizer}, "lr": lr, "gamma": 0.99, "seed": seed}
            with rolltape.init(project="sweep", name="ppo", config=config, tags=[optimizer], dir=root) as run:
                run.log_batch({"return": [0.0, 20.0 + seed, value], "steps_done": [1.0, 2.0, 3.0]}, step=[0, 50, 100])
    with rolltape.init(project="other", name="<b>été & co</b>", dir=root) as run:
        run.log({"loss": math.nan}, step=3)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("groups")
    record(root)
    with serve_in_background(root, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, **params: Any) -> dict[str, Any]:
    for _ in range(20):
        response = client.get("/api/groups", params=params)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        if answer["pending"] == 0:
            return answer
    raise AssertionError("values are still pending")


def test_seeds_are_one_group_newest_first(client: httpx.Client) -> None:
    answer = ask(client)
    assert [(group["project"], len(group["runs"])) for group in answer["groups"]] == [
        ("other", 1),
        ("sweep", 1),
        ("sweep", 3),
        ("sweep", 3),
    ]
    assert answer["projects"] == [{"name": "other", "runs": 1}, {"name": "sweep", "runs": 7}]
    assert answer["total"] == 8
    assert answer["metrics"] == ["loss", "return", "steps_done"]
    ids = [group["id"] for group in answer["groups"]]
    assert len(set(ids)) == 4 and all(len(id) == 12 for id in ids)


def test_groups_are_named_by_what_varies_in_their_project(client: httpx.Client) -> None:
    answer = ask(client, project="sweep")
    assert answer["keys"] == ["lr", "optimizer.name"]
    assert answer["shared"] == {"gamma": 0.99}
    group = answer["groups"][2]
    assert group["name"] == "lr=0.001 · optimizer.name=adam"
    assert group["config"] == {"lr": 1e-3, "optimizer.name": "adam"}
    assert sorted(run["seed"] for run in group["runs"]) == [0, 1, 2]
    assert {group["id"] for group in ask(client)["groups"]} > {group["id"] for group in answer["groups"]}


@pytest.mark.parametrize("statistic", ["auto", "mean", "median", "iqm"])
def test_scores_over_seeds_are_those_of_the_statistics(client: httpx.Client, statistic: str) -> None:
    answer = ask(client, project="sweep", value=["last:return", "max:return", "mean:return"], stat=statistic)
    for group, key in zip(answer["groups"], reversed(RETURNS), strict=True):
        last = np.array(RETURNS[key])
        best = np.maximum(20.0 + np.arange(len(last)), last)
        mean = (20.0 + np.arange(len(last)) + last) / 3
        for cell, scores in zip(group["values"], (last, best, mean), strict=True):
            band = default_band(scores, statistic=None if statistic == "auto" else statistic, resamples=500)  # type: ignore[arg-type]
            center, low, high, n, method = cell
            assert n == len(scores)
            assert center == pytest.approx(float(band.center))
            assert low == (pytest.approx(float(band.low)) if len(scores) > 2 else None)
            assert high == (pytest.approx(float(band.high)) if len(scores) > 2 else None)
            assert answer["methods"][method] == f"{band.statistic}; {band.method}"


def test_steps_speed_and_status(client: httpx.Client) -> None:
    group = ask(client, project="sweep")["groups"][1]
    assert group["steps"] == 100
    assert group["speed"] > 0 and group["duration"] >= 0
    [run] = group["runs"][:1]
    assert (run["status"], run["lost"], run["points"], run["error"]) == ("finished", 0, 6, None)
    assert group["tags"] == ["adam"] or group["tags"] == ["sgd"]


def test_a_metric_without_finite_values_has_no_cell(client: httpx.Client) -> None:
    answer = ask(client, project="other", value=["mean:loss", "last:nothing"])
    assert answer["groups"][0]["values"] == [None, None]


def test_where_and_find(client: httpx.Client) -> None:
    def names(**params: Any) -> list[Any]:
        return [group["config"] for group in ask(client, **params)["groups"]]

    assert len(names(where="lr < 5e-4")) == 1
    assert len(names(where="last.return > 6.5 and optimizer.name = 'adam'")) == 1
    assert len(names(find="ADAM 0.001")) == 1
    assert len(names(find="optimizer.name=sgd")) == 1
    assert len(names(find="été")) == 1
    assert names(find="nobody") == []
    assert ask(client, where="lerning_rate = 3")["unknown"] != []


def test_a_filter_keeps_the_ids_of_groups_whole_or_in_part(client: httpx.Client) -> None:
    whole = {group["id"] for group in ask(client, project="sweep")["groups"]}
    part = ask(client, project="sweep", where="seed = 0")["groups"]
    assert {group["id"] for group in part} == whole
    assert all(len(group["runs"]) == 1 for group in part)


def test_ignored_and_seed_keys_change_the_groups(client: httpx.Client) -> None:
    assert len(ask(client, project="sweep", ignore="lr")["groups"]) == 2
    assert len(ask(client, project="sweep", seed=["lr", "seed"])["groups"]) == 2


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"value": "return"}, "value"),
        ({"value": "p99:return"}, "value"),
        ({"value": "last:"}, "value"),
        ({"value": [f"last:{i}" for i in range(21)]}, "value"),
        ({"stat": "mode"}, "stat"),
        ({"where": "lr <"}, "where"),
        ({"where": ["a = 1", "b = 2"]}, "where"),
    ],
)
def test_bad_questions_are_refused_by_name(client: httpx.Client, params: dict[str, Any], named: str) -> None:
    response = client.get("/api/groups", params=params)
    assert response.status_code == 400
    assert named in response.json()["error"]


def test_nothing_new_is_answered_304(client: httpx.Client) -> None:
    ask(client)
    first = client.get("/api/groups")
    again = client.get("/api/groups", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_an_empty_store(tmp_path: Path) -> None:
    with (
        serve_in_background(tmp_path / "none", 0) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        answer = ask(client)
    assert (answer["groups"], answer["total"], answer["keys"], answer["shared"]) == ([], 0, [], {})


def test_an_answer_that_is_not_complete_is_not_kept(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = client.get("/api/groups?stat=median").headers["etag"]
    monkeypatch.setattr("rolltape.store.DirectoryStore.known_summaries", lambda *_: ({}, 3))
    response = client.get("/api/groups?stat=median", headers={"if-none-match": '"another"'})
    assert response.json()["pending"] == 3
    assert "etag" not in response.headers and complete


def test_a_brief_answer_has_the_groups_but_asks_no_metric(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ask(client)

    def never(*_: object) -> None:
        raise AssertionError("summaries were asked for")

    monkeypatch.setattr("rolltape.store.DirectoryStore.known_summaries", never)
    brief = ask(client, brief="1", value="last:return")
    assert [group["runs"] for group in brief["groups"]] == [group["runs"] for group in whole["groups"]]
    assert (brief["metrics"], brief["pending"], brief["groups"][0]["steps"]) == ([], 0, None)
