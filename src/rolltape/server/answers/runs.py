"""What the API says of runs: plain values, made from a store in a worker thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from rolltape.errors import MetricNotFound
from rolltape.server.query import MOST_VALUES, CurveQuery, Refused, shown
from rolltape.server.wire import encode_curve, encode_no_curve
from rolltape.store import DirectoryStore, RunInfo
from rolltape.store.run_files import RunFiles
from rolltape.store.run_series import AXES

T = TypeVar("T")


def choose(store: DirectoryStore, keys: list[str]) -> list[RunFiles]:
    """The files of the runs of these keys; no keys: of all. Raises Refused for one that is not there."""
    every = store.run_files()
    if not keys:
        return every
    by_key = {files.key: files for files in every}
    for key in keys:
        if key not in by_key:
            raise Refused(f"run {shown(key)} is not in this store", 404)
    return [by_key[key] for key in keys]


def tell_runs(every: list[RunFiles]) -> list[dict[str, Any]]:
    """All runs, newest first."""
    return sorted(map(tell_run, every), key=lambda run: (-run["started"], run["key"]))


def tell_run(files: RunFiles) -> dict[str, Any]:
    """One run."""
    return _tell(_info(files))


def tell_all_of_run(files: RunFiles) -> dict[str, Any]:
    """One run with its environment, writers and events."""
    info = _info(files)
    return {
        **_tell(info),
        "environment": info.environment,
        "writers": [
            {
                "name": writer.name,
                "status": writer.status,
                "frames": writer.frames,
                "points": writer.points,
                "lost": writer.lost,
                "problem": writer.problem,
            }
            for writer in _all(files.writers)
        ],
        "events": [
            {
                "step": event.get("step"),
                "time": event.get("time", 0) / 1e9,
                "name": event.get("name"),
                "kind": event.get("kind"),
                "text": event.get("text"),
                "file": event.get("file"),
            }
            for event in _all(files.events)
        ],
    }


def tell_metrics(chosen: list[RunFiles]) -> list[dict[str, Any]]:
    """The metrics of these runs by name, each with the runs that have it."""
    runs: dict[str, list[str]] = {}
    for files in chosen:
        for name in _all(files.metrics):
            runs.setdefault(name, []).append(files.key)
    return [{"name": name, "runs": runs[name]} for name in sorted(runs)]


def tell_curve(store: DirectoryStore, chosen: list[RunFiles], query: CurveQuery, version: int) -> bytes:
    """A curve of these runs as a binary frame. Raises Refused."""
    if len(chosen) * query.buckets > MOST_VALUES:
        raise Refused(
            f"buckets times runs must not be more than {MOST_VALUES}, but {query.buckets} buckets of "
            f"{len(chosen)} runs were asked for"
        )
    if query.x not in AXES:
        with_x = [files for files in chosen if query.x in _all(files.metrics)]
        if not with_x:
            raise Refused(
                f"x {shown(query.x)} is neither {', '.join(AXES[:-1])} or {AXES[-1]} nor a metric of these runs", 404
            )
    else:
        with_x = chosen
    try:
        keys = [files.key for files in with_x] if query.runs or len(with_x) < len(chosen) else None
        curve = store.curve(query.metric, keys, query.x, query.window, query.buckets)
    except MetricNotFound:
        if any(query.metric in _all(files.metrics) for files in store.run_files()):
            return encode_no_curve(query.metric, query.x, version)
        raise Refused(f"metric {shown(query.metric)} is not in this store", 404) from None
    return encode_curve(curve, version)


def _info(files: RunFiles) -> RunInfo:
    """What is known of a run, also where its run.json is not one that rolltape writes."""
    try:
        info = files.at_a_glance()
        if not (
            math.isfinite(info.started)
            and isinstance(info.config, dict)
            and isinstance(info.tags, list)
            and isinstance(info.environment, dict)
        ):
            raise ValueError("started, config, tags or environment is not of its type")
        return info
    except Exception as error:  # one strange file must not hide the other runs
        what = f"{files.directory / 'run.json'} or a tape beside it says what no recorder writes: {error!r}"[:500]
        project, name = files.key.split("/", 1)
        return RunInfo(files.key, name, project, name, {}, [], "killed", what, None, 0.0, 0.0, 0, 0, {})


def _all(ask: Callable[[], list[T]]) -> list[T]:
    """What can be told of a run; of one that `_info` finds strange perhaps nothing."""
    try:
        return ask()
    except Exception:
        return []


def _tell(info: RunInfo) -> dict[str, Any]:
    return {
        "key": info.key,
        "id": str(info.id),
        "project": str(info.project),
        "name": str(info.name),
        "config": info.config,
        "tags": [str(tag) for tag in info.tags],
        "status": info.status,
        "error": info.error,
        "started": info.started,
        "ended": info.ended,
        "lost": info.lost,
    }
