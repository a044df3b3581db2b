"""What a store answers with, and what every store can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Status = Literal["running", "finished", "failed", "interrupted", "killed"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as its files tell it."""

    key: str  # names the run in its store: project and id, as their directories are called
    id: str
    project: str
    name: str
    config: dict[str, Any]
    tags: list[str]
    status: Status
    error: str | None  # what went wrong, in a line
    exit_code: int | None
    started: float  # unix seconds
    ended: float | None  # None while it runs
    points: int
    lost: int  # rows that could not be recorded
    environment: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WriterInfo:
    """One writing process of a run."""

    name: str
    status: Status
    parent: str | None  # the writer that it was forked from
    frames: int
    points: int
    lost: int
    problem: str | None  # in words: what lies behind the last whole frame


class Points(NamedTuple):
    """Points of one metric exactly as they were logged: step[n], time[n] (ns since 1970), value[n]."""

    step: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Statistics of one run's points in each bucket; all arrays are [b].

    NaN and infinities are counted in ``nonfinite`` and are in no statistic. ``std`` is that of the population (ddof 0).
    An empty bucket has count 0 and NaN elsewhere.
    """

    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    min: NDArray[np.float64]
    max: NDArray[np.float64]
    std: NDArray[np.float64]
    nonfinite: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric over an x-axis in equal buckets: bucket i is edges[i] <= x < edges[i + 1], the last with its end."""

    metric: str
    x: str
    edges: NDArray[np.float64]  # [b + 1]; steps, unix seconds (time) or seconds since the run began (relative)
    runs: dict[str, Buckets]  # by RunInfo.key


class Store(Protocol):
    """A place that runs are read from."""

    def runs(self, project: str | None = None) -> list[RunInfo]:
        """All runs, newest first."""
        ...

    def run(self, run: str) -> RunInfo:
        """One run by its id, ``project/id`` or key. Raises RunNotFound."""
        ...

    def metrics(self, run: str) -> list[str]:
        """The names of a run's metrics, sorted. Raises RunNotFound."""
        ...

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric. Raises RunNotFound, MetricNotFound."""
        ...

    def curve(
        self,
        metric: str,
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
    ) -> Curve:
        """A metric of several runs in common buckets. Raises RunNotFound, MetricNotFound, StoreError."""
        ...
