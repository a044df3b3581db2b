"""The line of several seeds: their centre at every x, and the band around it that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rolltape.curves import align
from rolltape.server.answers.drawn import RAW_BAND, Drawn, Floats, Ints, points_in_words
from rolltape.server.answers.known_band import known_band
from rolltape.stats.aggregates import NAMES, Statistic, iqm, mean, median
from rolltape.stats.bootstrap import ENOUGH
from rolltape.stats.curves import fewest_to_show
from rolltape.stats.intervals import std_interval, stderr_interval
from rolltape.store import Curve

Center = Literal["auto", "mean", "median", "iqm"]
Band = Literal["auto", "ci", "minmax", "std", "stderr", "iqr", "none"]
CENTERS: tuple[str, ...] = get_args(Center)
BANDS: tuple[str, ...] = get_args(Band)

# Of up to six seeds there are so few samples that 2000 draws cost little. Of more, 1000 leave a bound 4 % of the half
# width from where endless draws put it (10 seeds, mean; 2000: 3 %), in half of the time
_FEW, _RESAMPLES, _FEWER_RESAMPLES = 6, 2000, 1000
_ESTIMATES = {"mean": mean, "median": median, "iqm": iqm}
_TWO = "2 seeds: no interval; show the seeds"


@dataclass(frozen=True, slots=True)
class _Bounds:
    """A band around a centre: its name, its method in words, and what is to be noted."""

    low: Floats
    high: Floats
    name: str
    method: str
    notes: tuple[str, ...] = ()


def draw_group(curve: Curve, keys: list[str], center: Center, band: Band, smoothing: str) -> Drawn:
    """A line of several runs, which are interpolated linearly between their buckets.

    Args:
        curve: with these runs in it; their means are smoothed already where that was asked for.
        keys: of the runs, two at least.
        center: over the runs; auto: by the policy of `default_band` for so many runs, or the mean where the band is
            about the mean.
        band: auto and ci: the interval of the policy; minmax: of the raw points of all runs.
        smoothing: how the runs were smoothed, in words; "" where they were not.
    """
    aligned = align(curve, keys)
    values, n = aligned.values, aligned.n
    statistic = _statistic(center, band, len(keys))
    shown = n >= fewest_to_show(len(keys))
    if band in ("auto", "ci"):
        resamples = _RESAMPLES if len(keys) <= _FEW else _FEWER_RESAMPLES
        found = known_band(
            (curve.metric, curve.x, smoothing, *keys),
            values,
            statistic=statistic,
            fewest=fewest_to_show(len(keys)),
            resamples=resamples,
        )
        line = found.center
        name, level = (f"95 % {found.kind}", "95 % interval: ") if found.kind else ("", "")
        bounds = _Bounds(found.low, found.high, name, level + found.method, found.notes)
    else:
        line = np.where(shown, _ESTIMATES[statistic](values), np.nan)
        bounds = _bounds(curve, keys, values, shown, band)
    seeds = _seeds_in_words(n[shown])
    two = int(n.max(initial=0)) == 2 and band in ("auto", "ci")
    notes = (*bounds.notes, _TWO) if two else bounds.notes
    parts = [f"{NAMES[statistic]} over {seeds}" + (f" ({bounds.method})" if bounds.method else "")]
    if smoothing:
        parts.append(f"each run smoothed first ({smoothing}){_not_the_band(bounds.name)}")
    parts.append("seeds interpolated linearly between buckets")
    parts.append(points_in_words(curve.runs[key] for key in keys))
    count = np.sum([curve.runs[key].count for key in keys], axis=0)
    return Drawn(count, line, bounds.low, bounds.high, n, NAMES[statistic], bounds.name, "; ".join(parts), notes)


def _statistic(center: Center, band: Band, runs: int) -> Statistic:
    """Decided by the number of runs, not by how many have got how far, so that it is the same in every window."""
    if center != "auto":
        return center
    return "mean" if runs < ENOUGH or band in ("std", "stderr") else "iqm"


def _bounds(curve: Curve, keys: list[str], values: Floats, shown: NDArray[np.bool_], band: Band) -> _Bounds:
    if band == "minmax":
        low = np.fmin.reduce([curve.runs[key].min for key in keys])
        high = np.fmax.reduce([curve.runs[key].max for key in keys])
        return _Bounds(low, high, RAW_BAND, "band: true min and max of all raw points of all seeds")
    if band in ("std", "stderr"):
        interval = std_interval(values) if band == "std" else stderr_interval(values)
        low, high, name = interval.low, interval.high, f"± {interval.kind}"
        method = f"band: {interval.method}"
    elif band == "iqr":
        low, high = _quartiles(values)
        name, method = "25–75 % of seeds", "band: 25th to 75th percentile of the seeds, linear between neighbours"
    else:
        return _Bounds(np.full(len(shown), np.nan), np.full(len(shown), np.nan), "", "")
    return _Bounds(np.where(shown, low, np.nan), np.where(shown, high, np.nan), name, method)


def _quartiles(values: Floats) -> tuple[Floats, Floats]:
    """The 25th and 75th percentile of values[seeds, b] at each point; NaN where there are fewer than two."""
    ranked = np.sort(values, axis=0)  # NaN goes last
    n = (~np.isnan(values)).sum(axis=0)
    at = np.arange(values.shape[1])
    found = []
    for share in (0.25, 0.75):
        place = share * np.maximum(n - 1, 0)
        below = np.floor(place).astype(np.int64)
        left, right = ranked[below, at], ranked[np.minimum(below + 1, np.maximum(n - 1, 0)), at]
        found.append(np.where(n > 1, left * (1 - (place - below)) + right * (place - below), np.nan))
    return found[0], found[1]


def _seeds_in_words(n: Ints) -> str:
    """ "5 seeds", or "3–5 seeds" where some have not got so far."""
    there = n[n > 0]
    if not len(there):
        return "no seeds"
    least, most = int(there.min()), int(there.max())
    number = f"{most}" if least == most else f"{least}–{most}"
    return f"{number} seed{'' if most == 1 else 's'}"


def _not_the_band(band: str) -> str:
    if not band:
        return ""
    return ", the band is not" if band == RAW_BAND else ", and the band is of smoothed runs"
