"""Optimality gap (Agarwal et al. 2021, section 4.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import RESAMPLES, floats
from rolltape.stats.bootstrap import few_seeds, stratified_bootstrap_interval
from rolltape.stats.intervals import Interval


def optimality_gap(
    scores: ArrayLike,
    *,
    target: float = 1.0,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """How far runs stay below ``target`` on average: γ − mean(min(x, γ)). Lower is better; 0 where all reach it.

    Every task weighs the same, also where it has fewer seeds.

    Args:
        scores: [seeds] or [seeds, tasks], normalised per task; NaN where there is no run.
        target: γ, in the scores' unit.
        level: nominal coverage of the stratified bootstrap interval.
        resamples: how many resamples.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: another shape, a target that is not finite, a level outside (0, 1), or too few resamples.
    """
    found = floats("scores", scores, 1, 2)
    if not np.isfinite(target):
        raise ValueError(f"target is {target!r}, but must be finite")
    found = found[:, None] if found.ndim == 1 else found
    short = np.maximum(target - found, 0.0)
    gap = stratified_bootstrap_interval(short, "mean", level=level, resamples=resamples, rng=rng)
    return replace(gap, statistic="optimality gap", notes=few_seeds(int(gap.n)))
