"""Bootstrap intervals: percentile and bootstrap-t over seeds, stratified over tasks.

Whole runs are resampled: with values [seeds, points] (or any further axes, such as metrics) one resample takes the
same seeds at all points. Where seeds are missing, those present are resampled among themselves. The order in which
seeds are given does not matter, and ``rng`` decides everything that is random; nothing is drawn from global state.

Coverage of a nominal 95 % interval, simulated with normal scores of one task and 3 / 5 / 10 / 20 seeds: percentile
bootstrap of the mean .75 / .82 / .91 / .93, of the IQM .75 / .89 / .94 / .94; bootstrap-t of the mean, from 5 seeds,
.94 / .96 / .95 (of three seeds its bounds are mostly infinite). With 10 tasks the stratified bootstrap of the IQM
covers .88 / .92 / .93 / .95.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.aggregates import (
    NAMES,
    Statistic,
    across_tasks,
    check_statistic,
    count,
    fewest_in_a_task,
    iqm,
    iqm_kept,
    mean,
    median,
    stderr,
)
from rolltape.stats.arguments import RESAMPLES, Floats, Ints, check_count, check_level, per_seed, seed_of
from rolltape.stats.intervals import Interval
from rolltape.stats.resampling import (
    draw_counts,
    draw_distinct,
    in_order,
    percentile_bounds,
    points_at_a_time,
    present_first,
    resampled_mean,
    resampled_statistic,
)

_OFTEN = 3  # times that a sample is drawn on average, from which it pays to take each once
ENOUGH = 5  # seeds, from which a bootstrap interval covers about what it says

_Bounds = Callable[[list[Floats], list[Ints], Ints | None], tuple[Floats, Floats]]
_ESTIMATES = {"mean": mean, "median": median, "iqm": iqm}


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic = "iqm",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """The percentile bootstrap interval of a statistic over the seeds of one task. values: [seeds, ...].

    Bounds are NaN for fewer than two seeds: there is nothing to resample.

    Raises:
        ValueError: an unknown statistic, no seed axis, a level outside (0, 1), or too few resamples for the level.
    """
    found = per_seed("values", values)
    check_statistic(statistic)
    check_resamples(resamples, level)
    seed, named = seed_of(rng)

    def bounds(rows: list[Floats], counts: list[Ints], times: Ints | None) -> tuple[Floats, Floats]:
        return percentile_bounds(resampled_statistic(rows[0], counts[0], statistic), level, times)

    low, high = _bounds_at(found[:, None], bounds, resamples, seed)
    n = count(found)
    most = int(n.max(initial=0))
    notes = few_seeds(most) + _iqm_note(statistic, most)
    method = f"percentile bootstrap, {resamples} resamples of whole runs, {named}"
    return Interval(_ESTIMATES[statistic](found), low, high, n, NAMES[statistic], "bootstrap CI", method, level, notes)


def bootstrap_t_interval(
    values: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """The bootstrap-t interval of the mean over seeds (Efron and Tibshirani 1993, section 12.5). values: [seeds, ...].

    For skewed scores it covers more than Student's t. A bound is infinite where more than its share of the resamples
    has no spread (few seeds, or many equal scores): the data cannot bound the mean this way.

    Raises:
        ValueError: no seed axis, a level outside (0, 1), or too few resamples for the level.
    """
    found = per_seed("values", values)
    check_resamples(resamples, level)
    seed, named = seed_of(rng)

    def bounds(rows: list[Floats], counts: list[Ints], times: Ints | None) -> tuple[Floats, Floats]:
        return _t_bounds(rows[0], counts[0], times, level)

    low, high = _bounds_at(found[:, None], bounds, resamples, seed)
    n = count(found)
    method = f"bootstrap-t, {resamples} resamples of whole runs, {named}"
    notes = few_seeds(int(n.max(initial=0)))
    return Interval(mean(found), low, high, n, "mean", "bootstrap-t CI", method, level, notes)


def stratified_bootstrap_interval(
    scores: ArrayLike,
    statistic: Statistic = "iqm",
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """The percentile interval of `across_tasks`, seeds resampled within each task independently of the other tasks.

    As Agarwal et al. 2021 (arXiv 2108.13264, section 4) define it. It tells how these tasks' result would vary with
    other seeds, not with other tasks.

    Args:
        scores: [seeds, tasks, ...], normalised per task; NaN where a task has fewer seeds.
        statistic: "iqm" pools seeds and tasks; "mean" and "median" are over the tasks' means.
        level: nominal coverage.
        resamples: how many resamples.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: an unknown statistic, no task axis, a level outside (0, 1), or too few resamples for the level.
    """
    found = per_seed("scores", scores, tasks=True)
    check_statistic(statistic)
    check_resamples(resamples, level)
    seed, named = seed_of(rng)

    def bounds(rows: list[Floats], counts: list[Ints], times: Ints | None) -> tuple[Floats, Floats]:
        if statistic == "iqm":
            resampled = resampled_statistic(np.concatenate(rows), np.concatenate(counts), "iqm")
        else:
            per_task = np.stack([resampled_mean(row, drawn) for row, drawn in zip(rows, counts, strict=True)])
            resampled = np.mean(per_task, axis=0) if statistic == "mean" else np.median(per_task, axis=0)
        return percentile_bounds(resampled, level, times)

    low, high = _bounds_at(found, bounds, resamples, seed)
    n, tasks = count(found), found.shape[1]
    pooled, fewest = int(n.sum(axis=0).max(initial=0)), fewest_in_a_task(n)
    measured = " (about .88 instead of .95)" if statistic == "iqm" and tasks > 1 and level == 0.95 else ""
    notes = few_seeds(int(fewest.max(initial=0)), measured) + _iqm_note(statistic, pooled)
    method = f"stratified bootstrap over {tasks} tasks, {resamples} resamples, {named}"
    center = across_tasks(found, statistic)
    return Interval(center, low, high, fewest, NAMES[statistic], "bootstrap CI", method, level, notes)


def check_resamples(resamples: int, level: float) -> None:
    """Raises ValueError where percentiles of so few resamples could not bound the level."""
    needed = 2 / (1 - check_level(level))
    if check_count("resamples", resamples) < needed:
        raise ValueError(f"resamples is {resamples}, but level {level} needs at least {np.ceil(needed):.0f}")


def few_seeds(n: int, measured: str = "") -> tuple[str, ...]:
    """The note for bounds from so few seeds, with what was measured about them."""
    return (f"few seeds: interval too narrow{measured}",) if 2 <= n < ENOUGH else ()


def _bounds_at(strata: Floats, bounds: _Bounds, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """The bounds at each point of values [seeds, tasks, ...]: one draw for all points with as many seeds in each task,
    independent between tasks.
    """
    seeds, tasks, *shape = strata.shape
    points = int(np.prod(shape))
    rows = [present_first(in_order(strata[:, task].reshape(seeds, points))) for task in range(tasks)]
    low, high = np.full((2, points), np.nan)
    n = np.array([count(row) for row in rows]).reshape(tasks, points)
    for pattern in np.unique(n, axis=1).T:
        if pattern.min(initial=seeds) < 2 or not tasks:
            continue
        at = np.flatnonzero((n == pattern[:, None]).all(axis=0))
        counts, times = _drawn([int(k) for k in pattern], resamples, seed)
        step = points_at_a_time(counts[0].shape[1])
        for first in range(0, len(at), step):
            some = at[first : first + step]
            low[some], high[some] = bounds([row[:k, some] for row, k in zip(rows, pattern, strict=True)], counts, times)
    return low.reshape(shape), high.reshape(shape)


def _drawn(seeds: list[int], resamples: int, seed: int) -> tuple[list[Ints], Ints | None]:
    """The samples of so many seeds in each task, and how often each counts (None: once). Of one task with few seeds
    the same samples come again and again; they are taken once, which gives the same bounds in less time.
    """
    if len(seeds) == 1 and resamples >= _OFTEN * math.comb(2 * seeds[0] - 1, seeds[0]):  # 126 samples of five seeds
        distinct, times = draw_distinct(seeds[0], resamples, (seed, 0, seeds[0]))
        return [distinct], times
    return [draw_counts(k, resamples, [seed, task, k]) for task, k in enumerate(seeds)], None


def _t_bounds(values: Floats, counts: Ints, times: Ints | None, level: float) -> tuple[Floats, Floats]:
    n, center = len(values), values.mean(axis=0)
    error = stderr(values)
    with np.errstate(all="ignore"):
        around = values - center
        moved = resampled_mean(around, counts)
        squares = resampled_mean(around**2, counts)
        variance = squares - moved**2
        errors = np.sqrt(np.where(variance > 1e-14 * squares, variance, 0.0) / (n - 1))
        t = np.where((moved == 0) & (errors == 0), 0.0, moved / errors)
        below, above = percentile_bounds(t, level, times)
        low, high = center - error * above, center - error * below
    same = error == 0
    return np.where(same, center, low), np.where(same, center, high)


def _iqm_note(statistic: Statistic, n: int) -> tuple[str, ...]:
    if statistic != "iqm" or n < 1:
        return ()
    kept = iqm_kept(n)
    return (f"IQM of {n} values: the mean of {'all' if kept == n else f'the middle {kept}'}",)
