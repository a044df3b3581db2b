"""Where the buckets of an x-axis lie: their centres, and the bucket of an x."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rolltape.curves.arguments import Floats, Ints


def centres(edges: Floats) -> Floats:
    """[b]: the middle of each bucket between edges[b + 1], in units of x."""
    middle: Floats = edges[:-1] / 2 + edges[1:] / 2  # halves first: an axis may reach from -1e308 to 1e308
    return middle


def bucket_of(x: NDArray[np.float64], edges: Floats) -> Ints:
    """[n]: the bucket of each x[n], edges[i] <= x < edges[i + 1], the last with its end (as the store's, where exact);
    -1 for what lies outside, and for NaN."""
    found = edges.searchsorted(x, "right").astype(np.int64) - 1
    found[x == edges[-1]] = len(edges) - 2
    found[found == len(edges) - 1] = -1  # above the last edge, where NaN is sorted too
    return found


def equal_bucket_of(x: NDArray[np.float64], edges: Floats) -> Ints:
    """`bucket_of` where all buckets are equal: reckoned, then put right by what rounding can do, not searched for."""
    buckets = len(edges) - 1
    width = edges[-1] / buckets - edges[0] / buckets
    if not width > 16 * np.spacing(np.abs(edges).max()):  # edges so close that they are not equally far apart
        return bucket_of(x, edges)
    with np.errstate(over="ignore", invalid="ignore"):
        place = (x - edges[0]) / width
    if not np.isfinite(place).all():
        return bucket_of(x, edges)
    found: Ints = np.clip(place, 0, buckets - 1).astype(np.int64)
    found -= x < edges[found]
    found += (x >= edges[found + 1]) & (found < buckets - 1)
    found[(x < edges[0]) | (x > edges[-1])] = -1
    return found
