"""The window of a chart that goes on: it ends a little later than the data, so that buckets stay what they are.

With buckets that end at the last point all of them would move with every new row, and every one be made anew.
"""

from __future__ import annotations

import math

_PARTS = 16  # of the power of two above the span: an eighth is blank at most, and a sixteenth or less mostly


def live_window(extent: tuple[float, float]) -> tuple[float, float]:
    """From the same low end to a high end that stays while the data grow by a sixteenth to an eighth.

    extent: from the first x to the last. Where it is of one x, or too wide for a float64, it is given back as it is.
    """
    low, high = extent
    span = high - low
    if not 0 < span < math.inf:
        return extent
    _, power = math.frexp(span)
    part = math.ldexp(1.0, power) / _PARTS
    end = low + part * math.ceil(span / part)
    return (low, end) if high <= end < math.inf else extent
