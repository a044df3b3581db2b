"""Seeds on a common x: what is filled in, what never is, and that no run depends on another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import NAN, curve_of

from rolltape.curves import Aligned, align
from rolltape.store import Gap

METHODS = ["linear", "hold", "mean"]
means = st.lists(st.one_of(st.just(NAN), st.just(NAN), st.floats(-100, 100)), min_size=12, max_size=12)
restarts = st.lists(st.builds(Gap, st.floats(0, 12), st.floats(0, 12)), max_size=3)
EDGES = [float(i) for i in range(13)]


def same(one: object, other: object) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True)


def plain_row(mean: list[float], gaps: list[Gap], method: str) -> list[float]:
    """One run, bucket by bucket: look left and right for a value, but not over the beginning of a stretch."""
    begins = {min(int(gap.after), 11) for gap in gaps if gap.after > 0}
    row = []
    for i, own in enumerate(mean):
        left, right = i, i
        while left not in begins and left > 0 and math.isnan(mean[left]):
            left -= 1
        while right + 1 < 12 and right + 1 not in begins and math.isnan(mean[right]):
            right += 1
        if method == "mean" or not math.isnan(own) or math.isnan(mean[left]) or math.isnan(mean[right]):
            row.append(own)
        elif method == "hold":
            row.append(mean[left])
        else:
            row.append(mean[left] + (mean[right] - mean[left]) * (i - left) / (right - left))
    return row


@given(means, restarts, st.sampled_from(METHODS))
def test_each_bucket_is_what_its_neighbours_say(mean: list[float], gaps: list[Gap], method) -> None:
    found = align(curve_of(EDGES, {"p/a": mean}, {"p/a": gaps}), method=method)
    assert np.allclose(found.values[0], plain_row(mean, gaps, method), rtol=1e-12, atol=1e-9, equal_nan=True)
    assert found.x.tolist() == [i + 0.5 for i in range(12)]
    assert found.n.tolist() == (~np.isnan(found.values[0])).astype(int).tolist()


SEEDS = {
    "p/a": [NAN, 1.0, NAN, NAN, 4.0, 5.0, NAN],
    "p/b": [0.0, 2.0, NAN, 4.0, NAN, NAN, NAN],
    "p/c": [NAN] * 7,
}
SHORT = [float(i) for i in range(8)]


def test_golden_numbers() -> None:
    curve = curve_of(SHORT, SEEDS)
    linear = align(curve)
    assert same(linear.values, [[NAN, 1, 2, 3, 4, 5, NAN], [0, 2, 3, 4, NAN, NAN, NAN], [NAN] * 7])
    assert linear.n.tolist() == [1, 2, 2, 2, 1, 1, 0]
    assert linear.keys == ["p/a", "p/b", "p/c"]
    held = align(curve, method="hold")
    assert same(held.values, [[NAN, 1, 1, 1, 4, 5, NAN], [0, 2, 2, 4, NAN, NAN, NAN], [NAN] * 7])
    assert same(align(curve, method="mean").values, list(SEEDS.values()))
    assert linear.values.dtype == np.float64 and linear.n.dtype == np.int64


def test_linear_is_along_x_where_buckets_are_not_equal() -> None:
    assert align(curve_of([0, 1, 2, 10], {"p/a": [0.0, NAN, 11.0]})).values[0].tolist() == [0, 2, 11]


def test_nothing_crosses_a_restart() -> None:
    mean = [1.0, NAN, NAN, NAN, 5.0, NAN, 7.0]
    gaps = {"p/a": [Gap(0.5, 4.2)]}
    expected = [1, NAN, NAN, NAN, 5, 6, 7]
    assert same(align(curve_of(SHORT, {"p/a": mean}, gaps)).values[0], expected)
    assert same(align(curve_of(SHORT, {"p/a": mean}, gaps), method="hold").values[0], [1, NAN, NAN, NAN, 5, 5, 7])
    assert same(align(curve_of(SHORT, {"p/a": mean}, {"p/a": [Gap(0.5, 2.5)]})).values[0], expected)
    assert same(align(curve_of(SHORT, {"p/b": mean}, gaps)).values[0], range(1, 8)), "the gap is another run's"


def test_a_mean_too_large_for_a_float_is_a_value() -> None:
    curve = curve_of(range(6), {"p/a": [1.0, math.inf, NAN, math.inf, 2.0]})
    for method in ("linear", "hold"):
        found = align(curve, method=method)
        assert found.values[0].tolist() == [1, math.inf, math.inf, math.inf, 2]
        assert found.n.tolist() == [1] * 5


def test_fewest_takes_values_away_but_not_their_number() -> None:
    curve = curve_of(SHORT, SEEDS)
    found = align(curve, ["p/a", "p/b"], fewest=2)
    assert same(found.values, [[NAN, 1, 2, 3, NAN, NAN, NAN], [NAN, 2, 3, 4, NAN, NAN, NAN]])
    assert found.n.tolist() == [1, 2, 2, 2, 1, 1, 0]
    assert same(align(curve, fewest=1).values, align(curve).values)
    assert np.isnan(align(curve, fewest=4).values).all()


@given(means, means, means, restarts, st.sampled_from(METHODS))
def test_a_group_does_not_depend_on_the_runs_beside_it(one, two, other, gaps: list[Gap], method) -> None:
    every = curve_of(EDGES, {"p/x": other, "p/a": one, "p/b": two}, {"p/x": gaps, "p/b": gaps})
    alone = curve_of(EDGES, {"p/a": one, "p/b": two}, {"p/b": gaps})
    among, apart = align(every, ["p/a", "p/b"], method, 2), align(alone, None, method, 2)
    assert same(among.values, apart.values) and same(among.n, apart.n) and same(among.x, apart.x)
    assert among.keys == apart.keys


def test_rows_are_in_the_order_asked_for() -> None:
    found = align(curve_of(SHORT, SEEDS), ["p/b", "p/a"])
    assert found.keys == ["p/b", "p/a"]
    assert found.values[0, 0] == 0


def test_no_runs() -> None:
    found = align(curve_of(SHORT, SEEDS), [])
    assert isinstance(found, Aligned)
    assert found.values.shape == (0, 7)
    assert found.n.tolist() == [0] * 7


def test_the_curve_is_not_changed() -> None:
    curve = curve_of(SHORT, SEEDS)
    align(curve, method="mean").values[:] = 0
    align(curve).values[:] = 0
    assert same([buckets.mean for buckets in curve.runs.values()], list(SEEDS.values()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runs": ["p/a", "a"]}, "runs names 'a', which is not in the curve of 'episode_return'"),
        ({"runs": ["p/a", "p/b", "p/a"]}, "runs names 'p/a' twice"),
        ({"runs": "p/a"}, "runs is 'p/a', but must be a sequence of keys"),
        ({"method": "spline"}, "method is 'spline', but must be one of linear, hold, mean"),
        ({"fewest": 0}, "fewest is 0, but must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_answered_is_named(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        align(curve_of(SHORT, SEEDS), **arguments)
