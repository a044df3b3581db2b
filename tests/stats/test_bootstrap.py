"""Percentile bootstrap, bootstrap-t and stratified bootstrap: plain loops with the same resamples, and properties."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_statistics import plain_iqm, plain_resamples

from rolltape.stats import (
    area_under_curve,
    bootstrap_interval,
    bootstrap_t_interval,
    stratified_bootstrap_interval,
)
from rolltape.stats.resampling import draw_counts

PLAIN = {"mean": statistics.fmean, "median": statistics.median, "iqm": plain_iqm}
RNG = np.random.default_rng(3)
CURVES = RNG.normal(size=(8, 30)).cumsum(axis=1)
SCORES = RNG.normal(size=(6, 4))


def bounds(resampled) -> list[float]:
    return list(np.quantile(resampled, [0.025, 0.975]))


@pytest.mark.parametrize("statistic", PLAIN)
def test_against_a_plain_loop_over_the_same_resamples(statistic) -> None:
    found = bootstrap_interval(CURVES, statistic, resamples=200, rng=7)
    runs = CURVES[np.argsort(CURVES[:, 0])]
    counts = draw_counts(8, 200, [7, 0, 8])
    for point in (0, 13, 29):
        low, high = bounds(plain_resamples(runs[:, point], counts, PLAIN[statistic]))
        assert found.low[point] == pytest.approx(low, abs=1e-12)
        assert found.high[point] == pytest.approx(high, abs=1e-12)
        assert found.center[point] == pytest.approx(PLAIN[statistic](list(CURVES[:, point])), abs=1e-12)


@pytest.mark.parametrize("statistic", PLAIN)
def test_tasks_against_a_plain_loop_over_the_same_resamples(statistic) -> None:
    found = stratified_bootstrap_interval(SCORES, statistic, resamples=200, rng=7)
    counts = [draw_counts(6, 200, [7, task, 6]) for task in range(4)]
    resampled = []
    for b in range(200):
        drawn = [
            [value for value, times in zip(np.sort(SCORES[:, t]), counts[t][:, b], strict=True) for _ in range(times)]
            for t in range(4)
        ]
        if statistic == "iqm":
            resampled.append(plain_iqm([value for task in drawn for value in task]))
        else:
            resampled.append(PLAIN[statistic]([statistics.fmean(task) for task in drawn]))
    assert [found.low, found.high] == pytest.approx(bounds(resampled), abs=1e-12)


def test_bootstrap_t_against_a_plain_loop_over_the_same_resamples() -> None:
    values = np.sort(np.exp(CURVES[:, 0]))
    found = bootstrap_t_interval(values, resamples=400, rng=7)
    center, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(8)

    def t(sample: list[float]) -> float:
        return (statistics.fmean(sample) - center) / (statistics.stdev(sample) / math.sqrt(8))

    low, high = bounds(plain_resamples(values, draw_counts(8, 400, [7, 0, 8]), t))
    assert [found.low, found.high] == pytest.approx([center - error * high, center - error * low], rel=1e-9)


@pytest.mark.parametrize("interval", [bootstrap_interval, bootstrap_t_interval])
@given(st.permutations(range(8)))
@settings(max_examples=10)
def test_the_order_of_seeds_does_not_matter(interval, order) -> None:
    one, other = interval(CURVES, resamples=100), interval(CURVES[list(order)], resamples=100)
    assert np.array_equal(one.low, other.low)
    assert np.array_equal(one.high, other.high)


@given(st.permutations(range(6)))
@settings(max_examples=10)
def test_the_order_of_seeds_in_a_task_does_not_matter(order) -> None:
    moved = SCORES.copy()
    moved[:, 1] = moved[list(order), 1]
    one, other = (stratified_bootstrap_interval(scores, resamples=100) for scores in (SCORES, moved))
    assert (one.low, one.high) == (other.low, other.high)


@pytest.mark.parametrize("interval", [bootstrap_interval, bootstrap_t_interval])
@given(st.floats(-50, 50), st.floats(0.1, 100))
@settings(max_examples=10)
def test_another_unit_gives_the_same_answer_in_that_unit(interval, shift: float, scale: float) -> None:
    one, other = interval(CURVES, resamples=100), interval(scale * CURVES + shift, resamples=100)
    assert other.low == pytest.approx(scale * one.low + shift, abs=1e-6)
    assert other.high == pytest.approx(scale * one.high + shift, abs=1e-6)


def test_the_seed_decides_and_is_named() -> None:
    zero, again, one = (bootstrap_interval(CURVES, rng=seed) for seed in (0, 0, 1))
    assert np.array_equal(zero.low, again.low)
    assert not np.array_equal(zero.low, one.low)
    assert zero.method == "percentile bootstrap, 2000 resamples of whole runs, seed 0"
    generators = [bootstrap_interval(CURVES, rng=np.random.default_rng(5)) for _ in range(2)]
    assert np.array_equal(generators[0].low, generators[1].low)
    assert "generator" in generators[0].method


def test_nothing_is_drawn_from_global_state() -> None:
    before = np.random.get_state()[1].copy()
    bootstrap_interval(CURVES, rng=0)
    assert np.array_equal(before, np.random.get_state()[1])


def test_whole_runs_are_resampled() -> None:
    """The mean's bounds on curves that all have one shape are this shape: no point sees other seeds than its
    neighbour. With independent draws a constant curve would get jagged bounds."""
    flat = np.repeat(CURVES[:, :1], 50, axis=1)
    found = bootstrap_interval(flat, "mean")
    assert np.ptp(found.low) < 1e-12
    x = np.arange(30.0)
    areas = bootstrap_interval(area_under_curve(x, CURVES).areas, "mean")
    both = bootstrap_interval(np.c_[CURVES, area_under_curve(x, CURVES).areas], "mean")
    assert both.high[-1] - both.low[-1] == pytest.approx(areas.high - areas.low, rel=0.1)


def test_the_area_of_a_resampled_curve_is_the_mean_of_the_resampled_areas() -> None:
    x = np.arange(30.0)
    counts = draw_counts(8, 5, [0])
    curves = (counts.T @ CURVES) / 8
    areas = (counts.T @ area_under_curve(x, CURVES).areas) / 8
    assert area_under_curve(x, curves).areas == pytest.approx(areas)


def test_seeds_that_are_missing_leave_the_others_a_group_of_their_own() -> None:
    ragged = CURVES.copy()
    ragged[5:, 20:] = np.nan
    ragged[:, 29] = np.nan
    found, first, last = bootstrap_interval(ragged), bootstrap_interval(CURVES), bootstrap_interval(CURVES[:5, 20:29])
    assert found.n.tolist() == [8] * 20 + [5] * 9 + [0]
    assert np.array_equal(found.low[:20], first.low[:20])
    assert found.center[20:29] == pytest.approx(last.center)
    assert (found.high - found.low)[20:29] == pytest.approx(last.high - last.low, rel=0.2)
    assert np.isnan([found.center[29], found.low[29], found.high[29]]).all()


def test_a_point_does_not_depend_on_points_with_other_seeds_missing() -> None:
    ragged = np.c_[CURVES[:, :2], np.where(np.arange(8)[:, None] < 5, CURVES[:, 2:4], np.nan)]
    assert np.array_equal(bootstrap_interval(ragged).low[2:], bootstrap_interval(ragged[:5, [0, 2, 3]]).low[1:])


def test_one_seed_has_no_interval() -> None:
    for found in (
        bootstrap_interval([3.0]),
        bootstrap_t_interval([3.0]),
        stratified_bootstrap_interval([[3.0, 3.0]]),
        stratified_bootstrap_interval([[3.0, 1.0], [3.0, np.nan]]),
    ):
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        assert not math.isnan(found.center)
        assert found.label == "1 seed"


def test_no_values_have_no_interval() -> None:
    for values in ([], [np.nan, np.nan], np.full((3, 4), np.nan), np.empty((3, 0))):
        found = bootstrap_interval(values)
        assert np.isnan(found.center).all()
        assert np.isnan(found.low).all()
        assert found.label == "no seeds"
    assert math.isnan(stratified_bootstrap_interval([[1.0, np.nan]] * 5).low)
    assert math.isnan(stratified_bootstrap_interval(np.empty((5, 0))).center)


def test_few_seeds_are_said_to_be_few() -> None:
    assert bootstrap_interval([1.0, 2.0, 3.0]).notes[0] == "few seeds: interval too narrow"
    tasks = stratified_bootstrap_interval(SCORES[:4])
    assert tasks.notes[0] == "few seeds: interval too narrow (about .88 instead of .95)"
    assert stratified_bootstrap_interval(SCORES[:4], level=0.9).notes[0] == "few seeds: interval too narrow"
    assert bootstrap_interval(SCORES[:5, 0]).notes == ("IQM of 5 values: the mean of the middle 3",)
    assert stratified_bootstrap_interval(SCORES[:4]).notes[1] == "IQM of 16 values: the mean of the middle 8"


def test_equal_scores_have_an_interval_without_width() -> None:
    for found in (bootstrap_interval([0.1] * 6), bootstrap_t_interval([0.1] * 6)):
        assert found.low == found.center == found.high


def test_bootstrap_t_says_infinity_where_it_cannot_bound() -> None:
    found = bootstrap_t_interval([1.0, 1.0, 1.0, 1.0, 0.0])
    assert found.low == -np.inf
    assert np.isfinite(found.high)
    assert math.isnan(bootstrap_t_interval([1.0, 2.0, np.inf, 3.0, 4.0]).low)


def test_a_resample_that_is_the_mean_without_spread_says_nothing() -> None:
    found = bootstrap_t_interval(np.arange(5.0), resamples=20_000)  # six of them are the middle value five times
    assert np.isfinite([found.low, found.high]).all()


def test_an_outlier_that_is_trimmed_leaves_no_trace() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    huge = np.r_[values[:7], 1e25]
    low = bootstrap_interval(values).low
    assert bootstrap_interval(huge).low == pytest.approx(low, rel=1e-12)
    assert bootstrap_interval(np.r_[values[:7], np.inf]).low == pytest.approx(low, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval(CURVES, "mode"), "statistic is 'mode'"),
        (lambda: bootstrap_interval(1.0), r"values has shape \(\)"),
        (lambda: bootstrap_interval(CURVES, level=1.0), "level is 1.0"),
        (lambda: bootstrap_interval(CURVES, resamples=39), "resamples is 39, but level 0.95 needs at least 40"),
        (lambda: bootstrap_interval(CURVES, resamples=1e3), "resamples is 1000.0"),
        (lambda: bootstrap_interval(CURVES, rng=-1), "rng is -1"),
        (lambda: bootstrap_interval(CURVES, rng=None), "rng is None"),
        (lambda: bootstrap_t_interval([["a"]]), "values of shape"),
        (lambda: stratified_bootstrap_interval([1.0, 2.0]), r"scores has shape \(2,\)"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
