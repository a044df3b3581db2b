"""Columns come back bit for bit, whatever they hold."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rolltape.tape import columns
from rolltape.tape.columns import RowsFrame, encode_rows
from rolltape.tape.frame import PayloadInFile
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


def test_a_payload_that_stays_in_its_file() -> None:
    payload = PayloadInFile(BytesIO(b"before" + b"payload" + b"behind"), 6, 7)
    assert len(payload) == 7
    assert (payload[:3], payload[3:], payload[3:99], payload[5:2]) == (b"pay", b"load", b"load", b"")


@given(groups(), st.data(), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_some_rows_are_those_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, given_groups: list[Group], data: st.DataObject, large: bool
) -> None:
    """Also a few bytes at a time, as of large blocks, and from a file of which only slices are read."""
    payload = encode_rows(given_groups)
    with monkeypatch.context() as patched:
        if large:
            patched.setattr(columns, "_SMALL", 0)
            patched.setattr(columns, "_PIECE", data.draw(st.integers(1, 40)))
        for source in (payload, PayloadInFile(BytesIO(b"before" + payload + b"behind"), 6, len(payload))):
            frame = RowsFrame(source)
            for entry, group in zip(frame.groups, given_groups, strict=True):
                start = data.draw(st.integers(0, entry.rows))
                part = slice(start, data.draw(st.integers(start, entry.rows)))
                assert frame.step(source, entry, part).tolist() == group.step[part].tolist()
                assert frame.time(source, entry, part).tolist() == group.time[part].tolist()
                for i, values in enumerate(frame.all_values(source, entry)):
                    assert bits(values) == bits(group.values[i])
                    assert bits(frame.values(source, entry, i, part)) == bits(group.values[i][part])


@pytest.mark.parametrize("rows", [columns._SMALL // 4, columns._SMALL // 4 + 1, 200_000])
def test_some_rows_of_a_large_block(rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = np.stack([rng.normal(size=rows).astype(np.float32), rng.integers(0, 9, rows), rng.random(rows)])
    step = rng.integers(-(2**63), 2**63 - 1, rows)
    group = Group(Schema(1, ("a", "b", "c")), step, rng.integers(0, 2**20, rows).cumsum(), values, None, 1)
    payload = encode_rows([group])
    frame = RowsFrame(payload)
    for part in (slice(0, rows), slice(0, 0), slice(rows, rows), slice(rows - 1, rows), slice(31, rows // 2)):
        assert np.array_equal(frame.step(payload, frame.groups[0], part), step[part])
        assert np.array_equal(frame.time(payload, frame.groups[0], part), group.time[part])
        for i in range(3):
            assert np.array_equal(frame.values(payload, frame.groups[0], i, part), values[i][part])


@pytest.mark.parametrize("rows", [1000, 200_000])
@pytest.mark.parametrize("part", [slice(None), slice(500, 900)])
def test_a_block_that_ends_too_soon(rows: int, part: slice) -> None:
    """Which a sound CRC does not rule out."""
    group = Group(Schema(1, ("a",)), np.arange(rows), np.arange(rows), np.zeros((1, rows)), None, 1)
    group.values[0, 1:] = np.random.default_rng(0).integers(0, 9, rows - 1)
    payload = encode_rows([group])
    frame = RowsFrame(payload)
    with pytest.raises((ValueError, columns.ZstdError)):
        frame.values(payload[: len(payload) // 2], frame.groups[0], 0, part)


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
