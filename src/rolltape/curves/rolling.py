"""Rolling mean and median over a window of positions, smaller at the edges.

The window of position i is i - width // 2 to i + (width - 1) // 2: centred, and for an even width with one more before
than after, as numpy.convolve(y, ones(width), "same") has it. y that is not finite is no value: it stays as it is, keeps
its position and does not enter.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, vector, whole


def rolling_mean(y: ArrayLike, width: float) -> Floats:
    """[n]: conv(y, 1) / conv(1, 1): the mean of the values in each window.

    Raises:
        ValueError: y is not [n] real numbers, or width no whole number of at least 1.
    """
    answer = vector("y", y)
    width = _useful(whole("width", width), len(answer))
    has = np.isfinite(answer)
    count = _window_sums(has.astype(np.float64), width)
    scale = 2.0 ** width.bit_length()  # so that no sum overflows; exact
    total = _window_sums(np.where(has, answer, 0.0) / scale, width)
    answer[has] = total[has] / (count[has] / scale)
    return answer


def rolling_median(y: ArrayLike, width: float) -> Floats:
    """[n]: the median of the values in each window; of an even number of values the mean of the middle two.

    A loop: the window is kept as a sorted list, into which one value is put and from which one is taken at each
    position, about a microsecond each. Sorting all windows as one array takes n · width values of memory.

    Raises:
        ValueError: y is not [n] real numbers, or width no whole number of at least 1.
    """
    answer = vector("y", y)
    width = _useful(whole("width", width), len(answer))
    before, after = width // 2, (width - 1) // 2
    has = np.isfinite(answer).tolist()
    values = answer.tolist()
    window: list[float] = sorted(value for value, one in zip(values[:after], has, strict=False) if one)
    for i, value in enumerate(values):
        if i + after < len(values) and has[i + after]:
            insort(window, values[i + after])
        if i - before - 1 >= 0 and has[i - before - 1]:
            del window[bisect_left(window, values[i - before - 1])]
        if has[i]:
            middle = len(window) // 2
            answer[i] = window[middle] if len(window) % 2 else window[middle - 1] / 2 + window[middle] / 2
        else:
            answer[i] = value
    return answer


def _useful(width: int, n: int) -> int:
    """A width beyond 2n sees no more than 2n does."""
    return min(width, max(2 * n, 1))


def _window_sums(y: Floats, width: int) -> Floats:
    """[n]: the sum of each window.

    From sums of 1, 2, 4, … neighbours, so in log2(width) additions; differences of a cumulative sum would carry one
    large value's rounding into all windows behind it.
    """
    power = np.concatenate([np.zeros(width // 2), y, np.zeros((width - 1) // 2)])
    sums, taken = np.zeros(len(y)), 0
    length = 1
    while True:
        if width & length:
            sums += power[taken : taken + len(y)]
            taken += length
        length *= 2
        if length > width:
            return sums
        power = power[: -length // 2] + power[length // 2 :]
