"""Seeds on a common x, so that statistics can be taken across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from rolltape.curves.arguments import Floats, Ints, whole
from rolltape.curves.bucket_axis import centres
from rolltape.curves.restarts import segments
from rolltape.store import Curve

Alignment = Literal["linear", "hold", "mean"]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Lines of several runs on a common x.

    Attributes:
        x: [b], the bucket centres, in units of the curve's x.
        values: [seeds, b]; NaN where a run has no value.
        keys: of the runs, one a row.
        n: [b], how many runs have a value at each x, also where ``fewest`` took their values away.
    """

    x: Floats
    values: Floats
    keys: list[str]
    n: Ints


def align(
    curve: Curve, runs: Sequence[str] | None = None, method: Alignment = "linear", fewest: int | None = None
) -> Aligned:
    """The mean lines of runs on the bucket centres of their curve. A run's row depends on that run and the edges only.

    Nothing is filled in before a run's first point, behind its last, or across a restart (see `segments`).

    Args:
        curve: in which the runs have common edges.
        runs: keys, one a row in this order; None: all of the curve.
        method: for buckets in which a run has no point: ``linear`` interpolates between the means of the buckets on
            either side, ``hold`` repeats the last mean, ``mean`` leaves NaN.
        fewest: where fewer runs have a value, all are NaN; the number of runs itself ends all lines where the first
            run ends. None: nothing is taken away.

    Raises:
        ValueError: a run is not in the curve or given twice, or another argument is not what it must be.
    """
    if isinstance(runs, str):
        raise ValueError(f"runs is {runs!r}, but must be a sequence of keys")
    keys = list(curve.runs if runs is None else runs)
    for key in keys:
        if key not in curve.runs:
            raise ValueError(f"runs names {key!r}, which is not in the curve of {curve.metric!r}")
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"runs names {twice!r} twice")
    if method not in get_args(Alignment):
        raise ValueError(f"method is {method!r}, but must be one of {', '.join(get_args(Alignment))}")
    needed = 0 if fewest is None else whole("fewest", fewest)

    x = centres(curve.edges)
    values = np.full((len(keys), len(x)), np.nan)
    for row, key in zip(values, keys, strict=True):
        mean = curve.runs[key].mean
        for part in segments(curve, key):
            row[part] = _filled(x[part], mean[part], method)
    n = (~np.isnan(values)).sum(axis=0).astype(np.int64)
    values[:, n < needed] = np.nan
    return Aligned(x, values, keys, n)


def _filled(x: Floats, y: Floats, method: Alignment) -> Floats:
    """[n]: y[n] with what is NaN between its first and its last value filled in."""
    known = np.flatnonzero(~np.isnan(y))
    answer = y.copy()
    if method == "mean" or not len(known):
        return answer
    inside = slice(known[0], known[-1] + 1)
    if method == "linear":
        answer[inside] = np.interp(x[inside], x[known], y[known])
    else:
        latest = known[known.searchsorted(np.arange(known[0], known[-1] + 1), "right") - 1]
        answer[inside] = y[latest]
    return answer
