"""Points come back in the order of their tape, whatever order and however often the server gives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolltape.errors import StoreError
from rolltape.store.clickhouse.points import in_order
from rolltape.store.clickhouse.tape_load import FRAMED

# (block, place, points) in the order of a tape: frames with and without a generation, then two halves of a head
BLOCKS = [(1, FRAMED, 3), (FRAMED + 1, FRAMED + 1, 2), (2, FRAMED + 2, 4), (3, 3, 2), (4, 4, 1)]
ROWS = [(block, row, place) for block, place, count in BLOCKS for row in range(count)]


def found(rows: list[tuple[int, int, int]]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    numbers = [[(block, row) for block, row, _ in ROWS].index((block, row)) for block, row, _ in rows]
    return {
        "block": np.array([row[0] for row in rows], np.uint64),
        "row": np.array([row[1] for row in rows], np.uint32),
        "place": np.array([row[2] for row in rows], np.uint64),
        "step": np.array(numbers, np.int64),
        "time": np.array(numbers, np.int64) * 10,
        "value": np.array(numbers, np.float64) / 2,
    }


@given(st.permutations(ROWS), st.lists(st.sampled_from(ROWS), max_size=20))
def test_order_and_copies_change_nothing(rows: list[tuple[int, int, int]], again: list[tuple[int, int, int]]) -> None:
    sent_from_the_head = [(1, 0, 1), (2, 3, 2)]  # before they were framed
    points = in_order(found([*again, *rows, *sent_from_the_head]))
    assert points.step.tolist() == list(range(len(ROWS)))
    assert points.time.tolist() == [10 * number for number in range(len(ROWS))]
    assert points.value.tolist() == [number / 2 for number in range(len(ROWS))]


def test_nothing_is_nothing() -> None:
    assert len(in_order(found([])).step) == 0


def test_a_hole_is_told() -> None:
    with pytest.raises(StoreError, match="1 points of a metric are missing"):
        in_order(found([row for row in ROWS if row[:2] != (2, 1)]))
