"""Area under a curve, one number a run: how fast and how far it learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import Floats, floats


@dataclass(frozen=True, slots=True, eq=False)
class CurveAreas:
    """The normalised area under each run's curve.

    Attributes:
        areas: [seeds], in y's unit (the mean height of the curve); NaN where a run does not cover the whole range.
        start, end: the range of x; NaN where the runs have none in common.
        n: how many runs cover it.
        method: how the areas were found.
    """

    areas: Floats
    start: float
    end: float
    n: int
    method: str


def area_under_curve(x: ArrayLike, y: ArrayLike, *, start: float | None = None, end: float | None = None) -> CurveAreas:
    """1 / (end − start) · ∫ ŷ dx by trapezoids on each run's own points, ŷ interpolated linearly at both ends.

    Nothing is extrapolated and no gap (NaN) bridged: a run that does not cover the whole range gets NaN. For an
    interval of the group hand ``areas`` to `default_band`.

    Args:
        x: [points] for all runs, or [seeds, points]; not decreasing where y has a value.
        y: [seeds, points]; NaN where there is no value.
        start: None: the largest first x of the runs.
        end: None: the smallest last x of the runs, their common budget.

    Raises:
        ValueError: shapes that do not fit each other, decreasing or missing x, or ``start`` not below ``end``.
    """
    xs, ys = run_points(x, y)
    first, last = range_of_runs(xs, ys)
    begin = float(np.fmax.reduce(first, initial=-np.inf)) if start is None else float(start)
    stop = float(np.fmin.reduce(last, initial=np.inf)) if end is None else float(end)
    method = "trapezoids on each run's own points, divided by the range"
    if not (np.isfinite(begin) and np.isfinite(stop) and begin < stop):
        if start is not None and end is not None:
            raise ValueError(f"start is {start} and end {end}, but a range is needed")
        return CurveAreas(np.full(len(ys), np.nan), np.nan, np.nan, 0, method)
    left, right, below, above = xs[:, :-1], xs[:, 1:], ys[:, :-1], ys[:, 1:]
    since, until = np.clip(left, begin, stop), np.clip(right, begin, stop)
    width = until - since
    inside = (width > 0) & ~np.isnan(below) & ~np.isnan(above)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (above - below) / (right - left)
        height = np.where(
            (since == left) & (until == right),
            (below + above) / 2,
            below + slope * ((since + until) / 2 - left),
        )
        areas = np.where(inside, width * height, 0.0).sum(axis=1) / (stop - begin)
    covered = np.where(inside, width, 0.0).sum(axis=1) >= (stop - begin) * (1 - 1e-9)
    return CurveAreas(np.where(covered, areas, np.nan), begin, stop, int(covered.sum()), method)


def run_points(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """x and y, both [seeds, points], checked."""
    ys, xs = floats("y", y, 2), floats("x", x, 1, 2)
    if xs.shape not in (ys.shape, ys.shape[1:]):
        raise ValueError(f"x has shape {xs.shape}, but y {ys.shape}")
    xs = np.broadcast_to(xs, ys.shape)
    known = np.where(np.isnan(ys), np.nan, xs)
    if (~np.isfinite(xs) & ~np.isnan(ys)).any():
        raise ValueError(f"x of shape {xs.shape} is not finite where y has a value")
    sofar = np.fmax.accumulate(known, axis=1)
    if (known < sofar).any():
        raise ValueError(f"x of shape {xs.shape} decreases within a run")
    return xs, ys


def range_of_runs(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The first and last x at which each run has a value, both [seeds]; NaN for a run without any."""
    known = np.where(np.isnan(y), np.nan, x)
    first, last = np.fmin.reduce(known, axis=1, initial=np.inf), np.fmax.reduce(known, axis=1, initial=-np.inf)
    return np.where(np.isinf(first), np.nan, first), np.where(np.isinf(last), np.nan, last)
