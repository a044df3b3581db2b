"""Percentiles of buckets against NumPy on all raw points: of recorded runs, of blocks, and in parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from block_store import BlockStore, inside
from hypothesis import given
from hypothesis import strategies as st

import rolltape
from rolltape.curves import Percentiles, bucket_percentiles, percentiles

Q = [0, 5, 25, 50, 90, 99.5, 100]


def assert_exact(found: Percentiles, key: str, x: np.ndarray, value: np.ndarray) -> None:
    """Every bucket of a run is what NumPy says."""
    for i in range(len(found.edges) - 1):
        here = value[inside(x, found.edges, i)]
        here = here[np.isfinite(here)]
        assert found.count[key][i] == len(here)
        if len(here):
            assert np.allclose(found.runs[key][:, i], np.percentile(here, found.q), rtol=1e-12, atol=1e-12)
        else:
            assert np.isnan(found.runs[key][:, i]).all()


@pytest.fixture
def recorded(tapes: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Two runs: one row by row with arrays, repeated and backward steps, NaN and infinities; one in a batch."""
    rng = np.random.default_rng(0)
    steps, values = [], []
    with rolltape.init(project="p", id="a") as run:
        for i in range(2000):
            step = i * 3 if i < 1200 else i * 3 - 900
            several = rng.normal(i / 100, 5, size=rng.integers(1, 4))
            several[rng.random(len(several)) < 0.05] = rng.choice([np.nan, np.inf, -np.inf])
            run.log({"return": several}, step)
            if i % 50 == 0:
                run.log({"episodes": i // 50}, step)
            steps += [step] * len(several)
            values += several.tolist()
    batch = rng.exponential(size=5000)
    with rolltape.init(project="p", id="b") as run:
        run.log_batch({"return": batch}, step=np.arange(5000))
        run.log({"only_b": 1.0}, 0)
    return {
        "p/a": (np.array(steps, np.float64), np.array(values)),
        "p/b": (np.arange(5000.0), batch),
    }


@pytest.mark.parametrize("window", [None, (600.0, 3000.0)])
@pytest.mark.parametrize("buckets", [1, 37, 1000])
def test_recorded_runs(recorded, window: tuple[float, float] | None, buckets: int) -> None:
    found = percentiles(rolltape.open(), "return", ["p/a", "b"], Q, window=window, buckets=buckets)
    assert found.q.tolist() == Q
    assert list(found.runs) == ["p/a", "p/b"]
    for key, (x, value) in recorded.items():
        assert found.runs[key].shape == (len(Q), buckets)
        assert_exact(found, key, x, value)


def test_in_parts_they_are_the_same(recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = percentiles(rolltape.open(), "return", None, Q, buckets=41)
    for most in (1, 50, 333, 4000):
        monkeypatch.setattr(bucket_percentiles, "MOST_AT_ONCE", most)
        parts = percentiles(rolltape.open(), "return", None, Q, buckets=41)
        for key in recorded:
            assert np.array_equal(parts.runs[key], whole.runs[key], equal_nan=True)
            assert np.array_equal(parts.count[key], whole.count[key])


def test_other_axes(recorded) -> None:
    store = rolltape.open()
    for x in ("time", "relative", "episodes"):
        axis, points = (np.concatenate(parts) for parts in zip(*_scan(store, x), strict=True))
        assert_exact(percentiles(store, "return", ["a"], Q, x, buckets=11), "p/a", axis, points)


def _scan(store, x: str):
    return [(axis, points.value) for axis, points in store.scan("p/a", "return", x)]


def test_a_run_without_the_metric_is_left_out_and_errors_are_the_stores(recorded) -> None:
    store = rolltape.open()
    assert list(percentiles(store, "only_b").runs) == ["p/b"]
    with pytest.raises(rolltape.MetricNotFound):
        percentiles(store, "nope")
    with pytest.raises(rolltape.RunNotFound):
        percentiles(store, "return", ["nope"])
    with pytest.raises(rolltape.StoreError, match="buckets"):
        percentiles(store, "return", buckets=0)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 20), st.just(np.nan)),
            st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, 0.0, 1.0])),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(1, 30),
    st.booleans(),
)
def test_any_points_in_any_order_in_any_blocks(points, buckets: int, block: int, most: int, sloppy: bool) -> None:
    x, value = np.array(points, np.float64).T
    store = BlockStore({"p/a": (x, value)}, block, sloppy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket_percentiles, "MOST_AT_ONCE", most)
        found = percentiles(store, "return", q=Q, window=(0.0, 20.0), buckets=buckets)
    assert_exact(found, "p/a", x, value)


def test_no_more_than_was_said_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_percentiles, "MOST_AT_ONCE", 100)
    x = np.concatenate([np.arange(1000) / 10, np.full(300, 50.0)])  # one bucket is larger than the rest may be
    store = BlockStore({"p/a": (x, x * 2)})
    found = percentiles(store, "return", q=Q, buckets=25)
    assert_exact(found, "p/a", x, x * 2)
    windows = [asked[4] for asked in store.asked if asked[0] == "scan"]
    sizes = [((x >= low) & (x < high)).sum() for low, high in windows]
    assert sorted(sizes)[-1] == 340 and sorted(sizes)[-2] <= 100
    assert len(windows) == 13, "neighbours are read together as far as they fit"


def test_a_store_that_answers_with_more_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_percentiles, "MOST_AT_ONCE", 100)
    x = np.concatenate([np.arange(1000) / 10, [np.nan]])
    store = BlockStore({"p/a": (x, x * 2)}, sloppy=True)
    assert_exact(percentiles(store, "return", q=Q, window=(5.0, 50.0), buckets=25), "p/a", x, x * 2)


def test_empty_stretches_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_percentiles, "MOST_AT_ONCE", 5)
    x = np.array([0.0] * 5 + [100.0] * 5)
    store = BlockStore({"p/a": (x, x), "p/b": (np.empty(0), np.empty(0))})
    assert_exact(percentiles(store, "return", q=Q, buckets=1000), "p/a", x, x)
    assert {asked[1] for asked in store.asked if asked[0] == "scan"} == {"p/a"}


def test_what_was_asked_is_what_the_store_is_asked() -> None:
    x = np.arange(10.0)
    store = BlockStore({"p/a": (x, x), "p/b": (x, x)})
    percentiles(store, "return", ["p/b"], 50, "episodes", (2.0, 4.0), 3, "latest")
    assert store.asked == [
        ("curve", ["p/b"], "return", "episodes", (2.0, 4.0), 3, True, "latest"),
        ("scan", "p/b", "return", "episodes", (2.0, 4.0), "latest"),
    ]


def test_points_that_come_meanwhile_are_no_trouble() -> None:
    x = np.arange(100.0)
    store = BlockStore({"p/a": (x, x)})
    store.new = {"p/a": (np.concatenate([x, x, x + 90]), np.concatenate([x, -x, x]))}
    found = percentiles(store, "return", q=Q, buckets=10)
    assert_exact(found, "p/a", *store.new["p/a"])


def test_one_percentile_and_large_numbers() -> None:
    store = BlockStore({"p/a": (np.zeros(4), np.array([-1.7e308, 1.7e308, -1.7e308, 1.7e308]))})
    found = percentiles(store, "return", q=50, window=(0.0, 1.0), buckets=2)
    assert found.runs["p/a"].shape == (1, 2)
    assert found.runs["p/a"][0, 0] == 0
    assert percentiles(store, "return", q=[0, 100], window=(0.0, 1.0), buckets=1).runs["p/a"].ravel().tolist() == [
        -1.7e308,
        1.7e308,
    ]
    assert "type 7" in found.method


@pytest.mark.parametrize("q", [[], [-1], [50, 101], [np.nan], ["a"], [[1, 2]], [[1], [1, 2]]])
def test_impossible_percentiles(q) -> None:
    with pytest.raises(ValueError, match=r"^q "):
        percentiles(BlockStore({"p/a": (np.zeros(1), np.zeros(1))}), "return", q=q)
