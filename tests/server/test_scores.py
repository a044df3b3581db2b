"""The score of a run: against its points, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import rolltape
from rolltape.server import scores
from rolltape.server.scores import KINDS, Kind, Score, is_lower_better, scores_of, sentence_of
from rolltape.store import DirectoryStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "own"


def record(root: Path, id: str, steps: list[int], values: list[float]) -> None:
    with rolltape.init(project="p", id=id, dir=root) as run:
        for step, value in zip(steps, values, strict=True):
            run.log({"m": value}, step=step)


def plain_final(steps: list[int], values: list[float]) -> float:
    """The mean of the finite values in the last tenth of the steps, which begins where 90 % of them are over."""
    begin = 0.1 * min(steps) + 0.9 * max(steps)
    kept = [value for step, value in zip(steps, values, strict=True) if step >= begin - 1e-9 and math.isfinite(value)]
    return sum(kept) / len(kept) if kept else math.nan


def ask(root: Path, kind: Kind, metric: str = "m") -> dict[str, Score]:
    store = DirectoryStore(root)
    found, pending = scores_of(store, store.runs(), metric, kind)
    assert pending == 0
    return found


@pytest.mark.parametrize(
    "steps",
    [
        list(range(101)),
        list(range(5, 1000, 7)),
        [0, 1],
        [7],
        [3, 3, 3],
        [1000, *range(20)],
        list(range(100, 0, -1)),
        [-50, -20, 0, 49, 50],
        [*range(90), *range(40, 100)],
    ],
    ids=str,
)
def test_final_is_the_mean_of_the_last_tenth_of_its_own_steps(root: Path, steps: list[int]) -> None:
    values = [float(value) for value in np.random.default_rng(0).normal(size=len(steps))]
    record(root, "a", steps, values)
    record(root, "longer", [0, 10**6], [0.0, 1.0])
    assert ask(root, "final")["p/a"].value == pytest.approx(plain_final(steps, values), rel=1e-12)


def test_every_point_of_the_last_tenth_weighs_the_same_also_of_a_long_run(root: Path) -> None:
    values = np.random.default_rng(1).normal(size=30_000)
    with rolltape.init(project="p", id="a", dir=root) as run:
        run.log_batch({"m": values}, step=np.arange(30_000))
    begin = math.ceil(0.9 * 29_999)
    assert ask(root, "final")["p/a"].value == pytest.approx(float(values[begin:].mean()), rel=1e-12)


@pytest.mark.parametrize(("kind", "wanted"), [("last", 2.0), ("max", 9.0), ("min", -4.0)])
def test_the_other_kinds(root: Path, kind: Kind, wanted: float) -> None:
    record(root, "a", [0, 1, 2, 3], [1.0, 9.0, -4.0, 2.0])
    assert ask(root, kind) == {"p/a": Score(wanted)}


def test_infinities_and_nan_are_no_scores_and_told_apart_from_a_missing_metric(root: Path) -> None:
    record(root, "diverged", [0, 50, 100], [1.0, 2.0, math.nan])
    record(root, "nothing", [0], [math.inf])
    with rolltape.init(project="p", id="other", dir=root) as run:
        run.log({"else": 1.0}, step=0)
    with rolltape.init(project="p", id="empty", dir=root):
        pass
    for kind in KINDS:
        found = ask(root, kind)
        assert found["p/other"].state == found["p/empty"].state == "missing"
        assert found["p/nothing"].state == "nonfinite"
        assert found["p/diverged"].state == ("nonfinite" if kind in ("final", "last") else "scored")
        assert all(math.isnan(one.value) == (one.state != "scored") for one in found.values())


def test_points_left_out_of_a_mean_are_counted(root: Path) -> None:
    record(root, "a", [0, 95, 96, 97, 100], [1.0, 2.0, math.nan, -math.inf, 4.0])
    assert ask(root, "final") == {"p/a": Score(3.0, "scored", 2)}


def test_new_points_change_what_is_remembered(root: Path) -> None:
    store = DirectoryStore(record_one(root))
    run = rolltape.init(project="p", id="growing", dir=root)
    for step, wanted in ((0, 5.0), (100, 7.0)):
        run.log({"m": wanted}, step=step)
        for _ in range(2):
            found, _ = scores_of(store, store.runs(), "m", "final")
            assert found["p/growing"].value == wanted


def test_a_run_that_was_taken_up_again_is_read_again(root: Path) -> None:
    record(root, "a", [0, 10], [1.0, 2.0])
    store = DirectoryStore(root)
    assert scores_of(store, store.runs(), "m", "final")[0]["p/a"].value == 2.0
    record(root, "a", [100], [7.0])
    assert scores_of(store, store.runs(), "m", "final")[0]["p/a"].value == 7.0
    assert scores_of(store, store.runs(), "m", "last")[0]["p/a"].value == 7.0


def record_one(root: Path) -> Path:
    record(root, "a", [0], [1.0])
    return root


def test_what_is_known_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for id in "abc":
        record(root, id, [0, 1], [1.0, 2.0])
    store = DirectoryStore(root)
    first = scores_of(store, store.runs(), "m", "final")
    monkeypatch.setattr(store, "curve", None)
    assert scores_of(store, store.runs(), "m", "final") == first
    assert scores_of(store, store.runs(), "other", "final")[0]["p/a"].state == "unreadable"  # curve is None


def test_a_spent_budget_leaves_the_rest_for_the_next_question(root: Path) -> None:
    for id in "abc":
        record(root, id, [0, 1], [1.0, 2.0])
    store = DirectoryStore(root)
    infos = store.runs()
    left = []
    for _ in range(4):
        found, pending = scores_of(store, infos, "m", "final", 0.0)
        assert [one.state for one in found.values()].count("pending") == pending
        left.append(pending)
    assert left == [2, 1, 0, 0]


def test_a_run_that_cannot_be_read_hides_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root, "a", [0], [1.0])
    record(root, "b", [0], [2.0])
    store = DirectoryStore(root)
    infos = store.runs()
    real: Callable[..., object] = scores._final_mean

    def fails(store: DirectoryStore, key: str, metric: str) -> object:
        if key == "p/a":
            raise OSError("gone")
        return real(store, key, metric)

    with monkeypatch.context() as patch:
        patch.setattr(scores, "_final_mean", fails)
        found, _ = scores_of(store, infos, "m", "final")
        assert (found["p/a"].state, found["p/b"].value) == ("unreadable", 2.0)
    assert scores_of(store, infos, "m", "final")[0]["p/a"].value == 1.0  # it is asked again


def test_a_run_that_went_away_is_missing(root: Path) -> None:
    import shutil

    record(root, "a", [0], [1.0])
    store = DirectoryStore(root)
    infos = store.runs()
    shutil.rmtree(root / "p" / "a")
    assert scores_of(store, infos, "m", "final")[0]["p/a"].state == "missing"


def test_which_way_is_better() -> None:
    assert [is_lower_better(kind, "") for kind in KINDS] == [False, False, False, True]
    assert [is_lower_better(kind, "0") for kind in KINDS] == [False] * 4
    assert [is_lower_better(kind, "1") for kind in KINDS] == [True] * 4
    assert sentence_of("final") == "mean of the points in the last 10 % of each run's steps"
