"""Any value as what a file or a tracker can take: a number, a text, an array in host memory, a medium."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.recording.device import ready_or_later
from rolltape.recording.media import File, Image, Video

Plain = float | int | bool | str | NDArray[Any] | File | Image | Video | None

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def plain(value: Any) -> Plain:
    """A number, text, array of numbers in host memory (any shape but ()), medium or None; waits for a device.

    Raises:
        TypeError, ValueError, and whatever a foreign type raises on conversion: it is none of these.
    """
    if value is None or type(value) in (float, int, bool) or isinstance(value, File | Image | Video):
        return value  # type: ignore[no-any-return]
    if isinstance(value, str):
        return str.__str__(value)  # the text itself, also of an Enum
    found = ready_or_later(value)
    array = np.asarray(found() if callable(found) else value if found is None else found)
    if array.dtype.kind not in "iub":
        if array.dtype.kind not in "fO":
            raise TypeError(f"its dtype is {array.dtype}")
        array = array.astype(np.float64)
    return array if array.ndim else array.item()


def json_text(value: float | int | bool | str | NDArray[Any] | None) -> str:
    """Strict JSON in one line; NaN, Infinity and -Infinity are strings, because JSON has no such numbers."""
    return json.dumps(_finite(value.tolist() if isinstance(value, np.ndarray) else value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return _NOT_FINITE[str(value)] if isinstance(value, float) and not math.isfinite(value) else value
