"""Which centre and band a group gets by default: the policy, decided by the number of seeds.

=============  ==========  ==============================================================
seeds          tasks       centre and bounds
=============  ==========  ==============================================================
1              any         the value, no bounds
2              any         the mean, no bounds (draw both)
3 or 4         one         mean, Student's t
5 or more      one         IQM, percentile bootstrap; where the mean is asked for, bootstrap-t
                           (Student's t where equal scores leave that without bounds)
3 or more      several     IQM, stratified bootstrap; below 5 seeds with a note that it is too narrow
=============  ==========  ==============================================================

The reason is coverage (`bootstrap` has figures): the percentile bootstrap of the mean, which is the habit of the
field, covers .74 instead of .95 with three seeds, Student's t covers .95.
"""

from __future__ import annotations

from dataclasses import replace

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
    mean,
    median,
)
from rolltape.stats.arguments import RESAMPLES, Floats, per_seed
from rolltape.stats.bimodality import looks_bimodal
from rolltape.stats.bootstrap import (
    ENOUGH,
    bootstrap_interval,
    bootstrap_t_interval,
    check_resamples,
    stratified_bootstrap_interval,
)
from rolltape.stats.intervals import Interval, student_t_interval

FEWEST = 3  # seeds, below which no bounds are given

_UNBOUNDED = "Student's t, because so many scores are equal that bootstrap-t has no bounds"


def default_band(
    values: ArrayLike,
    *,
    tasks: bool = False,
    statistic: Statistic | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Interval:
    """The band that the policy gives to a group.

    One method serves all points, chosen by how many seeds have a value anywhere; at a point with fewer seeds than the
    method needs, the centre stands without bounds.

    Args:
        values: [seeds, ...], with ``tasks`` [seeds, tasks, ...]; NaN where a seed has no value.
        tasks: the second axis is tasks, the scores are normalised per task.
        statistic: None: as the policy says; else this one, with the method that suits it and n.
        level: nominal coverage.
        resamples: of the bootstrap, where it is used.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: a missing axis, an unknown statistic, a level outside (0, 1), or too few resamples for the level.
    """
    found = per_seed("values", values, tasks)
    check_resamples(resamples, level)
    if statistic is not None:
        check_statistic(statistic)
    n = seeds_with_values(found, tasks)
    if n < FEWEST:
        return _without_bounds(found, tasks, statistic or "mean", level)
    if tasks:
        chosen = statistic or "iqm"
        band = stratified_bootstrap_interval(found, chosen, level=level, resamples=resamples, rng=rng)
        return _where(band, FEWEST)
    chosen = statistic or ("mean" if n < ENOUGH else "iqm")
    if chosen == "mean" and n < ENOUGH:
        band = _where(student_t_interval(found, level=level), FEWEST)
    elif chosen == "mean":
        band = _where(bootstrap_t_interval(found, level=level, resamples=resamples, rng=rng), ENOUGH)
        if np.isinf(band.low).any() or np.isinf(band.high).any():
            band = replace(_where(student_t_interval(found, level=level), FEWEST), notes=(_UNBOUNDED,))
    else:
        band = bootstrap_interval(found, chosen, level=level, resamples=resamples, rng=rng)
        band = _where(band, min(n, ENOUGH))
    bimodal = found.ndim == 1 and bool(looks_bimodal(found))
    return replace(band, notes=(*band.notes, "bimodal: look at the seeds")) if bimodal else band


def seeds_with_values(values: Floats, tasks: bool) -> int:
    """How many seeds have a value anywhere; with tasks, in the task that has the fewest."""
    axes = tuple(range(1 + tasks, values.ndim))
    has_any = (~np.isnan(values)).any(axis=axes)
    n = has_any.sum(axis=0)
    return int(fewest_in_a_task(n) if tasks else n)


def _without_bounds(values: Floats, tasks: bool, statistic: Statistic, level: float) -> Interval:
    n = count(values)
    if tasks:
        center, n = across_tasks(values, statistic), fewest_in_a_task(n)
    else:
        center = {"mean": mean, "median": median, "iqm": iqm}[statistic](values)
    none = np.full(n.shape, np.nan)
    method = f"no interval below {FEWEST} seeds"
    return Interval(center, none, none.copy(), n, NAMES[statistic], "", method, level)


def _where(band: Interval, fewest: int) -> Interval:
    """The band, its bounds only where there are at least so many seeds."""
    enough = band.n >= fewest
    return replace(band, low=np.where(enough, band.low, np.nan), high=np.where(enough, band.high, np.nan))
