"""What all points of a tape come to, counted while its frames are read once: no index is made for it.

Making an index takes ten times as long, and a table of many runs asks for nothing that would use one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import MetricSummary
from rolltape.tape.metric_columns import Columns
from rolltape.tape.reader import TapeReader


class Total:
    """Some points of one metric in numbers; steps and extremes mean nothing while there are none."""

    __slots__ = ("finite", "first_step", "high", "last", "last_step", "low", "points", "total")

    def __init__(self) -> None:
        self.points = self.finite = 0
        self.first_step, self.last_step = 2**63, -(2**63)
        self.low, self.high = np.inf, -np.inf
        self.total = 0.0
        self.last: tuple[int, float] | None = None  # (time in ns, value) of the point logged last

    def copy(self) -> Total:
        """The same."""
        copy = Total.__new__(Total)
        copy.points, copy.finite, copy.total, copy.last = self.points, self.finite, self.total, self.last
        copy.first_step, copy.last_step, copy.low, copy.high = self.first_step, self.last_step, self.low, self.high
        return copy

    def add(self, other: Total) -> None:
        """Count in others, logged on another tape or later on this one. ``last`` is not touched."""
        self.points += other.points
        self.finite += other.finite
        self.first_step, self.last_step = (
            min(self.first_step, other.first_step),
            max(self.last_step, other.last_step),
        )
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.total += other.total


class TapeScan:
    """Counts the frames of one tape, each once, as far as the time allows. It is always given the same reader."""

    def __init__(self) -> None:
        self._frames = 0
        self._totals: dict[str, Total] = {}

    def go_on(self, reader: TapeReader, until: float) -> bool:
        """Count frames that are there until it is that late (monotonic s); whether all are counted.

        Raises:
            TapeError, OSError: a frame cannot be read.
        """
        if self._frames == len(reader.rows):
            return True
        for columns in reader.whole_frames(self._frames):
            _count(self._totals, columns)
            self._frames += 1
            if time.monotonic() >= until:
                break
        return self._frames == len(reader.rows)

    def totals(self, reader: TapeReader) -> dict[str, Total]:
        """All metrics of the tape, also what is only in its head."""
        totals = {}
        for name in reader.metrics():
            known = self._totals.get(name)
            totals[name] = Total() if known is None else known.copy()
        for columns in reader.head_blocks():
            _count(totals, columns)
        return totals


def summaries_of(tapes: Iterable[Mapping[str, Total]]) -> list[MetricSummary]:
    """Each metric of a run, whose tapes are in the order in which they were opened; by name."""
    first, *others = list(tapes) or [{}]
    every = dict(first)
    for totals in others:
        for name, total in totals.items():
            one = every.get(name)
            if one is None:
                every[name] = total
                continue
            one.add(total)
            if total.last is not None and (one.last is None or total.last[0] > one.last[0]):
                one.last = total.last
    return [_summary(name, every[name]) for name in sorted(every)]


def _summary(name: str, one: Total) -> MetricSummary:
    some = one.finite > 0
    return MetricSummary(
        name,
        one.points,
        one.points - one.finite,
        one.first_step if one.points else None,
        one.last_step if one.points else None,
        one.last[1] if one.last is not None else None,
        one.low if some else None,
        one.total / one.finite if some else None,
        one.high if some else None,
    )


def _count(totals: dict[str, Total], columns: Mapping[str, Columns]) -> None:
    """Count points in. Metrics that were logged together share their axes, and are counted together."""
    together: dict[int, list[str]] = {}
    for name, points in columns.items():
        together.setdefault(id(points.step), []).append(name)
    for names in together.values():
        step, when, _ = columns[names[0]]
        if not len(step):
            continue
        first, last, latest = int(step.min()), int(step.max()), int(when[-1])
        counted = _reduce([columns[name].value for name in names])
        for name, finite, low, high, total, end in zip(names, *counted, strict=True):
            one = totals.get(name)
            if one is None:
                one = totals[name] = Total()
            one.points += len(step)
            one.finite += finite
            one.first_step, one.last_step = min(one.first_step, first), max(one.last_step, last)
            one.low, one.high = min(one.low, low), max(one.high, high)
            one.total += total
            one.last = latest, end


def _reduce(values: Sequence[NDArray[np.float64]]) -> Sequence[list[float]]:
    """Of each row: how many are finite, and of those minimum, maximum and sum; the last one of all."""
    rows = np.array(values)
    finite = np.isfinite(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        if finite.all():
            counts = [rows.shape[1]] * len(rows)
            return counts, rows.min(1).tolist(), rows.max(1).tolist(), rows.sum(1).tolist(), rows[:, -1].tolist()
        return (
            finite.sum(1).tolist(),
            rows.min(1, where=finite, initial=np.inf).tolist(),
            rows.max(1, where=finite, initial=-np.inf).tolist(),
            rows.sum(1, where=finite).tolist(),
            rows[:, -1].tolist(),
        )
