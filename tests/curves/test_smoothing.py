"""Smoothing by name, and of curves: restarts, bands and spans."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from plain_formulas import (
    NAN,
    curve_of,
    plain_ema,
    plain_gaussian,
    plain_rolling_mean,
    plain_rolling_median,
    plain_twema,
)

from rolltape.curves import METHODS, smooth, smooth_curve
from rolltape.store import Gap

X = [0.0, 1.0, 2.5, 3.0, 7.0, 8.0]
Y = [3.0, NAN, 1.0, 4.0, 1.0, 5.0]
AMOUNTS = {"none": 0, "ema": 0.9, "twema": 0.999, "gaussian": 1.5, "mean": 3, "median": 4}


@pytest.mark.parametrize(
    ("method", "amount", "expected"),
    [
        ("none", 5, Y),
        ("ema", 0.7, plain_ema(Y, 0.7)),
        ("twema", 0.999, plain_twema(X, Y, 0.999, 8)),
        ("gaussian", 1.5, plain_gaussian(X, Y, 1.5)),
        ("mean", 3, plain_rolling_mean(Y, 3)),
        ("median", 4, plain_rolling_median(Y, 4)),
    ],
)
def test_every_name(method, amount: float, expected: list[float]) -> None:
    assert np.allclose(smooth(X, Y, method, amount), expected, rtol=1e-10, equal_nan=True)


def test_every_name_is_listed_and_tried() -> None:
    assert set(METHODS) == set(AMOUNTS)


def test_the_span_is_handed_on() -> None:
    assert np.allclose(smooth(X, Y, "twema", 0.9, span=900), plain_twema(X, Y, 0.9, 900), rtol=1e-10, equal_nan=True)


def test_no_smoothing_is_a_copy() -> None:
    y = np.array(Y)
    smooth(X, y, "none", 0)[0] = 100
    assert y[0] == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: smooth(X, Y, "nope", 1), "method is 'nope', but must be one of none, ema, twema, gaussian, mean, med"),
        (lambda: smooth(X, Y, "ema", 1), "beta is 1"),
        (lambda: smooth(X, Y, "twema", 2), "weight is 2"),
        (lambda: smooth(X, Y, "gaussian", -1), "sigma is -1"),
        (lambda: smooth(X, Y, "mean", 0), "width is 0"),
        (lambda: smooth(X, Y, "median", 1.5), "width is 1.5"),
        (lambda: smooth([1, 0], [1, 1], "none", 0), "x decreases"),
        (lambda: smooth([1], [1, 1], "ema", 0), "x has 1 values"),
    ],
)
def test_what_cannot_be_answered_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


NOISE = np.random.default_rng(0).normal(size=20)
MEANS = {"p/a": [NAN, *NOISE[1:9], NAN, *NOISE[10:20]], "p/b": list(NOISE[::-1])}
EDGES = [10.0 * i for i in range(21)]
CENTRES = [10.0 * i + 5 for i in range(20)]
AMOUNTS_OF_CURVE = {**AMOUNTS, "gaussian": 20.0}


@pytest.mark.parametrize("method", METHODS)
def test_a_curve_is_smoothed_run_by_run_on_the_centres_of_its_buckets(method) -> None:
    curve = curve_of(EDGES, MEANS)
    found = smooth_curve(curve, method, AMOUNTS_OF_CURVE[method])
    assert list(found) == ["p/a", "p/b"]
    for key, line in found.items():
        expected = smooth(CENTRES, MEANS[key], method, AMOUNTS_OF_CURVE[method], span=200)
        assert np.array_equal(line, expected, equal_nan=True)


@pytest.mark.parametrize("method", ["twema", "gaussian"])
def test_x_is_the_centre_of_a_bucket_where_buckets_are_not_equal(method) -> None:
    edges = np.geomspace(1, 1000, 21)
    found = smooth_curve(curve_of(edges, MEANS), method, AMOUNTS_OF_CURVE[method])
    expected = smooth((edges[:-1] + edges[1:]) / 2, MEANS["p/a"], method, AMOUNTS_OF_CURVE[method], span=999)
    assert np.allclose(found["p/a"], expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_smoothed_across_a_restart(method) -> None:
    amount = AMOUNTS_OF_CURVE[method]
    gaps = {"p/a": [Gap(69, 74), Gap(180, 151)], "p/b": []}
    found = smooth_curve(curve_of(EDGES, MEANS, gaps), method, amount)
    for part in (slice(0, 7), slice(7, 15), slice(15, 20)):
        alone = smooth(CENTRES[part], MEANS["p/a"][part], method, amount, span=200)
        assert np.array_equal(found["p/a"][part], alone, equal_nan=True)
    whole = smooth_curve(curve_of(EDGES, MEANS), method, amount)
    assert np.array_equal(found["p/b"], whole["p/b"]), "another run's restarts are none of its own"
    if method != "none":
        assert not np.array_equal(found["p/a"], whole["p/a"], equal_nan=True)

    # what lies behind a restart changes nothing before it, and the other way round
    changed = {"p/a": [*MEANS["p/a"][:7], *(1000.0,) * 8, *MEANS["p/a"][15:]], "p/b": MEANS["p/b"]}
    again = smooth_curve(curve_of(EDGES, changed, gaps), method, amount)
    for part in (slice(0, 7), slice(15, 20)):
        assert np.array_equal(again["p/a"][part], found["p/a"][part], equal_nan=True)


@pytest.mark.parametrize("method", METHODS)
def test_the_curve_itself_is_not_changed(method) -> None:
    curve = curve_of(EDGES, MEANS, {"p/a": [Gap(69, 74)]})
    before = copy.deepcopy(curve)
    found = smooth_curve(curve, method, AMOUNTS_OF_CURVE[method])
    for line in found.values():
        line[:] = 0
    for key in curve.runs:
        for column in ("count", "mean", "min", "max", "std", "nonfinite"):
            one, other = getattr(curve.runs[key], column), getattr(before.runs[key], column)
            assert np.array_equal(one, other, equal_nan=True)


def test_a_curve_without_runs_and_one_bucket() -> None:
    assert smooth_curve(curve_of([0, 1], {}), "ema", 0.5) == {}
    assert smooth_curve(curve_of([0, 1], {"p/a": [2.0]}), "twema", 0.5)["p/a"].tolist() == [2]
