"""Statistics over all ranks of an MPI job, as Spinning Up computes them."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LAUNCHED = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "MPI_LOCALNRANKS")


class Statistics(NamedTuple):
    """Of all values of all ranks, in float32; ``std`` is that of the population (ddof 0)."""

    mean: np.float32
    std: np.float32
    min: np.float32
    max: np.float32


def world() -> Any | None:
    """MPI's communicator of all ranks where more than one runs and mpi4py is installed, else None.

    mpi4py starts MPI when it is imported, which on some clusters ends a process that no launcher began. So it is only
    imported where a launcher has left its mark, or somebody else has imported it.
    """
    if "mpi4py.MPI" not in sys.modules and not any(name in os.environ for name in _LAUNCHED):
        return None
    try:
        mpi: Any = import_module("mpi4py.MPI")
    except (ImportError, RuntimeError):  # not installed, or without an MPI library
        return None
    ranks = mpi.COMM_WORLD
    return ranks if ranks.Get_size() > 1 else None


def statistics(values: NDArray[np.float32], ranks: Any | None) -> Statistics | None:
    """Mean, std, min and max of ``values`` [n] of all ranks; None if there are none on any. All ranks must call it.

    Raises:
        ValueError: ``values`` is not one-dimensional.
    """
    if values.ndim != 1:
        raise ValueError(f"values must be one-dimensional, but have the shape {values.shape}")
    count = _over_ranks(ranks, "SUM", len(values))
    if not count:
        return None
    with np.errstate(invalid="ignore", over="ignore"):  # of NaN and infinities
        mean = _over_ranks(ranks, "SUM", np.sum(values)) / count
        std = np.sqrt(_over_ranks(ranks, "SUM", np.sum((values - mean) ** 2)) / count)
    lowest = _over_ranks(ranks, "MIN", np.min(values, initial=np.inf))
    return Statistics(mean, std, lowest, _over_ranks(ranks, "MAX", np.max(values, initial=-np.inf)))


def _over_ranks(ranks: Any | None, operation: str, value: Any) -> np.float32:
    """One number of every rank made one, in float32."""
    mine = np.array([value], np.float32)
    if ranks is not None:
        everyone = np.zeros_like(mine)
        ranks.Allreduce(mine, everyone, op=getattr(import_module("mpi4py.MPI"), operation))
        mine = everyone
    result: np.float32 = mine[0]
    return result
