"""Stores rows and passes on their statistics: store then log, as a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.loggers.base import Filter, KeyMatch, SupportsWrite, Values
from rolltape.recording.device import ready_or_later
from rolltape.recording.values import NUMBERS
from rolltape.recording.warning import warn


class AggregateFilter(Filter):
    """Keeps rows until `dump`, and then passes on one.

    It has ``<key>_mean``, ``_std`` (of the population, ddof 0), ``_median``, ``_max`` and ``_min`` over every number
    stored under each key that matches, and the last value of every other key. Rows need not have the same keys, and
    arrays are as many numbers. With nothing stored `dump` does nothing; `close` dumps what is left.

    Args:
        to: where the statistics go.
        aggregate_regex: matched anywhere in a key.

    Raises:
        ValueError: it is not a regular expression.
    """

    def __init__(self, to: SupportsWrite, aggregate_regex: str) -> None:
        super().__init__(to)
        self._matches = KeyMatch(aggregate_regex)
        self._stored: dict[str, list[Any]] = {}
        self._last: dict[str, Any] = {}

    def write(self, values: Values) -> None:
        for key, value in values.items():
            if not self._matches[key]:
                self._last[key] = value.copy() if isinstance(value, np.ndarray) else value
            elif value is not None:
                kept = value if type(value) in NUMBERS else _copy(value)
                if kept is None:
                    self._last[key] = value
                else:
                    self._stored.setdefault(key, []).append(kept)

    def dump(self) -> None:
        """Pass on the statistics of what was written since the last time."""
        stored, last, self._stored, self._last = self._stored, self._last, {}, {}
        statistics: dict[str, Any] = {}
        for key, values in stored.items():
            try:
                statistics |= _statistics(key, values)
            except Exception as error:  # an int beyond every float, or whatever a device does
                if not callable(values[-1]):
                    last[key] = values[-1]
                warn(f"{key!r} has no statistics: {error}")
        if statistics or last:
            self._to.write({**statistics, **last})
        super().dump()

    def close(self) -> None:
        try:
            self.dump()
        finally:
            super().close()


def _copy(value: Any) -> NDArray[Any] | Callable[[], NDArray[Any]] | None:
    """Numbers that stay as they are when the caller's array changes, or a way to get them later. None: not numbers."""
    try:
        found = ready_or_later(value)
        if callable(found):
            return found
        array = np.array(value if found is None else found)
    except Exception:  # a JAX tracer, a ragged list, whatever a foreign type does
        return None
    return array if array.dtype.kind in "fiub" else None


def _statistics(key: str, values: list[Any]) -> list[tuple[str, Any]]:
    numbers = np.concatenate([np.ravel(value() if callable(value) else value) for value in values])
    if not numbers.size:
        return []
    with np.errstate(invalid="ignore", over="ignore"):  # of infinities
        return [
            (f"{key}_mean", np.mean(numbers)),
            (f"{key}_std", np.std(numbers)),
            (f"{key}_median", np.median(numbers)),
            (f"{key}_max", np.max(numbers)),
            (f"{key}_min", np.min(numbers)),
        ]
