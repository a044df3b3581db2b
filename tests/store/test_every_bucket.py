"""Every bucket of every random tape is what brute force says: with an index and without, live and ended."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rolltape
from rolltape.store import Buckets
from rolltape.store.directory import DirectoryStore

Floats = NDArray[np.float64]
numbers = itertools.count()

_STEPS = ("one by one", "by tens", "all the same", "shuffled a little", "at random", "starts again", "far away")
_VALUES = ("noise", "constant", "large with small noise", "with NaN and inf", "only NaN", "float32")
stretches = st.lists(
    st.tuples(st.integers(1, 700), st.sampled_from(_STEPS), st.sampled_from(_VALUES), st.booleans()),
    min_size=1,
    max_size=6,
)


@pytest.fixture(autouse=True)
def low_pyramids(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small tapes shall have what only large ones have: several levels, an index file, edges that are snapped."""
    monkeypatch.setattr("rolltape.tape.series.TALL", 8)
    monkeypatch.setattr("rolltape.tape.series._BATCH", 150)
    monkeypatch.setattr("rolltape.tape.indexed_tape._ENDED", 1)
    monkeypatch.setattr("rolltape.tape.indexed_tape._GROWN", 1)
    monkeypatch.setattr("rolltape.store.descent.FEW", 0)
    monkeypatch.setattr("rolltape.store.descent._BLOCK", 500)
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "cache"))


def steps_of(kind: str, start: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    one_by_one = start + np.arange(count)
    return {
        "one by one": one_by_one,
        "by tens": start + 10 * np.arange(count),
        "all the same": np.full(count, start),
        "shuffled a little": one_by_one + rng.integers(-5, 6, count),
        "at random": rng.integers(-1000, 3000, count),
        "starts again": np.arange(count),
        "far away": 10**6 + one_by_one,
    }[kind]


def values_of(kind: str, count: int, rng: np.random.Generator) -> Floats:
    noise = rng.normal(size=count)
    if kind == "with NaN and inf":
        noise[rng.random(count) < 0.1] = np.nan
        noise[rng.random(count) < 0.05] = np.inf
        noise[rng.random(count) < 0.05] = -np.inf
    return {
        "constant": np.full(count, 3.0),
        "large with small noise": 1e9 + noise,
        "only NaN": np.full(count, np.nan),
        "float32": noise.astype(np.float32).astype(np.float64),
    }.get(kind, noise)


def record(run: rolltape.Run, given: list[tuple[int, str, str, bool]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    step, time = 0, 1_700_000_000_000_000_000
    for count, step_kind, value_kind, with_other in given:
        steps = steps_of(step_kind, step, count, rng)
        times = time + np.cumsum(rng.integers(0, 2_000_000, count)) * 1000
        columns = {"y": values_of(value_kind, count, rng)}
        if with_other:
            columns["other"] = np.arange(count) + 0.5
        run.log_batch(columns, step=steps, time=times)
        run.log({"other": 1.0}, step=int(steps[-1]))
        step, time = int(steps[-1]) + 1, int(times[-1])


def in_order(x: Floats) -> bool:
    return bool((x[1:] >= x[:-1]).all())


def check_part(buckets: Buckets, i: int, values: Floats) -> None:
    finite = values[np.isfinite(values)]
    assert (buckets.count[i], buckets.nonfinite[i]) == (len(finite), len(values) - len(finite))
    if not len(finite):
        assert np.isnan([buckets.mean[i], buckets.min[i], buckets.max[i], buckets.std[i]]).all()
        return
    assert (buckets.min[i], buckets.max[i]) == (finite.min(), finite.max())
    assert np.isclose(buckets.mean[i], finite.mean(), rtol=1e-12, atol=1e-12)
    assert np.isclose(buckets.std[i], finite.std(), rtol=1e-6, atol=1e-9)


def check_exact(buckets: Buckets, edges: Floats, x: Floats, value: Floats) -> None:
    for i in range(len(edges) - 1):
        last = i == len(edges) - 2
        check_part(buckets, i, value[(x >= edges[i]) & ((x <= edges[i + 1]) if last else (x < edges[i + 1]))])


def check_snapped(buckets: Buckets, edges: Floats, x: Floats, value: Floats, *, whole: bool) -> None:
    """Each point is counted once, in its own bucket or less than a bucket's width before it."""
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    slack = 1e-9 * max(1.0, float(np.abs(edges).max()))
    held = (buckets.count + buckets.nonfinite).cumsum()
    ranked = np.sort(x)
    below = ranked.searchsorted(edges[1:-1] - slack, "left")
    below_and_width = ranked.searchsorted(edges[1:-1] + width + slack, "left")
    if whole:
        assert held[-1] == len(x)
        assert (below <= held[:-1]).all()
        assert (held[:-1] <= below_and_width).all()
    left_out = ranked.searchsorted([edges[0] - width - slack, edges[0] + slack], "left")
    assert (below - left_out[1] <= held[:-1]).all()
    assert (held[:-1] <= below_and_width - left_out[0]).all()
    if whole and in_order(x):  # then a bucket is a stretch of neighbouring points
        for i, (start, stop) in enumerate(itertools.pairwise([0, *held.tolist()])):
            check_part(buckets, i, value[start:stop])


def check_none_is_missing(snapped: Buckets, exact: Buckets) -> None:
    """Whatever the edges: of the points within the window none is missing."""
    assert (snapped.count + snapped.nonfinite).sum() >= (exact.count + exact.nonfinite).sum()
    assert snapped.nonfinite.sum() >= exact.nonfinite.sum()
    if exact.count.any():
        assert np.nanmin(snapped.min) <= np.nanmin(exact.min)
        assert np.nanmax(snapped.max) >= np.nanmax(exact.max)


def check(store: DirectoryStore, x: str, axis: Floats, value: Floats, buckets: int, zoom: tuple[float, float]) -> None:
    finite = axis[np.isfinite(axis)]
    low, high = float(finite.min()), float(finite.max())
    wide = low + zoom[0] * (high - low), low + zoom[1] * (high - low)
    for window in (None, wide) if wide[0] < wide[1] else (None,):
        exact = store.curve("y", x=x, buckets=buckets, window=window, exact=True)
        check_exact(exact.runs["p/r"], exact.edges, axis, value)
        curve = store.curve("y", x=x, buckets=buckets, window=window)
        assert np.array_equal(curve.edges, exact.edges)
        if window is None:
            assert curve.edges[0] == low
        check_snapped(curve.runs["p/r"], curve.edges, axis, value, whole=window is None and len(finite) == len(axis))
        check_none_is_missing(curve.runs["p/r"], exact.runs["p/r"])
        points = np.concatenate([block for _, (_, _, block) in store.scan("r", "y", x=x, window=window)] or [value[:0]])
        inside = (axis >= curve.edges[0]) & (axis <= curve.edges[-1]) if window else slice(None)
        assert points.tobytes() == value[inside].tobytes()


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Iterator[Path]]:
    yield (tmp_path / f"tapes{i}" for i in numbers)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    stretches,
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).map(tuple),
    st.sampled_from(["ended", "live", "read while it grew"]),
)
def test_every_bucket(
    places: Iterator[Path],
    given: list[tuple[int, str, str, bool]],
    seed: int,
    buckets: int,
    zoom: tuple[float, float],
    state: str,
) -> None:
    place = next(places)
    with rolltape.init(project="p", id="r", dir=place) as run:
        store = rolltape.open(place)
        if state == "read while it grew":
            for number, one in enumerate(given):
                record(run, [one], seed + number)
                store.curve("y", buckets=3)
        else:
            record(run, given, seed)
        if state == "live":
            check_all(store, buckets, zoom)
    check_all(store, buckets, zoom)
    check_all(rolltape.open(place), buckets, zoom)  # from the index file


def check_all(store: DirectoryStore, buckets: int, zoom: tuple[float, float]) -> None:
    step, time, value = store.points("r", "y")
    check(store, "step", step.astype(np.float64), value, buckets, zoom)
    check(store, "time", time / 1e9, value, buckets, zoom)
