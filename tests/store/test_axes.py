"""Metric axes against brute force, from points and from entries; and edges that lie exactly where points lie."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_every_bucket import check_exact, check_snapped, low_pyramids  # noqa: F401

import rolltape
from rolltape.store import axes
from rolltape.store.buckets import equal_edges
from rolltape.store.directory import DirectoryStore

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
numbers = itertools.count()
START = 1_700_000_000_000_000_000
COUNTING = ("counts", "counts in jumps", "constant")
NOT_COUNTING = ("goes down", "counts with NaN", "noise", "only NaN", "counts with inf")


def brute(time: Ints, x_time: Ints, x: Floats) -> Floats:
    """The last value of x at or before each time: the one logged last among those of the latest time."""
    found = np.full(len(time), np.nan)
    for i, at in enumerate(time):
        before = np.flatnonzero(x_time <= at)
        if len(before):
            found[i] = x[before[x_time[before] == x_time[before].max()][-1]]
    return found


def x_values(kind: str, count: int, rng: np.random.Generator) -> Floats:
    counted = np.arange(count).astype(float)
    with_nan = counted.copy()
    with_nan[rng.random(count) < 0.1] = np.nan
    with_inf = counted.copy()
    with_inf[rng.random(count) < 0.1] = np.inf
    return {
        "counts": counted,
        "counts in jumps": np.cumsum(rng.integers(0, 40, count)).astype(float),
        "constant": np.full(count, 3.0),
        "goes down": -counted,
        "counts with NaN": with_nan,
        "noise": rng.normal(size=count),
        "only NaN": np.full(count, np.nan),
        "counts with inf": with_inf,
    }[kind]


class Given(NamedTuple):
    y_time: Ints
    y: Floats
    x_time: Ints
    x: Floats


def record(place: Path, kind: str, writers: str, counts: tuple[int, int], grain: int, seed: int, live: bool) -> Given:
    """y and x, on one tape or two; times are multiples of ``grain`` us, so that some are the same."""
    rng = np.random.default_rng(seed)
    y_count, x_count = counts

    def times(count: int, start: int) -> Ints:
        found: Ints = START + np.sort(rng.integers(0, 3000, count) // grain * grain) * 1000 + start
        return found

    y_time, x_time = times(y_count, 0), times(x_count, 400_000 if seed % 2 else 0)
    y, x = rng.normal(size=y_count), x_values(kind, x_count, rng)
    first = rolltape.init(project="p", id="r", dir=place)
    second = rolltape.init(project="p", id="r", dir=place) if writers != "one" else first
    cuts = np.sort(rng.integers(0, x_count + 1, 3))
    for number, part in enumerate(np.split(np.arange(x_count), cuts)):
        if len(part):
            run = second if writers == "another" or (writers == "both" and number % 2) else first
            run.log_batch({"x": x[part]}, step=part, time=x_time[part])
    for part in np.split(np.arange(y_count), [y_count // 3, y_count // 2]):
        if len(part):
            first.log_batch({"y": y[part]}, step=part, time=y_time[part])
    if not live:
        first.close()
        second.close()
    return Given(y_time, y, x_time, x)


def given_x(store: DirectoryStore) -> tuple[Ints, Floats]:
    """Times and values of x writer after writer, as a store gives them."""
    _, time, value = store.points("r", "x")
    return time, value


def check(store: DirectoryStore, given: Given, kind: str) -> list[NDArray[np.generic]]:
    """Every answer against brute force; what was answered in windows."""
    axis = brute(given.y_time, *given_x(store))
    answers: list[NDArray[np.generic]] = []
    for exact in (True, False):
        curve = store.curve("y", x="x", buckets=9, exact=exact)
        buckets = curve.runs["p/r"]
        finite = axis[np.isfinite(axis)]
        if len(finite):
            assert curve.edges[0] <= finite.min()
            assert curve.edges[-1] >= finite.max()
            if exact:
                check_exact(buckets, curve.edges, axis, given.y)
            else:
                check_snapped(buckets, curve.edges, axis, given.y, whole=False)
                assert buckets.count.sum() == len(finite)
        else:
            assert buckets.count.sum() == 0
            assert curve.edges[0] < curve.edges[-1]
    places = np.unique(axis[np.isfinite(axis)])
    for low, high in itertools.combinations(places[:: max(1, len(places) // 4)].tolist(), 2):
        curve = store.curve("y", x="x", buckets=4, exact=True, window=(low, high))
        check_exact(curve.runs["p/r"], curve.edges, axis, given.y)
        answers += [curve.edges, *buckets_columns(curve.runs["p/r"])]
        blocks = [*store.scan("r", "y", x="x", window=(low, high))]
        inside = (axis >= low) & (axis <= high)
        assert (
            np.concatenate([given.y[:0], *(points.value for _, points in blocks)]).tobytes()
            == given.y[inside].tobytes()
        )
        assert np.array_equal(np.concatenate([axis[:0], *(x for x, _ in blocks)]), axis[inside])
    blocks = [*store.scan("r", "y", x="x")]
    assert np.concatenate([points.value for _, points in blocks]).tobytes() == given.y.tobytes()
    assert np.array_equal(np.concatenate([x for x, _ in blocks]), axis, equal_nan=True)
    return answers


def buckets_columns(buckets: rolltape.store.Buckets) -> list[NDArray[np.generic]]:
    return [buckets.count, buckets.mean, buckets.min, buckets.max, buckets.std, buckets.nonfinite]


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    st.sampled_from(COUNTING + NOT_COUNTING),
    st.sampled_from(["one", "another", "both"]),
    st.tuples(st.integers(1, 900), st.integers(1, 700)),
    st.sampled_from([1, 7, 500]),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_a_metric_as_of_each_points_time(
    tmp_path: Path, kind: str, writers: str, counts: tuple[int, int], grain: int, seed: int, live: bool
) -> None:
    place = tmp_path / f"tapes{next(numbers)}"
    given = record(place, kind, writers, counts, grain, seed, live)
    with pytest.MonkeyPatch.context() as patch:
        from_points = check(rolltape.open(place), given, kind)
        patch.setattr(axes, "_DENSE", 0)
        for _ in range(2):
            from_entries = check(rolltape.open(place), given, kind)
    same(from_entries, from_points)
    for run in list(rolltape.recording.run.open_runs):
        run.close()


def same(found: list[NDArray[np.generic]], expected: list[NDArray[np.generic]]) -> None:
    """But for the order in which floats were added."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)
        assert one.dtype.kind == "f" or (one == other).all()


@pytest.mark.parametrize("kind", COUNTING)
def test_knots_of_entries_answer_as_knots_of_points(tapes: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what counts, exactly and also in windows; edges of the whole view are the same."""
    given = record(tapes, kind, "one", (3000, 2000), 1, 4, live=False)
    dense = check(rolltape.open(tapes), given, kind)
    monkeypatch.setattr(axes, "_DENSE", 0)
    same(check(rolltape.open(tapes), given, kind), dense)


def test_what_counts_but_for_a_nan_within_an_entry(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Points that come while x is NaN have no x, also where x is known by its entries: their bounds leave NaN out."""
    x = np.arange(640.0)
    x[100:120] = np.nan
    time = START + np.arange(640) * 1_000_000
    y_time = START + np.arange(6400) * 100_000
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"x": x}, time=time)
        run.log_batch({"y": np.ones(6400)}, time=y_time)
    for dense in (1 << 20, 0):
        monkeypatch.setattr(axes, "_DENSE", dense)
        for exact in (True, False):
            curve = rolltape.open(tapes).curve("y", x="x", buckets=2, window=(0, 640), exact=exact)
            assert curve.runs["p/r"].count.sum() == 6400 - 200, "x from points" if dense else "x from entries"


def test_points_before_the_first_x_have_none(tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": np.ones(500)}, time=START + np.arange(500) * 1000)
        run.log_batch({"x": np.arange(5.0)}, time=START + (250 + np.arange(5)) * 1000)
    for dense in (1 << 20, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(axes, "_DENSE", dense)
            curve = rolltape.open(tapes).curve("y", x="x", buckets=4)
            assert curve.edges.tolist() == [0, 1, 2, 3, 4]
            assert curve.runs["p/r"].count.tolist() == [1, 1, 1, 247]


def test_a_run_that_lacks_the_x_metric(tapes: Path) -> None:
    """It has the metric, but nowhere to be drawn: its buckets are empty, and edges are those of the others."""
    for name in ("with", "without"):
        with rolltape.init(project="p", id=name) as run:
            if name == "with":
                run.log_batch({"x": np.arange(10.0)}, time=START + np.arange(10) * 1000)
            run.log_batch({"y": np.ones(100)}, time=START + np.arange(100) * 100)
    store = rolltape.open(tapes)
    for exact in (True, False):
        curve = store.curve("y", x="x", buckets=3, exact=exact)
        assert (curve.edges[0], curve.edges[-1]) == (0, 9)
        assert curve.runs["p/with"].count.sum() == 100
        if "p/without" in curve.runs:
            assert curve.runs["p/without"].count.sum() == 0
    assert [points for _, points in store.scan("without", "y", x="x", window=(0, 5))] == []


def test_no_run_has_the_x_metric(tapes: Path) -> None:
    """A slip in its name is no empty curve."""
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": np.ones(100)})
    with pytest.raises(rolltape.MetricNotFound, match="episodse"):
        rolltape.open(tapes).curve("y", x="episodse")


def test_x_is_told_as_it_grows(tapes: Path) -> None:
    """A joined axis is kept between questions, but not longer than it is true."""
    run = rolltape.init(project="p", id="r")
    store = rolltape.open(tapes)
    for i in range(1, 6):
        run.log({"x": float(i)})
        run.log({"y": 1.0})
        curve = store.curve("y", x="x", buckets=1)
        assert curve.edges[-1] == max(i, 2)
        assert curve.runs["p/r"].count.tolist() == [i]


def test_many_joined_axes(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are kept: each is right all the same."""
    monkeypatch.setattr("rolltape.store.known_axes._BYTES", 1)
    with rolltape.init(project="p", id="r") as run:
        for i in range(50):
            run.log({f"x{j}": float(i * j) for j in range(5)})
            run.log({"y": 1.0})
    store = rolltape.open(tapes)
    for _ in range(2):
        for j in range(1, 5):
            curve = store.curve("y", x=f"x{j}", buckets=7, exact=True)
            assert curve.edges[-1] == 49 * j
            check_exact(curve.runs["p/r"], curve.edges, np.arange(50.0) * j, np.ones(50))


# Edges


@pytest.mark.parametrize("axis", ["step", "time"])
@pytest.mark.parametrize("repeated", [1, 64, 100, 1000])
def test_windows_that_end_where_entries_begin(tapes: Path, axis: str, repeated: int) -> None:
    """The last bucket holds its right edge, and nothing behind it."""
    step = np.repeat(np.arange(3000 // repeated + 1), repeated)[:3000]
    value = np.random.default_rng(0).normal(size=3000)
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": value}, step=step, time=step * 1_000_000_000)
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        ends = np.unique(step)[:: max(1, len(np.unique(step)) // 60)].tolist()
        for end in {*ends, *np.unique(step[::64]).tolist()} - {0}:
            for window in ((0, end), (end, int(step[-1]) + 1)):
                curve = store.curve("y", x=axis, window=window, buckets=1 if end % 2 else 4, exact=True)
                check_exact(curve.runs["p/r"], curve.edges, step.astype(float), value)


@pytest.mark.parametrize("low", [0.0, 1.7e9, -1.7e9, 1e17, -1e17, 2.0**63, -(2.0**63), 1e300, 5e-324])
def test_edges_never_decrease(low: float) -> None:
    for ulps, buckets in itertools.product([0, 1, 7, 500, 10**6], [1, 2, 7, 1000]):
        high = low + ulps * float(np.spacing(abs(low)))
        edges = equal_edges(low, high, buckets)
        assert (np.diff(edges) >= 0).all(), f"{buckets} buckets between {ulps + 1} floats"
        assert edges[0] == low < edges[-1]
        assert edges[-1] >= high


def test_a_window_of_a_fraction_of_a_millisecond_in_unix_seconds(tapes: Path) -> None:
    """Narrower than as many buckets as were asked for have room: each point is counted once."""
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": np.arange(200.0)}, time=START + np.arange(200) * 500)
    store = rolltape.open(tapes)
    for buckets in (10, 1000, 5000):
        for exact in (True, False):
            found = store.curve("y", x="time", buckets=buckets, exact=exact).runs["p/r"]
            assert found.count.sum() == 200
            assert found.count.min() >= 0
            assert np.nansum(found.mean * found.count) == pytest.approx(199 * 100)


@pytest.mark.parametrize("exact", [True, False])
def test_the_least_and_the_largest_steps(tapes: Path, exact: bool) -> None:
    """No difference of two steps needs more than 64 bits."""
    rng = np.random.default_rng(0)
    step = rng.choice(np.array([-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1]), 2000)
    value = rng.normal(size=2000)
    with rolltape.init(project="p", id="r") as run:
        for part in np.split(np.arange(2000), 4):
            run.log_batch({"y": value[part]}, step=step[part])
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("y", buckets=5, exact=exact)
        assert (curve.edges[0], curve.edges[-1]) == (-(2.0**63), 2.0**63)
        assert curve.runs["p/r"].count.sum() == 2000
        if exact:
            check_exact(curve.runs["p/r"], curve.edges, step.astype(float), value)
        else:
            check_snapped(curve.runs["p/r"], curve.edges, step.astype(float), value, whole=True)


def test_an_axis_from_the_least_to_the_largest_float(tapes: Path) -> None:
    """Its width is no float64; a point lies in its own bucket or less than one before it all the same."""
    x = np.linspace(-1, 1, 2000) * 1.7e308
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"x": x, "y": np.arange(2000.0)}, time=START + np.arange(2000) * 1000)
    for dense in (1 << 20, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(axes, "_DENSE", dense)
            curve = rolltape.open(tapes).curve("y", x="x", buckets=4)
            assert (curve.runs["p/r"].count >= 400).all()


def test_sums_that_overflow_count_their_points(tapes: Path) -> None:
    value = np.where(np.arange(2000) % 2, 1e308, 1.7e308)
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": value, "z": -value})
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        for exact in (True, False):
            for metric, sign in (("y", 1), ("z", -1)):
                buckets = store.curve(metric, buckets=4, exact=exact).runs["p/r"]
                assert (buckets.count.sum(), buckets.nonfinite.sum()) == (2000, 0)
                assert sorted({*(sign * buckets.min), *(sign * buckets.max)}) == [1e308, 1.7e308]
                assert (buckets.mean == sign * np.inf).all(), "too large for a float64, and said to be"
