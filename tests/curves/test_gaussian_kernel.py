"""The Gaussian kernel against the double loop over its formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import NAN, plain_gaussian

from rolltape.curves import gaussian


@given(
    st.lists(st.tuples(st.floats(0, 50), st.one_of(st.floats(-1e3, 1e3), st.just(NAN))), max_size=40),
    st.sampled_from([1e-3, 0.1, 0.7, 1.0, 3.3, 20.0, 1e4]),
    st.sampled_from([0.0, -1e6, 12345.678]),
)
def test_it_is_its_formula_for_any_x(points: list[tuple[float, float]], sigma: float, shift: float) -> None:
    x = sorted(shift + x for x, _ in points)
    y = [y for _, y in points]
    assert np.allclose(gaussian(x, y, sigma), plain_gaussian(x, y, sigma), rtol=0, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("sigma", [0.01, 0.3, 1, 7, 40, 1000])
def test_it_is_exact_far_beyond_what_can_be_seen(sigma: float) -> None:
    rng = np.random.default_rng(1)
    x = np.sort(rng.random(400)) * 100
    y = rng.normal(size=400)
    y[::7] = np.nan
    assert np.allclose(gaussian(x, y, sigma), plain_gaussian(x, y, sigma), rtol=0, atol=1e-12, equal_nan=True)


def test_points_on_the_nodes_and_borders_of_cells() -> None:
    x = np.arange(0, 30, 0.25)
    y = np.cos(x)
    assert np.allclose(gaussian(x, y, 1.0), plain_gaussian(x, y, 1.0), rtol=0, atol=1e-12)


def test_it_reaches_eight_sigma_and_not_ten() -> None:
    x = np.array([0.0, 1.0])
    huge = 1e20
    for distance in (2.0, 7.9):
        weight = math.exp(-(distance**2) / 2)
        found = gaussian(x * distance, [0.0, huge], 1.0)[0]
        assert found == pytest.approx(huge * weight / (1 + weight), rel=1e-3, abs=huge * 1e-13)
    assert gaussian(x * 10, [0.0, huge], 1.0).tolist() == [0.0, pytest.approx(huge)]


def test_gaps_of_any_width_between_clusters() -> None:
    x = np.array([0.0, 0.5, 1e3, 1e3 + 0.5, 1e12, 1e12 + 0.5])
    assert gaussian(x, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], 1.0).tolist() == pytest.approx([1, 1, 2, 2, 3, 3], rel=1e-12)
    assert gaussian([-1.7e308, 1.7e308], [1.0, 2.0], 1e-300).tolist() == [1, 2]


def test_a_constant_stays_itself_and_wide_kernels_give_the_mean() -> None:
    x = np.random.default_rng(0).random(1000).cumsum()
    assert (gaussian(x, np.full(1000, 0.1), 3.0) == 0.1).all()
    y = np.random.default_rng(1).normal(size=1000)
    assert gaussian(x, y, 1e9) == pytest.approx(y.mean())


def test_what_is_no_value_stays_and_does_not_enter() -> None:
    found = gaussian([0, 1, 2, 3], [1.0, math.inf, NAN, 1.0], 2.0)
    assert found[[0, 3]].tolist() == pytest.approx([1, 1])
    assert found[1] == math.inf and np.isnan(found[2])
    assert np.isnan(gaussian([0, 1], [NAN, NAN], 1.0)).all()
    assert gaussian([], [], 1.0).tolist() == []


def test_the_largest_numbers_there_are() -> None:
    assert np.isfinite(gaussian(np.arange(9), [1.7e308] * 9, 5.0)).all()
    assert gaussian([0, 1], [0.0, 0.0], 1.0).tolist() == [0, 0]


def test_no_smoothing() -> None:
    y = np.array([1.0, 5.0, 2.0])
    found = gaussian([0, 1, 2], y, 0)
    assert found.tolist() == y.tolist() and found is not y
    assert gaussian([0, 1, 2], y, 1e-300).tolist() == pytest.approx(y.tolist())


@pytest.mark.parametrize("sigma", [-1, NAN, math.inf, True])
def test_impossible_sigmas(sigma: float) -> None:
    with pytest.raises(ValueError, match=f"sigma is {sigma!r}, but must be a finite number of at least 0"):
        gaussian([0], [1], sigma)


def test_lines_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="x has 1 values, but y 2"):
        gaussian([0], [1, 2], 1)
    with pytest.raises(ValueError, match="x decreases"):
        gaussian([1, 0], [1, 2], 1)
