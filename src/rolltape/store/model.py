"""What a store answers with, and what every store can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rolltape.store.export.frame import Frame

Status = Literal["running", "finished", "failed", "interrupted", "killed"]
Resumed = Literal["all", "latest"]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as its files tell it."""

    key: str  # names the run in its store: project and id, as their directories are called
    id: str
    project: str
    name: str
    config: dict[str, Any]
    tags: list[str]  # those recorded, as people changed them since
    status: Status
    error: str | None  # what went wrong, in a line
    exit_code: int | None
    started: float  # unix seconds
    ended: float | None  # None while it runs
    points: int
    lost: int  # rows that could not be recorded
    environment: dict[str, Any]
    note: str = ""  # what people wrote of it since

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from rolltape.store.notebook import run_html

        return run_html(self)


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


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """A metric of a run in numbers. Minimum, mean and maximum are of the finite values; None where there is none."""

    metric: str
    points: int
    nonfinite: int  # NaN and infinities among the points
    first_step: int | None  # the smallest
    last_step: int | None  # the largest
    last: float | None  # the value logged last
    min: float | None
    mean: float | None
    max: float | None


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


class Gap(NamedTuple):
    """A restart: the last x before it and the first x after it, which is smaller where the run went back."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric over an x-axis in equal buckets: bucket i is edges[i] <= x < edges[i + 1], the last with its end.

    Unless ``exact``, a point of a long metric may be counted in the bucket before its own, if it lies less than a
    bucket's width behind the edge between them, and so may one that lies as little outside of the window: statistics
    are those of the points counted, and every point within the window is counted once.
    """

    metric: str
    x: str
    edges: NDArray[np.float64]  # [b + 1]; steps, unix seconds (time) or seconds since the run began (relative)
    runs: dict[str, Buckets]  # by RunInfo.key
    gaps: dict[str, list[Gap]] = field(default_factory=dict)  # by RunInfo.key, where a run was resumed
    exact: bool = True

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from rolltape.store.notebook import curve_html

        return curve_html(self)


class Store(Protocol):
    """A place that runs are read from."""

    @property
    def root(self) -> object:
        """Where that is: as text what people are told."""
        ...

    def runs(self, project: str | None = None, where: str | None = None) -> list[RunInfo]:
        """All runs, newest first; of one project, or of which a condition is true."""
        ...

    def run(self, run: str) -> RunInfo:
        """One run by its id, ``project/id`` or key. Raises RunNotFound."""
        ...

    def metrics(self, run: str) -> list[str]:
        """The names of a run's metrics, sorted. Raises RunNotFound."""
        ...

    def writers(self, run: str) -> list[WriterInfo]:
        """A run's writing processes. Raises RunNotFound."""
        ...

    def events(self, run: str) -> list[dict[str, Any]]:
        """A run's texts and media by time: name, kind, step, time (ns), and text or file. Raises RunNotFound."""
        ...

    def summaries(self, run: str, progress: Callable[[int, int], None] = ...) -> list[MetricSummary]:
        """Each metric of a run in numbers, by name; ``progress`` is told of the index that this may need.

        Raises:
            RunNotFound: there is no such run.
        """
        ...

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric. Raises RunNotFound, MetricNotFound."""
        ...

    def scan(
        self,
        run: str,
        metric: str,
        x: str = "step",
        window: tuple[float, float] | None = None,
        resumed: Resumed = "all",
    ) -> Iterator[tuple[NDArray[np.float64], Points]]:
        """The points with low <= x <= high in blocks of limited size, as they were logged: x[n] and the points."""
        ...

    def curve(
        self,
        metric: str,
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Resumed = "all",
    ) -> Curve:
        """A metric of several runs in common buckets. Raises RunNotFound, MetricNotFound, StoreError."""
        ...

    def frame(self, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Frame:
        """The points of runs as one table that pandas, Polars, DuckDB and PyArrow take as it is.

        Raises:
            RunNotFound, MetricNotFound: no such run; none of the runs has the metric.
            StoreError: pyarrow is not installed.
        """
        ...
