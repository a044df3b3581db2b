"""Points and pyramid entries into buckets: count, mean, min, max and standard deviation of what lies between two edges.

A *piece* is a point, or an entry that stands for all of its points: both have a number of points, how many of them are
finite, their total, their spread (the sum of squared differences from their mean), the least and the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Buckets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Pieces(NamedTuple):
    """Points and entries, arrays of [n]; low = inf and high = -inf where nothing is finite."""

    x: Floats  # a piece belongs into the bucket of its x
    points: Ints
    finite: Ints
    total: Floats
    spread: Floats
    low: Floats
    high: Floats


class Sums(NamedTuple):
    """What lies in each bucket, arrays of [b], as `Pieces` has it."""

    points: Ints
    finite: Ints
    total: Floats
    spread: Floats
    low: Floats
    high: Floats


def points_as_pieces(x: Floats, value: Floats) -> Pieces:
    """value[n] at x[n]."""
    one = np.ones(len(value), np.int64)
    nothing = np.zeros(len(value))
    finite = np.isfinite(value)
    if finite.all():
        return Pieces(x, one, one, value, nothing, value, value)
    return Pieces(
        x,
        one,
        finite.astype(np.int64),
        np.where(finite, value, 0.0),
        nothing,
        np.where(finite, value, np.inf),
        np.where(finite, value, -np.inf),
    )


def gather(pieces: Pieces, edges: Floats) -> Sums:
    """What lies between edges[b + 1], which must increase; pieces with another x, or NaN, belong to no bucket."""
    x = pieces.x
    if len(x) > 1 and not (x[1:] >= x[:-1]).all():
        order = x.argsort(kind="stable")
        pieces = Pieces._make(column[order] for column in pieces)
    bounds = _bounds(pieces.x, edges)
    sums = nothing_in(len(edges) - 1)
    held = np.diff(bounds)
    some = held.nonzero()[0]
    if not len(some):
        return sums
    inside = slice(bounds[0], bounds[-1])
    starts, held = bounds[:-1][some] - bounds[0], held[some]
    _, points, finite, total, spread, low, high = (column[inside] for column in pieces)
    with np.errstate(over="ignore", invalid="ignore"):
        sums.points[some] = counted = np.add.reduceat(points, starts)
        sums.finite[some] = found = counted if (finite == points).all() else np.add.reduceat(finite, starts)
        sums.total[some] = whole = np.add.reduceat(total, starts)
        away = total / np.maximum(finite, 1) - np.repeat(whole / np.maximum(found, 1), held)
        sums.spread[some] = np.add.reduceat(spread + finite * away * away, starts)
    sums.low[some] = np.minimum.reduceat(low, starts)
    sums.high[some] = np.maximum.reduceat(high, starts)
    return sums


def gather_points(x: Floats, value: Floats, edges: Floats) -> Sums:
    """`gather` of value[n] at x[n], in a third of the time where all are finite and in order."""
    if not (x[1:] >= x[:-1]).all() or not np.isfinite(value).all():
        return gather(points_as_pieces(x, value), edges)
    bounds = _bounds(x, edges)
    sums = nothing_in(len(edges) - 1)
    held = np.diff(bounds)
    some = held.nonzero()[0]
    if not len(some):
        return sums
    value, starts, held = value[bounds[0] : bounds[-1]], bounds[:-1][some] - bounds[0], held[some]
    sums.points[some] = sums.finite[some] = held
    with np.errstate(over="ignore", invalid="ignore"):
        sums.total[some] = whole = np.add.reduceat(value, starts)
        away = np.repeat(whole / held, held)
        np.subtract(value, away, out=away)
        sums.spread[some] = np.add.reduceat(np.multiply(away, away, out=away), starts)
    sums.low[some] = np.minimum.reduceat(value, starts)
    sums.high[some] = np.maximum.reduceat(value, starts)
    return sums


def add(parts: Sequence[Sums]) -> Sums:
    """Several counts of the same buckets as one. There must be one at least."""
    whole = parts[0]
    for part in parts[1:]:
        finite = whole.finite + part.finite
        with np.errstate(over="ignore", invalid="ignore"):
            away = part.total / np.maximum(part.finite, 1) - whole.total / np.maximum(whole.finite, 1)
            share = whole.finite * (part.finite / np.maximum(finite, 1))
            between = np.where(share > 0, away * away * share, 0.0)
            whole = Sums(
                whole.points + part.points,
                finite,
                whole.total + part.total,
                whole.spread + part.spread + between,
                np.minimum(whole.low, part.low),
                np.maximum(whole.high, part.high),
            )
    return whole


def add_to(whole: Sums, pieces: Pieces, edges: Floats) -> Sums:
    """What lies in each bucket between edges[b + 1] together with more pieces, of which there must be one at least.

    Only the buckets around them are counted again. ``whole`` stays as it is.
    """
    x = pieces.x
    buckets = len(edges) - 1
    first = min(max(int(edges.searchsorted(x.min(), "right")) - 1, 0), buckets - 1)  # the last holds its right edge
    last = min(int(edges.searchsorted(x.max(), "right")), buckets)
    if first >= last:
        return whole
    part = add([Sums._make(column[first:last] for column in whole), gather(pieces, edges[first : last + 1])])
    columns = []
    for before, after in zip(whole, part, strict=True):
        column = before.copy()
        column[first:last] = after
        columns.append(column)
    return Sums._make(columns)


def nothing_in(buckets: int) -> Sums:
    """Empty buckets."""
    none, zero = np.zeros(buckets, np.int64), np.zeros(buckets)
    return Sums(none, none.copy(), zero, zero.copy(), np.full(buckets, np.inf), np.full(buckets, -np.inf))


def as_buckets(sums: Sums) -> Buckets:
    """The statistics that people ask for."""
    empty = sums.finite == 0
    with np.errstate(invalid="ignore"):
        mean, variance = sums.total / np.maximum(sums.finite, 1), sums.spread / np.maximum(sums.finite, 1)
    low, high, std = sums.low.copy(), sums.high.copy(), np.sqrt(variance)
    for column in (mean, low, high, std):
        column[empty] = np.nan
    return Buckets(sums.finite.copy(), mean, low, high, std, sums.points - sums.finite)


def _bounds(x: Floats, edges: Floats) -> Ints:
    """Where in sorted x each bucket begins; the last bucket holds its right edge."""
    bounds = x.searchsorted(edges, "left")
    bounds[-1] = x.searchsorted(edges[-1], "right")
    return bounds


def equal_edges(low: float, high: float, buckets: int) -> Floats:
    """[buckets + 1]: equal buckets from low to high; of width 1 in all where there is but one x."""
    if high <= low:
        high = max(low + 1.0, float(np.nextafter(low, np.inf)))
    # Weighted, not low + i * width: the width of an axis from -1e308 to 1e308 is no float64
    right = np.arange(buckets + 1) / buckets
    edges: Floats = np.maximum.accumulate(np.clip(low * (1 - right) + high * right, low, high))
    return edges
