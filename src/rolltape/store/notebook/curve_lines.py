"""A curve as lines to draw: as many points as there are pixels, true minima and maxima, no line over a restart."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Buckets, Curve, Gap
from rolltape.store.notebook.svg_chart import Mark
from rolltape.store.notebook.svg_lines import Line, Piece
from rolltape.store.notebook.svg_ticks import zone_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FEWEST_COLUMNS = 24
_MOST_POINTS = 24_000  # of all lines together
_NAMED = 3  # runs that a mark names


def per_line(lines: int, columns: int) -> int:
    """How many points each of so many lines may have, so that the picture stays below 300 kB."""
    return max(_FEWEST_COLUMNS, min(columns, _MOST_POINTS // max(lines, 1)))


def lines_of(curve: Curve, keys: list[str], columns: int) -> list[Line]:
    """The mean lines of runs. Neighbouring buckets become one point where there are more than ``columns``.

    Empty buckets are drawn over: nothing was logged there. What a point shows is exact: the mean of all its buckets'
    points, their minimum and their maximum.
    """
    prefix = common_project(keys) if len(keys) > 1 else ""
    return [
        Line(
            key.removeprefix(prefix),
            key,
            [_merged(curve.runs[key], curve.edges, begin, end, columns) for begin, end in _stretches(curve, key)],
            [(gap.after, _restart(key, curve, gap)) for gap in curve.gaps.get(key, ()) if _inside(gap, curve.edges)],
        )
        for key in keys
    ]


def common_project(keys: list[str]) -> str:
    """The project that all keys begin with, and its slash; "" if there are several."""
    projects = {key[: key.rfind("/") + 1] for key in keys}
    return projects.pop() if len(projects) == 1 else ""


def marks_of(curve: Curve, pixels: int) -> list[Mark]:
    """Where on x any run has NaN or infinities; those that lie within a pixel or two are one mark."""
    buckets = len(curve.edges) - 1
    keys = [key for key, one in curve.runs.items() if one.nonfinite.any()]
    if not keys:
        return []
    sums = np.cumsum([np.concatenate(([0], curve.runs[key].nonfinite)) for key in keys], axis=1)
    found = np.flatnonzero(np.diff(sums.sum(axis=0)))
    wide = max(1, -(-2 * buckets // pixels))  # buckets in two pixels
    marks = []
    for group in np.split(found, np.flatnonzero(np.diff(found) > wide) + 1):
        begin, end = int(group[0]), int(group[-1]) + 1
        counts = sums[:, end] - sums[:, begin]
        named = [keys[i] for i in np.flatnonzero(counts).tolist()]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        low, high = float(curve.edges[begin]), float(curve.edges[end])
        told = f"{counts.sum():,} NaN or inf, {curve.x} {place(low, curve.x)} to {place(high, curve.x)}: "
        marks.append(Mark(low, high, f"{told}{', '.join(named[:_NAMED])}{more}"))
    return marks


def place(x: float, axis: str) -> str:
    """A place on the x-axis in words."""
    if axis == "time":
        try:
            return datetime.fromtimestamp(x, zone_of(x)).isoformat(" ", "seconds")
        except (ValueError, OverflowError, OSError):
            pass
    unit = " s" if axis in ("relative", "process") else ""
    return f"{x:,.0f}{unit}" if abs(x) < 1e15 and x == int(x) else f"{x:.6g}{unit}"


def _stretches(curve: Curve, key: str) -> list[tuple[int, int]]:
    """From and to which bucket a run was not restarted; a bucket with the first x after a restart begins one."""
    edges = curve.edges
    buckets = len(edges) - 1
    begins = {0, max(buckets, 0)}
    begins |= {
        min(int(edges.searchsorted(gap.after, "right")) - 1, buckets - 1)
        for gap in curve.gaps.get(key, ())
        if _inside(gap, edges)
    }
    ordered = sorted(begins)
    return list(pairwise(ordered))


def _inside(gap: Gap, edges: Floats) -> bool:
    return len(edges) > 1 and bool(edges[0] < gap.after <= edges[-1])


def _restart(key: str, curve: Curve, gap: Gap) -> str:
    before, after = place(gap.before, curve.x), place(gap.after, curve.x)
    return f"{key}: taken up again at {curve.x} {after}, after {before}"


def _merged(one: Buckets, edges: Floats, begin: int, end: int, columns: int) -> Piece:
    """The points of a stretch."""
    wide = -(-(len(edges) - 1) // columns)
    held = begin + np.flatnonzero(one.count[begin:end])
    starts = np.flatnonzero(np.diff(held // wide, prepend=-1))
    if not len(held):
        nothing = np.empty(0)
        return Piece(nothing, nothing, nothing, nothing)
    ends = np.append(starts[1:], len(held)) - 1
    x = edges[held[starts]] / 2 + edges[held[ends] + 1] / 2
    low, high = np.minimum.reduceat(one.min[held], starts), np.maximum.reduceat(one.max[held], starts)
    weight = one.count[held].astype(np.float64)
    total = np.add.reduceat(weight, starts).repeat(np.diff(starts, append=len(held)))
    # Shares first: a sum of means may be more than a float64 holds
    mean = np.add.reduceat(one.mean[held] * (weight / total), starts)
    return Piece(x, np.where(np.isfinite(mean), np.clip(mean, low, high), np.nan), low, high)
