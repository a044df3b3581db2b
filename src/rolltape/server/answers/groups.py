"""The table of groups: their runs, what varies in their configs, and scores over their seeds."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from starlette.datastructures import QueryParams

from rolltape.curves.groups import Group
from rolltape.server.choice import GroupingOptions
from rolltape.server.find import holds, words_of
from rolltape.server.query import Refused, one_of, shown, word_of
from rolltape.server.sources import Sources
from rolltape.server.strict_json import encode_answer
from rolltape.stats import default_band
from rolltape.stats.aggregates import Statistic
from rolltape.store import RunInfo
from rolltape.store.flat_config import fingerprint
from rolltape.store.model import MetricSummary
from rolltape.store.run_summaries import RunSummaries
from rolltape.store.where import compile_where

MOST_SCORES = 20
SCORES = ("last", "max", "min", "mean")

_PATIENCE = 0.3  # s for which an answer waits for values that nobody has computed yet
_RESAMPLES = 500  # of the bootstrap of one cell; a table has thousands

Summaries = Mapping[str, RunSummaries]  # by run


@dataclass(frozen=True, slots=True)
class GroupsQuery:
    """The parameters of /api/groups.

    Attributes:
        project: only its runs; None: all.
        where: a condition in the store's words.
        find: words that a run's names, tags or settings must hold.
        scores: (score, metric) of the columns that are asked for.
        statistic: over seeds; None: as the policy says.
        brief: leave out what the runs' metrics tell: ``metrics``, ``steps``, ``speed`` and scores.
    """

    project: str | None
    where: str | None
    find: tuple[str, ...]
    scores: tuple[tuple[str, str], ...]
    statistic: Statistic | None
    brief: bool


def groups_query(params: QueryParams) -> GroupsQuery:
    """The question. Raises Refused."""
    specs = list(dict.fromkeys(params.getlist("value")))
    if len(specs) > MOST_SCORES:
        raise Refused(f"value may be given {MOST_SCORES} times at most, not {len(specs)} times")
    scores = []
    for spec in specs:
        score, colon, metric = spec.partition(":")
        if score not in SCORES or not colon or not metric:
            raise Refused(f"value must be one of {', '.join(SCORES)}, a colon and a metric, not {shown(spec)}")
        scores.append((score, metric))
    statistic: Any = word_of(params, "stat", ("auto", *get_args(Statistic)))
    return GroupsQuery(
        one_of(params, "project") or None,
        one_of(params, "where") or None,
        words_of(params),
        tuple(scores),
        None if statistic == "auto" else statistic,
        word_of(params, "brief", ("0", "1")) == "1",
    )


def tell_groups(sources: Sources, options: GroupingOptions, query: GroupsQuery, version: int) -> bytes:
    """All groups whose runs match, newest first, as JSON. Raises Refused."""
    store = sources.store
    every = store.runs()
    projects = Counter(info.project for info in every)
    of_project = [info for info in every if query.project is None or info.project == query.project]
    infos = of_project
    unknown: list[str] = []
    if query.where is not None:
        infos = store.runs(query.project, query.where)
        unknown = compile_where(query.where).unknown(of_project)
    if query.find:
        infos = [info for info in infos if holds(info, query.find)]
    summaries, pending = ({}, 0) if query.brief else store.known_summaries(infos, _PATIENCE)
    groups = [group for each in _by_project(infos) for group in sources.groupings.groups(each, options)]
    groups.sort(key=lambda group: -group.runs[0].started)
    keys, shared = _varying([group.config for group in groups])
    methods: dict[str, int] = {}
    now = time.time()
    told = [_tell(group, keys, query, summaries, methods, now) for group in groups]
    return encode_answer(
        {
            "version": version,
            "pending": pending,
            "total": len(of_project),
            "projects": [{"name": name, "runs": projects[name]} for name in sorted(projects)],
            "metrics": sorted({metric for one in summaries.values() for metric in one}),
            "keys": keys,
            "shared": shared,
            "unknown": unknown,
            "methods": list(methods),
            "groups": told,
        }
    )


def _by_project(infos: Iterable[RunInfo]) -> list[list[RunInfo]]:
    """Groups are named within their project, beside which the page shows them."""
    projects: dict[str, list[RunInfo]] = {}
    for info in infos:
        projects.setdefault(info.project, []).append(info)
    return list(projects.values())


def _varying(configs: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    """The keys that are not the same in all configs, in the order of their names, and what all have in common."""
    if not configs:
        return [], {}
    first = {key: fingerprint(value) for key, value in configs[0].items()}
    varying = {key for config in configs for key in config} - first.keys()
    for config in configs[1:]:
        for key, value in first.items():
            if key not in varying and (key not in config or fingerprint(config[key]) != value):
                varying.add(key)
    return sorted(varying), {key: value for key, value in configs[0].items() if key not in varying}


def _tell(
    group: Group,
    keys: Sequence[str],
    query: GroupsQuery,
    summaries: Summaries,
    methods: dict[str, int],
    now: float,
) -> dict[str, Any]:
    known: list[Mapping[str, MetricSummary]] = [summaries.get(info.key, {}) for info in group.runs]
    steps = [summaries[info.key].last_step if info.key in summaries else None for info in group.runs]
    durations = [(info.ended or now) - info.started for info in group.runs]
    speeds = [
        step / duration for step, duration in zip(steps, durations, strict=True) if step is not None and duration > 0
    ]
    return {
        "id": group.id,
        "name": group.name,
        "project": group.project,
        "config": {key: group.config[key] for key in keys if key in group.config},
        "tags": sorted({str(tag) for info in group.runs for tag in info.tags}),
        "note": next((info.note for info in group.runs if info.note), ""),
        "runs": [_tell_run(info, group.seeds[info.key]) for info in group.runs],
        "steps": max((step for step in steps if step is not None), default=None),
        "speed": sum(speeds) / len(speeds) if speeds else None,
        "duration": sum(durations) / len(durations),
        "values": [
            _cell([getattr(run[metric], score, None) if metric in run else None for run in known], query, methods)
            for score, metric in query.scores
        ],
    }


def _tell_run(info: RunInfo, seed: Any) -> dict[str, Any]:
    return {
        "key": info.key,
        "id": str(info.id),
        "name": str(info.name),
        "seed": seed,
        "status": info.status,
        "started": info.started,
        "ended": info.ended,
        "points": info.points,
        "lost": info.lost,
        "error": info.error,
        "tags": [str(tag) for tag in info.tags],
        "note": info.note,
    }


def _cell(
    scores: Sequence[float | None], query: GroupsQuery, methods: dict[str, int]
) -> list[float | int | None] | None:
    """Centre, bounds, n, and which of ``methods`` they were made by; None without a score."""
    found = np.array([math.nan if score is None else score for score in scores])
    diverged = sum(score is not None and not math.isfinite(score) for score in scores)
    found[~np.isfinite(found)] = math.nan
    if np.isnan(found).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # of values near the largest float
        band = default_band(found, statistic=query.statistic, resamples=_RESAMPLES)
    left_out = f"; left out: {diverged} with NaN or infinity" if diverged else ""
    method = methods.setdefault(f"{band.statistic}; {band.method}{left_out}", len(methods))
    return [_number(band.center), _number(band.low), _number(band.high), int(band.n), method]


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
