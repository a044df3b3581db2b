"""The policy: which centre and band a group gets by its number of seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rolltape.stats import (
    bootstrap_interval,
    bootstrap_t_interval,
    default_band,
    looks_bimodal,
    stratified_bootstrap_interval,
    student_t_interval,
)

VALUES = np.random.default_rng(1).normal(size=12)
SCORES = np.random.default_rng(2).normal(size=(12, 3))


@pytest.mark.parametrize(
    ("n", "label", "center"),
    [
        (0, "no seeds", None),
        (1, "1 seed", np.mean),
        (2, "2 seeds", np.mean),
        (3, "mean, t CI, n=3", np.mean),
        (4, "mean, t CI, n=4", np.mean),
        (5, "IQM, bootstrap CI, n=5", lambda v: np.sort(v)[1:4].mean()),
        (12, "IQM, bootstrap CI, n=12", lambda v: np.sort(v)[3:9].mean()),
    ],
)
def test_one_task(n: int, label: str, center) -> None:
    found = default_band(VALUES[:n])
    assert found.label == label
    assert found.n == n
    assert found.center == pytest.approx(center(VALUES[:n]) if center else math.nan, nan_ok=True)
    assert math.isnan(found.low) == (n < 3)


@pytest.mark.parametrize(
    ("n", "label"),
    [(1, "1 seed"), (2, "2 seeds"), (3, "IQM, bootstrap CI, n=3"), (12, "IQM, bootstrap CI, n=12")],
)
def test_several_tasks(n: int, label: str) -> None:
    found = default_band(SCORES[:n], tasks=True)
    assert found.label == label
    assert math.isnan(found.low) == (n < 3)
    assert any("few seeds" in note for note in found.notes) == (n == 3)


def test_the_numbers_are_those_of_the_method_named() -> None:
    pairs = [
        (default_band(VALUES[:4]), student_t_interval(VALUES[:4])),
        (default_band(VALUES), bootstrap_interval(VALUES)),
        (default_band(VALUES, statistic="mean"), bootstrap_t_interval(VALUES)),
        (default_band(VALUES, statistic="median"), bootstrap_interval(VALUES, "median")),
        (default_band(SCORES, tasks=True), stratified_bootstrap_interval(SCORES)),
        (default_band(SCORES, tasks=True, statistic="mean"), stratified_bootstrap_interval(SCORES, "mean")),
    ]
    for band, direct in pairs:
        assert (band.center, band.low, band.high) == (direct.center, direct.low, direct.high)
        assert (band.method, band.label, band.level) == (direct.method, direct.label, direct.level)


def test_a_statistic_that_is_asked_for_gets_the_method_that_suits_it() -> None:
    assert default_band(VALUES[:4], statistic="mean").label == "mean, t CI, n=4"
    assert default_band(VALUES[:5], statistic="mean").label == "mean, bootstrap-t CI, n=5"
    assert default_band(VALUES[:5], statistic="median").label == "median, bootstrap CI, n=5"
    few = default_band(VALUES[:4], statistic="iqm")
    assert (few.label, few.notes[0]) == ("IQM, bootstrap CI, n=4", "few seeds: interval too narrow")
    assert not math.isnan(few.low)
    assert default_band(VALUES[:2], statistic="median").label == "2 seeds"


def test_a_mean_of_many_equal_scores_gets_bounds_all_the_same() -> None:
    capped = [500.0] * 9 + [480.0]
    assert bootstrap_t_interval(capped).low == -np.inf
    found, direct = default_band(capped, statistic="mean"), student_t_interval(capped)
    assert (found.low, found.high, found.label) == (direct.low, direct.high, "mean, t CI, n=10")
    assert found.notes == ("Student's t, because so many scores are equal that bootstrap-t has no bounds",)


def test_missing_seeds_do_not_count() -> None:
    values = np.r_[VALUES[:3], [np.nan] * 4]
    assert default_band(values).label == "mean, t CI, n=3"
    scores = SCORES.copy()
    scores[2:, 1] = np.nan
    assert default_band(scores, tasks=True).label == "2 seeds"


def test_one_method_along_a_curve_and_no_bounds_where_it_has_too_few_seeds() -> None:
    curves = np.repeat(VALUES[:6, None], 6, axis=1)
    for point in range(6):
        curves[:point, point] = np.nan  # 6, 5, 4, 3, 2 and 1 seeds
    found = default_band(curves)
    assert found.label == "IQM, bootstrap CI, n=1–6"
    assert np.isnan(found.low).tolist() == [False, False, True, True, True, True]
    assert not np.isnan(found.center).any()
    found = default_band(curves[2:])
    assert found.label == "mean, t CI, n=1–4"
    assert np.isnan(found.low).tolist() == [False] * 4 + [True] * 2


def test_no_tasks_are_no_seeds() -> None:
    for seeds in (2, 6):
        found = default_band(np.empty((seeds, 0)), tasks=True)
        assert found.label == "no seeds"
        assert math.isnan(found.center)


def test_bimodal_scores_are_pointed_out() -> None:
    assert default_band([0, 0.1, 1, 1.1, 1.05, 1.02]).notes[-1] == "bimodal: look at the seeds"
    assert "bimodal" not in " ".join(default_band(VALUES).notes)


def test_what_looks_bimodal() -> None:
    assert looks_bimodal([0, 0.1, 1, 1.1, 1.05])
    assert not looks_bimodal([0, 0.1, 1, 1.1])  # four seeds tell nothing
    assert not looks_bimodal([0, 1, 1.1, 1.05, 1.02, 1.07])  # one outlier is no mode
    assert not looks_bimodal([3.0] * 9)
    assert not looks_bimodal([np.nan] * 9)
    assert looks_bimodal([0, 0.1, 1, 1.1, 1.05, np.nan, np.inf])
    columns = np.array([[0, 0.1, 1, 1.1, 1.05], [1, 2, 3, 4, 5]]).T
    assert looks_bimodal(columns).tolist() == [True, False]


def test_how_often_normal_scores_look_bimodal_and_mixtures_do() -> None:
    rng = np.random.default_rng(0)
    for n, wrong, right in ((5, 0.08, 0.43), (6, 0.04, 0.54), (10, 0.002, 0.70)):
        mixture = rng.normal(rng.random((n, 8000)) < 0.7, 0.1)
        assert looks_bimodal(rng.normal(size=(n, 8000))).mean() == pytest.approx(wrong, abs=0.01)
        assert looks_bimodal(mixture).mean() == pytest.approx(right, abs=0.03)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: default_band(VALUES, tasks=True), r"values has shape \(12,\), but \[seeds, tasks"),
        (lambda: default_band([1.0], statistic="mode"), "statistic is 'mode'"),
        (lambda: default_band([1.0], level=2), "level is 2"),
        (lambda: default_band([1.0], resamples=3), "resamples is 3"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
