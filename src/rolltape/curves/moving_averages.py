"""Exponential moving averages: by points (debiased EMA) and by distance along x (TWEMA).

Both are weighted means of the values so far, in which a value's weight is multiplied by a decay at each later value.
Source of both formulas: Weights & Biases' documentation, "Smooth line plots"; the debiasing is that of Adam (Kingma and
Ba 2015, arXiv 1412.6980). y that is not finite is no value: it stays as it is and does not enter.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, between, line, vector

TWEMA_SCALE = 1000.0  # how many decays lie between both ends of the span
_MOST = 0.999


def debiased_ema(y: ArrayLike, beta: float) -> Floats:
    """[n]: s / (1 - beta^t) with s = beta · s + (1 - beta) · y, over the values of y[n], t of them so far.

    beta: 0 (no smoothing) to below 1.

    Raises:
        ValueError: y is not [n] real numbers, or beta is out of its range.
    """
    answer = vector("y", y)
    beta = between("beta", beta, 0, 1, open_above=True)
    has = np.isfinite(answer)
    values = answer[has]
    answer[has] = _decaying_mean(np.full(len(values), beta), values)
    return answer


def time_weighted_ema(
    x: ArrayLike, y: ArrayLike, weight: float, *, span: float | None = None, scale: float = TWEMA_SCALE
) -> Floats:
    """[n]: TWEMA of y[n] at x[n], which must not decrease. Runs logged at different rates look equally smooth.

    With w = min(√weight, 0.999) and Δ = (x - x of the value before) / span · scale: S = S · w^Δ + y, D = D · w^Δ + 1,
    the answer is S / D.

    Args:
        x: in any unit.
        y: NaN where there is no value.
        weight: 0 (no smoothing, but of values at the same x their running mean) to 1.
        span: the width of what is shown, in units of x; None: x[-1] - x[0]. Give the same for curves to be compared.
            Without any width (one x) nothing decays.
        scale: how many times a weight is multiplied by w over the whole span.

    Raises:
        ValueError: x and y do not fit each other, x decreases or is not finite, or an argument is out of its range.
    """
    xs, answer = line(x, y)
    decay = min(math.sqrt(between("weight", weight, 0, 1)), _MOST)
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is {scale!r}, but must be a finite number above 0")
    with np.errstate(over="ignore"):  # refused below
        width = float(span if span is not None else np.ptp(xs) if len(xs) else 0)
    if not 0 <= width < math.inf or (span is not None and width == 0):
        raise ValueError(f"span is {width!r}, but must be a finite number above 0")
    has = np.isfinite(answer)
    with np.errstate(over="ignore"):  # so far away that nothing is left
        distance = np.diff(xs[has], prepend=xs[has][:1])
        if width > 0:
            distance = distance / width * scale
    answer[has] = _decaying_mean(decay**distance, answer[has])
    return answer


def _decaying_mean(decay: Floats, y: Floats) -> Floats:
    """[n]: the mean of the values so far, their weights multiplied by decay[i] at i; S / D as above.

    Not S and D themselves, but D and then mean = (decay · D before / D) · mean + y / D, in which nothing overflows and
    the answer stays among the values.
    """
    total = _recurrence(decay, np.ones(len(y)))
    before = np.concatenate([[0.0], total[:-1]])[: len(y)]
    return _recurrence(decay * before / total, y / total)


def _recurrence(factor: Floats, added: Floats) -> Floats:
    """[n]: s[i] = factor[i] · s[i - 1] + added[i], all factors from 0 to 1.

    Log2(n) passes over arrays instead of a loop (Hillis and Steele 1986, "Data parallel algorithms"): each pass joins
    pairs of stretches of the recurrence. It only multiplies and adds, so it is as exact as the loop; dividing
    cumulative sums by cumulative products would underflow within some hundred values.
    """
    reach, answer = factor.copy(), added.copy()
    step = 1
    while step < len(answer):
        answer[step:] += reach[step:] * answer[:-step]
        reach[step:] *= reach[:-step].copy()
        step *= 2
    return answer
