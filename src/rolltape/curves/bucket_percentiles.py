"""Exact percentiles of the raw values in each bucket, for runs of any length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, Ints, vector
from rolltape.curves.bucket_axis import bucket_of
from rolltape.store import Resumed, Store

MOST_AT_ONCE = 2_000_000  # values that are sorted at a time
METHOD = "percentiles of the finite raw values, linear between neighbours (Hyndman and Fan 1996, type 7)"


@dataclass(frozen=True, slots=True, eq=False)
class Percentiles:
    """Percentiles of each bucket's values, run by run.

    Attributes:
        edges: [b + 1]; bucket i is edges[i] <= x < edges[i + 1], the last with its end.
        q: [k], the percentiles, 0 to 100, as they were asked for.
        runs: by RunInfo.key, [k, b]; NaN where a bucket is empty.
        count: by RunInfo.key, [b]: how many values these are of.
        method: how they were found.
    """

    edges: Floats
    q: Floats
    runs: dict[str, Floats]
    count: dict[str, Ints]
    method: str = METHOD


def percentiles(
    store: Store,
    metric: str,
    runs: Sequence[str] | None = None,
    q: ArrayLike = (10, 50, 90),
    x: str = "step",
    window: tuple[float, float] | None = None,
    buckets: int = 1000,
    resumed: Resumed = "all",
) -> Percentiles:
    """Percentiles of the finite raw values in each bucket, as numpy.percentile has them.

    No more than 2 million values are held at once, or those of the fullest bucket where that has more: a longer run
    is read in parts.

    Args:
        store: where the runs are.
        metric: its name.
        runs: ids or keys; None: all that have the metric. A run without it is left out.
        q: one or more percentiles, 0 to 100.
        x, window, buckets, resumed: as of the store's ``curve``.

    Raises:
        ValueError: q is not one or more numbers from 0 to 100.
        RunNotFound, MetricNotFound, StoreError: as of the store's ``curve``.
    """
    wanted = vector("q", [q] if isinstance(q, int | float) else q)
    if not len(wanted) or not ((wanted >= 0) & (wanted <= 100)).all():
        raise ValueError(f"q is {q!r}, but must be one or more numbers from 0 to 100")
    curve = store.curve(metric, runs, x, window, buckets, exact=True, resumed=resumed)
    edges = curve.edges
    found, counts = {}, {}
    for key, per_bucket in curve.runs.items():
        found[key] = np.full((len(wanted), len(edges) - 1), np.nan)
        counts[key] = np.zeros(len(edges) - 1, np.int64)
        for begin, end in _parts(per_bucket.count):
            bucket, value = _values(store, key, metric, x, edges, begin, end, resumed)
            counts[key][begin:end] = np.bincount(bucket - begin, minlength=end - begin)
            found[key][:, begin:end] = _of_buckets(value, counts[key][begin:end], wanted)
    return Percentiles(edges, wanted, found, counts)


def _parts(count: Ints) -> Iterator[tuple[int, int]]:
    """Stretches of buckets (begin, end) with no more than MOST_AT_ONCE values each, or of one bucket."""
    upto = np.concatenate([[0], count.cumsum()])
    begin = 0
    while begin < len(count):
        end = int(upto.searchsorted(upto[begin] + MOST_AT_ONCE, "right")) - 1
        end = max(end, begin + 1)
        if upto[end] > upto[begin]:
            yield begin, end
        begin = end


def _values(
    store: Store, run: str, metric: str, x: str, edges: Floats, begin: int, end: int, resumed: Resumed
) -> tuple[Ints, Floats]:
    """The bucket and value of each finite value in the buckets begin to end, bucket after bucket."""
    numbers: list[Ints] = [np.empty(0, np.int64)]
    values: list[Floats] = [np.empty(0)]
    window = float(edges[begin]), float(edges[end])
    for axis, points in store.scan(run, metric, x, window, resumed):
        bucket = bucket_of(axis, edges)
        kept = (bucket >= begin) & (bucket < end) & np.isfinite(points.value)
        numbers.append(bucket[kept])
        values.append(points.value[kept])
    number, value = np.concatenate(numbers), np.concatenate(values)
    if (number[1:] < number[:-1]).any():
        order = number.argsort(kind="stable")
        number, value = number[order], value[order]
    return number, value


def _of_buckets(value: Floats, count: Ints, q: Floats) -> Floats:
    """[k, b]: percentiles q[k] of value[n], which lies bucket after bucket, count[b] in each. Sorts it in place.

    Between the sorted values around (count - 1) · q / 100, linear; rounded as NumPy does it.
    """
    first = count.cumsum() - count
    for begin, size in zip(first[count > 1].tolist(), count[count > 1].tolist(), strict=True):
        value[begin : begin + size].sort()
    answer = np.full((len(q), len(count)), np.nan)
    some = count > 0
    place = q[:, None] / 100 * (count[some] - 1)
    below = np.floor(place).astype(np.int64)
    part = place - below
    low = value[first[some] + below]
    high = value[first[some] + np.minimum(below + 1, count[some] - 1)]
    with np.errstate(over="ignore", invalid="ignore"):
        step = high - low
        between = np.where(part < 0.5, low + step * part, high - step * (1 - part))
    answer[:, some] = np.where(np.isfinite(step), between, low * (1 - part) + high * part)
    return answer
