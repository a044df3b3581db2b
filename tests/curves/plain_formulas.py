"""What the functions of curves must agree with: plain loops over the formulas."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.store import Buckets, Curve, Gap, RunInfo

NAN = math.nan


def plain_ema(y: Sequence[float], beta: float) -> list[float]:
    s, t, answer = 0.0, 0, []
    for value in y:
        if math.isnan(value):
            answer.append(NAN)
            continue
        s, t = beta * s + (1 - beta) * value, t + 1
        answer.append(s / (1 - beta**t))
    return answer


def plain_twema(
    x: Sequence[float], y: Sequence[float], weight: float, width: float, scale: float = 1000.0
) -> list[float]:
    w = min(math.sqrt(weight), 0.999)
    total = weights = 0.0
    answer, last = [], None
    for at, value in zip(x, y, strict=True):
        if math.isnan(value):
            answer.append(NAN)
            continue
        decay = w ** ((at - last) / width * scale) if last is not None else 1.0
        total, weights, last = total * decay + value, weights * decay + 1, at
        answer.append(total / weights)
    return answer


def plain_gaussian(x: Sequence[float], y: Sequence[float], sigma: float) -> list[float]:
    answer = []
    for at, own in zip(x, y, strict=True):
        total = weights = 0.0
        for other, value in zip(x, y, strict=True):
            if not math.isnan(value):
                weight = math.exp(-(((at - other) / sigma) ** 2) / 2)
                total, weights = total + weight * value, weights + weight
        answer.append(NAN if math.isnan(own) else total / weights)
    return answer


def plain_window(y: Sequence[float], i: int, width: int) -> list[float]:
    """The values in the window of position i."""
    inside = range(i - width // 2, i + (width - 1) // 2 + 1)
    return [y[j] for j in inside if 0 <= j < len(y) and not math.isnan(y[j])]


def plain_rolling_mean(y: Sequence[float], width: int) -> list[float]:
    return [NAN if math.isnan(own) else statistics.fmean(plain_window(y, i, width)) for i, own in enumerate(y)]


def plain_rolling_median(y: Sequence[float], width: int) -> list[float]:
    return [NAN if math.isnan(own) else statistics.median(plain_window(y, i, width)) for i, own in enumerate(y)]


def curve_of(
    edges: Sequence[float], means: dict[str, Sequence[float]], gaps: dict[str, list[Gap]] | None = None
) -> Curve:
    """A curve with these bucket means; NaN is an empty bucket."""
    return Curve(
        "episode_return",
        "step",
        np.array(edges, np.float64),
        {key: buckets_of(np.array(mean, np.float64)) for key, mean in means.items()},
        gaps or {},
    )


def buckets_of(mean: NDArray[np.float64]) -> Buckets:
    count = (~np.isnan(mean)).astype(np.int64)
    return Buckets(count, mean, mean - 1, mean + 1, np.where(count > 0, 0.5, NAN), 0 * count)


def run_info(id: str, config: dict[str, Any] | None = None, *, name: str = "ppo", project: str = "p") -> RunInfo:
    return RunInfo(f"{project}/{id}", id, project, name, config or {}, [], "finished", None, 0, 0.0, 1.0, 0, 0, {})
