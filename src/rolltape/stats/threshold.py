"""Steps to threshold: when runs first reach a score, the ones that never did included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import Floats
from rolltape.stats.curve_area import range_of_runs, run_points


@dataclass(frozen=True, slots=True, eq=False)
class ThresholdSteps:
    """When runs reach a threshold. A mean would be meaningless: runs that never reach it have no finite number.

    Attributes:
        steps: [seeds], in x's unit: the first crossing; inf where there is none so far, NaN for a run without values.
        median: inf where half of the runs do not reach it within what was recorded.
        share: of runs that reach it (0 to 1).
        reached: how many runs did.
        n: how many runs have values.
        method: how median and share were found.
    """

    steps: Floats
    median: float
    share: float
    reached: int
    n: int
    method: str


def steps_to_threshold(x: ArrayLike, y: ArrayLike, threshold: float, *, below: bool = False) -> ThresholdSteps:
    """The first x at which each run is at ``threshold`` or beyond, interpolated linearly between its points.

    Across a gap (NaN) nothing is interpolated: the first point beyond it counts. Where runs without a crossing ended
    before others crossed, median and share are Kaplan and Meier's (1958): such a run tells only about its own budget.

    Args:
        x: [points] for all runs, or [seeds, points]; not decreasing where y has a value.
        y: [seeds, points]; NaN where there is no value.
        threshold: in y's unit.
        below: the threshold is reached from above (a loss).

    Raises:
        ValueError: shapes that do not fit each other, decreasing or missing x, or a NaN threshold.
    """
    xs, ys = run_points(x, y)
    if np.isnan(threshold):
        raise ValueError("threshold is NaN")
    steps = _first_crossings(xs, -ys if below else ys, -threshold if below else threshold)
    last = range_of_runs(xs, ys)[1]
    known = ~np.isnan(last)
    steps[~known] = np.nan
    reached, n = int(np.isfinite(steps).sum()), int(known.sum())
    ended = last[np.isinf(steps)]
    early = int((ended < np.max(steps, where=np.isfinite(steps), initial=-np.inf)).sum())
    median, share = _kaplan_meier(steps[np.isfinite(steps)], ended) if n else (np.nan, np.nan)
    if n and not early:
        share = reached / n
    method = (
        f"Kaplan–Meier: {early} of {n} run(s) ended before others reached it"
        if early
        else "median of all runs, those that never reach it as infinite"
    )
    return ThresholdSteps(steps, median, share, reached, n, method)


def _first_crossings(x: Floats, y: Floats, threshold: float) -> Floats:
    seeds, points = y.shape
    beyond = y >= threshold
    if not points:
        return np.full(seeds, np.inf)
    runs, at = np.arange(seeds), beyond.argmax(axis=1)
    before = np.maximum(at - 1, 0)
    (x0, y0), (x1, y1) = ((x[runs, where], y[runs, where]) for where in (before, at))
    with np.errstate(invalid="ignore", divide="ignore"):
        between = x0 + (threshold - y0) / (y1 - y0) * (x1 - x0)
    found = np.where(np.isfinite(between) & np.isfinite(y1), between, x1)
    return np.where(beyond.any(axis=1), found, np.inf)


def _kaplan_meier(reached: Floats, ended: Floats) -> tuple[float, float]:
    """(median time, share that reach it) from the times of crossings and of the ends of runs without one."""
    times, crossings = np.unique(reached, return_counts=True)
    at_risk = (reached >= times[:, None]).sum(axis=1) + (ended >= times[:, None]).sum(axis=1)
    left = np.cumprod(1 - crossings / at_risk)
    share = float(1 - left[-1]) if len(left) else 0.0
    half = np.isclose(left, 0.5, rtol=1e-12, atol=0)
    past = np.append(times[(left < 0.5) & ~half], np.inf)[0]
    return float((times[half][0] + past) / 2 if half.any() else past), share
