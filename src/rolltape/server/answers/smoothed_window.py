"""Smoothed lines of a window, as they are where more is shown: what lies beside the window is smoothed with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rolltape.curves.smoothing import smooth_curve
from rolltape.server.answers.smoothing_query import Smoothing
from rolltape.store import Curve, DirectoryStore


def smooth_in_window(
    store: DirectoryStore,
    curves: Mapping[str, Curve],
    keys: list[str],
    smoothing: Smoothing,
    window: tuple[float, float],
    extent: tuple[float, float],
) -> dict[str, Curve]:
    """The curves with their means smoothed.

    A smoother that began at the window's edge would draw another line at every zoom. As many buckets as the window
    has, of the same width, are read on either side of it where there are points, and cut off again.

    Args:
        store: of the runs.
        curves: by metric, over the window.
        keys: of the runs.
        smoothing: not "none".
        window: what is shown.
        extent: of all points.
    """
    if not curves:
        return {}
    first = next(iter(curves.values()))
    buckets = len(first.edges) - 1
    low, high = window
    width = (high - low) / buckets
    before = _margin((low - extent[0]) / width, buckets)
    after = _margin((extent[1] - high) / width, buckets)
    wide: Mapping[str, Curve] = curves
    if before or after:
        beside = low - before * width, high + after * width
        wide = store.curves(list(curves), keys, first.x, beside, before + buckets + after, look=False)
    smoothed = {}
    for metric, curve in curves.items():
        means = smooth_curve(wide.get(metric, curve), smoothing.method, smoothing.amount, span=high - low)
        cut = slice(before, before + buckets) if metric in wide else slice(None)
        runs = {
            key: replace(one, mean=np.where(one.count > 0, means[key][cut], np.nan)) if key in means else one
            for key, one in curve.runs.items()
        }
        smoothed[metric] = replace(curve, runs=runs)
    return smoothed


def _margin(wanted: float, most: int) -> int:
    return min(most, max(0, math.ceil(wanted))) if math.isfinite(wanted) else 0
