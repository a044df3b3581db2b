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
from rolltape.store.buckets import Floats, Pieces, Sums, add, gather, gather_points, points_as_pieces
from rolltape.store.kept_points import points_of
from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, FAN
from rolltape.tape.series import Loose, Series

Ints = NDArray[np.int64]
_Bounds = tuple[Ints, Ints]

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
    series = tape.series(metric)
    if series is None:
        return gather(_point_pieces(tape.loose(metric), axis, before), edges)
    whole, deep = _descend(series, axis, edges, exact or series.points <= FEW, before)
    if not len(deep):
        return gather(_join([*whole, _point_pieces(tape.loose(metric), axis, before)]), edges)
    sums = [gather(_join(whole), edges)] if whole else []  # apart from the points, with which they would be sorted
    xs: list[Floats] = []
    values: list[Floats] = []
    only = axis.column if before is None or axis.column == "step" else None
    for points in chain(points_of(tape, metric, series, deep, only), (tape.loose(metric),)):
        x, value = axis.at(points), points.value
        if before is not None:
            kept = points.step < before
            x, value = x[kept], value[kept]
        xs.append(x)
        values.append(value)
        if sum(map(len, xs)) > _BLOCK:
            sums.append(gather_points(np.concatenate(xs), np.concatenate(values), edges))
            xs, values = [], []
    if xs:
        sums.append(gather_points(np.concatenate(xs), np.concatenate(values), edges))
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
        if kept.all():
            if len(x):
                yield x, points
        elif kept.any():
            yield x[kept], Columns._make(column[kept] for column in points)


def extent(tape: IndexedTape, metric: str, axis: Axis, before: int | None = None) -> tuple[float, float]:
    """Between which x a metric's points lie; (inf, -inf) if there are none. Raises as `sums_of`."""
    series = tape.series(metric)
    found = _of_points(axis, tape.loose(metric), before)
    if series is None:
        return found
    top = len(series.counts) - 1
    for low, high in (series.bounds(top, axis.column, 0, series.counts[top]), series.loose().bounds(axis.column)):
        if axis.column == "step" and before is not None:
            low, high = low[low < before], np.minimum(high[low < before], max(before - 1, -(2**63)))
        x_low, x_high = axis.bounds(low, high)
        some = x_high > -np.inf
        x_low, x_high = np.maximum(x_low[some], axis.least), np.minimum(x_high[some], axis.most)
        found = float(x_low.min(initial=found[0])), float(x_high.max(initial=found[1]))
    return found


def _of_points(axis: Axis, points: Columns, before: int | None) -> tuple[float, float]:
    x = axis.at(points)
    if before is not None:
        x = x[points.step < before]
    x = x[np.isfinite(x)]
    return float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))


def _descend(
    series: Series, axis: Axis, edges: Floats, exact: bool, before: int | None, *, all_points: bool = False
) -> tuple[list[Pieces], Ints]:
    """The entries that stand for their points, and those of level 0 whose points are needed (all: ``all_points``)."""
    top = len(series.counts) - 1
    waiting: list[list[Ints]] = [[] for _ in series.counts]  # entries to look at, by level
    waiting[top].append(np.arange(series.counts[top]))
    deep: list[Ints] = []
    found: list[Pieces] = []

    def split(level: int, numbers: Ints) -> None:
        if level == 0:
            deep.append(numbers)
        else:
            waiting[level - 1].append((FAN * numbers[:, None] + np.arange(FAN)).ravel())

    def look(bounds: _Bounds, steps: _Bounds | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
        """Which entries stand for their points, which are to be split, and the x of each."""
        x_low, x_high = axis.bounds(*bounds)
        with np.errstate(invalid="ignore", over="ignore"):
            inside = (x_high >= edges[0]) & (x_low <= edges[-1])
            if exact:
                across = edges.searchsorted(x_low, "right") != edges.searchsorted(x_high, "right")
                across |= x_high > edges[-1]  # the last bucket holds its right edge, and nothing behind it
            else:
                across = ~(x_high - x_low <= width)
        if steps is not None and before is not None:
            inside &= steps[0] < before
            across |= steps[1] >= before
        x_low = np.maximum(x_low, edges[0])  # what reaches into the window is in it
        if all_points:
            return np.zeros(len(x_low), bool), inside, x_low
        return inside & ~across, inside & across, x_low

    width = edges[-1] / (len(edges) - 1) - edges[0] / (len(edges) - 1)
    loose = series.loose()
    if len(loose.number):
        whole, parted, x = look(loose.bounds(axis.column), loose.bounds("step"))
        loose_pieces = _loose_pieces(loose, whole, x)
        for number in parted.nonzero()[0]:
            split(int(loose.level[number]), loose.number[number : number + 1])
    for level in range(top, -1, -1):
        at = _in_order(waiting[level])
        if not len(at):
            continue
        bounds, steps = _read_bounds(series, level, axis.column, at), None
        if before is not None:
            steps = bounds if axis.column == "step" else _read_bounds(series, level, "step", at)
        whole, parted, x = look(bounds, steps)
        if parted.any():
            split(level, at[parted])
        if whole.all():
            found.append(_entry_pieces(series, level, at, x))
        elif whole.any():
            found.append(_entry_pieces(series, level, at[whole], x[whole]))
    if len(loose.number):
        found.append(loose_pieces)  # last, as its points come last: then x is in order mostly
    return found, _in_order(deep)


def _in_order(parts: list[Ints]) -> Ints:
    if not parts:
        return np.empty(0, np.int64)
    return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _read_bounds(series: Series, level: int, axis: str, at: Ints) -> _Bounds:
    begin, end = int(at[0]), int(at[-1]) + 1
    low, high = series.bounds(level, axis, begin, end)
    return (low, high) if len(at) == end - begin else (low[at - begin], high[at - begin])


def _loose_pieces(loose: Loose, chosen: NDArray[np.bool_], x: Floats) -> Pieces:
    entries = loose.entries
    columns = x, BASE * FAN**loose.level, entries.finite, entries.total, entries.spread, entries.low, entries.high
    return Pieces._make(column[chosen] for column in columns)


def _entry_pieces(series: Series, level: int, at: Ints, x: Floats) -> Pieces:
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
