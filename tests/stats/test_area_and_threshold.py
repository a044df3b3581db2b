"""Area under a curve and steps to threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolltape.stats import area_under_curve, steps_to_threshold

NAN, INF = math.nan, math.inf


def test_areas_golden() -> None:
    found = area_under_curve([0, 10, 20], [[0, 1, 1], [2, 2, 2]])
    assert found.areas == pytest.approx([(5 + 10) / 20, 2])
    assert (found.start, found.end, found.n) == (0, 20, 2)


def test_an_area_may_end_between_points() -> None:
    found = area_under_curve([0, 10, 20], [[0, 1, 3]], start=5, end=14)
    inside = (0.5 + 1) / 2 * 5 + (1 + 1.8) / 2 * 4
    assert found.areas == pytest.approx([inside / 9])


def test_each_run_has_points_of_its_own() -> None:
    x = [[0, 4, 8, NAN], [1, 2, 9, 12]]
    found = area_under_curve(x, [[0, 4, 8, NAN], [1, 2, 9, 12]])
    assert (found.start, found.end) == (1, 8)
    assert found.areas == pytest.approx([4.5, 4.5])


@given(
    st.lists(st.floats(-100, 100), min_size=3, max_size=12),
    st.floats(0.05, 0.9),
    st.floats(0.05, 1),
)
def test_areas_against_many_small_steps(heights: list[float], start: float, width: float) -> None:
    x = np.cumsum(np.arange(1.0, len(heights) + 1))
    begin = x[0] + start * np.ptp(x)
    end = begin + max(width, 0.05) * (x[-1] - begin)
    fine = np.unique(np.r_[np.linspace(begin, end, 50), x[(x > begin) & (x < end)]])
    y = np.interp(fine, x, heights)
    expected = (np.diff(fine) * (y[1:] + y[:-1]) / 2).sum() / (end - begin)
    assert area_under_curve(x, [heights], start=begin, end=end).areas[0] == pytest.approx(expected, abs=1e-9)


def test_nothing_is_extrapolated_and_no_gap_bridged() -> None:
    y = [[1, 1, 1, 1, 1], [1, 1, NAN, 1, 1], [1, 1, 1, NAN, NAN], [NAN, 1, 1, 1, 1], [NAN] * 5]
    found = area_under_curve(np.arange(5), y, start=0, end=4)
    assert found.areas[0] == 1
    assert np.isnan(found.areas[1:]).all()
    assert found.n == 1
    common = area_under_curve(np.arange(5), y)
    assert (common.start, common.end) == (1, 2)
    assert np.isnan(common.areas).tolist() == [False, True, False, False, True]


def test_no_common_range_gives_no_areas() -> None:
    for y in ([[NAN, NAN]], [[1, NAN]], np.empty((0, 2)), [[1, NAN], [NAN, 1]]):
        found = area_under_curve([0, 1], y)
        assert np.isnan(found.areas).all()
        assert (math.isnan(found.start), found.n) == (True, 0)
    assert area_under_curve([], np.empty((3, 0))).areas.shape == (3,)


def test_infinite_heights_stay_inside_their_part_of_the_range() -> None:
    y = [[1, 1, 1, INF]]
    assert area_under_curve(range(4), y, end=2).areas.tolist() == [1]
    assert area_under_curve(range(4), y).areas.tolist() == [INF]


def test_repeated_x_is_a_jump() -> None:
    assert area_under_curve([0, 1, 1, 2], [[0, 0, 4, 4]]).areas == pytest.approx([2])


def test_steps_golden() -> None:
    y = [[0, 1, 4, 9], [0, 0, 0, 0], [5, 0, 0, 0], [0, 0, 0, 3]]
    found = steps_to_threshold([0, 10, 20, 30], y, 3)
    assert found.steps == pytest.approx([10 + 10 * 2 / 3, INF, 0, 30])
    assert found.median == pytest.approx((30 + 50 / 3) / 2)
    assert (found.share, found.reached, found.n) == (0.75, 3, 4)
    assert found.method == "median of all runs, those that never reach it as infinite"


def test_losses_reach_from_above() -> None:
    found = steps_to_threshold([0, 10], [[4, 0], [4, 3]], 1, below=True)
    assert found.steps.tolist() == [7.5, INF]
    assert found.median == INF


def test_no_crossing_is_interpolated_across_a_gap() -> None:
    y = [[0, NAN, 4, 4], [NAN, NAN, 4, 4], [0, INF, 0, 0], [-INF, 4, 0, 0]]
    assert steps_to_threshold([0, 10, 20, 30], y, 3).steps.tolist() == [20, 20, 10, 10]


def test_runs_without_values_do_not_count() -> None:
    found = steps_to_threshold([0, 10], [[0, 4], [NAN, NAN]], 2)
    assert found.steps[0] == 5
    assert math.isnan(found.steps[1])
    assert (found.n, found.reached, found.share, found.median) == (1, 1, 1, 5)
    for y in ([[NAN, NAN]], np.empty((0, 2))):
        nothing = steps_to_threshold([0, 10], y, 2)
        assert (nothing.n, nothing.reached) == (0, 0)
        assert math.isnan(nothing.median)
        assert math.isnan(nothing.share)
    assert np.isnan(steps_to_threshold([], np.empty((2, 0)), 1).steps).all()


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, INF]), min_size=1, max_size=9))
def test_with_one_budget_the_median_is_the_plain_one(steps: list[float]) -> None:
    x = np.arange(6.0)
    found = steps_to_threshold(x, [(x >= step) * 1.0 for step in steps], 1)
    assert found.steps.tolist() == steps
    assert found.median == np.median(steps)
    assert found.share == np.isfinite(steps).mean()


@pytest.mark.parametrize("n", range(1, 60))
def test_half_of_the_runs_is_half_whatever_the_last_digit(n: int) -> None:
    x = np.arange(n + 1.0)
    found = steps_to_threshold(x, x >= np.arange(1.0, n + 1)[:, None], 1)
    assert found.median == (n + 1) / 2


def test_runs_that_ended_early_tell_only_about_their_own_budget() -> None:
    """Kaplan and Meier by hand: crossings at 2, 4, 6; ends without one at 1, 3, 9."""
    x = np.arange(10.0)
    y = np.zeros((6, 10))
    for run, crossing in enumerate((2, 4, 6)):
        y[run, crossing:] = 1
    y[3, 2:] = y[4, 4:] = NAN
    found = steps_to_threshold(x, y, 1)
    # at risk: 5 at 2 (one ended at 1), 3 at 4 (one more at 3), 2 at 6
    assert found.share == pytest.approx(1 - 4 / 5 * 2 / 3 * 1 / 2)
    assert found.median == 6  # left: 0.8, 0.533, 0.267
    assert found.reached == 3
    assert found.method == "Kaplan–Meier: 2 of 6 run(s) ended before others reached it"


@pytest.mark.parametrize("call", [area_under_curve, lambda x, y: steps_to_threshold(x, y, 1)])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([0, 1], [1, 2], r"y has shape \(2,\)"),
        ([0, 1, 2], [[1, 2]], r"x has shape \(3,\), but y \(1, 2\)"),
        ([[0, 1]], [[1, 2], [1, 2]], r"x has shape \(1, 2\), but y \(2, 2\)"),
        ([1, 0], [[1, 2]], r"x of shape \(1, 2\) decreases"),
        ([2, NAN, 1], [[1, NAN, 2]], "decreases"),
        ([0, NAN], [[1, 2]], "is not finite where y has a value"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, x, y, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(x, y)


def test_what_cannot_be_answered_is_named() -> None:
    with pytest.raises(ValueError, match="start is 1 and end 1"):
        area_under_curve([0, 1], [[1, 2]], start=1, end=1)
    with pytest.raises(ValueError, match="threshold is NaN"):
        steps_to_threshold([0, 1], [[1, 2]], NAN)
