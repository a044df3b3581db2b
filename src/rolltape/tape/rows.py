"""Rows: the fixed-size records that `log()` packs into a head, and the way back from bytes to columns.

A row of schema ``s`` with ``m`` metrics is, little endian and without padding::

    u32 s · i64 step · i64 time · f64 value x m · u32 s

The two copies of ``s`` are the first and the last bytes written, so a row that a kill cut in the middle is recognised.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TIME_UNIT = 1000  # log() keeps times to the microsecond: the head holds ns, columns hold us
_TAG = struct.Struct("<I")


class Schema:
    """A row's key set: metric names in order, a number on the tape, and the packer of its rows."""

    __slots__ = ("dtype", "id", "metrics", "pack_into", "size")

    def __init__(self, id: int, metrics: tuple[str, ...]) -> None:
        packer = struct.Struct(f"<Iqq{len(metrics)}dI")
        self.id = id
        self.metrics = metrics
        self.size = packer.size
        self.pack_into = packer.pack_into
        self.dtype = np.dtype(
            [("front", "<u4"), ("step", "<i8"), ("time", "<i8"), ("values", "<f8", (len(metrics),)), ("back", "<u4")]
        )

    def records(self, step: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
        """The bytes of n rows from step[n], time[n] (ns) and values[m, n]."""
        rows = np.empty(len(step), self.dtype)
        rows["front"] = rows["back"] = self.id
        rows["step"] = step
        rows["time"] = time
        rows["values"] = values.T
        return rows.tobytes()


class Group(NamedTuple):
    """Rows of one schema as columns, in the order they were logged."""

    schema: Schema
    step: NDArray[np.int64]  # [n]
    time: NDArray[np.int64]  # [n], ns
    values: NDArray[np.float64]  # [m, n]
    order: NDArray[np.int64] | None  # [n]: each row's place among the rows of all groups; None = 0..n-1
    time_unit: int  # ns that every time is a multiple of, or 1


class _Stretch(NamedTuple):
    """Neighbouring rows of one schema."""

    schema: Schema
    offset: int
    count: int


def _walk(data: bytes | memoryview, schemas: Mapping[int, Schema]) -> Iterable[_Stretch]:
    """The whole rows of ``data`` from its start up to the first that is not whole."""
    at, end = 0, len(data)
    while at + _TAG.size <= end:
        schema = schemas.get(_TAG.unpack_from(data, at)[0])
        if schema is None:
            return
        size, first = schema.size, at
        window = 1  # rows looked at together: doubled while the schema stays the same, so mixed rows stay cheap too
        while fits := min(window, (end - at) // size):
            if fits == 1:
                (front,) = _TAG.unpack_from(data, at)
                (back,) = _TAG.unpack_from(data, at + size - _TAG.size)
                whole = int(front == back == schema.id)
            else:
                front = np.ndarray(fits, "<u4", data, at, (size,))
                back = np.ndarray(fits, "<u4", data, at + size - _TAG.size, (size,))
                same = (front == schema.id) & (back == schema.id)
                whole = fits if same.all() else int(same.argmin())
            at += whole * size
            if whole < fits:
                break
            window *= 2
        if at == first:
            return
        yield _Stretch(schema, first, (at - first) // size)


def read_rows(data: bytes | memoryview, schemas: Mapping[int, Schema]) -> tuple[list[Group], int]:
    """All whole rows of half a head, grouped by schema, and how many bytes they take."""
    stretches = list(_walk(data, schemas))
    if not stretches:
        return [], 0
    last = stretches[-1]
    used = last.offset + last.count * last.schema.size
    if len(stretches) == 1:
        return [_group(last.schema, np.frombuffer(data, last.schema.dtype, last.count), None)], used

    counts = np.array([s.count for s in stretches])
    firsts = np.concatenate(([0], counts[:-1].cumsum()))
    by_schema: dict[int, list[int]] = {}
    for i, stretch in enumerate(stretches):
        by_schema.setdefault(stretch.schema.id, []).append(i)
    everything = np.frombuffer(data, np.uint8)
    offsets = np.array([s.offset for s in stretches])
    groups = []
    for schema_id, members in by_schema.items():
        schema = schemas[schema_id]
        picked = counts[members]
        within = np.arange(picked.sum()) - np.repeat(picked.cumsum() - picked, picked)
        order = np.repeat(firsts[members], picked) + within
        at = np.repeat(offsets[members], picked) + within * schema.size
        raw = everything[at[:, None] + np.arange(schema.size)]
        groups.append(_group(schema, raw.view(schema.dtype).reshape(-1), order if len(by_schema) > 1 else None))
    return groups, used


def _group(schema: Schema, rows: NDArray[np.void], order: NDArray[np.int64] | None) -> Group:
    # np.array, not ascontiguousarray: the columns must not be views of a head that is about to be overwritten
    time = rows["time"] // TIME_UNIT * TIME_UNIT
    return Group(schema, np.array(rows["step"]), time, np.array(rows["values"].T, order="C"), order, TIME_UNIT)
