"""A tape that lies in ClickHouse: to what reads charts from tapes it is one with its index (tape/indexed_tape.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rolltape.store.clickhouse.entries import StoredSeries, fetch_of
from rolltape.store.clickhouse.listing import StoredWriter
from rolltape.store.clickhouse.metric_rows import MetricRow
from rolltape.store.clickhouse.points import Blocks, blocks_of, stretches
from rolltape.store.clickhouse.questions import Ask, Named, Parameters, condition
from rolltape.store.clickhouse.tape_load import FRAMED
from rolltape.tape.metric_columns import AxisColumn, Columns, concatenate
from rolltape.tape.pyramid import BASE

Ints = NDArray[np.int64]
_NONE = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class StoredTape:
    """One writer's tape as of one question. Not for several threads at once.

    Args:
        writer: whose it is.
        ask: of its shard.
        rows: what is told of the metrics that are asked about.
    """

    def __init__(self, writer: StoredWriter, ask: Ask, rows: Mapping[str, MetricRow]) -> None:
        self.reader = writer
        self.rows = rows
        self.heads: dict[str, Columns] = {}  # by metric: points that are only in the head
        self.whole: dict[str, Columns] = {}  # all points in entries, of short series
        self._ask = ask
        self._series: dict[str, StoredSeries] = {}
        writer.known_metrics |= rows.keys()

    def series(self, metric: str) -> StoredSeries | None:
        """The pyramid of a metric; None if no frame has it."""
        found = self._series.get(metric)
        row = self.rows.get(metric)
        if found is None and row is not None and row.framed:
            fetch = fetch_of(self._ask, self._named(metric))
            found = self._series[metric] = StoredSeries(row.framed, fetch, lambda number: self._point(metric, number))
        return found

    def loose(self, metric: str) -> Columns:
        """The points behind the last entry, those in the head among them."""
        row = self.rows.get(metric)
        parts = [part for part in (row.rest if row else _NONE, self.heads.get(metric, _NONE)) if len(part.step)]
        return concatenate(parts)

    def points(self, metric: str, start: int, stop: int, only: AxisColumn | None = None) -> Iterator[Columns]:
        """The points number start to stop of a metric's entries, some blocks at a time."""
        return (points for _, points in self._parts(metric, np.array([start]), np.array([stop]), only))

    def points_of(self, metric: str, entries: Ints, only: AxisColumn | None = None) -> Iterator[Columns]:
        """The points of some entries of level 0, which must be in order; else as `points`."""
        if len(entries) and entries[-1] - entries[0] == len(entries) - 1:
            return self.points(metric, BASE * int(entries[0]), BASE * (int(entries[-1]) + 1), only)
        starts = BASE * entries

        def picked(before: int, points: Columns) -> Columns:
            after = before + len(points.step)
            begin, end = starts.searchsorted([before - BASE + 1, after]).tolist()
            places = (starts[begin:end, None] + np.arange(BASE)).ravel() - before
            places = places[(places >= 0) & (places < after - before)]
            return Columns._make(column[places] for column in points)

        return (picked(before, points) for before, points in self._parts(metric, starts, starts + BASE, only))

    def first_step(self) -> int | None:
        """The smallest step that any metric begins with; None if there are no points."""
        parameters = Parameters()
        project, run, writer = self.reader.key
        where = condition(Named(project, (run,), (), (writer,)), parameters)
        found = self._ask(
            # Frames come before the head, whose places are the lower numbers
            f"SELECT argMin(step, bitXor(place, toUInt64({FRAMED}))) AS first FROM points"
            f" WHERE {where} AND row = 0 GROUP BY metric",
            parameters,
        )
        return min(found["first"].tolist(), default=None) if found else None

    def _parts(self, metric: str, starts: Ints, stops: Ints, only: AxisColumn | None) -> Iterator[tuple[int, Columns]]:
        if not len(starts) or starts[0] >= stops[-1]:
            return iter(())
        whole = self.whole.get(metric)
        if whole is not None:
            low, high = int(starts[0]), int(stops[-1])
            return iter([(low, Columns._make(column[low:high] for column in whole))])
        named = self._named(metric)
        return stretches(self._ask, named, self._blocks(metric, named), starts, stops, only)

    def _blocks(self, metric: str, named: Named) -> Blocks:
        """Of the frames: those that come later change nothing of what lies in earlier ones."""
        known: Blocks | None = self.reader.blocks.get(metric)
        if known is None or not len(known.ends) or known.ends[-1] < self.rows[metric].framed:
            known = self.reader.blocks[metric] = blocks_of(self._ask, named)
        return known

    def _point(self, metric: str, number: int) -> Columns:
        row = self.rows[metric]
        whole = row.framed // BASE * BASE
        if number >= whole:
            return Columns._make(column[number - whole : number - whole + 1] for column in row.rest)
        return concatenate(list(self.points(metric, number, number + 1)))

    def _named(self, metric: str) -> Named:
        project, run, writer = self.reader.key
        return Named(project, (run,), (metric,), (writer,))
