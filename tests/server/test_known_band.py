"""Intervals of which a part is known, against intervals made anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rolltape.curves.moving_averages import debiased_ema
from rolltape.server.answers import known_band as module
from rolltape.server.answers.known_band import known_band
from rolltape.stats.aggregates import Statistic
from rolltape.stats.curves import curve_band
from rolltape.stats.intervals import Interval

Floats = NDArray[np.float64]
RESAMPLES = 200


def check(question: object, values: Floats, statistic: Statistic, fewest: int) -> Interval:
    """As made anew, to the bit; of a mean to the last bits, as a product of matrices may add in another order."""
    found = known_band(question, values, statistic=statistic, fewest=fewest, resamples=RESAMPLES)
    wanted = curve_band(values, statistic=statistic, fewest=fewest, resamples=RESAMPLES)
    for name in ("center", "low", "high", "n"):
        one, other = getattr(found, name), getattr(wanted, name)
        if statistic == "mean":
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-300, err_msg=name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)
    for name in ("statistic", "kind", "method", "level", "notes"):
        assert getattr(found, name) == getattr(wanted, name), name
    return found


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(2, 12), st.sampled_from(["mean", "median", "iqm"]), st.data())
def test_it_is_what_is_made_anew(seed: int, seeds: int, statistic: Statistic, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    b = int(rng.integers(1, 40))
    values = rng.standard_normal((seeds, b)).cumsum(axis=1)
    if data.draw(st.booleans(), "few values, many of them equal"):
        values = np.round(values)
    begins, ends = rng.integers(0, b + 1, (2, seeds)) // np.array([[4], [1]])
    at = np.arange(b)
    values[(at < begins[:, None]) | (at >= ends[:, None])] = np.nan
    if data.draw(st.booleans(), "two seeds alike"):
        values[1] = values[0]
    question, fewest = object(), max(2, (seeds + 1) // 2)
    for _ in range(4):
        check(question, values, statistic, fewest)
        values = values.copy()
        kind = data.draw(st.sampled_from(["grow", "any", "first", "gone", "same", "other seed"]))
        row, column = int(rng.integers(seeds)), int(rng.integers(b))
        if kind == "grow":
            for seed_row in values:
                held = int((~np.isnan(seed_row)).nonzero()[0].max(initial=-1)) + 1
                seed_row[held : held + int(rng.integers(3))] = rng.standard_normal()
        elif kind == "any":
            values[row, column] = np.round(rng.standard_normal(), 1)
        elif kind == "first":
            values[row, 0] = rng.standard_normal()
        elif kind == "gone":
            values[row, column:] = np.nan
        elif kind == "other seed":
            values[row] = rng.standard_normal(b)


def test_only_new_points_are_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def spy(values: Floats, **given: Any) -> Interval:
        made.append(values.shape[1])
        return curve_band(values, **given)

    monkeypatch.setattr(module, "curve_band", spy)
    rng = np.random.default_rng(1)
    raw = rng.standard_normal((10, 600)).cumsum(axis=1)
    for smoothed in (False, True):
        question = object()
        for upto in (400, 401, 401, 403):
            values = np.array([debiased_ema(row, 0.9) for row in raw]) if smoothed else raw.copy()
            values[:, upto:] = np.nan
            known_band(question, values, statistic="iqm", fewest=5, resamples=RESAMPLES)
    assert made[0] == made[4] == 600
    assert max(made[1:4] + made[5:]) <= 5


def test_seeds_that_are_all_alike_are_not_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def spy(values: Floats, **given: Any) -> Interval:
        made.append(values.shape[1])
        return curve_band(values, **given)

    monkeypatch.setattr(module, "curve_band", spy)
    question = object()
    for upto in (400, 402):
        values = np.tile(np.arange(600.0), (10, 1))
        values[:, upto:] = np.nan
        check(question, values, "iqm", 5)
    assert made[0] == 600
    assert made[1] <= 4


def test_what_all_points_decide_together() -> None:
    """How many seeds have any value, and most at a point: that may be far from what is new."""
    rng = np.random.default_rng(2)

    def some(seeds: int, *held: slice) -> Floats:
        values = np.full((seeds, 40), np.nan)
        for row, part in zip(values, held, strict=True):
            row[part] = rng.standard_normal(len(row[part]))
        return values

    early, late, all_of = slice(0, 20), slice(20, 40), slice(0, 40)
    fifth = some(5, *[all_of] * 4, slice(0, 0))
    in_turns = some(6, *[early] * 4, *[late] * 2)
    full_once = some(7, *[slice(0, 12)] * 3, *[slice(10, 40)] * 4)
    never_five = some(5, *[all_of] * 3, slice(0, 20), slice(20, 40))
    with_gaps = some(7, *[all_of] * 7)
    with_gaps[5, 6:30] = with_gaps[6, :10] = with_gaps[6, 12:30] = np.nan
    for values, row, column in (
        (never_five, 1, 5),
        (with_gaps, 1, 7),
        (fifth, 4, 39),
        (in_turns, 1, 5),
        (in_turns, 5, 30),
        (full_once, 1, 2),
    ):
        for statistic in ("iqm", "median", "mean"):
            question = object()
            check(question, values, statistic, 2)  # type: ignore[arg-type]
            more = values.copy()
            more[row, column] = 0.25
            check(question, more, statistic, 2)  # type: ignore[arg-type]


def test_a_point_that_leaves_bootstrap_t_without_bounds() -> None:
    question, values = object(), np.random.default_rng(4).standard_normal((6, 30))
    assert check(question, values, "mean", 3).kind == "bootstrap-t CI"
    equal = values.copy()
    equal[:, 20] = [0, 0, 0, 0, 0, 1]
    assert check(question, equal, "mean", 3).kind == "t CI"
    equal[:, 25] += 1
    assert check(question, equal, "mean", 3).kind == "t CI"
    assert check(question, values, "mean", 3).kind == "bootstrap-t CI"
