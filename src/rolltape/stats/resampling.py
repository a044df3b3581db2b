"""The bootstrap's engine: whole runs resampled by counting how often each is drawn.

A bootstrap sample of n runs is fully described by how often each run was drawn, so no values are gathered: one set of
counts [runs, resamples] serves every point of a curve and every metric (common random numbers: whole runs are
resampled, curves of statistics stay smooth, and what integrates a curve gets its true spread). A trimmed mean of a
sample is found by walking once up the sorted values with a running total of the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from rolltape.stats.aggregates import Statistic, trimmed_at_each_end
from rolltape.stats.arguments import Floats, Ints

_Linear = Callable[[Floats], Floats]
_CHUNK = 1 << 16  # numbers a buffer holds: the buffers of one step stay in the processor's cache
_KEPT = 32  # draws of few runs that are remembered


def draw_counts(n: int, resamples: int, stream: Sequence[int]) -> Ints:
    """How often each of ``n`` runs occurs in each of ``resamples`` samples of n: [n, resamples]."""
    drawn = np.random.default_rng(stream).integers(n, size=(resamples, n))
    flat = drawn + n * np.arange(resamples)[:, None]
    return np.ascontiguousarray(np.bincount(flat.ravel(), minlength=n * resamples).reshape(resamples, n).T)


@lru_cache(_KEPT)
def draw_distinct(n: int, resamples: int, stream: tuple[int, ...]) -> tuple[Ints, Ints]:
    """`draw_counts` with each sample once [n, distinct], and how often it was drawn [distinct]; not to be changed."""
    counts, times = np.unique(draw_counts(n, resamples, stream), axis=1, return_counts=True)
    counts = np.ascontiguousarray(counts)
    counts.flags.writeable = times.flags.writeable = False
    return counts, times


def in_order(values: Floats) -> Floats:
    """The runs [runs, points] in an order that their values alone decide, so that a result does not depend on theirs.

    Runs compare by their first points, so that the order holds while a curve grows.
    """
    return values[np.lexsort(values.T[::-1])] if values.size else values


def present_first(values: Floats) -> Floats:
    """At each point the values that are not NaN first, in the order of their runs: [runs, points]."""
    return np.take_along_axis(values, np.argsort(np.isnan(values), axis=0, kind="stable"), axis=0)


def resampled_statistic(values: Floats, counts: Ints, statistic: Statistic) -> Floats:
    """The statistic of each resample at each point: [points, resamples].

    Args:
        values: [values, points], without NaN.
        counts: [values, resamples]; each resample has the same total.
        statistic: the mean, or the median or IQM of the pooled values.
    """
    if statistic == "mean":
        return resampled_mean(values, counts)
    total = int(counts[:, 0].sum())
    trim = trimmed_at_each_end(statistic, total)
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    small = counts.astype(np.min_scalar_type(total))
    return _by_finite_parts(ranked, lambda part: _middle_sums(part, order, small, trim) / (total - 2 * trim))


def resampled_mean(values: Floats, counts: Ints) -> Floats:
    """The mean of each resample at each point: [points, resamples]."""
    shares = counts / counts[:, 0].sum()
    return _by_finite_parts(values, lambda part: part.T @ shares)


def percentile_bounds(resampled: Floats, level: float, times: Ints | None = None) -> tuple[Floats, Floats]:
    """The two percentiles that hold ``level`` of [..., resamples] between them (linear); NaN where a resample is.

    times: [resamples], how often each counts; None: once.
    """
    last = (resampled.shape[-1] if times is None else int(times.sum())) - 1
    places = [share * last for share in ((1 - level) / 2, (1 + level) / 2)]
    steps = [(min(int(place), last), min(int(place) + 1, last)) for place in places]
    wanted = sorted({*steps[0], *steps[1], last})
    if times is None:
        ranked = np.partition(resampled, wanted, axis=-1)  # NaN goes last
        found = {place: ranked[..., place] for place in wanted}
    else:
        order = np.argsort(resampled, axis=-1)
        upto = times[order].cumsum(axis=-1)
        found = {}
        for place in wanted:
            rank = (upto <= place).sum(axis=-1, keepdims=True)
            found[place] = np.take_along_axis(resampled, np.take_along_axis(order, rank, -1), -1)[..., 0]
    bounds = []
    for place, (before, after) in zip(places, steps, strict=True):
        left, right = found[before], found[after]
        with np.errstate(invalid="ignore"):
            between = np.where(left == right, left, left + (place - before) * (right - left))
        bounds.append(np.where(np.isnan(found[last]), np.nan, between))
    return bounds[0], bounds[1]


def points_at_a_time(resamples: int) -> int:
    """How many points to resample in one go."""
    return max(1, _CHUNK // resamples)


def _middle_sums(ranked: Floats, order: Ints, counts: Ints, trim: int) -> Floats:
    """The sums of the drawn values without ``trim`` at each end: [points, resamples]."""
    points, resamples = ranked.shape[1], counts.shape[1]
    low = counts.dtype.type(trim)
    high = counts.dtype.type(int(counts[:, 0].sum()) - trim)
    total = np.zeros((points, resamples), counts.dtype)
    before = np.full_like(total, low)
    sums, product = np.zeros((2, points, resamples))
    for rank in range(len(ranked)):
        total += counts[order[rank]]
        upto = np.clip(total, low, high)
        np.multiply(upto - before, ranked[rank][:, None], out=product)
        sums += product
        before = upto
    return sums


def _by_finite_parts(values: Floats, linear: _Linear) -> Floats:
    """``linear`` of values that may be infinite: 0 times infinity counts as nothing, infinity minus infinity as NaN."""
    if np.isfinite(values).all():
        return linear(values)
    answer = linear(np.where(np.isfinite(values), values, 0.0))
    with np.errstate(invalid="ignore"):
        for sign in (1.0, -1.0):
            answer += np.where(linear((values == sign * np.inf).astype(np.float64)) > 0, sign * np.inf, 0.0)
    return answer
