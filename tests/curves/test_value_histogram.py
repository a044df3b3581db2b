"""The distribution over x against NumPy and loops on all raw points; no value is dropped unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from block_store import BlockStore, inside
from hypothesis import given
from hypothesis import strategies as st

import rolltape
from rolltape.curves import Histogram, histogram


def assert_counted(found: Histogram, x: np.ndarray, value: np.ndarray) -> None:
    """Each cell is what a look at all points says."""
    levels = found.value_edges
    for i in range(len(found.x_edges) - 1):
        here = value[inside(x, found.x_edges, i)]
        finite = here[np.isfinite(here)]
        assert found.nonfinite[i] == len(here) - len(finite)
        assert found.n[i] == len(finite)
        assert found.below[i] == (finite < levels[0]).sum()
        assert found.above[i] == (finite > levels[-1]).sum()
        assert found.counts[:, i].tolist() == [inside(finite, levels, j).sum() for j in range(len(levels) - 1)]
    assert (found.counts.sum(axis=0) + found.below + found.above == found.n).all()


@pytest.fixture
def recorded(tapes: Path) -> tuple[np.ndarray, np.ndarray]:
    """All points of two runs of one metric; one has NaN and infinities."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=3000), rng.normal(5, 1, size=4000)
    one[::97], one[5::97] = np.nan, np.inf
    with rolltape.init(project="p", id="a") as run:
        for i in range(0, 3000, 3):
            run.log({"return": one[i : i + 3]}, i)
    with rolltape.init(project="p", id="b") as run:
        run.log_batch({"return": two}, step=np.arange(4000))
        run.log({"other": 1e9}, 0)
    return np.concatenate([np.repeat(np.arange(0.0, 3000, 3), 3), np.arange(4000.0)]), np.concatenate([one, two])


@pytest.mark.parametrize("window", [None, (500.0, 2500.0)])
def test_recorded_runs(recorded, window: tuple[float, float] | None) -> None:
    x, value = recorded
    found = histogram(rolltape.open(), "return", window=window, buckets=30)
    assert found.counts.shape == (50, 30) and found.counts.dtype == np.int64
    assert found.runs == ["p/a", "p/b"]
    shown = value[inside(x, found.x_edges[[0, -1]], 0)]
    finite = shown[np.isfinite(shown)]
    assert found.value_edges == pytest.approx(np.linspace(finite.min(), finite.max(), 51))
    assert (found.value_edges[0], found.value_edges[-1]) == (finite.min(), finite.max())
    assert_counted(found, x, value)
    assert found.below.sum() == found.above.sum() == 0
    assert found.nonfinite.sum() == len(shown) - len(finite) > 0


def test_it_is_numpys_histogram_of_both(recorded) -> None:
    x, value = recorded
    found = histogram(rolltape.open(), "return", buckets=20, value_edges=np.linspace(-1, 6, 15))
    kept = np.isfinite(value)
    expected, _, _ = np.histogram2d(value[kept], x[kept], bins=(found.value_edges, found.x_edges))
    assert np.array_equal(found.counts, expected)
    assert found.below.sum() == (value[kept] < -1).sum() > 0
    assert found.above.sum() == (value[kept] > 6).sum() > 0
    assert_counted(found, x, value)


def test_a_range_counts_what_is_outside(recorded) -> None:
    found = histogram(rolltape.open(), "return", buckets=20, bins=4, value_range=(0, 2))
    assert found.value_edges.tolist() == [0, 0.5, 1, 1.5, 2]
    assert_counted(found, *recorded)


def test_chosen_runs_only(recorded) -> None:
    x, value = recorded
    found = histogram(rolltape.open(), "return", ["b"], buckets=10, bins=5)
    assert found.runs == ["p/b"]
    assert_counted(found, x[3000:], value[3000:])
    assert histogram(rolltape.open(), "other").runs == ["p/b"]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-1, 12), st.just(np.nan)),
            st.one_of(st.integers(-2, 9), st.sampled_from([np.nan, np.inf, -np.inf, 2.5])),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 9),
    st.booleans(),
)
def test_any_points_in_any_order_in_any_blocks(points, buckets: int, bins: int, block: int, sloppy: bool) -> None:
    x, value = np.array(points, np.float64).T
    half = len(x) // 2
    store = BlockStore({"p/a": (x[:half], value[:half]), "p/b": (x[half:], value[half:])}, block, sloppy)
    for asked in ({}, {"value_range": (0.0, 6.0)}, {"value_edges": [0, 1, 5, 6]}):
        assert_counted(histogram(store, "return", window=(0.0, 10.0), buckets=buckets, bins=bins, **asked), x, value)


def test_equal_values_and_no_values() -> None:
    x = np.arange(10.0)
    store = BlockStore({"p/a": (x, np.full(10, 3.0)), "p/b": (x, np.full(10, np.nan))})
    found = histogram(store, "return", ["p/a"], buckets=2, bins=4)
    assert found.value_edges.tolist() == [3, 3.25, 3.5, 3.75, 4]
    assert found.counts.tolist() == [[5, 5], [0, 0], [0, 0], [0, 0]]
    found = histogram(store, "return", ["p/b"], buckets=2, bins=4)
    assert found.value_edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.nonfinite.tolist() == [5, 5]
    assert found.n.tolist() == [0, 0]


def test_points_that_come_meanwhile_are_counted() -> None:
    x = np.arange(10.0)
    store = BlockStore({"p/a": (x, x)})
    store.new = {"p/a": (np.concatenate([x, x]), np.concatenate([x, x * 3 - 9]))}
    found = histogram(store, "return", buckets=3, bins=3)
    assert found.value_edges.tolist() == [0, 3, 6, 9]
    assert_counted(found, *store.new["p/a"])
    assert found.below.sum() == 3 and found.above.sum() == 3


def test_what_was_asked_is_what_the_store_is_asked() -> None:
    x = np.arange(10.0)
    store = BlockStore({"p/a": (x, x), "p/b": (x, x)})
    histogram(store, "return", ["p/b"], "episodes", (2.0, 4.0), 3, "latest")
    assert store.asked == [
        ("curve", ["p/b"], "return", "episodes", (2.0, 4.0), 3, True, "latest"),
        ("scan", "p/b", "return", "episodes", (2.0, 4.0), "latest"),
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bins": 0}, "bins is 0"),
        ({"bins": 2.5}, "bins is 2.5"),
        ({"bins": 10_001}, "bins is 10001, but must be at most 10000"),
        ({"bins": 1000, "buckets": 10_001}, "bins times buckets is 10001000, but must be at most 10000000"),
        ({"value_range": (1, 1)}, r"value_range must be two finite numbers, the first smaller, not \(1, 1\)"),
        ({"value_range": (0, np.inf)}, "value_range"),
        ({"value_range": (np.nan, 1)}, "value_range"),
        ({"value_edges": [1]}, "value_edges must be 2 to 10001 finite numbers that increase"),
        ({"value_edges": [1, 1]}, "value_edges must"),
        ({"value_edges": [1, np.inf]}, "value_edges must"),
        ({"value_edges": range(10_002)}, "value_edges must"),
        ({"value_edges": ["a", "b"]}, "value_edges holds"),
        ({"value_edges": [0, 1], "value_range": (0, 1)}, "value_range and value_edges cannot both be given"),
    ],
)
def test_what_cannot_be_answered_is_named(asked, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        histogram(BlockStore({"p/a": (np.zeros(1), np.zeros(1))}), "return", **asked)


def test_errors_of_the_store(recorded) -> None:
    with pytest.raises(rolltape.MetricNotFound):
        histogram(rolltape.open(), "nope")
    with pytest.raises(rolltape.StoreError, match="window"):
        histogram(rolltape.open(), "return", window=(1, 1))
