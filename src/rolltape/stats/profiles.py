"""Performance profiles (Dolan and Moré 2002; Agarwal et al. 2021, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import RESAMPLES, Floats, floats
from rolltape.stats.bootstrap import few_seeds, stratified_bootstrap_interval
from rolltape.stats.intervals import Interval


@dataclass(frozen=True, slots=True, eq=False)
class PerformanceProfile:
    """Which share of runs scores above each threshold.

    Attributes:
        thresholds: [thresholds], in the scores' unit.
        share: the share (0 to 1) and its pointwise bounds, [thresholds], with method and n.
    """

    thresholds: Floats
    share: Interval

    @property
    def n(self) -> int:
        """Seeds; with several tasks the fewest of any task."""
        return int(self.share.n.max(initial=0))

    @property
    def method(self) -> str:
        """How the bounds were found."""
        return self.share.method


def performance_profile(
    scores: ArrayLike,
    thresholds: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> PerformanceProfile:
    """The run-score profile: F(τ) = share of scores strictly above τ, with stratified bootstrap bounds at each τ.

    Every task weighs the same, also where it has fewer seeds. Where all scores lie on one side of τ, the bounds have
    no width: that is no certainty.

    Args:
        scores: [seeds] or [seeds, tasks], normalised per task; NaN where there is no run.
        thresholds: [thresholds].
        level: nominal coverage at each threshold.
        resamples: how many resamples.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: another shape, a NaN threshold, a level outside (0, 1), or too few resamples for the level.
    """
    found = floats("scores", scores, 1, 2)
    found = found[:, None] if found.ndim == 1 else found
    taus = floats("thresholds", thresholds, 1)
    if np.isnan(taus).any():
        raise ValueError(f"thresholds of shape {taus.shape} holds NaN")
    above = np.where(np.isnan(found)[..., None], np.nan, found[..., None] > taus)
    share = stratified_bootstrap_interval(above, "mean", level=level, resamples=resamples, rng=rng)
    notes = few_seeds(int(share.n.max(initial=0)))
    return PerformanceProfile(taus, replace(share, statistic="share of runs above τ", notes=notes))
