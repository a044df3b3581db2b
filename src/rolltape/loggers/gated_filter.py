"""Passes rows on by their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from rolltape.loggers.base import Filter, SupportsWrite, Values


class GatedFilter(Filter):
    """Passes row number t (0, 1, 2, …) on if ``gating_fn(t)`` is true."""

    def __init__(self, to: SupportsWrite, gating_fn: Callable[[int], bool]) -> None:
        super().__init__(to)
        self._gating_fn = gating_fn
        self._rows = 0

    def write(self, values: Values) -> None:
        if self._gating_fn(self._rows):
            self._to.write(values)
        self._rows += 1

    @classmethod
    def logarithmic(cls, to: SupportsWrite, n: int = 10) -> Self:
        """Ever fewer rows: with n = 10 the rows 0 … 10, 20, 30 … 100, 200, 300 … 1000, 2000 …

        Raises:
            ValueError: ``n`` is less than 2.
        """
        if n < 2:
            raise ValueError(f"n must be at least 2, but is {n}")

        def at_first_digit(row: int) -> bool:
            magnitude = 1
            while magnitude * n <= row:
                magnitude *= n
            return row % magnitude == 0

        return cls(to, at_first_digit)

    @classmethod
    def periodic(cls, to: SupportsWrite, interval: int = 10) -> Self:
        """Every ``interval``-th row, from the first on.

        Raises:
            ValueError: ``interval`` is less than 1.
        """
        if interval < 1:
            raise ValueError(f"interval must be at least 1, but is {interval}")
        return cls(to, lambda row: row % interval == 0)
