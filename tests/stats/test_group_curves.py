"""Curves of a group: how many seeds there are at each x, and where there are enough."""

from __future__ import annotations

import numpy as np
import pytest

from rolltape.stats import curve_band, default_band, fewest_to_show, seeds_at

CURVES = np.random.default_rng(0).normal(size=(7, 20)).cumsum(axis=1)
RAGGED = CURVES.copy()
for seed in range(7):
    RAGGED[seed, 20 - 2 * seed :] = np.nan


def test_seeds_at_each_point() -> None:
    assert seeds_at(RAGGED).tolist() == [7] * 8 + [6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    tasks = np.stack([CURVES, RAGGED], axis=1)
    assert seeds_at(tasks, tasks=True).tolist() == seeds_at(RAGGED).tolist()


@pytest.mark.parametrize(("seeds", "fewest"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (7, 4), (10, 5)])
def test_at_least_two_and_half_of_the_group(seeds: int, fewest: int) -> None:
    assert fewest_to_show(seeds) == fewest


def test_a_curve_ends_where_too_few_are_left() -> None:
    found = curve_band(RAGGED)
    assert np.isnan(found.center).tolist() == [False] * 14 + [True] * 6
    assert np.isnan(found.low).tolist() == [False] * 12 + [True] * 8
    assert found.n.tolist() == seeds_at(RAGGED).tolist()
    assert found.method == default_band(RAGGED).method


def test_a_curve_may_end_with_its_first_seed() -> None:
    assert np.isnan(curve_band(RAGGED, fewest=7).center).tolist() == [False] * 8 + [True] * 12


def test_runs_without_values_are_not_of_the_group() -> None:
    found = curve_band(np.r_[RAGGED[4:], np.full((6, 20), np.nan)])
    assert np.array_equal(found.center, curve_band(RAGGED[4:]).center, equal_nan=True)
    assert not np.isnan(found.center[0])


def test_one_seed_is_drawn_whole() -> None:
    found = curve_band(CURVES[:1])
    assert np.array_equal(found.center, CURVES[0])
    assert np.isnan(found.low).all()
    assert found.label == "1 seed"


def test_whole_curves_are_the_default_band() -> None:
    band, curve = default_band(CURVES), curve_band(CURVES)
    for part in ("center", "low", "high", "n"):
        assert np.array_equal(getattr(band, part), getattr(curve, part))


def test_several_tasks() -> None:
    tasks = np.stack([CURVES, RAGGED], axis=1)
    found = curve_band(tasks, tasks=True)
    assert found.center.shape == (20,)
    assert np.isnan(found.center).tolist() == [False] * 14 + [True] * 6
    assert found.method.startswith("stratified bootstrap over 2 tasks")


def test_no_values_at_all() -> None:
    for curves in (np.full((4, 3), np.nan), np.empty((0, 3)), np.empty((4, 0))):
        found = curve_band(curves)
        assert np.isnan(found.center).all()
        assert found.label == "no seeds"


def test_what_cannot_be_answered_is_named() -> None:
    with pytest.raises(ValueError, match=r"curves has shape \(7,\), but 2 dimensions"):
        curve_band(CURVES[:, 0])
    with pytest.raises(ValueError, match=r"curves has shape \(7, 20\), but 3 dimensions"):
        curve_band(CURVES, tasks=True)
    with pytest.raises(ValueError, match="fewest is 0"):
        curve_band(CURVES, fewest=0)
