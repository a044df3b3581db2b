"""Both exponential moving averages against loops over their formulas, and what no formula may do to a curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import NAN, plain_ema, plain_twema

from rolltape.curves import debiased_ema, time_weighted_ema

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NAN)), max_size=70)
betas = st.one_of(st.floats(0, 0.9999), st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999]))


def assert_close(found: np.ndarray, expected: list[float]) -> None:
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-6, equal_nan=True)


@given(values, betas)
def test_debiased_ema_is_its_formula(y: list[float], beta: float) -> None:
    assert_close(debiased_ema(y, beta), plain_ema(y, beta))


@given(st.data(), values, st.floats(0, 1), st.sampled_from([1.0, 100.0, 1000.0]))
def test_twema_is_its_formula(data: st.DataObject, y: list[float], weight: float, scale: float) -> None:
    steps = data.draw(st.lists(st.floats(0.001, 1e3), min_size=len(y), max_size=len(y)))
    x = np.cumsum(steps)
    if len(y) < 2:
        return
    found = time_weighted_ema(x, y, weight, scale=scale)
    assert_close(found, plain_twema(x.tolist(), y, weight, x[-1] - x[0], scale))


def test_golden_numbers() -> None:
    assert debiased_ema([1, 2, 4], 0.5).tolist() == pytest.approx([1, 5 / 3, 3])
    # over a span of 2000 neighbours lie half a decay apart, and w = √0.25
    assert time_weighted_ema([0, 1, 2], [1.0, 3.0, 5.0], 0.25, span=2000).tolist() == pytest.approx(
        [1, (1 * 0.5**0.5 + 3) / (0.5**0.5 + 1), (1 * 0.5 + 3 * 0.5**0.5 + 5) / (0.5 + 0.5**0.5 + 1)]
    )


def test_weight_one_is_the_largest_decay_below_one() -> None:
    x, y = np.arange(50.0), np.random.default_rng(0).normal(size=50)
    assert np.allclose(time_weighted_ema(x, y, 1, span=1000), plain_twema(x, y, 0.999**2, 1000), rtol=1e-12)


def test_the_default_span_is_the_whole_range_of_x_also_where_its_ends_have_no_value() -> None:
    y = [NAN, 1.0, 5.0, 2.0, NAN]
    assert np.array_equal(
        time_weighted_ema([0, 1, 2, 3, 10], y, 0.999), time_weighted_ema([0, 1, 2, 3, 10], y, 0.999, span=10), True
    )
    assert time_weighted_ema([0, 1, 2, 3, 10], y, 0.999)[2] != time_weighted_ema([0, 1, 2, 3, 4], y, 0.999)[2]


def test_twema_does_not_depend_on_the_density_of_points() -> None:
    y = np.sin(np.linspace(0, 6, 500))
    sparse = time_weighted_ema(np.arange(500), y, 0.99, span=500)
    dense = time_weighted_ema(np.arange(0, 500, 0.1), np.repeat(y, 10), 0.99, span=500)
    assert np.abs(dense[9::10] - sparse).max() < 0.01
    assert np.abs(debiased_ema(np.repeat(y, 10), 0.99)[9::10] - debiased_ema(y, 0.99)).max() > 0.3


def test_values_at_one_x_have_equal_weights() -> None:
    assert time_weighted_ema([3, 3, 3], [1.0, 2.0, 6.0], 0.5).tolist() == pytest.approx([1, 1.5, 3])
    assert time_weighted_ema([3, 3, 3, 9], [1.0, 2.0, 6.0, 5.0], 0).tolist() == pytest.approx([1, 1.5, 3, 5])


@given(values, betas)
def test_what_is_empty_stays_empty_and_all_else_stays_among_the_values(y: list[float], beta: float) -> None:
    x = np.arange(len(y), dtype=np.float64)
    for found in (debiased_ema(y, beta), time_weighted_ema(x, y, beta)):
        assert np.array_equal(np.isnan(found), np.isnan(y))
        if not np.isnan(found).all():
            room = 1e-9 * np.nanmax(np.abs(y))
            assert np.nanmin(y) - room <= np.nanmin(found) <= np.nanmax(found) <= np.nanmax(y) + room


def test_an_infinity_stays_and_does_not_enter() -> None:
    y = [1.0, math.inf, 3.0, -math.inf, NAN, 3.0]
    expected = plain_ema([1, 3, 3], 0.9)
    assert debiased_ema(y, 0.9).tolist()[:4] == pytest.approx([expected[0], math.inf, expected[1], -math.inf])
    assert debiased_ema(y, 0.9)[5] == pytest.approx(expected[2])


def test_no_smoothing_and_no_values() -> None:
    y = [3.0, NAN, -1.0, 8.0]
    assert np.array_equal(debiased_ema(y, 0), y, equal_nan=True)
    assert np.array_equal(time_weighted_ema([0, 1, 2, 3], y, 0), y, equal_nan=True)
    assert debiased_ema([], 0.9).tolist() == time_weighted_ema([], [], 0.9).tolist() == []
    assert time_weighted_ema([5], [2.0], 0.9).tolist() == [2.0]
    assert np.isnan(debiased_ema([NAN, NAN], 0.9)).all()


@pytest.mark.parametrize("n", [10_000, 99_999])
def test_long_lines_are_as_exact_as_the_loop(n: int) -> None:
    rng = np.random.default_rng(n)
    y = rng.normal(size=n).cumsum() + 1e6
    y[rng.random(n) < 0.2] = np.nan
    x = rng.exponential(size=n).cumsum()
    assert np.allclose(debiased_ema(y, 0.999), plain_ema(y.tolist(), 0.999), rtol=1e-11, equal_nan=True)
    found = time_weighted_ema(x, y, 1)
    assert np.allclose(found, plain_twema(x.tolist(), y.tolist(), 1, x[-1] - x[0]), rtol=1e-11, equal_nan=True)


def test_the_largest_numbers_there_are() -> None:
    y = [1.7e308, 1.7e308, -1.7e308, 1.7e308]
    assert np.isfinite(debiased_ema(y, 0.99)).all()
    assert np.isfinite(time_weighted_ema([0, 1e-300, 1e300, 1.7e308], y, 0.99)).all()
    assert np.isfinite(time_weighted_ema([-1e308, 1e308, 1.5e308, 1.7e308], y, 0.99, span=1)).all()


def test_what_is_given_is_not_changed() -> None:
    y = np.array([1.0, 2.0, 4.0])
    debiased_ema(y, 0.5)
    time_weighted_ema(y, y, 0.5)
    assert y.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: debiased_ema([1], 1), "beta is 1, but must be at least 0 and less than 1"),
        (lambda: debiased_ema([1], -0.1), "beta is -0.1"),
        (lambda: debiased_ema([1], NAN), "beta is nan"),
        (lambda: debiased_ema([1], True), "beta is True"),
        (lambda: debiased_ema([[1]], 0.5), r"y holds int64 in shape \(1, 1\), but real numbers \[n\] are needed"),
        (lambda: debiased_ema(["a"], 0.5), "y holds <U1"),
        (lambda: debiased_ema([[1], [1, 2]], 0.5), "y is ragged"),
        (lambda: time_weighted_ema([1], [1], 1.1), "weight is 1.1, but must be at least 0 and at most 1"),
        (lambda: time_weighted_ema([1, 2], [1], 0.5), "x has 2 values, but y 1"),
        (lambda: time_weighted_ema([2, 1], [1, 1], 0.5), "x decreases"),
        (lambda: time_weighted_ema([1, NAN], [1, 1], 0.5), "x is not finite everywhere"),
        (lambda: time_weighted_ema([1, 2], [1, 1], 0.5, span=0), "span is 0.0"),
        (lambda: time_weighted_ema([1, 2], [1, 1], 0.5, span=-1), "span is -1.0"),
        (lambda: time_weighted_ema([-1.7e308, 1.7e308], [1, 1], 0.5), "span is inf"),
        (lambda: time_weighted_ema([1, 2], [1, 1], 0.5, scale=0), "scale is 0"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
