"""Performance profiles and the optimality gap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rolltape.stats import optimality_gap, performance_profile, stratified_bootstrap_interval

SCORES = np.array([[0.2, 1.0], [0.5, 1.5], [0.8, 2.0], [1.1, 0.5]])
RANDOM = np.random.default_rng(0).normal(0.7, 0.4, size=(8, 5))


def test_a_profile_is_the_share_strictly_above() -> None:
    found = performance_profile(SCORES, [-1, 0.5, 0.8, 1.0, 1.99, 2.0])
    assert found.share.center.tolist() == [1, 5 / 8, 4 / 8, 3 / 8, 1 / 8, 0]
    assert found.thresholds.tolist() == [-1, 0.5, 0.8, 1.0, 1.99, 2.0]
    assert found.n == 4
    assert found.method == "stratified bootstrap over 2 tasks, 2000 resamples, seed 0"
    assert found.share.notes == ("few seeds: interval too narrow",)


def test_the_bounds_of_a_share_of_one_task_are_the_binomials() -> None:
    scores = np.arange(20.0)
    found = performance_profile(scores, [9.5], resamples=20_000)
    assert found.share.center[0] == 0.5
    assert (found.share.low[0], found.share.high[0]) == pytest.approx(
        (0.3, 0.7)
    )  # of 20 coins 6 to 14 heads hold 95.9 %


def test_a_profile_falls_and_its_bounds_hold_it() -> None:
    found = performance_profile(RANDOM, np.linspace(-1, 3, 101))
    for curve in (found.share.center, found.share.low, found.share.high):
        assert (np.diff(curve) <= 1e-12).all()
        assert ((curve >= -1e-12) & (curve <= 1 + 1e-12)).all()
    assert (found.share.low <= found.share.center).all()
    assert (found.share.center <= found.share.high).all()


def test_a_gap_counts_what_is_missing_and_not_what_is_above() -> None:
    found = optimality_gap(SCORES)
    assert found.center == pytest.approx(1 - (0.2 + 0.5 + 0.8 + 1 + 1 + 1 + 1 + 0.5) / 8)
    assert optimality_gap(SCORES, target=3).center == pytest.approx(3 - SCORES.mean())
    assert found.statistic == "optimality gap"
    assert found.label == "optimality gap, bootstrap CI, n=4"
    assert optimality_gap([2.0, 3.0, 4.0]).center == 0


def test_the_gaps_bounds_are_those_of_the_capped_mean() -> None:
    mean = stratified_bootstrap_interval(np.minimum(RANDOM, 1), "mean")
    found = optimality_gap(RANDOM)
    assert [found.low, found.high] == pytest.approx([1 - mean.high, 1 - mean.low], abs=0.01)
    assert found.low < found.center < found.high


def test_seeds_and_tasks_that_are_missing() -> None:
    ragged = SCORES.copy()
    ragged[2:, 1] = np.nan
    assert performance_profile(ragged, [0.9]).share.center[0] == pytest.approx((1 / 4 + 2 / 2) / 2)
    assert optimality_gap(ragged).center == pytest.approx(((0.8 + 0.5 + 0.2 + 0) / 4 + 0) / 2)
    assert performance_profile(ragged, [0.9]).n == 2
    ragged[:, 1] = np.nan
    assert np.isnan(performance_profile(ragged, [0.9]).share.center).all()
    assert math.isnan(optimality_gap(ragged).center)
    assert math.isnan(optimality_gap(ragged).low)


def test_one_seed_has_no_bounds() -> None:
    found = performance_profile(SCORES[:1], [0.9])
    assert found.share.center.tolist() == [0.5]
    assert np.isnan(found.share.low).all()
    assert math.isnan(optimality_gap(SCORES[:1]).low)


def test_infinite_scores() -> None:
    found = performance_profile([-np.inf, 0.0, np.inf], [-np.inf, 0.0, np.inf])
    assert found.share.center == pytest.approx([2 / 3, 1 / 3, 0])
    assert optimality_gap([-np.inf, 0.0, 1.0]).center == np.inf
    assert optimality_gap([np.inf, 0.0, 1.0]).center == pytest.approx(1 / 3)


def test_what_cannot_be_answered_is_named() -> None:
    with pytest.raises(ValueError, match=r"scores has shape \(1, 1, 1\)"):
        performance_profile([[[1.0]]], [0])
    with pytest.raises(ValueError, match=r"thresholds of shape \(2,\) holds NaN"):
        performance_profile(SCORES, [0, np.nan])
    with pytest.raises(ValueError, match=r"thresholds has shape \(\)"):
        performance_profile(SCORES, 0.5)
    with pytest.raises(ValueError, match="target is inf"):
        optimality_gap(SCORES, target=np.inf)
    with pytest.raises(ValueError, match=r"scores has shape \(\)"):
        optimality_gap(1.0)
