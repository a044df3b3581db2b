"""Probability of improvement: pairs counted one by one, ties, direction, bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolltape.stats import probability_of_improvement
from rolltape.stats.resampling import draw_counts

scores = st.lists(st.integers(0, 5), min_size=2, max_size=8)


def plain(x, y) -> float:
    return sum((a > b) + 0.5 * (a == b) for a in x for b in y) / (len(x) * len(y))


def test_golden_numbers() -> None:
    found = probability_of_improvement([1, 2, 3], [0, 2])
    assert found.probability == (1 + 1.5 + 2) / 6
    assert found.n == (3, 2)
    assert probability_of_improvement([1, 2, 2, 5], [1, 2, 2, 5]).probability == 0.5
    assert probability_of_improvement([3, 3], [1, 2]).probability == 1


def test_tasks_count_the_same() -> None:
    x, y = np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 9.0]]), np.array([[2.0, 4.0], [2.0, 9.0]])
    found = probability_of_improvement(x, y)
    assert found.per_task == pytest.approx([4 / 6, plain(x[:, 1], y[:, 1])])
    assert found.probability == pytest.approx(found.per_task.mean())


@given(scores, scores)
def test_the_other_direction_is_the_rest(x: list[int], y: list[int]) -> None:
    one, other = (probability_of_improvement(a, b, resamples=40) for a, b in ((x, y), (y, x)))
    assert one.probability == pytest.approx(plain(x, y))
    assert one.probability + other.probability == pytest.approx(1)
    assert 0 <= one.low <= one.high <= 1


@given(scores, scores, st.randoms())
def test_the_order_of_seeds_does_not_matter(x: list[int], y: list[int], random) -> None:
    one = probability_of_improvement(x, y, resamples=40)
    other = probability_of_improvement(random.sample(x, len(x)), random.sample(y, len(y)), resamples=40)
    assert (one.low, one.high) == (other.low, other.high)


def test_bounds_against_a_plain_loop_over_the_same_resamples() -> None:
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.normal(0.5, 1, size=(5, 2)), axis=0), np.sort(rng.normal(size=(7, 2)), axis=0)
    found = probability_of_improvement(x, y, resamples=100, rng=3)
    resampled = np.zeros(100)
    for task in range(2):
        drawn_x, drawn_y = draw_counts(5, 100, [3, task, 0, 5]), draw_counts(7, 100, [3, task, 1, 7])
        for b in range(100):
            resampled[b] += plain(np.repeat(x[:, task], drawn_x[:, b]), np.repeat(y[:, task], drawn_y[:, b])) / 2
    assert [found.low, found.high] == pytest.approx(list(np.quantile(resampled, [0.025, 0.975])))


def test_both_sides_are_resampled_independently() -> None:
    """Equal groups under shared draws would tie with themselves far too often: the spread of U has a known variance."""
    values = np.arange(40.0)
    found = probability_of_improvement(values, values, resamples=20_000)
    sd = math.sqrt((40 + 40) / 12 / (40 * 40))  # of U / n², about that of two samples of one population
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * sd, rel=0.08)


def test_bounds_without_width_are_no_certainty() -> None:
    found = probability_of_improvement([5, 6, 7, 8, 9], [1, 2, 3, 4, 4])
    assert (found.low, found.probability, found.high) == (1, 1, 1)
    assert found.notes == ("every resample agrees: no width is no certainty",)
    assert probability_of_improvement([5, 6, 7], [1, 2, 6]).notes == ("few seeds: interval too narrow",)


def test_missing_seeds() -> None:
    found = probability_of_improvement([1, 2, np.nan, 3], [0, np.nan, 2])
    assert found.probability == (1 + 1.5 + 2) / 6
    assert found.n == (3, 2)
    one = probability_of_improvement([1], [0, 1, 2])
    assert one.probability == 0.5
    assert math.isnan(one.low)
    for x in ([], [np.nan, np.nan]):
        nothing = probability_of_improvement(x, [1.0, 2.0])
        assert math.isnan(nothing.probability)
        assert nothing.n == (0, 2)
    half = probability_of_improvement([[1.0, np.nan], [2.0, np.nan]], [[1.0, 1.0], [2.0, 2.0]])
    assert half.per_task[0] == 0.5
    assert math.isnan(half.probability)


def test_infinities_are_values() -> None:
    assert probability_of_improvement([np.inf, 1], [np.inf, -np.inf]).probability == (0.5 + 1 + 0 + 1) / 4


@pytest.mark.parametrize(("x", "y"), [([1.0], [[1.0]]), ([[1.0, 2.0]], [[1.0]]), ([[[1.0]]], [[[1.0]]]), (1.0, 2.0)])
def test_shapes_that_do_not_fit_are_named(x, y) -> None:
    with pytest.raises(ValueError, match="x has shape"):
        probability_of_improvement(x, y)
