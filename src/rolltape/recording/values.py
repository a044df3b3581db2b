"""Turning what people log into what a tape holds: numbers, many numbers at one step, texts, media, later values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.recording.device import ready_or_later
from rolltape.recording.media import File, Image, Video

PLAIN = frozenset((
    int, bool, np.bool_, np.float64, np.float32, np.float16,
    np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8,
))  # fmt: skip
"""Types besides float whose conversion to float is immediate, cheap and cannot wait for a device."""
NUMBERS = PLAIN | {float}
"""All such types."""

Later = Callable[[], NDArray[Any]]


@dataclass(slots=True)
class Sorted:
    """The values of one call by what becomes of them."""

    scalars: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    later: dict[str, Later] = field(default_factory=dict)  # device values: read by the flusher
    texts: dict[str, str] = field(default_factory=dict)
    media: dict[str, File | Image | Video] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)  # None: there is nothing to record
    strange: dict[str, str] = field(default_factory=dict)  # name -> why it cannot be recorded


def sort_values(values: Mapping[str, Any]) -> Sorted:
    """Sort the values of a `log` call. Never raises for a value; a strange one is told in `Sorted.strange`.

    Raises:
        TypeError: a name is not a string. ValueError: a name is empty.
    """
    out = Sorted()
    for name, value in values.items():
        if type(name) is not str or not name:
            _refuse_name(name)
        if type(value) is float or type(value) in PLAIN:  # not below, where an exception is taken for the value's
            try:
                out.scalars[name] = float(value)
            except OverflowError:
                out.strange[name] = "an int that no float64 can hold"
            continue
        try:
            _sort(out, name, value)
        except Exception as error:  # whatever a foreign type does on conversion
            out.strange[name] = f"a {type(value).__name__} that cannot be read as numbers ({error})"
    return out


def _sort(out: Sorted, name: str, value: Any) -> None:
    if value is None:
        out.empty.append(name)
    elif isinstance(value, str):
        out.texts[name] = value
    elif isinstance(value, File | Image | Video):
        out.media[name] = value
    else:
        found = ready_or_later(value)
        if callable(found):
            out.later[name] = found
        else:
            sort_array(out, name, value if found is None else found)


def sort_array(out: Sorted, name: str, value: Any) -> None:
    """Put a number or a 1-d array of numbers in its place.

    Raises:
        TypeError, ValueError, OverflowError: it is neither.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        if array.ndim == 0 and array.dtype.kind != "c" and not isinstance(value, bytes):
            out.scalars[name] = float(value)  # Decimal, Fraction, ints beyond 64 bits, anything with __float__
            return
        if array.dtype.kind != "O":
            raise TypeError(f"its dtype is {array.dtype}")
    if array.ndim == 0:
        out.scalars[name] = float(array)
    elif array.ndim == 1:
        out.arrays[name] = np.array(array, np.float64)
    else:
        out.strange[name] = f"an array of shape {array.shape}; only numbers and 1-d arrays are points"


def _refuse_name(name: object) -> None:
    if isinstance(name, str) and name:
        return  # a str subclass, such as numpy.str_, is a name
    if isinstance(name, str):
        raise ValueError("a metric's name must not be empty")
    raise TypeError(f"a metric's name must be a string, not {type(name).__name__}: {name!r}")


def checked_mapping(values: object) -> Mapping[str, Any]:
    """``values`` if it maps names to values. Raises TypeError."""
    if not isinstance(values, Mapping):
        raise TypeError(f"values must be a mapping of metric names to values, not {type(values).__name__}")
    return values


def checked_step(step: Any) -> int:
    """``step`` as an int.

    Raises:
        TypeError: it is not an integer.
    """
    try:
        return operator.index(step)
    except TypeError:
        if isinstance(step, float | np.floating) and float(step).is_integer():
            return int(step)
        if getattr(step, "ndim", None) == 0 and hasattr(step, "item"):
            return checked_step(step.item())
        raise TypeError(f"step must be an integer, not {type(step).__name__}: {step!r}") from None
