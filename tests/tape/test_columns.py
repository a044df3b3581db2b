"""Columns come back bit for bit, whatever they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rolltape.tape.columns import RowsFrame, encode_rows
from rolltape.tape.rows import Group, Schema

int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.one_of(
    st.floats(width=64), st.floats(width=32), st.integers(-5, 300).map(float), st.sampled_from([0.0, -0.0, 3e-4])
)


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    made = []
    for number in range(draw(st.integers(1, 3))):
        rows = draw(st.integers(1, 40))
        metrics = draw(st.integers(1, 4))
        unit = draw(st.sampled_from([1, 1000]))
        steady = draw(st.booleans())
        step = [draw(int64)] * rows if steady else draw(st.lists(int64, min_size=rows, max_size=rows))
        time = draw(st.lists(st.integers(-(2**63) // 1000 + 1, 2**63 // 1000 - 1), min_size=rows, max_size=rows))
        values = draw(st.lists(floats, min_size=rows * metrics, max_size=rows * metrics))
        made.append(
            Group(
                Schema(number + 1, tuple(f"m{i}" for i in range(metrics))),
                np.array(step, np.int64),
                np.array(time, np.int64) * (1000 if unit == 1000 else 1),
                np.array(values).reshape(metrics, rows),
                np.array(draw(st.permutations(range(rows))), np.int64) if draw(st.booleans()) else None,
                unit,
            )
        )
    return made


def bits(values: NDArray[np.float64]) -> list[int]:
    return np.ascontiguousarray(values).view(np.int64).ravel().tolist()


@given(groups(), st.integers(0, 2**40))
def test_columns_come_back_bit_for_bit(given_groups: list[Group], generation: int) -> None:
    payload = encode_rows(given_groups, generation)
    frame = RowsFrame(payload)
    assert frame.generation == generation
    for entry, group in zip(frame.groups, given_groups, strict=True):
        assert entry.schema == group.schema.id
        order = range(entry.rows) if group.order is None else group.order
        assert frame.order(payload, entry).tolist() == list(order)
        assert frame.step(payload, entry).tolist() == group.step.tolist()
        assert frame.time(payload, entry).tolist() == group.time.tolist()
        for i in range(entry.metrics):
            assert bits(frame.values(payload, entry, i)) == bits(group.values[i])


@pytest.mark.parametrize("rows", [2, 255, 256, 257, 5000])
def test_planes_around_the_size_that_gets_its_own_zstd_block(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = np.stack([rng.normal(size=rows), rng.normal(size=rows).astype(np.float32), np.full(rows, 7.0)])
    group = Group(Schema(1, ("a", "b", "c")), np.arange(rows), rng.integers(0, 2**40, rows), values, None, 1)
    payload = encode_rows([group])
    frame = RowsFrame(payload)
    for i in range(3):
        assert bits(frame.values(payload, frame.groups[0], i)) == bits(values[i])
    assert frame.time(payload, frame.groups[0]).tolist() == group.time.tolist()


def test_one_metric_is_read_without_the_blocks_of_the_others() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(8, 5000))
    group = Group(Schema(1, tuple("abcdefgh")), np.arange(5000), np.arange(5000), values, None, 1)
    payload = bytearray(encode_rows([group]))
    frame = RowsFrame(bytes(payload))
    payload[len(payload) // 2 :] = bytes(len(payload) - len(payload) // 2)  # everything behind the first metrics
    assert bits(frame.values(bytes(payload), frame.groups[0], 0)) == bits(values[0])
