"""Student's t against published tables."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolltape.stats import t_quantile
from rolltape.stats.student_t import t_tail

PUBLISHED = [  # (p, df, t): NIST/SEMATECH e-Handbook 1.3.6.7.2 in more digits
    (0.975, 1, 12.7062047362),
    (0.975, 2, 4.30265272975),
    (0.975, 3, 3.18244630528),
    (0.975, 4, 2.77644510520),
    (0.975, 9, 2.26215716280),
    (0.975, 10, 2.22813885199),
    (0.975, 19, 2.09302405441),
    (0.975, 30, 2.04227245630),
    (0.975, 100, 1.98397151853),
    (0.95, 5, 2.01504837333),
    (0.90, 10, 1.37218364111),
    (0.99, 7, 2.99795156686),
    (0.995, 4, 4.60409487135),
    (0.9995, 6, 5.95881617882),
]


@pytest.mark.parametrize(("p", "df", "t"), PUBLISHED)
def test_published_values(p: float, df: float, t: float) -> None:
    assert t_quantile(p, df) == pytest.approx(t, rel=1e-10)
    assert t_quantile(1 - p, df) == pytest.approx(-t, rel=1e-10)


@given(st.floats(1e-6, 1 - 1e-6))
def test_closed_forms_of_one_two_and_four_degrees(p: float) -> None:
    side = 2 * p - 1
    assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-8, abs=1e-12)
    assert t_quantile(p, 2) == pytest.approx(side * math.sqrt(2 / (4 * p * (1 - p))), rel=1e-8, abs=1e-12)
    root = 4 * p * (1 - p)
    four = 2 * math.sqrt(max(0.0, math.cos(math.acos(math.sqrt(root)) / 3) / math.sqrt(root) - 1))
    assert abs(t_quantile(p, 4)) == pytest.approx(four, rel=1e-6, abs=1e-6)


@given(st.floats(1e-9, 1 - 1e-9), st.floats(0.5, 1e5))
def test_the_quantile_inverts_the_tail(p: float, df: float) -> None:
    assert t_tail(t_quantile(p, df), df) == pytest.approx(1 - p, rel=1e-7)


def test_many_degrees_are_nearly_normal() -> None:
    assert t_quantile(0.975, 1e9) == pytest.approx(1.959963984540054, rel=1e-6)


def test_extremes() -> None:
    assert t_quantile(0.5, 3) == 0
    assert t_tail(math.inf, 3) == 0
    assert t_tail(-math.inf, 3) == 1
    assert math.isnan(t_tail(math.nan, 3))


@pytest.mark.parametrize("p", [0, 1, -1, math.nan])
def test_a_probability_lies_between_0_and_1(p: float) -> None:
    with pytest.raises(ValueError, match="p is"):
        t_quantile(p, 3)


@pytest.mark.parametrize("df", [0, -1, math.nan, math.inf])
def test_degrees_of_freedom_are_positive(df: float) -> None:
    with pytest.raises(ValueError, match="df is"):
        t_quantile(0.9, df)
    with pytest.raises(ValueError, match="df is"):
        t_tail(1, df)
