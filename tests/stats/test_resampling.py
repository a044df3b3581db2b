"""The bootstrap's engine against plain loops over the same resamples."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_statistics import plain_iqm, plain_resamples

from rolltape.stats.resampling import (
    draw_counts,
    draw_distinct,
    in_order,
    percentile_bounds,
    present_first,
    resampled_statistic,
)

PLAIN = {"mean": statistics.fmean, "median": statistics.median, "iqm": plain_iqm}


@pytest.mark.parametrize("statistic", PLAIN)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 11, 300])
def test_resamples_agree_with_a_plain_loop(statistic, n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 3))
    counts = draw_counts(n, 50, [1])
    found = resampled_statistic(values, counts, statistic)
    for point in range(3):
        assert found[point] == pytest.approx(plain_resamples(values[:, point], counts, PLAIN[statistic]), abs=1e-12)


@pytest.mark.parametrize("statistic", PLAIN)
@given(st.lists(st.sampled_from([-1e300, -2.0, 0.0, 1.0, 1.0, 5.0, 1e18]), min_size=2, max_size=12))
def test_ties_and_outliers(statistic, values: list[float]) -> None:
    counts = draw_counts(len(values), 20, [2])
    found = resampled_statistic(np.array(values)[:, None], counts, statistic)[0]
    assert found == pytest.approx(plain_resamples(values, counts, PLAIN[statistic]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("statistic", ["mean", "iqm"])
@given(st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0, np.inf]), min_size=2, max_size=9))
def test_infinities_count_only_where_they_were_drawn_and_kept(statistic, values: list[float]) -> None:
    def plain(sample: list[float]) -> float:
        cut = len(sample) // 4 if statistic == "iqm" else 0
        kept = sorted(sample)[cut : len(sample) - cut]
        return math.nan if {-np.inf, np.inf} <= set(kept) else sum(kept) / len(kept)

    counts = draw_counts(len(values), 20, [2])
    found = resampled_statistic(np.array(values)[:, None], counts, statistic)[0]
    assert found == pytest.approx(plain_resamples(values, counts, plain), nan_ok=True)


def test_a_draw_is_n_runs_with_equal_chances() -> None:
    counts = draw_counts(6, 20_000, [0])
    assert (counts.sum(axis=0) == 6).all()
    assert counts.mean(axis=1) == pytest.approx(1, abs=0.03)
    assert counts.var(axis=1) == pytest.approx(5 / 6, abs=0.04)
    assert np.corrcoef(counts)[0, 1:] == pytest.approx(-1 / 5, abs=0.03)
    assert np.array_equal(counts, draw_counts(6, 20_000, [0]))
    assert not np.array_equal(counts, draw_counts(6, 20_000, [1]))


def test_percentiles_are_numpys() -> None:
    values = np.random.default_rng(0).normal(size=(4, 997))
    for level in (0.5, 0.9, 0.95):
        low, high = percentile_bounds(values, level)
        assert low == pytest.approx(np.quantile(values, (1 - level) / 2, axis=1))
        assert high == pytest.approx(np.quantile(values, (1 + level) / 2, axis=1))


def test_percentiles_of_infinite_and_undefined_resamples() -> None:
    low, high = percentile_bounds(np.array([[-np.inf] * 20 + [0.0] * 60 + [np.inf] * 20, [np.nan] + [1.0] * 99]), 0.9)
    assert (low[0], high[0]) == (-np.inf, np.inf)
    assert np.isnan([low[1], high[1]]).all()


def test_the_order_of_runs_is_decided_by_their_values() -> None:
    curves = np.array([[1.0, 5.0], [0.0, 7.0], [1.0, 2.0], [np.nan, 1.0]])
    assert np.array_equal(in_order(curves), curves[[1, 2, 0, 3]], equal_nan=True)
    assert np.array_equal(in_order(curves[[3, 1, 0, 2]]), curves[[1, 2, 0, 3]], equal_nan=True)


def test_those_present_come_first_in_their_order() -> None:
    curves = np.array([[np.nan, 1.0], [3.0, np.nan], [2.0, 4.0]])
    assert present_first(curves)[:2].tolist() == [[3, 1], [2, 4]]


@pytest.mark.parametrize("n", [2, 3, 5, 6])
@pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
def test_each_sample_once_has_the_bounds_of_all(n: int, statistic) -> None:
    values = np.random.default_rng(n).standard_normal((n, 30))
    values[:, 0], values[0, 1] = 1.0, np.inf
    values[-2:, 2] = np.inf, -np.inf
    counts = draw_counts(n, 2000, (0, 0, n))
    distinct, times = draw_distinct(n, 2000, (0, 0, n))
    assert len(times) == len(np.unique(distinct, axis=1).T) == len({tuple(column) for column in counts.T})
    assert np.array_equal((distinct * times).sum(axis=1), counts.sum(axis=1))
    for level in (0.5, 0.9, 0.95, 0.99):
        wanted = percentile_bounds(resampled_statistic(values, counts, statistic), level)
        found = percentile_bounds(resampled_statistic(values, distinct, statistic), level, times)
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)
