"""The Pareto front, against every pair."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rolltape.server.pareto import pareto_front

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, 1e308, math.nan])


def beaten(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return other[0] <= one[0] and other[1] >= one[1] and other != one


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_nothing_on_the_front_is_beaten_and_all_else_is(entries: list[tuple[float, float]]) -> None:
    front = pareto_front(np.array([cost for cost, _ in entries]), np.array([score for _, score in entries]))
    for one, on_it in zip(entries, front, strict=True):
        known = not any(map(math.isnan, one))
        assert on_it == (known and not any(beaten(one, other) for other in entries))
