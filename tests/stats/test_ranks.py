"""Rank of hyperparameters: eta squared, Spearman's rho, and what chance explains."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rolltape.stats import rank_hyperparameters

NAN = math.nan


def only(values, scores, **options):
    return rank_hyperparameters({"it": values}, scores, **options).parameters[0]


def test_eta_squared_golden() -> None:
    found = only(["a", "a", "b", "b"], [1.0, 3.0, 5.0, 7.0])
    assert found.explained == pytest.approx(16 / 20)  # between 2·(2−4)² + 2·(6−4)², total 9 + 1 + 1 + 9
    assert (found.bins, found.n) == (2, 4)
    assert math.isnan(found.correlation)


def test_the_null_is_that_of_all_shuffles() -> None:
    """Four scores in two pairs fall apart in three ways: with eta squared 0.8, 0.2 and 0."""
    found = only(["a", "a", "b", "b"], [1.0, 3.0, 5.0, 7.0], permutations=20_000)
    assert found.p_value == pytest.approx(1 / 3, abs=0.015)
    assert found.excess == pytest.approx(0.8 - 1 / 3, abs=0.01)
    assert found.null == pytest.approx((0, 0.8))


def test_spearman_golden() -> None:
    found = only([1, 2, 3, 4, 5], [5.0, 6.0, 7.0, 8.0, 7.0])
    ranks = np.array([1, 2, 3.5, 5, 3.5])  # of the scores, ties sharing theirs
    assert found.correlation == pytest.approx(np.corrcoef([1, 2, 3, 4, 5], ranks)[0, 1])
    assert only([10, 100, 1000, 1e4, 1e5], [1.0, 2, 3, 4, 50]).correlation == pytest.approx(1)


def test_numbers_go_into_quantile_bins() -> None:
    values = list(range(12))
    scores = np.repeat([0.0, 5.0, 1.0], 4)
    found = only(values, scores, bins=3)
    assert (found.bins, found.explained) == (3, pytest.approx(1))
    assert only([1, 1, 1, 2, 2, 2], [1.0, 1, 1, 2, 2, 2]).bins == 2


def test_chance_is_not_taken_for_importance() -> None:
    """The p-values of parameters without effect are spread evenly, and one with an effect comes first."""
    rng = np.random.default_rng(0)
    noise = {f"noise {i}": list(rng.normal(size=30)) for i in range(200)}
    rate = rng.uniform(-5, -2, size=30)
    scores = rate[:, None] + rng.normal(size=(30, 3))
    found = rank_hyperparameters({**noise, "lr": list(10**rate)}, scores, permutations=500)
    assert found.parameters[0].name == "lr"
    assert found.parameters[0].p_value == 1 / 501
    p = [one.p_value for one in found.parameters[1:]]
    assert np.mean(p) == pytest.approx(0.5, abs=0.06)
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.05)
    outside = [
        not one.correlation_null[0] <= one.correlation <= one.correlation_null[1] for one in found.parameters[1:]
    ]
    assert np.mean(outside) == pytest.approx(0.05, abs=0.035)


def test_scores_are_averaged_over_seeds() -> None:
    values = ["a", "a", "b", "b", "b"]
    seeds = np.array([[1.0, 2], [3, NAN], [5, 5], [NAN, 7], [NAN, NAN]])
    ranking = rank_hyperparameters({"it": values}, seeds)
    assert ranking.n == 4
    assert ranking.parameters[0].explained == only(values[:4], [1.5, 3, 5, 7]).explained


@given(st.permutations(range(12)))
@settings(max_examples=10)
def test_the_order_of_configurations_does_not_matter(order) -> None:
    rng = np.random.default_rng(1)
    values, scores = rng.normal(size=12), rng.normal(size=12)
    one, other = only(list(values), scores), only(list(values[list(order)]), scores[list(order)])
    assert one.explained == pytest.approx(other.explained)
    assert one.correlation == pytest.approx(other.correlation)


def test_a_value_that_is_missing_leaves_its_configuration_out() -> None:
    found = only(["a", "a", "b", "b", None, NAN], [1.0, 3, 5, 7, 100, 100])
    assert (found.n, found.explained) == (4, pytest.approx(0.8))


def test_values_of_any_type() -> None:
    for values in (
        [[64], [64], [8, 8], [8, 8]],
        [True, True, False, False],
        ["1", "1", 2, 2],
        [10**400, 10**400, 1, 1],
    ):
        found = only(values, [1.0, 3.0, 5.0, 7.0])
        assert found.explained == pytest.approx(0.8)
        assert math.isnan(found.correlation)


@pytest.mark.parametrize(
    ("values", "scores", "note"),
    [
        ([1, 1, 1, 1], [1.0, 2, 3, 4], "the same value everywhere"),
        (["a", "b", "c", "d"], [1.0, 2, 3, 4], "another value in every configuration"),
        ([1, 2, 1, 2], [3.0] * 4, "all scores are equal"),
        ([1, 2, 3], [1.0, 2, 3], "3 configuration(s): too few"),
        ([1, 2, 3, 4], [NAN] * 4, "0 configuration(s): too few"),
        ([None] * 4, [1.0, 2, 3, 4], "0 configuration(s): too few"),
        ([], [], "0 configuration(s): too few"),
    ],
)
def test_where_nothing_can_be_told_the_note_says_why(values, scores, note: str) -> None:
    found = only(values, scores)
    assert found.note == note
    assert math.isnan(found.explained)
    assert math.isnan(found.p_value)


def test_what_has_no_answer_comes_last() -> None:
    parameters = {"constant": [1] * 6, "b": [1, 1, 1, 2, 2, 2]}
    ranking = rank_hyperparameters(parameters, [1.0, 2, 3, 4, 5, 6])
    assert [one.name for one in ranking.parameters] == ["b", "constant"]
    assert ranking.method == "η² on seed-averaged scores, numbers in up to 4 quantile bins, 1000 permutations, seed 0"
    assert rank_hyperparameters({}, [1.0]).parameters == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: only([1, 2], [1.0]), r"parameters\['it'\] has 2 values, but scores has shape \(1,\)"),
        (lambda: only([1], 1.0), r"scores has shape \(\)"),
        (lambda: only([1], [math.inf]), r"scores of shape \(1,\) holds infinities"),
        (lambda: only([1], [1.0], bins=1), "bins is 1"),
        (lambda: only([1], [1.0], permutations=0), "permutations is 0"),
        (lambda: only([1], [1.0], level=1), "level is 1"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
