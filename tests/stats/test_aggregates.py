"""Mean, median, IQM and spread: golden numbers, NaN, infinities, and the definitions over tasks."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_statistics import plain_iqm

from rolltape.stats import across_tasks, count, iqm, iqm_kept, mean, median, std, stderr

scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@pytest.mark.parametrize("n", range(1, 21))
def test_iqm_drops_a_quarter_at_each_end_rounded_down(n: int) -> None:
    values = [float((7 * i) % 23) ** 2 for i in range(n)]
    assert iqm(values) == pytest.approx(plain_iqm(values), rel=1e-14)


@pytest.mark.parametrize(("n", "kept"), [(1, 1), (3, 3), (4, 2), (7, 5), (8, 4), (10, 6), (11, 7), (12, 6)])
def test_iqm_tells_how_many_it_keeps(n: int, kept: int) -> None:
    assert iqm_kept(n) == kept


def test_golden_numbers() -> None:
    values = [2, 4, 4, 4, 5, 5, 7, 9]
    assert mean(values) == 5
    assert median(values) == 4.5
    assert iqm(values) == (4 + 4 + 5 + 5) / 4
    assert std(values) == pytest.approx(math.sqrt(32 / 7), rel=1e-15)
    assert stderr(values) == pytest.approx(math.sqrt(32 / 7 / 8), rel=1e-15)


@given(scores, st.randoms())
def test_the_order_of_seeds_does_not_matter(values: list[float], random) -> None:
    shuffled = random.sample(values, len(values))
    for aggregate in (mean, median, iqm, std):
        assert np.array_equal(aggregate(values), aggregate(shuffled), equal_nan=True)


@given(scores, st.floats(-100, 100), st.sampled_from([0.01, 2.0, 300.0, -5.0]))
def test_another_unit_gives_the_same_answer_in_that_unit(values: list[float], shift: float, scale: float) -> None:
    for aggregate in (mean, median, iqm):
        moved = aggregate([scale * value + shift for value in values])
        assert moved == pytest.approx(scale * aggregate(values) + shift, abs=1e-6)
    assert std([scale * v + shift for v in values]) == pytest.approx(abs(scale) * std(values), abs=1e-5, nan_ok=True)


@given(scores)
def test_against_plain_python(values: list[float]) -> None:
    assert iqm(values) == pytest.approx(plain_iqm(values), abs=1e-8)
    assert median(values) == pytest.approx(statistics.median(values), abs=1e-8)
    if len(values) > 1:
        assert std(values) == pytest.approx(statistics.stdev(values), abs=1e-6)


def test_nan_is_no_value() -> None:
    values = np.array([[1, np.nan, np.nan], [2, 5, np.nan], [np.nan, 7, np.nan], [6, 9, np.nan], [4, 1, np.nan]])
    assert count(values).tolist() == [4, 4, 0]
    for aggregate, expected in ((mean, [3.25, 5.5]), (median, [3, 6]), (iqm, [3, 6])):
        found = aggregate(values)
        assert found[:2].tolist() == expected
        assert math.isnan(found[2])
    assert std(values)[:2] == pytest.approx([statistics.stdev([1, 2, 6, 4]), statistics.stdev([5, 7, 9, 1])])
    assert math.isnan(std(values)[2])


def test_one_seed_has_no_spread_and_equal_seeds_have_none() -> None:
    assert math.isnan(std([3.0]))
    assert math.isnan(stderr([3.0]))
    assert std([0.1] * 7) == 0
    assert math.isnan(mean([]))


def test_infinities_are_trimmed_or_shown_but_never_lost() -> None:
    values = [-np.inf, 1, 2, 3, 4, 5, 6, np.inf]
    assert iqm(values) == 3.5
    assert median(values) == 3.5
    assert math.isnan(mean(values))
    assert mean(values[1:]) == np.inf
    assert iqm([1, 2, np.inf]) == np.inf
    assert math.isnan(std(values[1:]))


def test_axes() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    assert mean(values, 1).shape == (2, 4)
    assert iqm(values, (0, 1)).tolist() == iqm(values.reshape(6, 4)).tolist()
    assert iqm(values, (2, 0)).shape == (3,)
    assert median(values, None) == 11.5


def test_over_tasks_mean_and_median_are_of_the_tasks_means_and_iqm_pools() -> None:
    values = np.array([[0.0, 10.0, 5.0], [2.0, 30.0, 5.0]])  # task means 1, 20, 5
    assert across_tasks(values, "mean") == pytest.approx(26 / 3)
    assert across_tasks(values, "median") == 5
    assert across_tasks(values, "iqm") == plain_iqm([0, 10, 5, 2, 30, 5])


def test_over_tasks_with_seeds_missing() -> None:
    values = np.array([[0.0, 10.0, 5.0], [2.0, np.nan, 5.0]])
    assert across_tasks(values, "mean") == pytest.approx((1 + 10 + 5) / 3)
    assert across_tasks(values, "iqm") == plain_iqm([0, 10, 5, 2, 5])
    values[0, 1] = np.nan
    for statistic in ("mean", "median", "iqm"):
        assert math.isnan(across_tasks(values, statistic))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean([[1, 2], [3]]), "values is ragged"),
        (lambda: mean(["a"]), r"values of shape \(1,\) holds <U1"),
        (lambda: mean([1j]), "complex"),
        (lambda: mean([1.0], axis=1), r"axis is 1, but values has shape \(1,\)"),
        (lambda: across_tasks([1.0], "iqm"), r"scores has shape \(1,\)"),
        (lambda: across_tasks([[1.0]], "mode"), "statistic is 'mode'"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
