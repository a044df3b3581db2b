"""Mean, median, IQM and spread over an axis.

NaN means "no value here" (a seed that has not got that far, a run that is missing): it is left out, and where nothing
is left the answer is NaN. Infinities are values: they stay, unless the trimming of median or IQM takes them away.

IQM: of n values floor(n / 4) are dropped at each end and the mean of the rest is taken, as in Agarwal et al. 2021
(arXiv 2108.13264) and scipy.stats.trim_mean(x, 0.25). So the IQM of 1 to 3 values is their mean, of 10 the mean of
the middle 6. See `iqm_kept`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import Floats, Ints, floats, per_seed

Statistic = Literal["mean", "median", "iqm"]
Axis = int | tuple[int, ...] | None

NAMES: dict[str, str] = {"mean": "mean", "median": "median", "iqm": "IQM"}


def mean(values: ArrayLike, axis: Axis = 0) -> Floats:
    """The mean over ``axis`` (None: over everything); NaN where there is no value."""
    return _middle_mean(values, axis, "mean")


def median(values: ArrayLike, axis: Axis = 0) -> Floats:
    """The median over ``axis``; of an even number of values the mean of the middle two."""
    return _middle_mean(values, axis, "median")


def iqm(values: ArrayLike, axis: Axis = 0) -> Floats:
    """The interquartile mean over ``axis``: the mean of what is left without floor(n / 4) values at each end."""
    return _middle_mean(values, axis, "iqm")


def std(values: ArrayLike, axis: Axis = 0) -> Floats:
    """The sample standard deviation (n - 1 below) over ``axis``; NaN for fewer than two values."""
    found, n = _leading("values", values, axis)
    found = np.sort(found, axis=0)  # so that the order of seeds does not show in the last digit
    with np.errstate(invalid="ignore"):
        above = found - np.fmin.reduce(found, axis=0, initial=np.inf)  # so that equal values have exactly none
        around = above - _middle_mean(above, 0, "mean")
        squares = np.where(np.isnan(found), 0.0, around**2).sum(axis=0)
        spread: Floats = np.sqrt(squares / np.where(n > 1, n - 1, np.nan))
    return spread


def stderr(values: ArrayLike, axis: Axis = 0) -> Floats:
    """The standard error of the mean over ``axis``: `std` / sqrt(n); NaN for fewer than two values."""
    found, n = _leading("values", values, axis)
    return std(found, 0) / np.sqrt(np.maximum(n, 1))


def count(values: ArrayLike, axis: Axis = 0) -> Ints:
    """How many values (not NaN) there are over ``axis``."""
    return _leading("values", values, axis)[1]


def fewest_in_a_task(n: Ints) -> Ints:
    """Of counts [tasks, ...] the fewest; 0 where there is no task."""
    fewest: Ints = n.min(axis=0) if len(n) else n.sum(axis=0)
    return fewest


def across_tasks(scores: ArrayLike, statistic: Statistic) -> Floats:
    """One number for several tasks, as Agarwal et al. 2021 define it; scores: [seeds, tasks, ...], normalised per task.

    mean: the mean over tasks of each task's mean over seeds. median: the median over tasks of these means (not the
    median over seeds). iqm: the IQM of all seeds' and tasks' scores pooled. NaN where a task has no score at all:
    a number over fewer tasks would not be comparable.
    """
    found = per_seed("scores", scores, tasks=True)
    check_statistic(statistic)
    if statistic == "iqm":
        missing = np.isnan(found).all(axis=0).any(axis=0)
        return np.where(missing, np.nan, iqm(found, (0, 1)))
    per_task = mean(found)
    answer = mean(per_task) if statistic == "mean" else median(per_task)
    return np.where(np.isnan(per_task).any(axis=0), np.nan, answer)


def check_statistic(statistic: str) -> None:
    """Raises ValueError for an unknown one."""
    if statistic not in NAMES:
        raise ValueError(f"statistic is {statistic!r}, but must be one of {', '.join(NAMES)}")


def trimmed_at_each_end(statistic: Statistic, n: int) -> int:
    """How many of ``n`` sorted values are left out at each end: each statistic is the mean of the rest."""
    return {"mean": 0, "median": max(0, (n - 1) // 2), "iqm": n // 4}[statistic]


def iqm_kept(n: int) -> int:
    """How many of ``n`` values the IQM is the mean of."""
    return n - 2 * trimmed_at_each_end("iqm", n)


def _leading(name: str, values: ArrayLike, axis: Axis) -> tuple[Floats, Ints]:
    """The values with the axes that are reduced as one leading axis, and how many of them are not NaN."""
    found = floats(name, values)
    if axis is None:
        found = found.reshape(-1)
    else:
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        if any(not -found.ndim <= one < found.ndim for one in axes):
            raise ValueError(f"axis is {axis}, but {name} has shape {found.shape}")
        found = np.moveaxis(found, axes, range(len(axes)))
        size = int(np.prod(found.shape[: len(axes)]))
        found = found.reshape(size, *found.shape[len(axes) :])
    return found, (~np.isnan(found)).sum(axis=0)


def _middle_mean(values: ArrayLike, axis: Axis, statistic: Statistic) -> Floats:
    found, n = _leading("values", values, axis)
    found = np.sort(found, axis=0)
    answer = np.full(n.shape, np.nan)
    for present in np.unique(n[n > 0]):
        trim = trimmed_at_each_end(statistic, present)
        at = n == present
        with np.errstate(invalid="ignore"):
            answer[at] = found[trim : present - trim, at].mean(axis=0)
    return answer
