"""The window of a chart that goes on."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from rolltape.server.answers.live_window import live_window

FINITE = st.floats(-1e12, 1e12)


@given(FINITE, st.floats(1e-3, 1e12))
def test_it_holds_the_data_and_little_more(low: float, span: float) -> None:
    high = low + span
    began, ended = live_window((low, high))
    assert began == low
    assert high <= ended <= high + (high - low) / 8 * (1 + 1e-9) + math.ulp(high)


def test_it_stays_while_the_data_grow() -> None:
    ends = [live_window((1000.0, 1000.0 + last))[1] for last in range(200_000, 262_144, 10)]
    assert len(set(ends)) <= 5
    assert ends == sorted(ends)
    young = [live_window((0.0, float(last)))[1] for last in range(1, 1025)]
    assert len(set(young)) <= 10 * 8, "eight in each doubling"


def test_what_has_no_span_is_left_alone() -> None:
    for extent in ((3.0, 3.0), (-1.7e308, 1.7e308), (1.6e308, 1.79e308)):
        assert live_window(extent)[0] == extent[0]
        assert math.isfinite(live_window(extent)[1])
    assert live_window((3.0, 3.0)) == (3.0, 3.0)
