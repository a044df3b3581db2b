"""Runs, one or all, as plain values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from rolltape.server.answers.run_contents import tell_events, tell_files
from rolltape.server.choice import Line
from rolltape.server.query import Refused, shown
from rolltape.store import DirectoryStore, RunInfo
from rolltape.store.run_files import RunFiles

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
    """One run with its environment, its writers, the newest of its texts and media, and its files."""
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
        "points": info.points,
        **tell_events(_all(files.events)),
        **tell_files(files.directory),
    }


def tell_summaries(store: DirectoryStore, files: RunFiles) -> list[dict[str, Any]]:
    """Each metric of a run in numbers, by name."""
    return [asdict(summary) for summary in store.summaries(files.key)]


def tell_metrics(lines: list[Line], files: dict[str, RunFiles]) -> list[dict[str, Any]]:
    """The metrics of these lines by name, each with how many of the lines have it."""
    found: Counter[str] = Counter()
    for line in lines:
        found.update({name for key in line.keys for name in _all(files[key].metrics)})
    return [{"name": name, "lines": found[name]} for name in sorted(found)]


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
        "note": info.note,
    }
