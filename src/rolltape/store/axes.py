"""x-axes: where on x a point lies, and between which x an entry's points lie for certain.

Steps and times are columns of the points themselves. A counting metric is joined: the x of a point is the last value
that the metric had at the point's time. For an entry that is known without its points: between the first value that may
hold at its first time and the last one that may hold at its last.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.metric_columns import Columns, concatenate
from rolltape.tape.pyramid import BASE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DENSE = 1 << 20  # points of a joined metric that are all read; of more the entries are, and points where needed


class Axis(Protocol):
    """Where on x something lies."""

    column: Literal["step", "time"]  # what x is made from
    least: float  # no x is smaller
    most: float  # or larger
    steady: Hashable  # equal for axes on which points lie alike; None: more points may move those that are there

    def at(self, points: Columns) -> Floats:
        """[n]: the x of each point; NaN where there is none."""
        ...

    def bounds(self, low: Ints, high: Ints) -> tuple[Floats, Floats]:
        """Between which x all points lie whose step or time (ns) lies from low[n] to high[n].

        -inf below: there may be points without x.
        """
        ...


class StepAxis:
    """x is the step."""

    column: Literal["step", "time"] = "step"
    least, most = -np.inf, np.inf
    steady: Hashable = "step"

    def at(self, points: Columns) -> Floats:
        return points.step.astype(np.float64)

    def bounds(self, low: Ints, high: Ints) -> tuple[Floats, Floats]:
        return low.astype(np.float64), high.astype(np.float64)


class TimeAxis:
    """x is the time in seconds since ``zero`` (unix seconds), without what ``pauses`` hold.

    pauses: (start, end) in ns, in order and apart from each other.
    """

    column: Literal["step", "time"] = "time"
    least, most = -np.inf, np.inf

    def __init__(self, zero: float = 0.0, pauses: Sequence[tuple[int, int]] = ()) -> None:
        self._zero = zero
        self._starts = np.array([start for start, _ in pauses], np.int64)
        self._ends = np.array([end for _, end in pauses], np.int64)
        self.steady: Hashable = ("time", zero, tuple(pauses))
        self._paused = np.concatenate(([0], (self._ends - self._starts).cumsum()))

    def at(self, points: Columns) -> Floats:
        return self._seconds(points.time)

    def bounds(self, low: Ints, high: Ints) -> tuple[Floats, Floats]:
        return self._seconds(low), self._seconds(high)

    def _seconds(self, time: Ints) -> Floats:
        if len(self._starts):
            before = self._ends.searchsorted(time, "right")  # whole pauses before each time
            start = np.append(self._starts, np.iinfo(np.int64).max)[before]
            time = np.minimum(time, start) - self._paused[before]  # within a pause the clock stands
        return time / 1e9 - self._zero


class MetricAxis:
    """x is the last value of a metric at or before a point's time, whichever of the run's tapes it was logged on.

    Its values are known at *knots*: points, or (where there are very many points) entries.

    Args:
        tapes: the run's tapes in order, their indexes up to date.
        metric: whose values are x.
    """

    column: Literal["step", "time"] = "time"
    steady: Hashable = None

    def __init__(self, tapes: Sequence[IndexedTape], metric: str) -> None:
        self._metric = metric
        self._all: Columns | None = None  # where several writers' values come in turns
        self._tapes = tapes
        series = [tape.series(metric) for tape in tapes]
        self._dense = sum(one.points for one in series if one is not None) <= _DENSE
        whole = True  # bounds of entries leave NaN out
        knots: list[tuple[NDArray[Any], ...]] = []  # first time, last time, low, high, tape, entry
        for number, (tape, one) in enumerate(zip(tapes, series, strict=True)):
            count = one.counts[0] if one is not None else 0
            loose = [tape.loose(metric)]
            if self._dense:
                loose[:0] = tape.points(metric, 0, BASE * count, "time")
            elif one is not None and count:
                whole &= bool((one.column(0, "finite", 0, count) == BASE).all())
                entries = (one.column(0, name, 0, count) for name in ("time_low", "time_high", "low", "high"))
                knots.append((*entries, np.full(count, number), np.arange(count)))
            points = concatenate(loose)
            at = np.full(len(points.time), number)
            knots.append((points.time, points.time, points.value, points.value, at, np.full(len(at), -1)))
        nothing = (*(np.empty(0, np.int64),) * 2, *(np.empty(0),) * 2, *(np.empty(0, np.int64),) * 2)
        columns = [np.concatenate(parts) for parts in zip(*(knots or [nothing]), strict=True)]
        order = columns[0].argsort(kind="stable")
        self._first, self._last, self._low, self._high, self._tape, self._entry = (c[order] for c in columns)
        self.least = float(np.min(self._low, where=np.isfinite(self._low), initial=np.inf))
        self.most = float(np.max(self._high, where=np.isfinite(self._high), initial=-np.inf))
        self._in_time = bool((self._last[:-1] <= self._first[1:]).all())
        # Only of a metric that counts bounds can be told; others are joined point by point
        self._counts = (
            self._in_time
            and whole
            and bool(
                (self._high[:-1] <= self._low[1:]).all()
                and np.isfinite(self._low).all()
                and np.isfinite(self._high).all()
            )
        )

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return 6 * int(self._first.nbytes) + (3 * int(self._all.time.nbytes) if self._all is not None else 0)

    def at(self, points: Columns) -> Floats:
        if not len(points.time) or not len(self._first):
            return np.full(len(points.time), np.nan)
        if self._dense:
            return as_of(points.time, self._first, self._low)
        if not self._in_time:
            self._all = self._all or self._points(slice(None))
            return as_of(points.time, self._all.time, self._all.value)
        begin, end = self._first.searchsorted([points.time.min(), points.time.max()], "right").tolist()
        known = self._points(slice(max(begin - 1, 0), end))
        return as_of(points.time, known.time, known.value)

    def bounds(self, low: Ints, high: Ints) -> tuple[Floats, Floats]:
        if not self._counts:
            return np.full(len(low), -np.inf), np.full(len(low), np.inf)
        begin, end = (self._first.searchsorted(time, "right") - 1 for time in (low, high))
        if not len(self._first):
            return np.full(len(low), -np.inf), np.full(len(low), -np.inf)
        return np.where(begin < 0, -np.inf, self._low[begin]), np.where(end < 0, -np.inf, self._high[end])

    def _points(self, chosen: slice) -> Columns:
        """The points of some knots, writer after writer."""
        parts: list[Columns] = []
        for number, tape in enumerate(self._tapes):
            mine = self._tape[chosen] == number
            entries = self._entry[chosen][mine]
            parts += tape.points_of(self._metric, np.sort(entries[entries >= 0]), "time")
            single = mine & (self._entry[chosen] < 0)
            time, value = self._first[chosen][single], self._low[chosen][single]
            parts.append(Columns(np.zeros(len(time), np.int64), time, value))
        return concatenate(parts)


def as_of(time: Ints, axis_time: Ints, axis: Floats) -> Floats:
    """[n]: the last value of axis[m] at or before each time[n]; NaN before the first."""
    if not (axis_time[1:] >= axis_time[:-1]).all():
        order = axis_time.argsort(kind="stable")
        axis_time, axis = axis_time[order], axis[order]
    found = axis_time.searchsorted(time, "right") - 1
    joined = axis[np.maximum(found, 0)] if len(axis) else np.zeros(len(time))
    return np.where(found < 0, np.nan, joined)
