"""The stored tapes of many runs for one question: what it will need of all of them comes with few questions a shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from rolltape.store.clickhouse.entries import StoredSeries, Window, fitting_level, prefetch
from rolltape.store.clickhouse.listing import StoredRun
from rolltape.store.clickhouse.metric_rows import Key, MetricRow, rows_of
from rolltape.store.clickhouse.points import heads, whole_series
from rolltape.store.clickhouse.questions import MOST, Ask, Named
from rolltape.store.clickhouse.stored_tape import StoredTape
from rolltape.store.descent import FEW
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE

Every = Callable[[Sequence[Callable[[], None]]], None]  # does all of them at once
_MANY = 32_768  # entries of a series up to which a level is asked for whole


class Chart(NamedTuple):
    """What is going to be asked of the tapes."""

    column: Literal["step", "time"]  # what x is made from
    metrics: Sequence[str]  # those that are drawn
    window: tuple[float, float] | None  # in the units of the column; None: all that there is
    buckets: int
    exact: bool
    steps: bool  # whether steps are looked at too


def tapes_of(
    runs: Iterable[StoredRun], metrics: Sequence[str], asks: Sequence[Ask], every: Every, chart: Chart | None = None
) -> dict[str, list[StoredTape]]:
    """The tapes of each run by its key, in the order in which they began.

    Args:
        runs: which.
        metrics: that may be asked about.
        asks: of the shards.
        every: runs questions at once.
        chart: what is going to be asked, so that it is there at once; None: points, as they are read.

    Raises:
        StoreError: a shard cannot be reached.
    """
    groups = [
        (shard, project, group[start : start + MOST])
        for (shard, project), group in _grouped(runs).items()
        for start in range(0, len(group), MOST)
    ]
    rows: list[dict[Key, MetricRow]] = [{} for _ in groups]

    def read(number: int) -> None:
        shard, project, group = groups[number]
        rows[number] = rows_of(asks[shard], project, [run.id for run in group], metrics)
        behind = {key: row.generation for key, row in rows[number].items() if row.points > row.framed}
        if behind:
            in_head[number] = heads(asks[shard], project, behind)

    in_head: list[dict[Key, Columns]] = [{} for _ in groups]
    every([partial(read, number) for number in range(len(groups))])
    found: dict[str, list[StoredTape]] = {}
    work: list[Callable[[], None]] = []
    span = None if chart is None else _span(chart, rows)
    for (shard, project, group), of_group, behind in zip(groups, rows, in_head, strict=True):
        of_writer: dict[tuple[str, str], dict[str, MetricRow]] = {}
        for (run, metric, name), row in of_group.items():
            of_writer.setdefault((run, name), {})[metric] = row
        tapes: dict[tuple[str, str], StoredTape] = {}
        for one in group:
            found[one.key] = mine = []
            for writer in one.writers:
                name = writer.key[2]
                tapes[one.id, name] = tape = StoredTape(writer, asks[shard], of_writer.get((one.id, name), {}))
                keys = {metric: (one.id, metric, name) for metric in tape.rows}
                tape.heads = {metric: behind[key] for metric, key in keys.items() if key in behind}
                mine.append(tape)
        if chart is not None and span is not None:
            work += _planned(asks[shard], project, tapes, of_group, chart, span)
    every(work)
    return found


def _grouped(runs: Iterable[StoredRun]) -> dict[tuple[int, str], list[StoredRun]]:
    found: dict[tuple[int, str], list[StoredRun]] = {}
    for run in runs:
        found.setdefault((run.shard, run.project), []).append(run)
    return found


def _span(chart: Chart, rows: Sequence[Mapping[Key, MetricRow]]) -> tuple[float, float] | None:
    """Between which values of the column buckets will lie."""
    if chart.window is not None:
        return chart.window
    drawn = [row for of_group in rows for key, row in of_group.items() if key[1] in chart.metrics]
    if not drawn:
        return None
    first, last = f"first_{chart.column}", f"last_{chart.column}"
    return float(min(getattr(row, first) for row in drawn)), float(max(getattr(row, last) for row in drawn))


def _planned(
    ask: Ask,
    project: str,
    tapes: Mapping[tuple[str, str], StoredTape],
    rows: Mapping[Key, MetricRow],
    chart: Chart,
    span: tuple[float, float],
) -> list[Callable[[], None]]:
    """Questions that bring what the chart needs: entries of the level that fits, all points of short series."""
    width = max(span[1] - span[0], 1.0) / chart.buckets
    short: list[Key] = []
    together: dict[tuple[int, int], dict[Key, StoredSeries]] = {}
    for key, row in rows.items():
        run, metric, writer = key
        series = tapes[run, writer].series(metric) if (run, writer) in tapes else None
        if series is None or metric not in chart.metrics or not series.counts[0]:
            continue
        level = 0
        if row.framed <= FEW:
            short.append(key)
        elif chart.exact:
            while series.counts[level] > _MANY:
                level += 1
        else:
            level = fitting_level(series.counts, _reach(row, chart.column), width)
        together.setdefault((level, len(series.counts)), {})[key] = series
    parts = [chart.column, *(["step"] if chart.steps and chart.column != "step" else []), "value"]
    window = None
    if chart.window is not None:
        reach = (_reach(row, chart.column) for key, row in rows.items() if key[1] in chart.metrics)
        window = Window(chart.column, *chart.window, max(reach, default=0.0))
    found: list[Callable[[], None]] = []
    for (level, _), group in together.items():
        for keys in _chunks(list(group)):
            some = {key: group[key] for key in keys}
            found.append(partial(prefetch, ask, project, some, level, parts, window))
    for keys in _chunks(short):
        found.append(partial(_read_whole, ask, project, tapes, rows, keys))  # noqa: PERF401
    return found


def _reach(row: MetricRow, column: str) -> float:
    """From the smallest to the largest step or time."""
    first, last = (row.first_step, row.last_step) if column == "step" else (row.first_time, row.last_time)
    return float(last - first)


def _read_whole(
    ask: Ask,
    project: str,
    tapes: Mapping[tuple[str, str], StoredTape],
    rows: Mapping[Key, MetricRow],
    keys: Sequence[Key],
) -> None:
    runs, metrics, writers = (tuple(dict.fromkeys(part)) for part in zip(*keys, strict=True))
    for key, points in whole_series(ask, Named(project, runs, metrics, writers), keys).items():
        run, metric, writer = key
        count = rows[key].framed // BASE * BASE
        tapes[run, writer].whole[metric] = Columns._make(column[:count] for column in points)


def _chunks(keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    return (keys[start : start + MOST] for start in range(0, len(keys), MOST))
