"""From pyramids to buckets: walk down from the top, and go deeper only where an entry reaches over a bucket's edge.

An entry that lies within one bucket stands for its points. One that lies across an edge is split into the four below,
in the end into its points, unless it is narrower than a bucket: then it counts where it begins, which moves the edge by
less than a bucket's width. Where edges must hold exactly it is split however narrow it is. In every level there are at
most a few entries across each edge, so the work follows from the number of buckets, not from that of points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rolltape.store.axes import Axis
from rolltape.store.buckets import Floats, Pieces, Sums, add, gather, points_as_pieces
from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.pyramid import BASE, FAN
from rolltape.tape.reader import Columns
from rolltape.tape.series import Series

FEW = 16 * 1024  # points of a metric on a tape up to which edges always hold exactly: to read them all takes a ms
_BLOCK = 256 * 1024  # points that are put into buckets together


def sums_of(
    tape: IndexedTape, metric: str, axis: Axis, edges: Floats, *, exact: bool = False, before: int | None = None
) -> Sums:
    """What a metric of one tape has in each bucket.

    Args:
        tape: its index up to date, and being read.
        metric: its name.
        axis: where on x the points lie.
        edges: [b + 1], of equal buckets.
        exact: whether each point is counted in its own bucket.
        before: points at this step or later are left out; None: none is.

    Raises:
        TapeError, OSError, IndexUnusable: the tape or its index cannot be read.
    """
    pieces: list[Pieces] = []
    sums: list[Sums] = []
    deep = np.empty(0, np.int64)
    series = tape.series(metric)
    if series is not None:
        exact = exact or series.points <= FEW
        whole, deep = _descend(series, axis, edges, exact, before)
        pieces += whole
    waiting = 0
    for points in chain(tape.points_of(metric, deep), (tape.loose(metric),)):
        pieces.append(_point_pieces(points, axis, before))
        waiting += len(points.step)
        if waiting > _BLOCK:
            sums.append(gather(_join(pieces), edges))
            pieces, waiting = [], 0
    if pieces or not sums:
        sums.append(gather(_join(pieces), edges))
    return add(sums)


def blocks_of(
    tape: IndexedTape, metric: str, axis: Axis, window: tuple[float, float] | None, before: int | None = None
) -> Iterator[tuple[Floats, Columns]]:
    """The points of one tape with low <= x <= high as they were logged, in blocks: x[n] and the points.

    Which points these are is settled at once; they are read when they are asked for, also after more was recorded.

    Raises:
        TapeError, OSError, IndexUnusable: as `sums_of`.
    """
    series = tape.series(metric)
    if series is not None and window is not None:
        _, deep = _descend(series, axis, np.array(window), True, before, all_points=True)
        framed = tape.points_of(metric, deep)
    else:
        framed = tape.points(metric, 0, BASE * series.counts[0] if series is not None else 0)
    return _within(chain(framed, (tape.loose(metric),)), axis, window, before)


def _within(
    blocks: Iterable[Columns], axis: Axis, window: tuple[float, float] | None, before: int | None
) -> Iterator[tuple[Floats, Columns]]:
    for points in blocks:
        x = axis.at(points)
        kept = np.ones(len(x), bool) if window is None else (x >= window[0]) & (x <= window[1])
        if before is not None:
            kept &= points.step < before
        if kept.any():
            yield x[kept], Columns._make(column[kept] for column in points)


def extent(tape: IndexedTape, metric: str, axis: Axis, before: int | None = None) -> tuple[float, float]:
    """Between which x a metric's points lie; (inf, -inf) if there are none. Raises as `sums_of`."""
    series = tape.series(metric)
    bounds = [_of_points(axis, tape.loose(metric), before)]
    if series is None:
        return bounds[0]
    for level in range(len(series.counts)):
        start, stop = _own(series, level)
        if start == stop:
            continue
        low, high = _axis_columns(series, level, axis.column, start, stop)
        if axis.column == "step" and before is not None:
            low, high = low[low < before], np.minimum(high[low < before], before - 1)
        x_low, x_high = axis.bounds(low, high)
        some = x_high > -np.inf
        x_low, x_high = np.maximum(x_low[some], axis.least), np.minimum(x_high[some], axis.most)
        bounds.append((float(x_low.min(initial=np.inf)), float(x_high.max(initial=-np.inf))))
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def _of_points(axis: Axis, points: Columns, before: int | None) -> tuple[float, float]:
    x = axis.at(points)
    if before is not None:
        x = x[points.step < before]
    x = x[np.isfinite(x)]
    return float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))


def _own(series: Series, level: int) -> tuple[int, int]:
    """The entries of a level that no entry above stands for."""
    above = series.counts[level + 1] if level + 1 < len(series.counts) else 0
    return FAN * above, series.counts[level]


def _descend(
    series: Series, axis: Axis, edges: Floats, exact: bool, before: int | None, *, all_points: bool = False
) -> tuple[list[Pieces], NDArray[np.int64]]:
    """The entries that stand for their points, and those of level 0 whose points are needed (all: ``all_points``)."""
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    found: list[Pieces] = []
    split = np.empty(0, np.int64)
    for level in reversed(range(len(series.counts))):
        start, stop = _own(series, level)
        at = np.concatenate(((FAN * split[:, None] + np.arange(FAN)).ravel(), np.arange(start, stop)))
        split = at[:0]
        if not len(at):
            continue
        begin, end = int(at[0]), int(at[-1]) + 1
        every = len(at) == end - begin
        low, high = _axis_columns(series, level, axis.column, begin, end)
        x_low, x_high = axis.bounds(*((low, high) if every else (low[at - begin], high[at - begin])))
        with np.errstate(invalid="ignore"):
            inside = (x_high >= edges[0]) & (x_low <= edges[-1])
            across = edges.searchsorted(x_low, "right") != edges.searchsorted(x_high, "right")
            across &= exact | ~(x_high - x_low <= width)
        if all_points:
            across[:] = True
        if before is not None:
            step_low, step_high = (column[at - begin] for column in _axis_columns(series, level, "step", begin, end))
            inside &= step_low < before
            across |= step_high >= before
        across &= inside
        split = at[across]
        kept = inside & ~across
        if kept.any():
            found.append(_entry_pieces(series, level, at[kept], x_low[kept]))
    return found, split


def _axis_columns(
    series: Series, level: int, name: str, start: int, stop: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return series.column(level, f"{name}_low", start, stop), series.column(level, f"{name}_high", start, stop)


def _entry_pieces(series: Series, level: int, at: NDArray[np.int64], x: Floats) -> Pieces:
    begin, end = int(at[0]), int(at[-1]) + 1
    columns = [series.column(level, name, begin, end) for name in ("finite", "total", "spread", "low", "high")]
    if len(at) < end - begin:
        columns = [column[at - begin] for column in columns]
    return Pieces(x, np.full(len(at), BASE * FAN**level), *columns)


def _point_pieces(points: Columns, axis: Axis, before: int | None) -> Pieces:
    x = axis.at(points)
    if before is None:
        return points_as_pieces(x, points.value)
    kept = points.step < before
    return points_as_pieces(x[kept], points.value[kept])


def _join(pieces: list[Pieces]) -> Pieces:
    if len(pieces) == 1:
        return pieces[0]
    return Pieces._make(np.concatenate(columns) for columns in zip(*pieces, strict=True))
