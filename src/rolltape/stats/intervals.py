"""A number with its spread or its confidence interval, always with the method and n; Student's t.

The functions here and in `bootstrap` give what is asked for from two values on; `bands` chooses by n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.aggregates import count, mean, std, stderr
from rolltape.stats.arguments import Floats, Ints, check_level, per_seed
from rolltape.stats.student_t import t_quantile


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """A statistic and the bounds around it. The arrays have the shape of the values without seeds (and tasks):
    [points] for curves, [] for one score a seed (``float(interval.low)`` works).

    Attributes:
        center: the statistic, in the values' unit; NaN where there is no value.
        low, high: the bounds; NaN where there is none to give. Infinite where the method cannot bound.
        n: how many seeds have a value here; with several tasks the fewest of any task.
        statistic: "mean", "median", "IQM", ...
        kind: the bounds in two words, e.g. "t CI", "bootstrap CI"; "" where no bounds are given.
        method: the bounds in full, with the resamples and their seed.
        level: nominal coverage; None where the bounds are no confidence interval.
        notes: what a reader must know beside it, e.g. "few seeds: interval too narrow".
    """

    center: Floats
    low: Floats
    high: Floats
    n: Ints
    statistic: str
    kind: str
    method: str
    level: float | None
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a chart prints beside it: "IQM, bootstrap CI, n=10"; "1 seed" where there is no more."""
        most = int(self.n.max(initial=0))
        if not self.kind or most < 2:
            return seeds_in_words(most)
        shown = self.n[self.n > 0]
        fewest = int(shown.min())
        return f"{self.statistic}, {self.kind}, n={most if fewest == most else f'{fewest}–{most}'}"


def seeds_in_words(n: int) -> str:
    """ "no seeds", "1 seed", "2 seeds"."""
    return f"{n or 'no'} seed{'' if n == 1 else 's'}"


def std_interval(values: ArrayLike) -> Interval:
    """The mean ± one sample standard deviation: how far single seeds lie apart. values: [seeds, ...]."""
    found = per_seed("values", values)
    return _around_mean(found, std(found), "std", "mean ± sample standard deviation", None)


def stderr_interval(values: ArrayLike) -> Interval:
    """The mean ± one standard error; for few seeds much narrower than a 95 % interval. values: [seeds, ...]."""
    found = per_seed("values", values)
    return _around_mean(found, stderr(found), "stderr", "mean ± standard error", None)


def student_t_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """The mean and Student's t interval, mean ± t((1 + level) / 2, n - 1) · stderr. values: [seeds, ...].

    At each point only the seeds that have a value count. Bounds are NaN for fewer than two.

    Raises:
        ValueError: ``values`` has no seed axis, or ``level`` is not between 0 and 1.
    """
    found = per_seed("values", values)
    check_level(level)
    n = count(found)
    reach = np.full(n.shape, np.nan)
    for seeds in np.unique(n[n > 1]):
        reach[n == seeds] = t_quantile((1 + level) / 2, float(seeds - 1))
    return _around_mean(found, reach * stderr(found), "t CI", "Student's t", level)


def _around_mean(values: Floats, reach: Floats, kind: str, method: str, level: float | None) -> Interval:
    center = mean(values)
    return Interval(center, center - reach, center + reach, count(values), "mean", kind, method, level)
