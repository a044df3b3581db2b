"""A directory of tapes as a store. Runs may be written by other processes while they are read."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.store.buckets import as_of, bucket, equal_edges
from rolltape.store.model import Curve, Points, Resumed, RunInfo, WriterInfo
from rolltape.store.run_files import RunFiles, Series
from rolltape.tape.reader import Columns

_CACHE = 256 << 20  # bytes of points kept in memory between questions
_MOST_BUCKETS = 100_000


class DirectoryStore:
    """Runs under ``<root>/<project>/<run id>/``.

    Raises:
        StoreError: there is no such directory.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise StoreError(f"there is no directory {self.root}")
        self._files: dict[Path, RunFiles] = {}
        self._series: OrderedDict[tuple[str, str], Series] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self, project: str | None = None) -> list[RunInfo]:
        """All runs, newest first; with ``project`` those of that project."""
        found = [files.info() for files in self.run_files()]
        chosen = [info for info in found if project is None or info.project == project]
        return sorted(chosen, key=lambda info: (-info.started, info.key))

    def run(self, run: str) -> RunInfo:
        """One run by its id, ``project/id`` or key. Raises RunNotFound."""
        return self.files(run).info()

    def metrics(self, run: str) -> list[str]:
        """The names of a run's metrics, sorted. Raises RunNotFound."""
        return self.files(run).metrics()

    def writers(self, run: str) -> list[WriterInfo]:
        """A run's writing processes. Raises RunNotFound."""
        return self.files(run).writers()

    def events(self, run: str) -> list[dict[str, Any]]:
        """A run's texts and media by time: name, kind, step, time (ns), and text or file. Raises RunNotFound."""
        return self.files(run).events()

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric as logged, writer after writer. Raises RunNotFound, MetricNotFound."""
        files = self.files(run)
        columns = self._columns(files, metric)
        if not len(columns.step) and metric not in files.metrics():
            raise MetricNotFound(f"run {files.key} has no metric {metric!r}")
        return Points(*columns)

    def scan(
        self,
        run: str,
        metric: str,
        x: str = "step",
        window: tuple[float, float] | None = None,
        resumed: Resumed = "all",
    ) -> Iterator[tuple[NDArray[np.float64], Points]]:
        """The points with low <= x <= high in blocks of limited size, as they were logged: x[n] and the points.

        Raises:
            RunNotFound, MetricNotFound
        """
        points = self.points(run, metric)
        axis = self._axis(self.files(run), Columns(*points), x)
        inside = slice(None) if window is None else (axis >= window[0]) & (axis <= window[1])
        yield axis[inside], Points(*(column[inside] for column in points))

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
        """A metric of several runs in common buckets.

        Args:
            metric: its name.
            runs: ids or keys; None: all that have the metric. A run without it is left out.
            x: ``step``, ``time`` (unix seconds), ``relative`` (seconds since the run began), or the name of a
                metric that counts, joined as of each point's time.
            window: (low, high) in units of x; None: all.
            buckets: how many equal buckets, 1 to 100,000.

        Raises:
            RunNotFound, MetricNotFound: no such run; no run has the metric.
            StoreError: the window or the number of buckets is not possible.
        """
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise StoreError(f"buckets must be 1 to {_MOST_BUCKETS}, not {buckets}")
        if window is not None and not (all(map(math.isfinite, window)) and window[0] < window[1]):
            raise StoreError(f"window must be two finite numbers, the first smaller, not {window}")
        every = self.run_files()
        chosen = every if runs is None else [_find(every, run, self.root) for run in runs]
        axes: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        for files in chosen:
            columns = self._columns(files, metric)
            if len(columns.step):
                axes[files.key] = self._axis(files, columns, x), columns.value
        if not axes:
            raise MetricNotFound(f"none of the runs has a metric {metric!r}")
        if window is None:
            window = _extent([axis for axis, _ in axes.values()])
        edges = equal_edges(*window, buckets)
        return Curve(metric, x, edges, {key: bucket(axis, value, edges) for key, (axis, value) in axes.items()})

    def run_files(self) -> list[RunFiles]:
        """The files of every run there is now."""
        with self._lock:
            found = {path.parent for path in self.root.glob("*/*/run.json")}
            for gone in self._files.keys() - found:
                key = self._files.pop(gone).key
                for kept in [kept for kept in self._series if kept[0] == key]:
                    del self._series[kept]
            for directory in found - self._files.keys():
                self._files[directory] = RunFiles(directory)
            return [self._files[directory] for directory in sorted(found)]

    def files(self, run: str) -> RunFiles:
        """The files of one run. Raises RunNotFound."""
        return _find(self.run_files(), run, self.root)

    def _columns(self, files: RunFiles, metric: str) -> Columns:
        with self._lock:
            series = self._series.setdefault((files.key, metric), Series())
            self._series.move_to_end((files.key, metric))
        columns = files.follow(metric, series)
        with self._lock:
            total = sum(kept.nbytes for kept in self._series.values())
            while total > _CACHE and len(self._series) > 1:
                total -= self._series.popitem(last=False)[1].nbytes
        return columns

    def _axis(self, files: RunFiles, columns: Columns, x: str) -> NDArray[np.float64]:
        if x == "step":
            return columns.step.astype(np.float64)
        if x == "time":
            return columns.time / 1e9
        if x == "relative":
            return columns.time / 1e9 - files.info().started
        axis = self._columns(files, x)
        return as_of(columns.time, axis.time, axis.value)


def _find(every: Sequence[RunFiles], run: str, root: Path) -> RunFiles:
    for files in every:
        if files.key == run:
            return files
    matches = [files for files in every if files.is_called(run)]
    if len(matches) > 1:
        raise RunNotFound(f"several runs are called {run!r}: {', '.join(files.key for files in matches)}")
    if not matches:
        raise RunNotFound(f"there is no run {run!r} in {root}")
    return matches[0]


def _extent(axes: list[NDArray[np.float64]]) -> tuple[float, float]:
    """The smallest and largest finite x."""
    with_some = [axis[np.isfinite(axis)] for axis in axes]
    with_some = [axis for axis in with_some if len(axis)]
    if not with_some:
        return 0.0, 1.0
    return min(float(axis.min()) for axis in with_some), max(float(axis.max()) for axis in with_some)
