"""The pyramid of one metric of one tape, of which a part may lie in an index file. It only grows at its end.

Every entry of a level is full. What is left over is never folded: fewer than four entries of a level wait for the next
one, fewer than 64 points wait to become an entry (more between two `settle`).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.metric_columns import Columns, concatenate
from rolltape.tape.pyramid import BASE, FAN, NOTHING, TALL, Entries, entries_of, fold, join

_BATCH = 16 * 1024  # points that are made into entries together

ENTRY_BYTES = 72  # of an entry in memory


class Saved(Protocol):
    """The part of a series that lies in an index file."""

    points: int
    counts: list[int]  # entries of each level
    rest: Columns  # points behind the last entry
    first: tuple[int, int] | None
    last: tuple[int, int, float] | None

    def column(self, level: int, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of a column of `Entries`."""
        ...

    def bounds(self, level: int, axis: str, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows start to stop of both columns of an axis."""
        ...


class Loose(NamedTuple):
    """Entries below the top level that no entry above stands for."""

    level: NDArray[np.int64]  # [n]
    number: NDArray[np.int64]  # [n]: within its level
    entries: Entries

    def bounds(self, axis: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Between which ``step`` or ``time`` the points of each lie."""
        if axis == "step":
            return self.entries.step_low, self.entries.step_high
        return self.entries.time_low, self.entries.time_high


class Series:
    """Points in the order they were logged, as entries and a rest."""

    def __init__(self, saved: Saved | None = None) -> None:
        self._saved = saved
        self._kept = list(saved.counts) if saved else []  # entries in the file, by level
        self.counts = list(self._kept) or [0]
        self._tail: list[list[Entries]] = [[] for _ in self.counts]
        self._rest: list[Columns] = [saved.rest] if saved else []
        self.points = saved.points if saved else 0
        self.first = saved.first if saved else None  # (step, time) of the first point
        self.last = saved.last if saved else None  # (step, time, value) of the last one
        self._loose: Loose | None = None

    def add(self, points: Columns) -> None:
        """Append points."""
        if not len(points.step):
            return
        if self.first is None:
            self.first = int(points.step[0]), int(points.time[0])
        self.last = int(points.step[-1]), int(points.time[-1]), float(points.value[-1])
        self._rest.append(points)
        self.points += len(points.step)
        if self.points - BASE * self.counts[0] >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Make entries of all points that are enough for one."""
        if self.points - BASE * self.counts[0] < BASE:
            return
        points = concatenate(self._rest)
        whole = len(points.step) // BASE * BASE
        self._append(0, entries_of(points.step[:whole], points.time[:whole], points.value[:whole]))
        # A copy: the rest must not keep the columns of a whole frame alive
        self._rest = [Columns._make(column[whole:].copy() for column in points)]

    def rest(self) -> Columns:
        """The points behind the last entry of level 0."""
        if len(self._rest) != 1:
            self._rest = [concatenate(self._rest)]
        return self._rest[0]

    @property
    def nbytes(self) -> int:
        """What the part that is not in the file takes in memory."""
        entries = sum(self.counts) - sum(self._kept)
        return ENTRY_BYTES * entries

    def column(self, level: int, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of a column of a level's `Entries`."""
        if start >= stop:
            return getattr(NOTHING, name)  # type: ignore[no-any-return]
        kept = self._kept[level] if level < len(self._kept) else 0
        if stop <= kept and self._saved is not None:
            return self._saved.column(level, name, start, stop)
        parts: list[NDArray[Any]] = []
        if start < kept and self._saved is not None:
            parts.append(self._saved.column(level, name, start, kept))
        begin = kept
        for part in self._tail[level]:
            end = begin + len(part.low)
            if begin < stop and end > start:
                parts.append(getattr(part, name)[max(start - begin, 0) : stop - begin])
            begin = end
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [getattr(NOTHING, name)])

    def bounds(self, level: int, axis: str, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Between which ``step`` or ``time`` the points of rows start to stop of a level lie."""
        if level < len(self._kept) and start < stop <= self._kept[level] and self._saved is not None:
            return self._saved.bounds(level, axis, start, stop)
        return self.column(level, f"{axis}_low", start, stop), self.column(level, f"{axis}_high", start, stop)

    def loose(self) -> Loose:
        """What the top level does not stand for: up to three entries of each level below it."""
        if self._loose is None:
            levels: list[int] = []
            numbers: list[int] = []
            parts = [NOTHING]
            for level, above in enumerate(self.counts[1:]):
                start, stop = FAN * above, self.counts[level]
                levels += [level] * (stop - start)
                numbers += range(start, stop)
                parts.append(self.entries(level, start, stop))
            self._loose = Loose(np.array(levels, np.int64), np.array(numbers, np.int64), join(parts))
        return self._loose

    def entries(self, level: int, start: int, stop: int) -> Entries:
        """Rows start to stop of a level."""
        return Entries._make(self.column(level, name, start, stop) for name in Entries._fields)

    def _append(self, level: int, new: Entries) -> None:
        self._loose = None
        parts = self._tail[level]
        parts.append(new)
        while len(parts) > 1 and len(parts[-2].low) <= 2 * len(parts[-1].low):  # few parts, each copied few times
            parts[-2:] = [join(parts[-2:])]
        self.counts[level] += len(new.low)
        if level + 1 == len(self.counts):
            if self.counts[level] < TALL:
                return
            self.counts.append(0)
            self._tail.append([])
        start, stop = FAN * self.counts[level + 1], self.counts[level] // FAN * FAN
        if stop > start:
            self._append(level + 1, fold(self.entries(level, start, stop)))
