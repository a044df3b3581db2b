"""An exponentially weighted average beside the values it is of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rolltape.loggers.base import Filter, KeyMatch, SupportsWrite, Values
from rolltape.recording.values import NUMBERS

_WARM_UP = 0.9  # over about ten values
_NOTHING = (0.0, 0.0)


class SmoothingFilter(Filter):
    """Adds ``<key>_smoothed_<smoothing_coeff>`` for each key that matches; the values themselves go on unchanged.

    The average warms up, so that it starts at the first value and not at 0. With c = 0 at first, each value gives
    ``average = value * (1 - c) + average * c``, and then ``c = 0.9 * c + 0.1 * smoothing_coeff``.

    Every key is averaged by itself. Arrays and tensors are averaged by element, tensors where they are (nothing waits
    for a device); one of another shape begins anew. What is no number, and NaN and infinities on the host, have no
    average and leave that of the others alone.

    Args:
        to: where rows go on to.
        smoothing_regex: matched anywhere in a key.
        smoothing_coeff: 0 (no smoothing) to 1.

    Raises:
        ValueError: the expression or the coefficient is not what it must be.
    """

    def __init__(self, to: SupportsWrite, smoothing_regex: str, smoothing_coeff: float) -> None:
        super().__init__(to)
        if not 0 <= smoothing_coeff <= 1:
            raise ValueError(f"smoothing_coeff must be between 0 and 1, but is {smoothing_coeff}")
        self._matches = KeyMatch(smoothing_regex)
        self._coeff = smoothing_coeff
        self._averages: dict[str, tuple[Any, float]] = {}  # the average, and the weight it has in the next one

    def write(self, values: Values) -> None:
        matches = self._matches
        smoothed = {}
        for key, value in values.items():
            if matches[key]:
                try:
                    average = self._average(key, value)
                except Exception:  # whatever a foreign type does when it is calculated with
                    continue
                if average is not None:
                    smoothed[f"{key}_smoothed_{self._coeff}"] = average
        self._to.write({**values, **smoothed})

    def _average(self, key: str, value: Any) -> Any:
        average, weight = self._averages.get(key, _NOTHING)
        if type(value) in NUMBERS:
            try:
                if not math.isfinite(value):
                    return None
            except OverflowError:  # an int beyond every float
                return None
            begins = bool(getattr(average, "shape", ()))
        else:
            value = _array(value)
            if value is None:
                return None
            begins = np.shape(average) != np.shape(value)
        if begins:
            average, weight = _NOTHING
        average = value * (1 - weight) + average * weight
        self._averages[key] = average, _WARM_UP * weight + (1 - _WARM_UP) * self._coeff
        return average


def _array(value: Any) -> Any:
    """``value`` as something to calculate with, or None. A tensor stays a tensor, but without its graph."""
    if hasattr(value, "detach"):
        if value.device.type == "cpu" and not bool(value.isfinite().all()):
            return None
        return value.detach()
    if hasattr(value, "__array__") and hasattr(value, "shape") and not isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return None
    return array if array.dtype.kind in "fiub" and np.isfinite(array).all() else None
