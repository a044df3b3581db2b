"""The pyramid of one metric as it rises: whole entries come out once, and only what waits for more is kept.

The entries are those of tape/series.py, which keeps them all and has a level only where the one below has many; here
every level rises until it is a single entry, so that no later level needs an earlier one again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rolltape.tape.metric_columns import Columns, concatenate
from rolltape.tape.pyramid import BASE, FAN, NOTHING, Entries, Ints, entries_of, fold, join

MANY = 16 * 1024  # points that may wait to be made into entries: together that is faster
_NONE = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class Risen(NamedTuple):
    """New whole entries of one level: number ``first`` and those after it."""

    level: int
    first: int
    entries: Entries


class Rising:
    """Points in the order they were logged go in, entries come out with `settle`.

    After that less than 64 points and four entries of each level are kept.
    """

    def __init__(self) -> None:
        self.points = 0
        self.nonfinite = 0
        self.total = 0.0
        self.low, self.high = np.inf, -np.inf
        self.step: tuple[int, int] | None = None  # smallest and largest that are in entries
        self.time: tuple[int, int] | None = None
        self.last = 0.0
        self._rest: list[Columns] = []
        self.waiting = 0  # points that are in no entry yet
        self._levels: list[tuple[int, Entries]] = []  # entries so far, and those that wait for the next level

    def add(self, points: Columns) -> None:
        """Append points."""
        count = len(points.step)
        if not count:
            return
        self.points += count
        self.last = float(points.value[-1])
        self._rest.append(points)
        self.waiting += count

    def settle(self) -> Iterator[Risen]:
        """Make entries of all points that are enough for one."""
        if self.waiting < BASE:
            return
        points = concatenate(self._rest)
        whole = len(points.step) // BASE * BASE
        entries = entries_of(points.step[:whole], points.time[:whole], points.value[:whole])
        self._rest = [Columns._make(column[whole:].copy() for column in points)]
        self.waiting = len(points.step) - whole
        self.step = _widened(self.step, entries.step_low, entries.step_high)
        self.time = _widened(self.time, entries.time_low, entries.time_high)
        self.nonfinite += whole - int(entries.finite.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            self.total += float(entries.total.sum())
        self.low, self.high = min(self.low, float(entries.low.min())), max(self.high, float(entries.high.max()))
        yield from self._append(0, entries)

    def rest(self) -> Columns:
        """The points behind the last entry, as of the last `settle`."""
        if len(self._rest) != 1:
            self._rest = [concatenate(self._rest) if self._rest else _NONE]
        return self._rest[0]

    def _append(self, level: int, new: Entries) -> Iterator[Risen]:
        if level == len(self._levels):
            self._levels.append((0, NOTHING))
        count, waiting = self._levels[level]
        yield Risen(level, count, new)
        waiting = join([waiting, new]) if len(waiting.low) else new
        whole = len(waiting.low) // FAN * FAN
        left = Entries._make(column[whole:].copy() for column in waiting)
        self._levels[level] = count + len(new.low), left
        if whole:
            yield from self._append(level + 1, fold(Entries._make(column[:whole] for column in waiting)))


def _widened(bounds: tuple[int, int] | None, low: Ints, high: Ints) -> tuple[int, int]:
    least, most = int(low.min()), int(high.max())
    return (least, most) if bounds is None else (min(least, bounds[0]), max(most, bounds[1]))
