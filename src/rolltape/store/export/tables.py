"""What is known of runs as tables: the runs themselves, their configs, their metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rolltape.store.export.extras import load
from rolltape.store.export.selection import Selection
from rolltape.store.flat_config import flatten
from rolltape.store.model import Store

if TYPE_CHECKING:
    import pyarrow as pa

_LATEST = 253_402_300_800  # unix seconds: the year 10000


def runs_table(store: Store) -> pa.Table:
    """One row per run, newest first.

    Columns: run (`RunInfo.key`), project, id, name, status, started, ended (timestamps, µs, UTC; ended is null while
    the run runs), points, lost (int64), tags (list of texts), error (text or null),
    note (text).

    Raises:
        StoreError: pyarrow is not installed.
    """
    return table_of_runs(Selection(store, metrics=[]))


def config_table(store: Store) -> pa.Table:
    """One row per entry of a run's config.

    Columns: run (`RunInfo.key`), key (those of mappings inside are joined by dots), value (as JSON), number (float64;
    null where the value is none).

    Raises:
        StoreError: pyarrow is not installed.
    """
    return table_of_configs(Selection(store, metrics=[]))


def table_of_runs(selection: Selection) -> pa.Table:
    """`runs_table` of some runs."""
    arrow = load("rolltape.store.export.arrow", "parquet")
    pa, utf8 = arrow.pa, arrow.utf8
    moment = pa.timestamp("us", "UTC")
    infos = selection.runs
    return pa.table(
        {
            "run": pa.array([utf8(info.key) for info in infos], pa.string()),
            "project": pa.array([utf8(info.project) for info in infos], pa.string()),
            "id": pa.array([utf8(info.id) for info in infos], pa.string()),
            "name": pa.array([utf8(str(info.name)) for info in infos], pa.string()),
            "status": pa.array([info.status for info in infos], pa.string()),
            "started": pa.array([_microseconds(info.started) for info in infos], moment),
            "ended": pa.array([_microseconds(info.ended) for info in infos], moment),
            "points": pa.array([info.points for info in infos], pa.int64()),
            "lost": pa.array([info.lost for info in infos], pa.int64()),
            "tags": pa.array([[utf8(str(tag)) for tag in info.tags] for info in infos], pa.list_(pa.string())),
            "error": pa.array([None if info.error is None else utf8(info.error) for info in infos], pa.string()),
            "note": pa.array([utf8(info.note) for info in infos], pa.string()),
        }
    )


def table_of_configs(selection: Selection) -> pa.Table:
    """`config_table` of some runs."""
    arrow = load("rolltape.store.export.arrow", "parquet")
    pa, utf8 = arrow.pa, arrow.utf8
    rows = [(info.key, key, value) for info in selection.runs for key, value in flatten(info.config).items()]
    return pa.table(
        {
            "run": pa.array([utf8(run) for run, _, _ in rows], pa.string()),
            "key": pa.array([utf8(key) for _, key, _ in rows], pa.string()),
            "value": pa.array([utf8(strict_json(value)) for _, _, value in rows], pa.string()),
            "number": pa.array([_number(value) for _, _, value in rows], pa.float64()),
        }
    )


def table_of_metrics(selection: Selection) -> pa.Table:
    """One row per metric of a run. Columns: project, run (`RunInfo.key`), metric."""
    arrow = load("rolltape.store.export.arrow", "parquet")
    pa, utf8 = arrow.pa, arrow.utf8
    return pa.table(
        {
            "project": pa.array([utf8(series.run.project) for series in selection.series], pa.string()),
            "run": pa.array([utf8(series.run.key) for series in selection.series], pa.string()),
            "metric": pa.array([utf8(series.metric) for series in selection.series], pa.string()),
        }
    )


def strict_json(value: object) -> str:
    """``value`` as JSON; what is not a finite number is null."""
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _microseconds(unix: float | None) -> int | None:
    return round(unix * 1e6) if unix is not None and abs(unix) < _LATEST else None
