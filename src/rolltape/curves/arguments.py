"""What the functions of this room take: checked once, with errors that name the argument."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def vector(name: str, values: ArrayLike) -> Floats:
    """``values`` as float64[n].

    Raises:
        ValueError: not real numbers, or not of one dimension.
    """
    try:
        given = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged, but [n] is needed") from None
    if given.ndim != 1 or (given.dtype.kind not in "fiub" and given.size):
        raise ValueError(f"{name} holds {given.dtype} in shape {given.shape}, but real numbers [n] are needed")
    return given.astype(np.float64)


def line(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """x and y, both float64[n].

    Raises:
        ValueError: of different lengths, or x is not finite or decreases.
    """
    xs, ys = vector("x", x), vector("y", y)
    if len(xs) != len(ys):
        raise ValueError(f"x has {len(xs)} values, but y {len(ys)}")
    if not np.isfinite(xs).all():
        raise ValueError("x is not finite everywhere")
    if (xs[1:] < xs[:-1]).any():
        raise ValueError("x decreases")
    return xs, ys


def between(name: str, value: float, low: float, high: float, *, open_above: bool = False) -> float:
    """``value`` if low <= value <= high (< high where ``open_above``)."""
    if isinstance(value, bool) or not low <= value <= high or (open_above and value == high):
        bound = "less than" if open_above else "at most"
        raise ValueError(f"{name} is {value!r}, but must be at least {low:g} and {bound} {high:g}")
    return float(value)


def whole(name: str, value: float, most: int | None = None) -> int:
    """``value``, a whole number of at least 1 (and at most ``most``); 5.0 is one."""
    if isinstance(value, bool) or not math.isfinite(value) or value != int(value) or value < 1:
        raise ValueError(f"{name} is {value!r}, but must be a whole number of at least 1")
    if most is not None and value > most:
        raise ValueError(f"{name} is {value!r}, but must be at most {most}")
    return int(value)
