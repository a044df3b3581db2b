"""Runs in ClickHouse as a store: the same questions as of a directory, and the same code makes the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import MetricNotFound, StoreError
from rolltape.store.arguments import check_resumed, check_window
from rolltape.store.axes import Axis, MetricAxis
from rolltape.store.buckets import as_buckets, equal_edges
from rolltape.store.clickhouse.address import parse_address
from rolltape.store.clickhouse.client import clients
from rolltape.store.clickhouse.listing import Listing, StoredRun, find, newest_first
from rolltape.store.clickhouse.metric_rows import names_of, rows_of, summaries_of
from rolltape.store.clickhouse.native import bytes_text, texts
from rolltape.store.clickhouse.questions import Ask, Parameters, names
from rolltape.store.clickhouse.schema import check
from rolltape.store.clickhouse.stored_tape import StoredTape
from rolltape.store.clickhouse.tapes_of import Chart, tapes_of
from rolltape.store.model import Buckets, Curve, Gap, MetricSummary, Points, Resumed, RunInfo, WriterInfo
from rolltape.store.run_info import Told, started
from rolltape.store.run_series import AXES, RunSeries, axis_of
from rolltape.store.where import compile_where
from rolltape.tape.indexed_tape import IndexedTape, Progress, nowhere

if TYPE_CHECKING:
    from rolltape.store.export.frame import Frame

_MOST_BUCKETS = 100_000
_AT_ONCE = 4  # questions to a shard


class ClickHouseStore:
    """Runs in the tables of one or several ClickHouse servers. May be used from any thread.

    Args:
        address: ``clickhouse://[user[:password]@]host:port[,host:port…]/database``.

    Raises:
        StoreError: it is no such address, a server cannot be reached, or it holds no store that this version reads.
    """

    def __init__(self, address: str) -> None:
        self.address = parse_address(address)
        self._clients = clients(self.address)
        self._pool = ThreadPoolExecutor(_AT_ONCE * len(self._clients), "clickhouse")
        check(self._clients)
        self._asks: list[Ask] = [client.columns for client in self._clients]
        self._listing = Listing(self._clients, self._each_shard)

    @property
    def root(self) -> str:
        """Where the runs are, as people are told; without the password."""
        return str(self.address)

    def runs(self, project: str | None = None, where: str | None = None) -> list[RunInfo]:
        """The runs, newest first; see `DirectoryStore.runs`. Raises StoreError."""
        condition = None if where is None else compile_where(where)
        every = self._listing.look()
        infos = [info for info in newest_first(every.values()) if project is None or info.project == project]
        if condition is None:
            return infos
        lasts = self._last_values([every[info.key] for info in infos]) if condition.needs_last else {}
        return [info for info in infos if condition.matches(info, lambda key=info.key: lasts.get(key, {}))]  # type: ignore[misc]

    def run(self, run: str) -> RunInfo:
        """One run by its id, ``project/id`` or key. Raises RunNotFound."""
        return self._run(run).info

    def metrics(self, run: str) -> list[str]:
        """The names of a run's metrics that have points, sorted. Raises RunNotFound."""
        one = self._run(run)
        return names_of(self._asks[one.shard], one.project, one.id)

    def writers(self, run: str) -> list[WriterInfo]:
        """A run's writing processes. Raises RunNotFound."""
        return [writer.info() for writer in self._run(run).writers]

    def events(self, run: str) -> list[dict[str, Any]]:
        """A run's texts and media by time: name, kind, step, time (ns), and text or file. Raises RunNotFound."""
        return self._events(self._run(run))

    def summaries(self, run: str, progress: Progress = nowhere) -> list[MetricSummary]:
        """Each metric of a run in numbers, by name. Raises RunNotFound.

        progress: is not told anything: nothing is made for this.
        """
        one = self._run(run)
        return summaries_of(one, rows_of(self._asks[one.shard], one.project, [one.id], None, rest=False))

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric as logged, writer after writer. Raises RunNotFound, MetricNotFound."""
        blocks = [points for _, points in self.scan(run, metric)]
        if len(blocks) == 1:
            return blocks[0]
        return Points(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))

    def scan(
        self,
        run: str,
        metric: str,
        x: str = "step",
        window: tuple[float, float] | None = None,
        resumed: Resumed = "all",
    ) -> Iterator[tuple[NDArray[np.float64], Points]]:
        """The points with low <= x <= high in blocks of limited size, as they were logged; see `DirectoryStore.scan`.

        Raises:
            RunNotFound, MetricNotFound: there is none; StoreError: the window is not possible.
        """
        check_window(window)
        check_resumed(resumed)
        one = self._run(run)
        tapes = tapes_of([one], self._asked([metric], x), self._asks, self._at_once)[one.key]
        series = RunSeries(_as_indexed(tapes), metric, _axis(one, tapes, x), resumed)
        if series.is_empty:
            raise MetricNotFound(f"run {one.key} has no metric {metric!r}{self._instead_of([one], metric)}")
        return series.blocks(window)

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
        """A metric of several runs in common buckets; see `DirectoryStore.curve`.

        Raises:
            RunNotFound, MetricNotFound: no such run; no run has the metric.
            StoreError: the window, the number of buckets or ``resumed`` is not possible.
        """
        found = self.curves([metric], runs, x, window, buckets, exact, resumed)
        if not found:
            hint = self._instead_of(self._chosen(runs), metric)
            raise MetricNotFound(f"none of the runs has a metric {metric!r}{hint}")
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
    ) -> dict[str, Curve]:
        """Several metrics in the same buckets, by their names; see `DirectoryStore.curves`.

        Raises:
            RunNotFound, StoreError: as of `curve`. MetricNotFound: x is no metric of these runs.
        """
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise StoreError(f"buckets must be 1 to {_MOST_BUCKETS}, not {buckets}")
        check_resumed(resumed)
        check_window(window)
        chosen = self._chosen(runs)
        column = "step" if x == "step" else "time"
        drawn = _window_on_column(chosen, x, window)
        plan = Chart(column, metrics, drawn, buckets, exact, resumed == "latest") if x in AXES else None  # type: ignore[arg-type]
        tapes = tapes_of(chosen, self._asked(metrics, x), self._asks, self._at_once, plan)
        holding = [run for run in chosen if any(metric in tape.rows for tape in tapes[run.key] for metric in metrics)]
        if not holding:
            return {}
        if x not in AXES and not any(x in tape.rows for run in holding for tape in tapes[run.key]):
            raise MetricNotFound(f"x must be one of {', '.join(AXES)} or a metric of these runs, not {x!r}")
        series = self._series_of(holding, tapes, metrics, x, resumed)
        if window is None:
            extents = self._map(lambda one: one.extent(), [one for of_run in series.values() for one in of_run])
            low, high = min(low for low, _ in extents), max(high for _, high in extents)
            window = (low, high) if low <= high else (0.0, 1.0)
        edges = equal_edges(*window, buckets)
        found: dict[str, dict[str, Buckets]] = {metric: {} for metric in metrics}
        gaps: dict[str, dict[str, list[Gap]]] = {metric: {} for metric in metrics}

        def answer(key: str) -> list[tuple[str, Buckets, list[Gap]]]:
            return [(one.metric, as_buckets(one.sums(edges, exact)), one.gaps()) for one in series[key]]

        for key, answers in zip(series, self._map(answer, list(series)), strict=True):
            for metric, of_run, restarts in answers:
                found[metric][key] = of_run
                if restarts:
                    gaps[metric][key] = restarts
        return {
            metric: Curve(metric, x, edges, found[metric], gaps[metric], exact) for metric in metrics if found[metric]
        }

    def frame(self, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Frame:
        """The points of runs as one table; see `DirectoryStore.frame`. Raises as it does."""
        from rolltape.store.export.frame import frame

        return frame(self, runs, metrics)

    def close(self) -> None:
        """Close its connections."""
        self._pool.shutdown()
        for client in self._clients:
            client.close()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from rolltape.store.notebook import runs_html

        return runs_html(self.runs())

    def _run(self, run: str) -> StoredRun:
        return find(self._listing.look(), run, self.root)

    def _chosen(self, runs: Sequence[str] | None) -> list[StoredRun]:
        every = self._listing.look()
        if runs is None:
            return [every[key] for key in sorted(every)]
        return list({(one := find(every, run, self.root)).key: one for run in runs}.values())

    def _asked(self, metrics: Sequence[str], x: str) -> list[str]:
        return list(dict.fromkeys([*metrics, *([] if x in AXES else [x])]))

    def _series_of(
        self,
        runs: Sequence[StoredRun],
        tapes: Mapping[str, list[StoredTape]],
        metrics: Sequence[str],
        x: str,
        resumed: Resumed,
    ) -> dict[str, list[RunSeries]]:
        """What each run has of these metrics, by its key."""

        def of(run: StoredRun) -> list[RunSeries]:
            mine = tapes[run.key]
            axis = _axis(run, mine, x)
            found = [RunSeries(_as_indexed(mine), metric, axis, resumed) for metric in metrics]
            return [one for one in found if not one.is_empty]

        return dict(zip([run.key for run in runs], self._map(of, runs), strict=True))

    def _last_values(self, runs: Sequence[StoredRun]) -> dict[str, dict[str, float]]:
        """The value logged last of each metric of these runs, by their keys."""

        def of(run: StoredRun) -> dict[str, float]:
            rows = rows_of(self._asks[run.shard], run.project, [run.id], None, rest=False)
            return {one.metric: one.last for one in summaries_of(run, rows) if one.last is not None}

        return dict(zip([run.key for run in runs], self._map(of, runs), strict=True))

    def _events(self, run: StoredRun) -> list[dict[str, Any]]:
        parameters = Parameters()
        where = f"project = {parameters.add(run.project)} AND run = {parameters.add(run.id)}"
        sql = f"SELECT {names('writer')}, json FROM events FINAL WHERE {where} ORDER BY writer, seq"
        found = self._asks[run.shard](sql, parameters)
        told: dict[str, list[dict[str, Any]]] = {}
        for writer, line in zip(texts(found.get("writer_name", ())), found.get("json", ()), strict=True):
            told.setdefault(writer, []).append(json.loads(bytes_text(line)))
        every = [event for writer in run.writers for event in told.get(writer.key[2], [])]
        return sorted(every, key=lambda event: event.get("time", 0))

    def _instead_of(self, runs: Sequence[StoredRun], metric: str) -> str:
        """What else in these runs goes by the name of a metric that has no points, as an end of a sentence."""
        told = [event for run in runs for event in self._events(run)]
        kinds = {str(event.get("kind")) for event in told if event.get("name") == metric}
        return f", but {', '.join(sorted(kinds))} of that name" if kinds else ""

    def _each_shard(self, work: Callable[[int], None]) -> None:
        self._map(work, range(len(self._clients)))

    def _at_once(self, work: Sequence[Callable[[], None]]) -> None:
        self._map(lambda one: one(), work)

    def _map(self, work: Callable[[Any], Any], those: Sequence[Any]) -> list[Any]:
        """What ``work`` makes of each, at once where there are several. Raises what the first of them raises."""
        return [work(one) for one in those] if len(those) < 2 else list(self._pool.map(work, those))


def _as_indexed(tapes: Sequence[StoredTape]) -> Sequence[IndexedTape]:
    """They answer everything that is asked of an indexed tape there."""
    return cast(Sequence[IndexedTape], tapes)


def _axis(run: StoredRun, tapes: Sequence[StoredTape], x: str) -> Axis:
    if x not in AXES:
        return MetricAxis(_as_indexed(tapes), x)
    return axis_of(_as_indexed(tapes), x, 0.0 if x in ("step", "time") else _started(run))


def _started(run: StoredRun) -> float:
    identity = max((writer.identity for writer in run.writers), key=len, default={})
    return started(identity, cast(list[Told], run.writers))


def _window_on_column(
    runs: Sequence[StoredRun], x: str, window: tuple[float, float] | None
) -> tuple[float, float] | None:
    """A window in steps or ns that holds one on x of all these runs; None: everything."""
    if window is None or x == "step":
        return window
    if x == "time":
        return window[0] * 1e9, window[1] * 1e9
    if x == "relative":
        begun = [_started(run) for run in runs]
        return (window[0] + min(begun)) * 1e9, (window[1] + max(begun)) * 1e9
    return None
