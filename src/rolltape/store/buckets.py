"""Points into buckets: count, mean, min, max and standard deviation of what lies between two edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Buckets


def bucket(x: NDArray[np.float64], value: NDArray[np.float64], edges: NDArray[np.float64]) -> Buckets:
    """The statistics of value[n] at x[n] in the buckets between edges[b + 1], which must increase.

    x need not be sorted; points outside the edges or with a NaN x belong to no bucket.
    """
    if len(x) > 1 and not (x[1:] >= x[:-1]).all():
        order = x.argsort(kind="stable")
        x, value = x[order], value[order]
    finite = np.isfinite(value)
    nonfinite = np.diff(_bounds(x[~finite], edges))
    if not finite.all():
        x, value = x[finite], value[finite]

    bounds = _bounds(x, edges)
    count = np.diff(bounds)
    mean, low, high, std = (np.full(len(count), np.nan) for _ in range(4))
    some = count > 0
    if some.any():
        inside = value[bounds[0] : bounds[-1]]
        starts = (bounds[:-1] - bounds[0])[some]
        with np.errstate(over="ignore", invalid="ignore"):
            mean[some] = np.add.reduceat(inside, starts) / count[some]
            deviation = inside - np.repeat(mean[some], count[some])
            std[some] = np.sqrt(np.add.reduceat(deviation * deviation, starts) / count[some])
        low[some] = np.minimum.reduceat(inside, starts)
        high[some] = np.maximum.reduceat(inside, starts)
    return Buckets(count, mean, low, high, std, nonfinite)


def _bounds(x: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where in sorted x each bucket begins; the last bucket holds its right edge."""
    bounds = x.searchsorted(edges, "left")
    bounds[-1] = x.searchsorted(edges[-1], "right")
    return bounds


def equal_edges(low: float, high: float, buckets: int) -> NDArray[np.float64]:
    """[buckets + 1]: equal buckets from low to high; of width 1 in all where there is but one x."""
    if high <= low:
        high = max(low + 1.0, float(np.nextafter(low, np.inf)))
    # Weighted, not low + i * width: the width of an axis from -1e308 to 1e308 is no float64
    right = np.arange(buckets + 1) / buckets
    return low * (1 - right) + high * right


def as_of(time: NDArray[np.int64], axis_time: NDArray[np.int64], axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n]: the last value of axis[m] at or before each time[n]; NaN before the first."""
    order = axis_time.argsort(kind="stable")
    found = axis_time[order].searchsorted(time, "right") - 1
    joined = axis[order][np.maximum(found, 0)] if len(axis) else np.zeros(len(time))
    return np.where(found < 0, np.nan, joined)
