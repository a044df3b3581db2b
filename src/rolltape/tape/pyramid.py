"""Pyramid entries: what a stretch of points comes to. 64 points make an entry, four entries make one of the next level.

Each level follows from the one below by sums, minima and maxima alone, so nothing is estimated on the way up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BASE = 64  # points of an entry of level 0
FAN = 4  # entries that make one of the next level
TALL = 1024  # a level of so many entries has one above it

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Entries(NamedTuple):
    """Neighbouring entries of one level, arrays of [n].

    The axes are bounds: no point lies outside them. NaN and infinities are counted by what ``finite`` lacks and are in
    no other column. An entry without a finite value has low = inf and high = -inf.
    """

    step_low: Ints
    step_high: Ints
    time_low: Ints  # ns
    time_high: Ints
    finite: Ints
    total: Floats
    spread: Floats  # sum of squared differences from the entry's mean: sums of squares would cancel
    low: Floats
    high: Floats


def entries_of(step: Ints, time: Ints, value: Floats) -> Entries:
    """Level 0 of n * 64 points."""
    rows = len(value) // BASE
    if not rows:
        return NOTHING
    values = value.reshape(rows, BASE)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.einsum("ij->i", values)
        starts = np.arange(0, len(value), BASE)  # reduceat is twice as fast as min(axis=1) here
        low, high = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
        deviation = values - (total / BASE)[:, None]
        spread = np.einsum("ij,ij->i", deviation, deviation)
    finite = np.full(rows, BASE)
    strange = np.flatnonzero(~np.isfinite(total))  # one NaN or infinity makes the sum one too
    if len(strange):
        kept = values[strange]
        good = np.isfinite(kept)
        finite[strange] = count = good.sum(axis=1)
        low[strange] = np.where(good, kept, np.inf).min(axis=1)
        high[strange] = np.where(good, kept, -np.inf).max(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            total[strange] = sums = np.where(good, kept, 0.0).sum(axis=1)
            away = np.where(good, kept - (sums / np.maximum(count, 1))[:, None], 0.0)
            spread[strange] = (away * away).sum(axis=1)
    return Entries(*_bounds(step, rows), *_bounds(time, rows), finite, total, spread, low, high)


def _bounds(axis: Ints, rows: int) -> tuple[Ints, Ints]:
    table = axis.reshape(rows, BASE)
    if (axis[1:] >= axis[:-1]).all():
        return table[:, 0].copy(), table[:, -1].copy()
    return table.min(axis=1), table.max(axis=1)


def fold(entries: Entries) -> Entries:
    """The next level of n * 4 entries."""
    below = Entries._make(column.reshape(-1, FAN) for column in entries)
    finite = below.finite.sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        total = below.total.sum(axis=1)
        away = below.total / np.maximum(below.finite, 1) - (total / np.maximum(finite, 1))[:, None]
        spread = (below.spread + below.finite * away * away).sum(axis=1)
    return Entries(
        below.step_low.min(axis=1),
        below.step_high.max(axis=1),
        below.time_low.min(axis=1),
        below.time_high.max(axis=1),
        finite,
        total,
        spread,
        below.low.min(axis=1),
        below.high.max(axis=1),
    )


def join(parts: Sequence[Entries]) -> Entries:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    return Entries._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


NOTHING = Entries._make(np.empty(0, np.int64 if i < 5 else np.float64) for i in range(len(Entries._fields)))
