"""Rolling mean and median against what their windows hold, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import NAN, plain_rolling_mean, plain_rolling_median

from rolltape.curves import rolling_mean, rolling_median

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NAN), st.integers(0, 3)), max_size=40)


@given(values, st.one_of(st.integers(1, 12), st.integers(1, 100)))
def test_both_are_what_their_windows_hold(y: list[float], width: int) -> None:
    y = [float(value) for value in y]
    for found, expected in (
        (rolling_mean(y, width), plain_rolling_mean(y, width)),
        (rolling_median(y, width), plain_rolling_median(y, width)),
    ):
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 9, 10])
def test_the_mean_is_the_boxcar_divided_by_that_of_ones(width: int) -> None:
    y = np.random.default_rng(0).normal(size=30)
    ones = np.ones(width)
    expected = np.convolve(y, ones, "same") / np.convolve(np.ones(30), ones, "same")
    assert np.allclose(rolling_mean(y, width), expected, rtol=1e-12)


def test_golden_numbers() -> None:
    y = [1.0, 2.0, 6.0, NAN, 3.0]
    assert np.array_equal(rolling_mean(y, 3), [1.5, 3, 4, NAN, 3], equal_nan=True)
    assert np.array_equal(rolling_median(y, 5), [2, 2, 2.5, NAN, 4.5], equal_nan=True)
    assert np.array_equal(rolling_mean(y, 2), [1, 1.5, 4, NAN, 3], equal_nan=True)


def test_one_huge_value_leaves_no_trace_outside_its_windows() -> None:
    y = np.full(1000, 0.1)
    y[10] = 1e18
    assert rolling_mean(y, 7)[14:] == pytest.approx(0.1, rel=1e-12)
    assert rolling_median(y, 7) == pytest.approx(0.1, rel=1e-15)


def test_what_is_no_value_stays_and_does_not_enter() -> None:
    y = [1.0, math.inf, 3.0, -math.inf]
    assert rolling_mean(y, 3).tolist() == [1, math.inf, 3, -math.inf]
    assert rolling_median(y, 3).tolist() == [1, math.inf, 3, -math.inf]
    assert rolling_mean([], 3).tolist() == rolling_median([], 3).tolist() == []
    assert np.isnan(rolling_mean([NAN], 3)).all() and np.isnan(rolling_median([NAN], 3)).all()


def test_the_largest_numbers_there_are() -> None:
    assert rolling_mean([1.7e308] * 5, 5).tolist() == pytest.approx([1.7e308] * 5)
    assert rolling_median([1.7e308] * 5, 4).tolist() == [1.7e308] * 5


def test_a_window_wider_than_any_line_is_the_whole_line() -> None:
    y = [1.0, 2.0, 6.0]
    assert rolling_mean(y, 10**15).tolist() == pytest.approx([3, 3, 3])
    assert rolling_median(y, 10**15).tolist() == [2, 2, 2]


def test_what_is_given_is_not_changed() -> None:
    y = np.array([1.0, 2.0, 4.0])
    rolling_mean(y, 3)
    rolling_median(y, 3)
    assert y.tolist() == [1, 2, 4]


@pytest.mark.parametrize("width", [0, -1, 2.5, NAN, math.inf, True])
@pytest.mark.parametrize("rolling", [rolling_mean, rolling_median])
def test_impossible_widths(rolling, width: float) -> None:
    with pytest.raises(ValueError, match=f"width is {width!r}, but must be a whole number of at least 1"):
        rolling([1, 2], width)


def test_a_whole_number_may_be_a_float() -> None:
    assert rolling_mean([1, 2, 6], 3.0).tolist() == rolling_mean([1, 2, 6], 3).tolist()
