"""Curves of runs that go on, of which a part is known, against those of a store that knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.store import Curve
from rolltape.store import known_series as module
from rolltape.store.axes import MetricAxis, StepAxis, TimeAxis
from rolltape.store.buckets import Pieces, add_to, equal_edges, gather, points_as_pieces
from rolltape.store.directory import DirectoryStore
from rolltape.store.run_series import RunSeries

WINDOW = (0.0, 5000.0)


def check_same(known: Curve, anew: Curve) -> None:
    """Of the same points, in whatever order they were added up."""
    np.testing.assert_array_equal(known.edges, anew.edges)
    assert known.runs.keys() == anew.runs.keys()
    assert known.gaps == anew.gaps
    for key, buckets in known.runs.items():
        wanted = anew.runs[key]
        for name in ("count", "min", "max", "nonfinite"):
            np.testing.assert_array_equal(getattr(buckets, name), getattr(wanted, name), err_msg=name)
        for name in ("mean", "std"):
            np.testing.assert_allclose(getattr(buckets, name), getattr(wanted, name), rtol=1e-9, atol=1e-9)


def check(store: DirectoryStore, root: Path, **question: Any) -> None:
    for window in (WINDOW, (100.0, 900.5), None):
        for exact in (False, True):
            more = {"window": window, "buckets": 23, "exact": exact, **question}
            known, anew = (one.curves(["y", "z"], **more) for one in (store, rolltape.open(root)))
            assert known.keys() == anew.keys()
            for metric in known:
                check_same(known[metric], anew[metric])
    assert store.extent(["y", "z"], x=question.get("x", "step")) == rolltape.open(root).extent(
        ["y", "z"], x=question.get("x", "step")
    )


@pytest.mark.parametrize("resumed", ["all", "latest"])
@pytest.mark.parametrize("x", ["step", "time", "relative", "process", "z"])
def test_a_run_that_goes_on(tapes: Path, x: str, resumed: str) -> None:
    """Row by row, in frames, back to earlier steps, NaN and infinities, and taken up again."""
    rng = np.random.default_rng(3)
    tapes.mkdir(exist_ok=True)
    store = rolltape.open(tapes)
    step = 0
    for _writer in range(2):
        run = rolltape.init(project="p", id="r", dir=tapes)
        for i in range(4):
            for _ in range(int(rng.integers(1, 40))):
                run.log({"y": float(rng.choice([rng.standard_normal(), np.nan, np.inf, 7.0])), "z": float(step)}, step)
                step += int(rng.integers(0, 9))
            check(store, tapes, x=x, resumed=resumed)
            many = np.arange(step, step + 300)
            run.log_batch({"y": rng.standard_normal(300), "z": many * 1.0}, step=many)
            if i == 2:
                run.log({"y": 5.0}, max(step - 500, 0))  # of another schema, and behind the others
            step += 300
            check(store, tapes, x=x, resumed=resumed)
        run.close()
        step -= 700
        check(store, tapes, x=x, resumed=resumed)


def test_a_later_metric_moves_where_the_latest_points_begin(tapes: Path) -> None:
    with rolltape.init(project="p", id="r", dir=tapes) as run:
        run.log_batch({"y": np.arange(100.0)}, step=np.arange(100))
    store = rolltape.open(tapes)
    with rolltape.init(project="p", id="r", dir=tapes) as run:
        run.log({"y": 1.0}, 50)
        check(store, tapes, resumed="latest")
        run.log({"z": 1.0}, 20)
        check(store, tapes, resumed="latest")


def test_only_new_points_on_the_same_axis_are_added(tapes: Path) -> None:
    with rolltape.init(project="p", id="r", dir=tapes) as run:
        run.log_batch({"y": np.arange(100.0), "z": np.arange(100.0)}, step=np.arange(100))
    files = rolltape.open(tapes).files("r")
    with files.reading() as read:
        series = [
            RunSeries(read, "y", axis, "all")
            for axis in (StepAxis(), TimeAxis(), TimeAxis(1.0), TimeAxis(1.0, [(3, 4)]))
        ]
        places = [one.place() for one in series]
        for i, place in enumerate(places):
            assert place is not None
            assert [one.since(place) is not None for one in series] == [i == j for j in range(4)]
        assert RunSeries(read, "y", MetricAxis(read, "z"), "all").place() is None
        assert RunSeries(read, "y", StepAxis(), "latest").place() is None


@pytest.mark.parametrize("x", [[0.0], [10.0], [9.5, 10.0, 10.5], [-1.0], [3.0], [2.0, 3.0], [-5.0, 4.0, 20.0], [11.0]])
def test_pieces_are_added_around_where_they_are(x: list[float]) -> None:
    edges = equal_edges(0.0, 10.0, 10)
    before = points_as_pieces(np.array([0.5, 3.0, 10.0]), np.array([1.0, np.nan, 4.0]))
    new = points_as_pieces(np.array(x), np.arange(len(x)) + 0.5)
    found = add_to(gather(before, edges), new, edges)
    wanted = gather(Pieces._make(np.concatenate(both) for both in zip(before, new, strict=True)), edges)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other)


def test_only_what_is_new_is_read(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    whole, since, read = RunSeries.sums, RunSeries.since, DirectoryStore._read
    monkeypatch.setattr(RunSeries, "sums", lambda self, *given: (made.append("whole"), whole(self, *given))[1])
    monkeypatch.setattr(RunSeries, "since", lambda self, place: (made.append("since"), since(self, place))[1])
    monkeypatch.setattr(DirectoryStore, "_read", lambda *given, **more: (made.append("read"), read(*given, **more))[1])
    tapes.mkdir(exist_ok=True)
    store = rolltape.open(tapes)

    def ask(look: bool = True) -> tuple[int, list[str]]:
        made.clear()
        found = store.curves(["y"], ["p/r"], window=WINDOW, buckets=10, look=look)
        return int(found["y"].runs["p/r"].count.sum()), list(made)

    with rolltape.init(project="p", id="r", dir=tapes) as run:
        for i in range(1000):
            run.log({"y": 1.0}, i)
        assert ask() == (1000, ["read", "whole"])
        assert ask(look=False) == (1000, []), "a look may find that its rows are in a frame now"
        run.log({"y": 1.0}, 1000)
        assert ask() == (1001, ["read", "since"])
        assert ask(look=False) == (1001, [])
    assert ask() == (1001, ["read", "since"]), "the end is news"
    assert ask() == (1001, [])


def test_an_answer_may_be_changed_by_who_asked(tapes: Path) -> None:
    with rolltape.init(project="p", id="r", dir=tapes) as run:
        run.log_batch({"y": np.arange(100.0)}, step=np.arange(100))
    store = rolltape.open(tapes)
    first = store.curve("y", buckets=7).runs["p/r"]
    wanted = {name: getattr(first, name).copy() for name in ("count", "mean", "min", "max", "std", "nonfinite")}
    for name in wanted:
        getattr(first, name)[:] = -1
    again = store.curve("y", buckets=7).runs["p/r"]
    for name, column in wanted.items():
        np.testing.assert_array_equal(getattr(again, name), column)


def test_what_is_kept_is_limited(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BYTES", 100_000)
    with rolltape.init(project="p", id="r", dir=tapes) as run:
        for name in "abcdefghij":
            run.log_batch({name: np.arange(100.0)}, step=np.arange(100))
    store = rolltape.open(tapes)
    for buckets in (500, 300, 200):
        for name in "abcdefghij":
            assert store.curve(name, buckets=buckets).runs["p/r"].count.sum() == 100
    kept = store._series
    assert kept._nbytes == sum(one.nbytes for one in kept._kept.values()) <= 100_000
    kept.forget(store.files("p/r"))
    assert (kept._nbytes, len(kept._kept)) == (0, 0)
