"""What the functions of this room take: checked once, with errors that name the argument and its shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 2000


def floats(name: str, values: ArrayLike, *dimensions: int) -> Floats:
    """``values`` as float64, with one of the numbers of ``dimensions`` (none given: any).

    Raises:
        ValueError: not real numbers, ragged, or of another number of dimensions.
    """
    try:
        given = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} is ragged; fill what is missing with NaN") from None
    if given.dtype.kind not in "fiub":
        raise ValueError(f"{name} of shape {given.shape} holds {given.dtype}, not real numbers")
    if dimensions and given.ndim not in dimensions:
        wanted = " or ".join(map(str, dimensions))
        raise ValueError(f"{name} has shape {given.shape}, but {wanted} dimension(s) are needed")
    return given.astype(np.float64)


def per_seed(name: str, values: ArrayLike, tasks: bool = False) -> Floats:
    """``values`` of shape [seeds, ...], with ``tasks`` [seeds, tasks, ...]."""
    found = floats(name, values)
    if found.ndim < 1 + tasks:
        raise ValueError(f"{name} has shape {found.shape}, but [seeds, {'tasks, ' if tasks else ''}...] is needed")
    return found


def check_level(level: float) -> float:
    """``level``, strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}, but must lie between 0 and 1")
    return level


def check_count(name: str, count: int) -> int:
    """``count``, a whole number of at least 1."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"{name} is {count!r}, but must be a whole number of at least 1")
    return int(count)


def seed_of(rng: np.random.Generator | int) -> tuple[int, str]:
    """A number that all streams of one call are derived from, and how the method text names it.

    Raises:
        ValueError: ``rng`` is neither a generator nor a whole number of at least 0.
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63)), "seed from a generator"
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise ValueError(f"rng is {rng!r}, but must be a numpy Generator or a whole number of at least 0")
    return int(rng), f"seed {rng}"
