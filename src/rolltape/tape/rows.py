"""Rows: the fixed-size records that `log()` packs into a head, and the way back from bytes to columns.

A row of schema ``s`` with ``m`` metrics is ``m + 4`` little-endian words of 64 bits::

    s · step · time · value x m · s

The two copies of ``s`` are the first and the last word written, so a row that a kill cut in the middle is recognised.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TIME_UNIT = 1000  # log() keeps times to the microsecond: the head holds ns, columns hold us
_WORD = 8
_FRONT = 3  # words before the values
_FEW = 16  # rows
_ONE = struct.Struct("<q")


class Schema:
    """A row's key set: metric names in order, a number on the tape, and the packer of its rows."""

    __slots__ = ("id", "metrics", "pack_into", "size", "words")

    def __init__(self, id: int, metrics: tuple[str, ...]) -> None:
        packer = struct.Struct(f"@qqq{len(metrics)}dq")
        self.id = id
        self.metrics = metrics
        self.pack_into = packer.pack_into
        self.size = packer.size
        self.words = packer.size // _WORD

    def records(self, step: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
        """The bytes of n rows from step[n], time[n] (ns) and values[m, n]."""
        rows = np.empty((len(step), self.words), np.int64)
        rows[:, 0] = rows[:, -1] = self.id
        rows[:, 1] = step
        rows[:, 2] = time
        rows[:, _FRONT:-1] = values.view(np.int64).T
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
    """Neighbouring rows of one schema, from word ``start``."""

    schema: Schema
    start: int
    rows: int


def _walk(words: NDArray[np.int64], schemas: Mapping[int, Schema]) -> Iterator[_Stretch]:
    """The whole rows from the first word up to the first row that is not whole."""
    at = 0
    while at < len(words):
        schema = schemas.get(int(words[at]))
        if schema is None:
            return
        start = at
        window = 1  # rows looked at together: doubled while the schema stays the same, so mixed rows stay cheap too
        while fits := min(window, (len(words) - at) // schema.words):
            rows = words[at : at + fits * schema.words].reshape(fits, schema.words)
            whole = (rows[:, 0] == schema.id) & (rows[:, -1] == schema.id)
            count = fits if whole.all() else int(whole.argmin())
            at += count * schema.words
            if count < fits:
                break
            window *= 2
        if at == start:
            return
        yield _Stretch(schema, start, (at - start) // schema.words)


class Walked(NamedTuple):
    """Whole rows in numbers."""

    rows: int
    points: int
    times: dict[int, int]  # ns: the latest by schema
    used: int  # bytes


def walk(data: bytes | memoryview, schemas: Mapping[int, Schema]) -> Walked:
    """What whole rows half a head begins with."""
    rows = points = at = 0
    times: dict[int, int] = {}
    for _ in range(_FEW):  # NumPy takes as long for one as for a thousand
        schema = schemas.get(_word(data, at)) if at + _WORD <= len(data) else None
        if schema is None or at + schema.size > len(data) or _word(data, at + schema.size - _WORD) != schema.id:
            return Walked(rows, points, times, at)
        rows += 1
        points += len(schema.metrics)
        _note(times, schema, _word(data, at + 2 * _WORD))
        at += schema.size
    words = np.frombuffer(data, np.int64, (len(data) - at) // _WORD, at)
    used = 0
    for schema, start, count in _walk(words, schemas):
        rows += count
        points += count * len(schema.metrics)
        used = start + count * schema.words
        _note(times, schema, int(words[start + 2 : used : schema.words].max()))
    return Walked(rows, points, times, at + used * _WORD)


def _word(data: bytes | memoryview, at: int) -> int:
    word: int = _ONE.unpack_from(data, at)[0]
    return word


def _note(times: dict[int, int], schema: Schema, time: int) -> None:
    time = time // TIME_UNIT * TIME_UNIT
    times[schema.id] = max(time, times.get(schema.id, time))


def read_rows(data: bytes | bytearray | memoryview, schemas: Mapping[int, Schema]) -> tuple[list[Group], int]:
    """All whole rows of half a head, grouped by schema, and how many bytes they take."""
    words = np.frombuffer(data, np.int64)
    stretches = list(_walk(words, schemas))
    if not stretches:
        return [], 0
    last = stretches[-1]
    used = last.start + last.rows * last.schema.words
    if len(stretches) == 1:
        return [_group(last.schema, words[:used], None)], used * _WORD

    counts = np.array([stretch.rows for stretch in stretches])
    firsts = counts.cumsum() - counts
    starts = np.array([stretch.start for stretch in stretches])
    by_schema: dict[int, list[int]] = {}
    for i, stretch in enumerate(stretches):
        by_schema.setdefault(stretch.schema.id, []).append(i)
    groups = []
    for schema_id, members in by_schema.items():
        schema = schemas[schema_id]
        rows = counts[members]
        within = np.arange(rows.sum()) - np.repeat(rows.cumsum() - rows, rows)
        at = np.repeat(starts[members], rows) + within * schema.words
        picked = words[at[:, None] + np.arange(schema.words)]
        order = np.repeat(firsts[members], rows) + within if len(by_schema) > 1 else None
        groups.append(_group(schema, picked, order))
    return groups, used * _WORD


def _group(schema: Schema, words: NDArray[np.int64], order: NDArray[np.int64] | None) -> Group:
    rows = words.reshape(-1, schema.words)
    # Copies: the columns must not be views of a head that is about to be overwritten
    values = np.array(rows[:, _FRONT:-1].T, order="C").view(np.float64)
    return Group(schema, np.array(rows[:, 1]), rows[:, 2] // TIME_UNIT * TIME_UNIT, values, order, TIME_UNIT)
