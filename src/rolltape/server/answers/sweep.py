"""What a sweep found: scores by config, their importance, and what they cost."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from rolltape.curves.groups import Group
from rolltape.server.choice import GroupingOptions
from rolltape.server.find import holds, words_of
from rolltape.server.parameters import Parameter, column_of, parameters_of
from rolltape.server.pareto import pareto_front
from rolltape.server.query import metric_of, one_of, word_of
from rolltape.server.scores import KINDS, Kind, Score, is_lower_better, scores_of, sentence_of
from rolltape.server.sources import Sources
from rolltape.server.strict_json import encode_answer
from rolltape.stats import rank_hyperparameters, student_t_interval
from rolltape.stats.bands import FEWEST
from rolltape.stats.ranks import FEWEST as FEWEST_GROUPS

Floats = NDArray[np.float64]

_PATIENCE = 1.0  # s for which an answer waits for scores that nobody has computed yet
_PERMUTATIONS = 1000
_MOST_SHUFFLED = 10_000_000  # scores shuffled for one answer; about 0.2 s
_FEWEST_PERMUTATIONS = 200


@dataclass(frozen=True, slots=True)
class SweepQuery:
    """The parameters of /api/sweep.

    Attributes:
        project: only its runs; None: all.
        where: a condition in the store's words; None: all.
        find: words that a run's names, tags or settings must hold.
        metric: that is scored.
        kind: of score.
        lower: whether smaller scores are better.
    """

    project: str | None
    where: str | None
    find: tuple[str, ...]
    metric: str
    kind: Kind
    lower: bool


def sweep_query(params: QueryParams) -> SweepQuery:
    """The question. Raises Refused."""
    kind: Any = word_of(params, "score", KINDS)
    lower = is_lower_better(kind, word_of(params, "lower", ("", "0", "1")))
    project, where = one_of(params, "project") or None, one_of(params, "where") or None
    return SweepQuery(project, where, words_of(params), metric_of(params), kind, lower)


def tell_sweep(sources: Sources, options: GroupingOptions, query: SweepQuery, version: int) -> bytes:
    """All groups whose runs match, newest first, as JSON.

    Intervals are Student's t, which needs no resampling: they are the same whichever other groups are asked for, and
    a thousand groups take no time.

    Raises:
        StoreError: ``where`` cannot be understood.
    """
    infos = [info for info in sources.store.runs(query.project, query.where) if holds(info, query.find)]
    groups = sources.groupings.groups(infos, options)
    scores, pending = scores_of(sources.store, infos, query.metric, query.kind, _PATIENCE)
    configs = [group.config for group in groups]
    parameters = parameters_of(configs)
    values = _table([[scores[info.key].value for info in group.runs] for group in groups])
    with np.errstate(over="ignore", invalid="ignore"):  # of scores near the largest float64
        band = student_t_interval(values)
        center = np.where(np.isfinite(band.center), band.center, np.nan)
        importance = _importance(parameters, configs, center)
    now = time.time()
    wall = np.array([_mean_duration(group, now) for group in groups])
    front = pareto_front(wall, -center if query.lower else center)
    bounded = band.n >= FEWEST
    told = [
        {
            "id": group.id,
            "name": group.name,
            "n": int(band.n[i]),
            "runs": len(group.runs),
            "running": sum(info.status == "running" for info in group.runs),
            "config": {one.key: group.config[one.key] for one in parameters if one.key in group.config},
            "score": _number(center[i]),
            "low": _number(band.low[i]) if bounded[i] else None,
            "high": _number(band.high[i]) if bounded[i] else None,
            "scores": [_number(scores[info.key].value) for info in group.runs],
            "wall": _number(wall[i]),
            "front": bool(front[i]),
        }
        for i, group in enumerate(groups)
    ]
    answer = {
        "version": version,
        "metric": query.metric,
        "score": sentence_of(query.kind),
        "lower": query.lower,
        "pending": pending,
        "keys": [
            {"key": one.key, "kind": one.kind, "log": one.log, "values": one.values, "distinct": one.distinct}
            for one in parameters
        ],
        "groups": told,
        "importance": importance,
        "method": _method(query, scores, pending, bool(bounded.any())),
    }
    return encode_answer(answer)


def _table(rows: Sequence[Sequence[float]]) -> Floats:
    """Rows of different lengths as the columns of one table, [longest, rows], filled up with NaN."""
    table = np.full((max(map(len, rows), default=0), len(rows)), np.nan)
    for number, row in enumerate(rows):
        table[: len(row), number] = row
    return table


def _mean_duration(group: Group, now: float) -> float:
    """Seconds from start to end, of a running run until now; NaN where no run tells."""
    found = [(now if info.ended is None else info.ended) - info.started for info in group.runs]
    known = [max(0.0, duration) for duration in found if math.isfinite(duration)]
    return sum(known) / len(known) if known else math.nan


def _importance(
    parameters: Sequence[Parameter], configs: Sequence[Mapping[str, Any]], scores: Floats
) -> dict[str, Any]:
    """How much of the scores' variation each parameter explains, beside what chance would."""
    scored = int((~np.isnan(scores)).sum())
    known = scores[~np.isnan(scores)]
    why_not = ""
    if scored < FEWEST_GROUPS:
        why_not = f"groups with a score: {scored}; {FEWEST_GROUPS} are needed to tell anything from chance"
    elif not parameters:
        why_not = "no config key differs between the groups"
    elif known.min() == known.max():
        why_not = "all scores are equal"
    if why_not:
        return {"method": "", "n_groups": scored, "why_not": why_not, "keys": []}
    # Shares and ranks do not change, and the squares of huge scores stay finite
    scale = float(np.abs(known).max()) or 1.0
    permutations = max(_FEWEST_PERMUTATIONS, min(_PERMUTATIONS, _MOST_SHUFFLED // (scored * len(parameters))))
    columns = {one.key: column_of(one, configs) for one in parameters}
    ranking = rank_hyperparameters(columns, scores / scale, permutations=permutations)
    keys = [
        {
            "key": one.name,
            "importance": _number(one.explained),
            "low": None,
            "high": None,
            "null_low": _number(one.null[0]),
            "null_high": _number(one.null[1]),
            "rank": rank + 1 if not one.note else None,
            "p": _number(one.p_value),
            "correlation": _number(one.correlation),
            "n": one.n,
            "note": one.note,
        }
        for rank, one in enumerate(ranking.parameters)
    ]
    if all(one.note for one in ranking.parameters):
        why_not = f"of no key anything can be told: {', '.join(sorted({one.note for one in ranking.parameters}))}"
    null = f"null bands hold {100 * ranking.level:g} % of these"
    told = f"{ranking.method}; ranked by the excess over the mean of shuffled scores; {null}"
    return {"method": told, "n_groups": ranking.n, "why_not": why_not, "keys": keys}


def _method(query: SweepQuery, scores: Mapping[str, Score], pending: int, bounded: bool) -> str:
    better = "smaller is better" if query.lower else "larger is better"
    parts = [f"Scores: {sentence_of(query.kind)}, metric {query.metric}, {better}, mean over the seeds of a group"]
    if bounded:
        parts.append(f"95 % intervals of the mean by Student's t, from {FEWEST} seeds on")
    none = sum(score.state in ("nonfinite", "unreadable") for score in scores.values())
    if none:
        parts.append(f"left out: {none} run{'' if none == 1 else 's'} whose score is NaN, infinite or cannot be read")
    if pending:
        parts.append(f"runs whose score is not known yet: {pending}")
    parts.append("wall: mean seconds from start to end of a run, of a running one until now")
    parts.append("front: no other group is as good in no more time, and better in one of the two")
    return "; ".join(parts) + "."


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
