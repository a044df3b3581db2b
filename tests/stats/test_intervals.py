"""Std, stderr and Student's t intervals, and what an interval says about itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rolltape.stats import Interval, std_interval, stderr_interval, student_t_interval

VALUES = [1.0, 2.0, 3.0, 4.0]
STD = math.sqrt(5 / 3)


def test_golden_numbers() -> None:
    reach = {
        std_interval: STD,
        stderr_interval: STD / 2,
        student_t_interval: 3.18244630528 * STD / 2,
    }
    for interval, expected in reach.items():
        found = interval(VALUES)
        assert found.center == 2.5
        assert found.low == pytest.approx(2.5 - expected, rel=1e-9)
        assert found.high == pytest.approx(2.5 + expected, rel=1e-9)
        assert found.n == 4
        assert found.statistic == "mean"
    assert student_t_interval(VALUES, level=0.9).high == pytest.approx(2.5 + 2.35336343480 * STD / 2, rel=1e-9)


def test_each_point_counts_its_own_seeds() -> None:
    curves = np.array([[1, 1, 1, np.nan], [2, 2, np.nan, np.nan], [3, np.nan, np.nan, np.nan]])
    found = student_t_interval(curves)
    assert found.n.tolist() == [3, 2, 1, 0]
    assert found.center[:3].tolist() == [2, 1.5, 1]
    assert found.high[0] == pytest.approx(2 + 4.30265272975 / math.sqrt(3))
    assert found.high[1] == pytest.approx(1.5 + 12.7062047362 * 0.5)
    assert np.isnan(found.high[2:]).all()
    assert np.isnan(found.low[2:]).all()
    assert found.label == "mean, t CI, n=1–3"


def test_equal_seeds_have_a_band_without_width_and_infinite_ones_none() -> None:
    same = student_t_interval([2.0, 2.0, 2.0])
    assert (same.low, same.high) == (2, 2)
    found = student_t_interval([1.0, np.inf, 2.0])
    assert found.center == np.inf
    assert math.isnan(found.low)


@pytest.mark.parametrize(("n", "label"), [(0, "no seeds"), (1, "1 seed"), (2, "mean, std, n=2"), (9, "mean, std, n=9")])
def test_labels(n: int, label: str) -> None:
    assert std_interval(np.arange(float(n))).label == label


def test_what_is_no_confidence_interval_has_no_level() -> None:
    assert std_interval(VALUES).level is None
    assert stderr_interval(VALUES).level is None
    assert student_t_interval(VALUES, level=0.8).level == 0.8


def test_an_interval_cannot_be_changed() -> None:
    found: Interval = std_interval(VALUES)
    with pytest.raises(AttributeError):
        found.statistic = "median"  # type: ignore[misc]


@pytest.mark.parametrize("level", [0, 1, 95, math.nan])
def test_a_level_lies_between_0_and_1(level: float) -> None:
    with pytest.raises(ValueError, match="level is"):
        student_t_interval(VALUES, level=level)


def test_one_number_is_no_group() -> None:
    with pytest.raises(ValueError, match=r"values has shape \(\)"):
        student_t_interval(3.0)
