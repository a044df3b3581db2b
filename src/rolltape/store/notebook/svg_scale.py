"""From values to pixels, for every float64 there is: neither 1e308 - -1e308 nor 1e9 + 1 - 1e9 may go wrong."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Scale:
    """Values from ``low`` to ``high`` (finite, low <= high) on pixels from ``start`` to ``end``.

    Inside, values are divided by a power of two, which is exact, so that no difference is more than a float64 holds.

    Args:
        pad: what is added at either end, as a share of high - low. Where there is but one value, it is in the middle.
    """

    def __init__(self, low: float, high: float, start: float, end: float, pad: float = 0.0) -> None:
        self._exponent = math.frexp(max(abs(low), abs(high)))[1]
        near, far = math.ldexp(low, -self._exponent), math.ldexp(high, -self._exponent)
        more = (far - near) * pad if far > near else abs(near) / 8 or 1.0
        self._near, self._far = near - more, far + more
        self.start, self.end = start, end

    @property
    def low(self) -> Fraction:
        """The value at ``start``."""
        return Fraction(self._near) * Fraction(2) ** self._exponent

    @property
    def high(self) -> Fraction:
        """The value at ``end``."""
        return Fraction(self._far) * Fraction(2) ** self._exponent

    def at(self, values: Floats) -> Floats:
        """[n]: the pixels of values[n]; NaN for NaN."""
        share = (np.ldexp(values, -self._exponent) - self._near) / (self._far - self._near)
        return self.start + share * (self.end - self.start)

    def pixel(self, value: Fraction) -> float:
        """The pixel of one value between low and high."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + float(share) * (self.end - self.start)
