"""Curves of a group: the default band at every x, and at which x enough seeds are left to say anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.aggregates import Statistic, count, fewest_in_a_task
from rolltape.stats.arguments import RESAMPLES, Ints, check_count, per_seed
from rolltape.stats.bands import default_band, seeds_with_values
from rolltape.stats.intervals import Interval


def seeds_at(curves: ArrayLike, *, tasks: bool = False) -> Ints:
    """n(x): how many seeds have a value at each point; with ``tasks`` the fewest of any task.

    curves: [seeds, points], with ``tasks`` [seeds, tasks, points]; the answer is [points].
    """
    n = count(per_seed("curves", curves, tasks))
    return fewest_in_a_task(n) if tasks else n


def fewest_to_show(seeds: int) -> int:
    """How many seeds a point needs for a centre to be shown: at least two and half of the group (of one seed, one)."""
    return min(seeds, max(2, (seeds + 1) // 2))


def curve_band(
    curves: ArrayLike,
    *,
    tasks: bool = False,
    statistic: Statistic | None = None,
    fewest: int | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """`default_band` of curves on a common x, whole runs resampled; NaN where too few seeds have got that far.

    Args:
        curves: [seeds, points], with ``tasks`` [seeds, tasks, points]. NaN where a seed has no value: before its
            first point, after its last, in a gap. Nothing is filled in here.
        tasks: the second axis is tasks, the scores are normalised per task.
        statistic: None: as the policy says.
        fewest: how many seeds a point needs for a centre; None: `fewest_to_show` of the group's seeds. The number of
            seeds itself gives a curve that ends where the first seed ends.
        level: nominal coverage.
        resamples: of the bootstrap, where it is used.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: ``curves`` is not of that shape, or another argument is out of its range.
    """
    found = per_seed("curves", curves, tasks)
    if found.ndim != 2 + tasks:
        raise ValueError(f"curves has shape {found.shape}, but {2 + tasks} dimensions are needed")
    band = default_band(found, tasks=tasks, statistic=statistic, level=level, resamples=resamples, rng=rng)
    needed = fewest_to_show(seeds_with_values(found, tasks)) if fewest is None else check_count("fewest", fewest)
    shown = band.n >= needed
    center, low, high = (np.where(shown, part, np.nan) for part in (band.center, band.low, band.high))
    return replace(band, center=center, low=low, high=high)
