"""The distribution of raw values over x as a matrix: the heat map of episode returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, Ints, vector, whole
from rolltape.curves.bucket_axis import bucket_of, equal_bucket_of
from rolltape.store import Curve, Resumed, Store
from rolltape.store.buckets import equal_edges

_MOST_BINS = 10_000
_MOST_CELLS = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How many values of all runs together lie in each bucket of x and bin of values.

    Every value is counted once: in ``counts``, ``below``, ``above`` or ``nonfinite``.

    Attributes:
        x_edges: [b + 1]; bucket i is x_edges[i] <= x < x_edges[i + 1], the last with its end.
        value_edges: [v + 1], of the bins by the same rule.
        counts: [v, b], the lowest bin first.
        below: [b], finite values below the first value edge.
        above: [b], finite values above the last one.
        nonfinite: [b], NaN and infinities.
        n: [b], finite values: those of ``counts``, ``below`` and ``above``.
        mean: [b], of the finite values; NaN where there is none.
        runs: keys of the runs that are counted.
    """

    x_edges: Floats
    value_edges: Floats
    counts: Ints
    below: Ints
    above: Ints
    nonfinite: Ints
    n: Ints
    mean: Floats
    runs: list[str]


def histogram(
    store: Store,
    metric: str,
    runs: Sequence[str] | None = None,
    x: str = "step",
    window: tuple[float, float] | None = None,
    buckets: int = 200,
    resumed: Resumed = "all",
    *,
    bins: int = 50,
    value_range: tuple[float, float] | None = None,
    value_edges: ArrayLike | None = None,
) -> Histogram:
    """The distribution of a metric's raw values over x, of all runs together; points are read block by block.

    Args:
        store: where the runs are.
        metric: its name.
        runs: ids or keys; None: all that have the metric. A run without it is left out.
        x, window, buckets, resumed: as of the store's ``curve``.
        bins: how many equal bins, 1 to 10,000.
        value_range: from where to where they reach; None: from the smallest to the largest finite value of all runs
            in the window.
        value_edges: [v + 1], edges of the bins instead; they must increase.

    Raises:
        ValueError: bins, value_range or value_edges is not what it must be, or bins · buckets is above 10 million.
        RunNotFound, MetricNotFound, StoreError: as of the store's ``curve``.
    """
    wanted = _wanted_edges(bins, value_range, value_edges)
    cells = (bins if wanted is None else len(wanted) - 1) * buckets
    if cells > _MOST_CELLS:
        raise ValueError(f"bins times buckets is {cells}, but must be at most {_MOST_CELLS}")
    curve = store.curve(metric, runs, x, window, buckets, exact=True, resumed=resumed)
    edges = curve.edges
    levels = equal_edges(*_extent(curve), bins) if wanted is None else wanted
    rows, columns = len(levels) - 1, len(edges) - 1
    counts = np.zeros(rows * columns, np.int64)
    below, above, nonfinite = (np.zeros(columns, np.int64) for _ in range(3))
    for key in curve.runs:
        for axis, points in store.scan(key, metric, x, (float(edges[0]), float(edges[-1])), resumed):
            bucket, value = equal_bucket_of(axis, edges), points.value
            if not (counted := (bucket >= 0) & np.isfinite(value)).all():
                nonfinite += np.bincount(bucket[(bucket >= 0) & ~counted], minlength=columns)
                bucket, value = bucket[counted], value[counted]
            level = bucket_of(value, levels) if wanted is not None else equal_bucket_of(value, levels)
            if level.min(initial=0) < 0:
                below += np.bincount(bucket[value < levels[0]], minlength=columns)
                above += np.bincount(bucket[value > levels[-1]], minlength=columns)
                bucket, level = bucket[level >= 0], level[level >= 0]
            counts += np.bincount(level * columns + bucket, minlength=rows * columns)
    matrix = counts.reshape(rows, columns)
    n = matrix.sum(axis=0) + below + above
    return Histogram(edges, levels, matrix, below, above, nonfinite, n, _mean(curve), list(curve.runs))


def _mean(curve: Curve) -> Floats:
    """[b]: of all runs' values together."""
    runs = curve.runs.values()
    n = np.sum([buckets.count for buckets in runs], axis=0)
    with np.errstate(invalid="ignore"):
        shares = [np.where(buckets.count > 0, buckets.mean * (buckets.count / n), 0.0) for buckets in runs]
    mean: Floats = np.where(n > 0, np.sum(shares, axis=0), np.nan)
    return mean


def _wanted_edges(bins: int, value_range: tuple[float, float] | None, value_edges: ArrayLike | None) -> Floats | None:
    """The edges that were asked for; None: they depend on the values."""
    whole("bins", bins, _MOST_BINS)
    if value_edges is not None:
        if value_range is not None:
            raise ValueError("value_range and value_edges cannot both be given")
        levels = vector("value_edges", value_edges)
        if not 2 <= len(levels) <= _MOST_BINS + 1 or not np.isfinite(levels).all() or (levels[1:] <= levels[:-1]).any():
            raise ValueError(f"value_edges must be 2 to {_MOST_BINS + 1} finite numbers that increase")
        return levels
    if value_range is None:
        return None
    low, high = value_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"value_range must be two finite numbers, the first smaller, not {value_range}")
    return equal_edges(low, high, bins)


def _extent(curve: Curve) -> tuple[float, float]:
    """The smallest and largest finite value of all runs; (0, 1) where there is none."""
    lows = np.concatenate([buckets.min for buckets in curve.runs.values()])
    highs = np.concatenate([buckets.max for buckets in curve.runs.values()])
    low, high = float(np.fmin.reduce(lows)), float(np.fmax.reduce(highs))
    return (0.0, 1.0) if math.isnan(low) else (low, high)
