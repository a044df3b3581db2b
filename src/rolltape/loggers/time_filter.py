"""Passes at most one row in a while."""

from __future__ import annotations

import math
import time

from rolltape.loggers.base import Filter, SupportsWrite, Values


class TimeFilter(Filter):
    """Passes a row on if the last one that passed is more than ``time_delta`` seconds ago, and drops the others.

    The first row always passes. What is dropped is gone for whatever stands behind this filter: put a `RunLogger` in
    front of it, as `make_logger` does.

    Raises:
        ValueError: ``time_delta`` is negative.
    """

    def __init__(self, to: SupportsWrite, time_delta: float) -> None:
        super().__init__(to)
        if time_delta < 0:
            raise ValueError(f"time_delta must not be negative, but is {time_delta}")
        self._time_delta = time_delta
        self._last = -math.inf

    def write(self, values: Values) -> None:
        now = time.monotonic()
        if now - self._last > self._time_delta:
            self._to.write(values)
            self._last = now
