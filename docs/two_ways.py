"""The picture of the guide's first page: one run of the demo, as three ways of logging show it."""

from __future__ import annotations

import numpy as np
from panels import Episodes, Line, Panel

from rolltape.store.model import Curve, Points

EPOCH = 10_000  # environment steps
THINNED = 5  # a tracker that samples keeps one point of so many


def two_ways(points: Points, curve: Curve) -> list[Panel]:
    """Store then log, write now, and rolltape; ``points`` are every episode's return, ``curve`` the same as buckets."""
    step, value = points.step.astype(float), points.value
    ends = np.arange(EPOCH, step[-1], EPOCH, float)
    means = np.array([value[(step > end - EPOCH) & (step <= end)].mean() for end in ends])
    few = slice(None, None, THINNED)
    return [
        Panel("Store, then log", f"{len(value):,} episodes became {len(means)} means", Line(ends, means, dots=True)),
        Panel(
            "Write now, to a tracker that samples",
            f"{len(value[few]):,} of {len(value):,} values, joined by a line",
            Line(step[few], value[few], 1.0),
        ),
        Panel("rolltape", f"all {len(value):,} episodes, their mean, true min and max", Episodes(points, curve)),
    ]
