"""What ClickHouse says of metrics in numbers: a row for each writer that has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rolltape.store.clickhouse.listing import StoredRun
from rolltape.store.clickhouse.native import texts
from rolltape.store.clickhouse.questions import Ask, Parameters, names
from rolltape.store.model import MetricSummary
from rolltape.tape.metric_columns import Columns

_NUMBERS = ("points", "framed", "generation", "nonfinite", "first_step", "last_step", "first_time", "last_time")
_VALUES = ("low", "high", "total", "last")
_COLUMNS = (*_NUMBERS, *_VALUES)
_WORDS = 3  # of a point: step, time, value

Key = tuple[str, str, str]  # run, metric, writer


class MetricRow(NamedTuple):
    """A metric of one writer; see schema.METRICS."""

    points: int
    framed: int
    generation: int
    nonfinite: int
    first_step: int
    last_step: int
    first_time: int
    last_time: int
    low: float
    high: float
    total: float
    last: float
    rest: Columns


def rows_of(
    ask: Ask, project: str, runs: Iterable[str], metrics: Iterable[str] | None, *, rest: bool = True
) -> dict[Key, MetricRow]:
    """The rows of some runs of one project.

    metrics: None: all. rest: whether the points behind the last entry are wanted.
    """
    parameters = Parameters()
    where = f"project = {parameters.add(project)} AND run IN ({parameters.every(runs)})"
    if metrics is not None:
        where += f" AND metric IN ({parameters.every(metrics)})"
    columns = [*_COLUMNS, "rest"] if rest else list(_COLUMNS)
    found = ask(
        f"SELECT {names('run', 'metric', 'writer')}, {', '.join(columns)} FROM metrics FINAL WHERE {where}", parameters
    )
    if not found:
        return {}
    keys = zip(*(texts(found[f"{name}_name"]) for name in ("run", "metric", "writer")), strict=True)
    numbers = zip(*(found[name].tolist() for name in _COLUMNS), strict=True)
    rests = found["rest"] if rest else [b""] * len(found["points"])
    return {key: MetricRow._make((*row, _points(kept))) for key, row, kept in zip(keys, numbers, rests, strict=True)}


def names_of(ask: Ask, project: str, run: str) -> list[str]:
    """The metrics of a run, sorted."""
    parameters = Parameters()
    where = f"project = {parameters.add(project)} AND run = {parameters.add(run)}"
    found = ask(f"SELECT {names('metric')} FROM metrics WHERE {where} GROUP BY metric", parameters)
    return sorted(texts(found.get("metric_name", ())))


def summaries_of(run: StoredRun, rows: Mapping[Key, MetricRow]) -> list[MetricSummary]:
    """Each metric of a run, by name."""
    of_metric: dict[str, list[MetricRow]] = {}
    for writer in run.writers:
        for (id, metric, name), row in rows.items():
            if id == run.id and name == writer.key[2] and row.points:
                of_metric.setdefault(metric, []).append(row)
    return [_summary(metric, of_metric[metric]) for metric in sorted(of_metric)]


def _summary(metric: str, rows: Sequence[MetricRow]) -> MetricSummary:
    points, nonfinite = sum(row.points for row in rows), sum(row.nonfinite for row in rows)
    some = points > nonfinite
    total: Any = sum(row.total for row in rows)
    return MetricSummary(
        metric,
        points,
        nonfinite,
        min(row.first_step for row in rows),
        max(row.last_step for row in rows),
        max(rows, key=lambda row: row.last_time).last,
        min(row.low for row in rows) if some else None,
        total / (points - nonfinite) if some else None,
        max(row.high for row in rows) if some else None,
    )


def _points(kept: bytes) -> Columns:
    words = np.frombuffer(kept, "<i8")
    count = len(words) // _WORDS
    return Columns(words[:count], words[count : 2 * count], words[2 * count :].view("<f8"))
