"""The columns of `log_batch`, checked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rolltape.recording.values import Sorted, checked_mapping, sort_array

_Integers = NDArray[np.int64] | None

LAST_STEP = 2**63 - 1
NO_STEP_LEFT = f"no step comes after {LAST_STEP}: what is logged without one is recorded at that step"


def checked_batch(
    values: Mapping[str, ArrayLike], step: ArrayLike | None, time: ArrayLike | None
) -> tuple[tuple[str, ...], NDArray[np.float64], _Integers, _Integers]:
    """(m names, columns[m, n], step[n], time[n]); step and time are None where they were not given.

    Raises:
        TypeError, ValueError: a column is not 1-d numbers, or lengths differ.
    """
    out = Sorted()
    for name, column in checked_mapping(values).items():
        if type(name) is not str or not name:
            raise TypeError(f"a metric's name must be a non-empty string, not {name!r}")
        try:
            sort_array(out, name, column)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(f"column {name!r} is not an array of numbers: {error}") from None
        if name not in out.arrays:
            raise ValueError(f"column {name!r} must have one dimension, not shape {np.shape(column)}")
    steps = None if step is None else _integers("step", step)
    times = None if time is None else _integers("time", time)
    lengths = {name: len(column) for name, column in out.arrays.items()}
    lengths |= {what: len(given) for what, given in (("step", steps), ("time", times)) if given is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    rows = next(iter(lengths.values()), 0)
    return tuple(out.arrays), np.array(list(out.arrays.values())).reshape(len(out.arrays), rows), steps, times


def _integers(what: str, given: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(given)
    if array.ndim != 1:
        raise ValueError(f"{what} must have one dimension, not shape {array.shape}")
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise TypeError(f"{what} must be integers, not fractions")
    if array.dtype.kind not in "fiu" and len(array):
        raise TypeError(f"{what} must be integers, not {array.dtype}")
    if array.dtype.kind in "fu" and not (np.abs(array.astype(np.float64)) < 2.0**63).all():
        raise ValueError(f"{what} must fit in 64 bits")
    return array.astype(np.int64)
