"""What the vectorised functions must agree with: plain loops over the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def plain_iqm(values: Sequence[float]) -> float:
    """The mean without floor(n / 4) values at each end; NaN is no value."""
    kept = sorted(value for value in values if not math.isnan(value))
    cut = math.floor(0.25 * len(kept))
    kept = kept[cut : len(kept) - cut]
    return sum(kept) / len(kept) if kept else math.nan


def plain_resamples(values: Sequence[float], counts: np.ndarray, statistic: Callable[[list[float]], float]) -> list:
    """The statistic of each resample, whose values are written out one by one. counts: [values, resamples]."""
    found = []
    for drawn in counts.T:
        sample = [value for value, times in zip(values, drawn, strict=True) for _ in range(times)]
        found.append(statistic(sample))
    return found
