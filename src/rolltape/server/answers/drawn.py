"""What a chart draws for one line: numbers per bucket, and the words that say what they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rolltape.store import Curve
from rolltape.store.model import Buckets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RAW_BAND = "true min and max"


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A line with its band, arrays of [b].

    Attributes:
        count: finite raw points in each bucket.
        center: the line; NaN where there is none.
        low, high: the band; NaN where there is none.
        n: how many runs have a value there.
        statistic: what the line is: "mean", "IQM", ...
        band: what the band is, as a legend says it; "" where there is none.
        method: a sentence that says exactly what is drawn.
        notes: what a reader must know beside it.
    """

    count: Ints
    center: Floats
    low: Floats
    high: Floats
    n: Ints
    statistic: str
    band: str
    method: str
    notes: tuple[str, ...] = ()


def draw_run(curve: Curve, key: str, smoothed: Floats | None, smoothing: str, band: bool) -> Drawn:
    """A line of one run: the mean of each bucket between the true minimum and maximum.

    Args:
        curve: with the run in it.
        key: of the run.
        smoothed: [b], the line where it is smoothed; None: it is not.
        smoothing: how, in words.
        band: whether there is one.
    """
    buckets = curve.runs[key]
    none = np.full(len(buckets.mean), np.nan)
    center = buckets.mean if smoothed is None else smoothed
    parts = [points_in_words([buckets])]
    if smoothed is not None:
        parts.append(f"line smoothed ({smoothing})")
    if band:
        parts.append(f"band: true min and max of the raw points{', not smoothed' if smoothed is not None else ''}")
    return Drawn(
        buckets.count,
        center,
        buckets.min if band else none,
        buckets.max if band else none,
        (buckets.count > 0).astype(np.int64),
        "mean",
        RAW_BAND if band else "",
        "; ".join(parts),
    )


def points_in_words(runs: Iterable[Buckets]) -> str:
    """ "mean of 64–128 points a bucket": how many points of a run the buckets hold that hold any."""
    held = np.concatenate([buckets.count[buckets.count > 0] for buckets in runs])
    if not len(held):
        return "no points here"
    least, most = int(held.min()), int(held.max())
    if most == 1:
        return "one point a bucket"
    return f"mean of {least if least == most else f'{least:,}–{most:,}'} points a bucket"
