"""The interval of curves that are asked for again and again: made anew only where a seed has another value.

A bootstrap takes most of an answer's time, and of a chart that goes on only the last points change. What comes out is
what `curve_band` makes of all: see `_decisive`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rolltape.stats.aggregates import Statistic
from rolltape.stats.curves import curve_band
from rolltape.stats.intervals import Interval
from rolltape.tape.byte_cache import ByteCache

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_kept = ByteCache(64 << 20)
_RESAMPLED = (
    "bootstrap CI",
    "bootstrap-t CI",
)  # kinds whose bounds at a point follow from the values there and from what is decisive
_PARTS = 3  # center, low, high


def known_band(question: Hashable, values: Floats, *, statistic: Statistic, fewest: int, resamples: int) -> Interval:
    """`curve_band` of values[seeds, b].

    question: names what is asked again and again; with the same one may come any values.
    """
    asked = (question, statistic, fewest, resamples)
    before = _kept.get(asked)
    band = None
    if before is not None and before.shape == (_PARTS + len(values), values.shape[1]):
        band = _again(before, values, statistic, fewest, resamples)
    if band is None:
        band = curve_band(values, statistic=statistic, fewest=fewest, resamples=resamples)
    if band.kind in _RESAMPLED:
        _kept.put(asked, np.concatenate([[band.center, band.low, band.high], values]))
    return band


def _again(before: Floats, values: Floats, statistic: Statistic, fewest: int, resamples: int) -> Interval | None:
    """The interval, of which a part is known; None where that does not pay, or where not only new columns differ."""
    known, old = before[:_PARTS], before[_PARTS:]
    changed = (old.view(np.int64) != values.view(np.int64)).any(axis=0).nonzero()[0]
    if 2 * len(changed) > values.shape[1]:
        return None
    decisive, ranks = _decisive(values)
    if (~np.isnan(old)).any(axis=1).tolist() != (~np.isnan(values)).any(axis=1).tolist():
        return None
    if not np.array_equal(ranks, _decisive(old)[1]):
        return None
    at = np.union1d(decisive, changed)
    part = curve_band(np.take(values, at, axis=1), statistic=statistic, fewest=fewest, resamples=resamples)
    if part.kind not in _RESAMPLED:
        return None
    whole = known.copy()
    whole[:, at] = part.center, part.low, part.high
    return replace(part, center=whole[0], low=whole[1], high=whole[2], n=(~np.isnan(values)).sum(axis=0))


def _decisive(values: Floats) -> tuple[Ints, Ints]:
    """The columns on which the bounds in every column depend, and the order of the seeds that follows from them.

    That is: the first ones, as far as they decide in which order the seeds are resampled (see `in_order`); one in which
    each seed has a value, as the method depends on how many have any; and one in which most of them have.
    """
    b = values.shape[1]
    upto = 1
    while True:
        ranks = np.lexsort(values[:, :upto].T[::-1])
        if upto >= b or _told_apart(values[ranks], upto):
            break
        upto = min(2 * upto, b)
    present = ~np.isnan(values)
    first = present.argmax(axis=1)
    most = present.sum(axis=0).argmax()
    return np.unique([*range(min(max(upto, 2), b)), *first.tolist(), int(most)]), ranks


def _told_apart(ordered: Floats, upto: int) -> bool:
    """Whether neighbouring rows differ in the first columns, if they do at all; NaN is like NaN, as it is to a sort."""
    tied = _same(ordered[:-1, :upto], ordered[1:, :upto])
    return bool(_same(ordered[:-1][tied], ordered[1:][tied]).all())


def _same(some: Floats, others: Floats) -> NDArray[np.bool_]:
    """Which rows are equal."""
    same: NDArray[np.bool_] = ((some == others) | (np.isnan(some) & np.isnan(others))).all(axis=1)
    return same
