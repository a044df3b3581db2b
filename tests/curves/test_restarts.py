"""Where a run's stretches between its restarts begin and end."""

from __future__ import annotations

import pytest
from plain_formulas import NAN, curve_of

from rolltape.curves import segments
from rolltape.store import Gap


@pytest.mark.parametrize(
    ("gaps", "begins"),
    [
        ([], [0]),
        ([Gap(3, 4.5)], [0, 4]),
        ([Gap(3, 4)], [0, 4]),
        ([Gap(7.5, 4.2)], [0, 4]),  # went back
        ([Gap(3.1, 3.9)], [0, 3]),  # within a bucket
        ([Gap(3, 8.1), Gap(9, 5.5), Gap(6, 8.9)], [0, 5, 8]),
        ([Gap(0, 0.5)], [0]),
        ([Gap(-5, -1)], [0]),
        ([Gap(5, -1)], [0]),
        ([Gap(9, 10)], [0, 9]),  # the last edge is in the last bucket
        ([Gap(9, 10.5), Gap(3, NAN), Gap(NAN, 2)], [0, 2]),
    ],
)
def test_a_stretch_begins_with_the_first_x_after_a_gap(gaps: list[Gap], begins: list[int]) -> None:
    curve = curve_of(range(11), {"p/a": [1.0] * 10, "p/b": [1.0] * 10}, {"p/a": gaps})
    ends = [*begins[1:], 10]
    assert segments(curve, "p/a") == [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
    assert segments(curve, "p/b") == [slice(0, 10)], "another run's restarts are none of its own"
