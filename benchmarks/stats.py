"""Seed statistics: IQM and its interval along the curves of five groups, against the loop that rliable runs.

rliable 1.2.0 does not import beside pandas 3, so the loop stands in for it. Itself, measured once beside pandas 2.3,
arch 7.2 and SciPy 1.17 on the machine where this took 34 ms: 82 s of CPU time, 2,400 times as long.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.effort import Effort
from benchmarks.row import Row

SEEDS, GROUPS, POINTS, RESAMPLES = 10, 5, 100, 2000
LIMIT_MS = 100.0
TRIES = 7
PEER_RESAMPLES = 20  # of one group: the loop takes as long for each, and its time is scaled to all


def iqm_row(effort: Effort) -> Row:
    """The wall time of all five groups in one process, and how many times longer the plain loop takes."""
    from rolltape.stats import bootstrap_interval

    curves = np.random.default_rng(0).normal(size=(GROUPS, SEEDS, POINTS)).cumsum(axis=2)
    times, loops = [], []
    for _ in range(TRIES * effort.repetitions):
        began = perf_counter()
        for group in curves:
            bootstrap_interval(group, "iqm", resamples=RESAMPLES)
        times.append((perf_counter() - began) * 1e3)
    for _ in range(effort.repetitions):
        began = perf_counter()
        as_rliable_does(curves[0], PEER_RESAMPLES)
        loops.append((perf_counter() - began) * 1e3 * GROUPS * RESAMPLES / PEER_RESAMPLES)
    ours, loop = median(times), median(loops)
    return Row(
        f"IQM and 95 % interval: {SEEDS} seeds × {GROUPS} groups × {POINTS} points × {RESAMPLES:,} resamples",
        f"≤ {LIMIT_MS:.0f} ms",
        f"{ours:.0f} ms ({min(times):.0f} to {max(times):.0f}); a plain loop as rliable's, without what SciPy and arch"
        f" add to each call, {loop / ours:.0f} ×",
        ours <= LIMIT_MS,
        {"iqm_ms": ours, "runs_ms": times, "plain_loop_ms": loop, "ratio": loop / ours},
    )


def as_rliable_does(curves: np.ndarray, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """rliable's way: for each resample and point draw seeds, then trim.

    curves: [seeds, points]; the bounds are [points].
    """
    rng = np.random.default_rng(0)
    seeds, points = curves.shape
    found = np.empty((resamples, points))
    for resample in range(resamples):
        drawn = curves[rng.integers(seeds, size=(seeds, points)), np.arange(points)]
        found[resample] = [_trim_mean(drawn[:, point]) for point in range(points)]
    low, high = np.percentile(found, [2.5, 97.5], axis=0)
    return low, high


def _trim_mean(values: np.ndarray) -> float:
    """The steps of scipy.stats.trim_mean(values, 0.25, axis=None)."""
    flat = values.ravel()
    cut = int(0.25 * len(flat))
    ranked = np.partition(flat, (cut, len(flat) - cut - 1))
    return float(np.mean(ranked[cut : len(flat) - cut]))
