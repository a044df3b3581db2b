"""Curves: every bucket against a brute-force answer, every axis, every refusal."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import rolltape
from rolltape.store.axes import as_of
from rolltape.store.buckets import as_buckets, equal_edges, gather, points_as_pieces

numbers = st.floats(-1e6, 1e6)


@given(
    st.lists(
        st.tuples(st.one_of(numbers, st.just(math.nan)), st.one_of(numbers, st.sampled_from([math.nan, math.inf])))
    ),
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(1, 30),
)
def test_every_bucket_is_what_brute_force_says(
    points: list[tuple[float, float]], low: float, width: float, buckets: int
) -> None:
    edges = equal_edges(low, low + width, buckets)
    x, value = (np.array(column) for column in zip(*points, strict=True)) if points else (np.empty(0), np.empty(0))
    found = as_buckets(gather(points_as_pieces(x, value), edges))
    for i in range(buckets):
        last = i == buckets - 1
        inside = (x >= edges[i]) & ((x <= edges[i + 1]) if last else (x < edges[i + 1]))
        finite = value[inside & np.isfinite(value)]
        assert found.count[i] == len(finite)
        assert found.nonfinite[i] == inside.sum() - len(finite)
        if len(finite):
            assert found.min[i] == finite.min()
            assert found.max[i] == finite.max()
            assert math.isclose(found.mean[i], finite.mean(), rel_tol=1e-9, abs_tol=1e-6)
            assert math.isclose(found.std[i], finite.std(), rel_tol=1e-6, abs_tol=1e-5)
        else:
            assert all(math.isnan(column[i]) for column in (found.mean, found.min, found.max, found.std))


@given(st.lists(st.tuples(st.integers(0, 20), numbers), max_size=20), st.lists(st.integers(-2, 22), max_size=20))
def test_as_of_is_the_last_value_before(axis: list[tuple[int, float]], times: list[int]) -> None:
    axis_time, values = np.array([t for t, _ in axis], np.int64), np.array([v for _, v in axis], np.float64)
    found = as_of(np.array(times, np.int64), axis_time, values)
    for time, value in zip(times, found.tolist(), strict=True):
        before = [(t, i) for i, t in enumerate(axis_time.tolist()) if t <= time]
        assert math.isnan(value) if not before else value == values[max(before)[1]]


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1e17, 1e17), (-1e308, 1e308), (5.0, 5.000001)])
def test_edges_always_increase(low: float, high: float) -> None:
    edges = equal_edges(low, high, 2)
    assert np.isfinite(edges).all()
    assert edges[0] <= low < edges[-1]
    assert edges[-1] >= high


@pytest.fixture
def two_runs(tapes: Path) -> NDArray[np.float64]:
    values = np.random.default_rng(0).normal(size=1000)
    for name in ("a", "b"):
        with rolltape.init(project="p", id=name) as run:
            for i, value in enumerate(values.tolist()):
                run.log({"return": value, "only_a" if name == "a" else "only_b": 1.0}, i * 10)
                if i % 100 == 0:
                    run.log({"episodes": i // 100}, i * 10)
    return values


def test_runs_share_the_edges(two_runs: NDArray[np.float64]) -> None:
    curve = rolltape.open().curve("return", buckets=10)
    assert set(curve.runs) == {"p/a", "p/b"}
    assert curve.edges.tolist() == np.linspace(0, 9990, 11).tolist()
    for buckets in curve.runs.values():
        assert buckets.count.tolist() == [100] * 10
        assert np.allclose(buckets.mean, two_runs.reshape(10, 100).mean(axis=1))
        assert np.array_equal(buckets.max, two_runs.reshape(10, 100).max(axis=1))


def test_a_window_is_asked_at_its_own_resolution(two_runs: NDArray[np.float64]) -> None:
    curve = rolltape.open().curve("return", runs=["a"], window=(100, 200), buckets=20)
    assert (curve.edges[0], curve.edges[-1]) == (100, 200)
    assert curve.runs["p/a"].count.sum() == 11, "both ends belong to it"


def test_a_run_without_the_metric_is_left_out(two_runs: NDArray[np.float64]) -> None:
    assert set(rolltape.open().curve("only_a").runs) == {"p/a"}


def test_axes(two_runs: NDArray[np.float64]) -> None:
    store = rolltape.open()
    time = store.curve("return", runs=["a"], x="time", buckets=4)
    relative = store.curve("return", runs=["a"], x="relative", buckets=4)
    started = store.run("a").started
    assert np.allclose(time.edges - started, relative.edges, atol=1e-6)
    assert 0 <= relative.edges[0] < 5
    assert relative.runs["p/a"].count.sum() == 1000
    episodes = store.curve("return", runs=["a"], x="episodes", buckets=9)
    assert (episodes.edges[0], episodes.edges[-1]) == (0, 9)
    assert episodes.runs["p/a"].count.sum() == 999, "the first point came before the first episode was counted"


@pytest.mark.parametrize("window", [(1, 1), (2, 1), (math.nan, 1), (0, math.inf)])
def test_impossible_windows(two_runs: NDArray[np.float64], window: tuple[float, float]) -> None:
    with pytest.raises(rolltape.StoreError, match="window must be two finite numbers"):
        rolltape.open().curve("return", window=window)


@pytest.mark.parametrize("buckets", [0, -1, 10**6])
def test_impossible_numbers_of_buckets(two_runs: NDArray[np.float64], buckets: int) -> None:
    with pytest.raises(rolltape.StoreError, match=f"buckets must be 1 to 100000, not {buckets}"):
        rolltape.open().curve("return", buckets=buckets)


def test_what_is_not_there_is_named(two_runs: NDArray[np.float64], tmp_path: Path) -> None:
    store = rolltape.open()
    with pytest.raises(rolltape.MetricNotFound, match="'nope'"):
        store.curve("nope")
    with pytest.raises(rolltape.MetricNotFound, match="run p/a has no metric 'nope'"):
        store.points("a", "nope")
    with pytest.raises(rolltape.RunNotFound, match="there is no run 'c'"):
        store.points("c", "return")
    with pytest.raises(rolltape.StoreError, match="there is no directory"):
        rolltape.open(tmp_path / "nowhere")
    with pytest.raises(rolltape.StoreError, match=r"only directories, https:.* and clickhouse:"):
        rolltape.open("ftp://someone:secret@example.org")


def test_thirty_spikes_in_thirty_thousand_points_are_all_there(tapes: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=30_000)
    spikes = rng.choice(30_000, 30, replace=False)
    values[spikes] = 1000.0
    with rolltape.init(id="r") as run:
        run.log_batch({"x": values})
    buckets = rolltape.open().curve("x", buckets=500).runs["default/r"]
    assert (buckets.max == 1000).sum() == len(set((spikes / 29_999 * 500).astype(int).clip(0, 499)))


def test_a_live_run_is_read_to_its_last_row(tapes: Path) -> None:
    run = rolltape.init(id="r")
    store = rolltape.open()
    for i in range(1, 5):
        for _ in range(2500):
            run.log({"x": float(i)})
        assert store.curve("x").runs["default/r"].count.sum() == 2500 * i
        assert store.run("r").points == 2500 * i


def test_a_deleted_run_is_gone_and_a_new_one_appears(tapes: Path) -> None:
    import shutil

    rolltape.init(id="a").close()
    store = rolltape.open()
    rolltape.init(id="b").close()
    assert {info.id for info in store.runs()} == {"a", "b"}
    shutil.rmtree(tapes / "default" / "a")
    assert {info.id for info in store.runs()} == {"b"}
