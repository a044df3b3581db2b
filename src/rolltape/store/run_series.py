"""One metric of one run over an x-axis: the tapes of all its writers together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.store.axes import Axis, MetricAxis, StepAxis, TimeAxis
from rolltape.store.buckets import Pieces, Sums, add, nothing_in, points_as_pieces
from rolltape.store.descent import blocks_of, extent, sums_of
from rolltape.store.model import Gap, MetricSummary, Points, Resumed
from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.metric_columns import Columns, concatenate
from rolltape.tape.reader import Cursor, TapeReader

Floats = NDArray[np.float64]


AXES = ("step", "time", "relative", "process")  # what x may be besides a metric


class Place(NamedTuple):
    """How far a metric of a run has been read."""

    axis: Hashable  # as `Axis.steady`
    readers: tuple[TapeReader, ...]  # of its tapes; a tape that is another one has another reader
    cursors: tuple[Cursor, ...]  # in each


class RunSeries:
    """To be used while the run's tapes are being read.

    Args:
        tapes: of the run, in the order in which they were opened, their indexes up to date.
        metric: its name.
        axis: where on x its points lie.
        resumed: ``latest``: what was logged at or after the step at which a later writer took the run up again is left
            out. ``all``: nothing is.
    """

    def __init__(self, tapes: Sequence[IndexedTape], metric: str, axis: Axis, resumed: Resumed) -> None:
        self.metric = metric
        self._every = tapes
        self._axis = axis
        self._resumed = resumed
        cuts = [_first_step_after(tapes, i) if resumed == "latest" else None for i in range(len(tapes))]
        self._tapes = [(tape, cut) for tape, cut in zip(tapes, cuts, strict=True) if metric in tape.reader.metrics()]

    @property
    def is_empty(self) -> bool:
        """Whether no tape has a point of the metric."""
        return not any(tape.series(self.metric) or len(tape.loose(self.metric).step) for tape, _ in self._tapes)

    def extent(self) -> tuple[float, float]:
        """The smallest and the largest x; (inf, -inf) if no point has one."""
        found = [extent(tape, self.metric, self._axis, cut) for tape, cut in self._tapes]
        return min((low for low, _ in found), default=np.inf), max((high for _, high in found), default=-np.inf)

    def sums(self, edges: Floats, exact: bool) -> Sums:
        """What lies in each bucket between edges[b + 1]."""
        return add(
            [sums_of(tape, self.metric, self._axis, edges, exact=exact, before=cut) for tape, cut in self._tapes]
        )

    def place(self) -> Place | None:
        """How far its points reach, for `since`; None where the x of what is there depends on what comes."""
        if self._axis.steady is None or self._resumed != "all":
            return None
        readers = tuple(tape.reader for tape in self._every)
        heads = [reader.read(self.metric, Cursor(len(reader.rows))) for reader in readers]
        return Place(self._axis.steady, readers, tuple(cursor for _, cursor in heads))

    def since(self, before: Place) -> tuple[Place, Pieces] | None:
        """How far its points reach now, and those behind ``before``.

        None: what was read until then says nothing of now.
        """
        if self._axis.steady != before.axis or tuple(tape.reader for tape in self._every) != before.readers:
            return None
        new = [reader.read(self.metric, cursor) for reader, cursor in zip(before.readers, before.cursors, strict=True)]
        points = concatenate([found for found, _ in new])
        place = before._replace(cursors=tuple(cursor for _, cursor in new))
        return place, points_as_pieces(self._axis.at(points), points.value)

    def blocks(self, window: tuple[float, float] | None) -> Iterator[tuple[Floats, Points]]:
        """The points within the window, writer after writer, in blocks."""
        found = [blocks_of(tape, self.metric, self._axis, window, cut) for tape, cut in self._tapes]
        return ((x, Points(*columns)) for x, columns in chain.from_iterable(found))

    def summary(self) -> MetricSummary:
        """All its points in numbers."""
        sums = self.sums(np.array([-np.inf, np.inf]), False) if self._tapes else nothing_in(1)
        points, finite = int(sums.points[0]), int(sums.finite[0])
        steps = [step for tape, _ in self._tapes for step in _step_range(tape, self.metric)]
        lasts = [end for tape, _ in self._tapes if (end := _last_value(tape, self.metric)) is not None]
        with np.errstate(over="ignore", invalid="ignore"):
            return MetricSummary(
                self.metric,
                points,
                points - finite,
                min(steps, default=None),
                max(steps, default=None),
                max(lasts, key=lambda end: end[0])[1] if lasts else None,
                float(sums.low[0]) if finite else None,
                float(sums.total[0] / finite) if finite else None,
                float(sums.high[0]) if finite else None,
            )

    def gaps(self) -> list[Gap]:
        """Where the run was taken up again after all its writers had gone."""
        found: list[Gap] = []
        if len(self._tapes) < 2:
            return found
        silent_since = last_of = None
        restarted = False
        for tape in self._every:
            first, last = self._ends(tape)
            restarted |= silent_since is not None and tape.reader.opened > silent_since
            silent_since = max(silent_since or 0, _gone(tape))
            if first is None or last is None:
                continue
            if restarted and last_of is not None:
                before, after = (float(self._axis.at(point)[0]) for point in (last_of, first))
                if np.isfinite(before) and np.isfinite(after):
                    found.append(Gap(before, after))
            restarted = False
            if last_of is None or last.time[0] >= last_of.time[0]:
                last_of = last
        return found

    def _ends(self, tape: IndexedTape) -> tuple[Columns | None, Columns | None]:
        """The first and the last point of the metric on a tape."""
        series, loose = tape.series(self.metric), tape.loose(self.metric)
        first = last = None
        if series is not None and series.first is not None and series.last is not None:
            first, last = _point(*series.first), _point(*series.last[:2])
        if len(loose.step):
            first, last = first or _point(loose.step[0], loose.time[0]), _point(loose.step[-1], loose.time[-1])
        return first, last


def _step_range(tape: IndexedTape, metric: str) -> Iterator[int]:
    """The smallest and the largest step of a metric on a tape; none if it has no points there."""
    series = tape.series(metric)
    bounds = [(points := tape.loose(metric).step, points)]
    if series is not None:
        top = len(series.counts) - 1
        bounds += [series.bounds(top, "step", 0, series.counts[top]), series.loose().bounds("step")]
    for low, high in bounds:
        if len(low):
            yield from (int(low.min()), int(high.max()))


def _last_value(tape: IndexedTape, metric: str) -> tuple[int, float] | None:
    """(time, value) of the last point of a metric on a tape."""
    series, loose = tape.series(metric), tape.loose(metric)
    if len(loose.time):
        return int(loose.time[-1]), float(loose.value[-1])
    return series.last[1:] if series is not None and series.last is not None else None


def axis_of(tapes: Sequence[IndexedTape], x: str, started: float) -> Axis:
    """The axis called ``x``: step, time, relative, process, or a metric of these tapes; ``started`` in unix seconds."""
    if x == "step":
        return StepAxis()
    if x == "time":
        return TimeAxis()
    if x == "relative":
        return TimeAxis(started)
    if x == "process":
        return TimeAxis(started, _pauses(tapes))
    return MetricAxis(tapes, x)


def _pauses(tapes: Sequence[IndexedTape]) -> list[tuple[int, int]]:
    """When no writer of a run lived, in ns."""
    pauses = []
    silent_since = None
    for tape in sorted(tapes, key=lambda tape: tape.reader.opened):
        if silent_since is not None and tape.reader.opened > silent_since:
            pauses.append((silent_since, tape.reader.opened))
        silent_since = max(silent_since or 0, _gone(tape))
    return pauses


def _first_step_after(tapes: Sequence[IndexedTape], number: int) -> int | None:
    """The smallest step at which a writer began that was opened after this one had gone."""
    gone = _gone(tapes[number])
    steps = [tape.first_step() for tape in tapes[number + 1 :] if tape.reader.opened > gone]
    return min((step for step in steps if step is not None), default=None)


def _gone(tape: IndexedTape) -> int:
    """When its writer gave its last sign of life, in ns; later than anything while it lives."""
    return int(np.iinfo(np.int64).max) if tape.reader.alive else tape.reader.last_sign


def _point(step: int, time: int) -> Columns:
    return Columns(np.array([step], np.int64), np.array([time], np.int64), np.empty(1))
