"""A directory of tapes as a store. Runs may be written by other processes while they are read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.store.arguments import check_resumed, check_window
from rolltape.store.axes import StepAxis
from rolltape.store.buckets import as_buckets, equal_edges
from rolltape.store.catalogue import Catalogue
from rolltape.store.followed_runs import FollowedRuns, find_run, instead_of
from rolltape.store.known_axes import KnownAxes
from rolltape.store.known_series import KnownSeries
from rolltape.store.known_summaries import KnownSummaries
from rolltape.store.listing import Listing, Standing
from rolltape.store.model import Buckets, Curve, Gap, MetricSummary, Points, Resumed, RunInfo, WriterInfo
from rolltape.store.run_files import RunFiles
from rolltape.store.run_series import AXES, RunSeries
from rolltape.store.run_summaries import RunSummaries
from rolltape.store.where import compile_where
from rolltape.tape.index_file import IndexUnusable
from rolltape.tape.indexed_tape import IndexedTape, Progress, nowhere

if TYPE_CHECKING:
    from rolltape.store.export.frame import Frame

T = TypeVar("T")

_MOST_BUCKETS = 100_000
_TRIES = 3
_KEY = re.compile(r"(?!\.{1,2}/)[^/\\\0]+/(?!\.{1,2}$)[^/\\\0]+")  # project/run, as their directories are called


class DirectoryStore:
    """Runs under ``<root>/<project>/<run id>/``.

    Args:
        root: the directory.
        projects: the directories of the only projects that this store has; None: all that are there.

    Raises:
        StoreError: there is no such directory.
    """

    def __init__(self, root: str | Path, projects: Set[str] | None = None) -> None:
        self.root = Path(root).expanduser().resolve()
        self._projects = projects
        if not self.root.is_dir():
            raise StoreError(f"there is no directory {self.root}")
        self._followed = FollowedRuns(self.root)
        self._axes = KnownAxes()
        self._series = KnownSeries(self._ask)
        catalogue = Catalogue.of(self.root)
        self._listing = Listing(self.root, self._followed.look, self._summaries_in, catalogue, projects)
        self._known = KnownSummaries(self._listing, self._followed.get, self._followed.of, self._summaries)

    def runs(self, project: str | None = None, where: str | None = None) -> list[RunInfo]:
        """The runs, newest first.

        Args:
            project: only those of this project.
            where: only those of which this is true, as ``lr < 3e-4 and status = 'finished'``; see `store.where`.

        Raises:
            StoreError: ``where`` cannot be understood; the message shows where.
        """
        condition = None if where is None else compile_where(where)
        infos = [info for info in self._listing.infos() if project is None or info.project == project]
        return infos if condition is None else self._listing.chosen(infos, condition)

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

    def summaries(self, run: str, progress: Progress = nowhere) -> list[MetricSummary]:
        """Each metric of a run in numbers, by name; ``progress`` is told of the index that this may need.

        Raises:
            RunNotFound: there is no such run.
        """
        return self._summaries(self.files(run), progress)

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric as logged, writer after writer. Raises RunNotFound, MetricNotFound."""
        files = self.files(run)
        columns = files.points(metric)
        if not len(columns.step) and metric not in files.metrics():
            raise MetricNotFound(f"run {files.key} has no metric {metric!r}{instead_of([files], metric)}")
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

        Args:
            run: its id, ``project/id`` or key.
            metric, x, window, resumed: as in `curve`.

        Raises:
            RunNotFound, MetricNotFound: there is none; StoreError: the window is not possible.
        """
        check_window(window)
        check_resumed(resumed)
        files = self.files(run)

        def blocks(series: RunSeries) -> Iterator[tuple[NDArray[np.float64], Points]] | None:
            return None if series.is_empty else series.blocks(window)

        found = self._ask(files, [metric], x, resumed, blocks)[0]
        if found is None:
            raise MetricNotFound(f"run {files.key} has no metric {metric!r}{instead_of([files], metric)}")
        return found

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
            x: ``step``, ``time`` (unix seconds), ``relative`` (seconds since the run began), ``process`` (the same
                without the pauses in which no writer lived), or the name of a metric that counts, joined as of each
                point's time.
            window: (low, high) in units of x; None: all.
            buckets: how many equal buckets, 1 to 100,000.
            exact: whether every point is counted in its own bucket. Otherwise, where there are many points, those
                less than a bucket's width behind an edge may be counted before it, which is much faster.
            resumed: ``all`` points, or the ``latest``: without those that a resumed run logged again, which are those
                at or after the step at which it was taken up.

        Raises:
            RunNotFound, MetricNotFound: no such run; no run has the metric.
            StoreError: the window, the number of buckets or ``resumed`` is not possible.
        """
        found = self.curves([metric], runs, x, window, buckets, exact, resumed)
        if not found:
            raise MetricNotFound(f"none of the runs has a metric {metric!r}{instead_of(self._chosen(runs), metric)}")
        return found[metric]

    def curves(
        self,
        metrics: Sequence[str],
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Resumed = "all",
        *,
        look: bool = True,
    ) -> dict[str, Curve]:
        """Several metrics in the same buckets, by their names; without a window from the first x of any of them to
        the last. A metric that no run has is left out.

        Args:
            metrics: their names.
            runs, x, window, buckets, exact, resumed: as of `curve`.
            look: whether the files are looked at anew; otherwise runs that somebody has looked at are told as of then.

        Raises:
            RunNotFound, StoreError: as of `curve`.
            MetricNotFound: x is no metric of these runs.
        """
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise StoreError(f"buckets must be 1 to {_MOST_BUCKETS}, not {buckets}")
        check_resumed(resumed)
        check_window(window)
        chosen = self._chosen(runs, look=look)
        if window is None:
            window, look = self._extent(chosen, metrics, x, resumed, look=look), False
            if window is None:
                return {}
        edges = equal_edges(*window, buckets)
        found: dict[str, dict[str, Buckets]] = {metric: {} for metric in metrics}
        gaps: dict[str, dict[str, list[Gap]]] = {metric: {} for metric in metrics}
        holding: list[RunFiles] = []
        for files in chosen:
            answers = self._series.sums(files, metrics, x, resumed, edges, exact=exact, look=look)
            for metric, answer in zip(metrics, answers, strict=True):
                if answer is not None:
                    found[metric][files.key] = as_buckets(answer[0])
                    if answer[1]:
                        gaps[metric][files.key] = answer[1]
            if any(answer is not None for answer in answers):
                holding.append(files)
        if holding and x not in AXES and not any(x in files.metrics() for files in holding):
            raise MetricNotFound(f"x must be one of {', '.join(AXES)} or a metric of these runs, not {x!r}")
        return {
            metric: Curve(metric, x, edges, found[metric], gaps[metric], exact) for metric in metrics if found[metric]
        }

    def extent(
        self,
        metrics: Sequence[str],
        runs: Sequence[str] | None = None,
        x: str = "step",
        resumed: Resumed = "all",
        *,
        look: bool = True,
    ) -> tuple[float, float] | None:
        """From the first x of any of these metrics to the last; None if no run has one of them.

        Raises:
            RunNotFound, StoreError: as of `curves`, whose arguments these are.
        """
        check_resumed(resumed)
        return self._extent(self._chosen(runs, look=look), metrics, x, resumed, look=look)

    def index(self, runs: Sequence[str] | None = None, progress: Progress = nowhere) -> None:
        """Bring the indexes of runs (None: of all) up to date, as every curve does for those that it asks.

        progress: is told how many bytes of tape are in the indexes, and how many there are.

        Raises:
            RunNotFound: there is no such run.
        """
        chosen = self._chosen(runs)
        sizes = [files.size() for files in chosen]

        def nothing(_: list[IndexedTape]) -> None:
            return None

        for number, files in enumerate(chosen):
            before, total = sum(sizes[:number]), sum(sizes)
            self._read(files, nothing, lambda done, _, before=before, total=total: progress(before + done, total))  # type: ignore[misc]

    def frame(self, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Frame:
        """The points of runs as one table that pandas, Polars, DuckDB and PyArrow take as it is.

        Args:
            runs: ids or keys; None: all, newest first.
            metrics: names; None: all. A run that lacks one is left out of it.

        Raises:
            RunNotFound, MetricNotFound: no such run; none of the runs has the metric.
            StoreError: pyarrow is not installed.
        """
        from rolltape.store.export.frame import frame

        return frame(self, runs, metrics)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from rolltape.store.notebook import runs_html

        return runs_html(self.runs())

    def recent_runs(self, age: float = 0.5) -> list[RunInfo]:
        """`runs` as of the last look at them (`runs` or `standing`), if that was no more than ``age`` s ago."""
        return self._listing.recent_infos(age)

    def known_summaries(self, infos: Sequence[RunInfo], budget: float = 0.3) -> tuple[dict[str, RunSummaries], int]:
        """The summaries of many runs by key and metric, and of how many runs they are not known yet.

        Args:
            infos: the runs, as of now (`runs`, `recent_runs`).
            budget: seconds that may be taken to read what is not known. It is remembered: ask again for the rest.

        A run that cannot be read is left out. Of one that has grown since, the older summaries are given until there
        was time for the newer ones.
        """
        return self._known.of(infos, budget)

    def standing(self) -> Standing:
        """Look at the runs that are written, and now and then at all; see `Listing.standing`."""
        standing = self._listing.standing()
        self._drop_all_but(standing.marks.keys() | standing.open)
        return standing

    def mark(self, key: str) -> int | None:
        """Look at one run: what `standing` says of it; None if it is written, or gone."""
        return self._listing.mark(key)

    def run_files(self) -> list[RunFiles]:
        """The files of every run there is now."""
        found = self._listing.run_keys()
        self._drop_all_but(set(found))
        return [self.files_of(key) for key in found]

    def files_of(self, key: str) -> RunFiles:
        """The files of the run of this key, whether or not it is there. Raises RunNotFound for another's project."""
        if not self.shows(key):
            raise RunNotFound(f"there is no run {key!r} in {self.root}")
        return self._followed.of(key)

    def shows(self, key: str) -> bool:
        """Whether a run of this key would be one of this store's, which may be limited to some projects."""
        return self._projects is None or key.partition("/")[0] in self._projects

    def files(self, run: str) -> RunFiles:
        """The files of one run. Raises RunNotFound."""
        return self._chosen([run])[0]

    def _drop_all_but(self, keys: Set[str]) -> None:
        """Forget the files of runs that are gone."""
        for files in self._followed.drop_all_but(keys):
            self._series.forget(files)
            self._axes.forget(files)

    def _summaries_in(self, directory: Path) -> RunSummaries:
        return self._known.read(f"{directory.parent.name}/{directory.name}")

    def _chosen(self, runs: Sequence[str] | None, *, look: bool = True) -> list[RunFiles]:
        """The files of these runs, each once; None: of all. Raises RunNotFound."""
        if runs is None:
            return self.run_files()
        if not look:
            known = [self._followed.get(run) for run in dict.fromkeys(runs)]
            if all(files is not None and files.version for files in known):
                return [files for files in known if files is not None]
        keyed = {run: self.root / run for run in runs if _KEY.fullmatch(run) and self.shows(run)}
        direct = {run: self.files_of(run) for run, path in keyed.items() if (path / "run.json").exists()}
        every = [] if len(direct) == len(set(runs)) else self.run_files()
        return [direct.get(run) or find_run(every, run, self.root) for run in dict.fromkeys(runs)]

    def _summaries(self, files: RunFiles, progress: Progress = nowhere) -> list[MetricSummary]:
        def summarize(tapes: list[IndexedTape]) -> list[MetricSummary]:
            names = sorted({name for tape in tapes for name in tape.reader.metrics()})
            return [RunSeries(tapes, name, StepAxis(), "all").summary() for name in names]

        return self._read(files, summarize, progress) or []

    def _extent(
        self, chosen: Sequence[RunFiles], metrics: Sequence[str], x: str, resumed: Resumed, *, look: bool
    ) -> tuple[float, float] | None:
        found = [self._series.extents(files, metrics, x, resumed, look=look) for files in chosen]
        extents = [extent for of_run in found for extent in of_run if extent is not None]
        return _union(extents) if extents else None

    def _ask(
        self,
        files: RunFiles,
        metrics: Sequence[str],
        x: str,
        resumed: Resumed,
        question: Callable[[RunSeries], T | None],
        *,
        look: bool = True,
    ) -> list[T | None]:
        """The answers about metrics of one run; None if the run is gone."""

        def ask(tapes: list[IndexedTape]) -> list[T | None]:
            axis = self._axes.of(files, tapes, x)
            return [question(RunSeries(tapes, metric, axis, resumed)) for metric in metrics]

        answers = self._read(files, ask, look=look)
        return [None] * len(metrics) if answers is None else answers

    def _read(
        self,
        files: RunFiles,
        question: Callable[[list[IndexedTape]], T | None],
        progress: Progress = nowhere,
        *,
        look: bool = True,
    ) -> T | None:
        """The answer from a run's tapes; None if the run is gone. An index that turns out unusable is made again."""
        for _ in range(_TRIES):
            version = files.version
            try:
                with files.reading(progress, look=look) as tapes:
                    return question(tapes)
            except (IndexUnusable, FileNotFoundError) as error:
                if not files.directory.is_dir():
                    return None
                if isinstance(error, IndexUnusable):
                    with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                        files.forget_indexes()
                elif files.refresh() == version:
                    raise
        raise StoreError(f"the indexes of run {files.key} cannot be read, although they were made again")


def _union(extents: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """From the smallest to the largest x; (0, 1) if no point has an x."""
    lows, highs = zip(*extents, strict=True)
    low, high = min(lows), max(highs)
    return (low, high) if low <= high else (0.0, 1.0)
