"""Groups held against each other: intervals, performance profile, probability of improvement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from rolltape.server.choice import GroupingOptions, Line
from rolltape.server.comparison_text import Used, comparison_sentence, tidy
from rolltape.server.contenders import (
    Contender,
    algorithms_of,
    common_tasks,
    contenders_of,
    normalised,
    values_of,
)
from rolltape.server.query import Refused, choice_of, metric_of, number_of, one_of, shown, word_of
from rolltape.server.scores import KINDS, Kind, Score, is_lower_better, scores_of, sentence_of
from rolltape.server.sources import Sources
from rolltape.server.strict_json import encode_answer
from rolltape.stats import (
    Improvement,
    Interval,
    default_band,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
    std,
)
from rolltape.stats.aggregates import Statistic
from rolltape.stats.bands import FEWEST
from rolltape.store import RunInfo

Floats = NDArray[np.float64]

FEWEST_LINES, MOST_LINES = 2, 50
HIGHEST_LEVEL = 0.999  # what 2,000 resamples can bound
THRESHOLDS = 101

_MARGIN = 0.02  # of the range of the scores, at each end of a profile


@dataclass(frozen=True, slots=True)
class CompareQuery:
    """The parameters of /api/compare.

    Attributes:
        metric: that is compared.
        kind: of score.
        lower: whether smaller scores are better.
        level: nominal coverage of all intervals.
        task: the config key that holds the task (environment); None: groups are compared as they are.
        options: how runs are grouped.
    """

    metric: str
    kind: Kind
    lower: bool
    level: float
    task: str | None
    options: GroupingOptions


def compare_query(params: QueryParams) -> CompareQuery:
    """The question. Raises Refused."""
    metric = metric_of(params)
    kind: Any = word_of(params, "score", KINDS)
    lower = is_lower_better(kind, word_of(params, "lower", ("", "0", "1")))
    level = number_of(params, "level")
    if level is not None and not 0 < level <= HIGHEST_LEVEL:
        raise Refused(f"level must lie between 0 and {HIGHEST_LEVEL}, not {level:g}")
    choice = choice_of(params)
    if not FEWEST_LINES <= len(choice.lines) <= MOST_LINES:
        number = len(choice.lines)
        raise Refused(f"group and run must name {FEWEST_LINES} to {MOST_LINES} to compare, not {number}")
    return CompareQuery(metric, kind, lower, level or 0.95, one_of(params, "task") or None, choice.options)


def tell_comparison(sources: Sources, lines: list[Line], query: CompareQuery, version: int) -> bytes:
    """The answer as JSON. Raises Refused."""
    infos = {info.key: info for info in sources.store.runs()}
    gone = next((key for line in lines for key in line.keys if key not in infos), None)
    if gone is not None:
        raise Refused(f"run {shown(gone)} is not in this store any more", 404)
    keys = list(dict.fromkeys(key for line in lines for key in line.keys))
    scores, pending = scores_of(sources.store, [infos[key] for key in keys], query.metric, query.kind)
    left_out: list[str] = []
    tasks: list[str] | None = None
    if query.task is None:
        contenders = contenders_of(lines)
        sides = [np.array([scores[key].value for key in one.keys]) for one in contenders]
    else:
        contenders = algorithms_of(lines, infos, sources.groupings, query.options, query.task)
        tasks, left_out = common_tasks(contenders, scores)
        if not tasks:
            raise Refused(f"task {shown(query.task)}: no task has scores of all that is compared")
        sides = normalised([values_of(one, scores, tasks) for one in contenders], lower=query.lower)
    used = Used(tasks=tasks, left_out=left_out, running=sum(infos[key].status == "running" for key in keys))
    with np.errstate(over="ignore", invalid="ignore"):  # of scores near the largest float64
        groups = [_tell(one, side, scores, infos, query, used) for one, side in zip(contenders, sides, strict=True)]
        better_below = query.lower and tasks is None
        profile = _profile(contenders, sides, better_below, query, used)
        improvement = _improvement(contenders, sides, better_below, query, used)
    answer = {
        "version": version,
        "metric": query.metric,
        "score": sentence_of(query.kind),
        "pending": pending,
        "lower": query.lower,
        "task": query.task,
        "tasks": tasks,
        "tasks_left_out": left_out,
        "groups": groups,
        "profile": profile,
        "improvement": improvement,
        "method": comparison_sentence(
            query.metric, query.kind, query.level, query.lower, [scores[key] for key in keys], used
        ),
    }
    return encode_answer(answer)


def _tell(
    one: Contender,
    side: Floats,
    scores: Mapping[str, Score],
    infos: Mapping[str, RunInfo],
    query: CompareQuery,
    used: Used,
) -> dict[str, Any]:
    """One contender and its statistics."""
    with_tasks = side.ndim == 2
    states = Counter(scores[key].state for key in one.keys)
    told: dict[str, Any] = {
        "id": one.id,
        "label": one.label,
        "n": int((~np.isnan(side)).sum()),
        "running": sum(infos[key].status == "running" for key in one.keys),
        "missing": states["missing"],
        "nonfinite": states["nonfinite"],
        "unreadable": states["unreadable"],
        "seeds": one.seeds,
        "keys": one.keys,
        "scores": [_number(scores[key].value) for key in one.keys],
        "std": None if with_tasks else _number(std(side)),
    }
    for statistic in get_args(Statistic):
        band = default_band(side, tasks=with_tasks, statistic=statistic, level=query.level)
        used.note(statistic, band)
        told[statistic] = _tell_interval(band)
    if with_tasks:
        gap = optimality_gap(side, level=query.level)
        gap_told = _tell_interval(gap)
        if int(gap.n) < FEWEST:
            gap_told["low"] = gap_told["high"] = None
        told["gap"] = gap_told
        told["tasks"] = one.tasks
    return told


def _profile(
    contenders: Sequence[Contender], sides: Sequence[Floats], below: bool, query: CompareQuery, used: Used
) -> dict[str, Any]:
    """The share of runs on the better side of each of `THRESHOLDS` thresholds."""
    taus = _thresholds(np.concatenate([side.ravel() for side in sides]))
    lines = []
    sign = -1.0 if below else 1.0
    for one, side in zip(contenders, sides, strict=True):
        if not len(taus) or np.isnan(side).all():
            continue
        found = performance_profile(sign * side, sign * taus, level=query.level)
        used.profile = tidy(found.method)
        bounded = found.n >= FEWEST
        lines.append(
            {
                "id": one.id,
                "share": _numbers(found.share.center),
                "low": _numbers(found.share.low) if bounded else None,
                "high": _numbers(found.share.high) if bounded else None,
                "n": found.n,
            }
        )
    label = f"share of runs with a score {'below' if below else 'above'} the threshold"
    return {"taus": _numbers(taus), "label": label, "method": used.profile, "lines": lines}


def _thresholds(values: Floats) -> Floats:
    """Equal steps from below the smallest to above the largest of the values; none if there is no value."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0)
    low, high = float(known.min()), float(known.max())
    margin = _MARGIN * (high - low) if high > low else max(abs(low) * _MARGIN, _MARGIN)
    largest = float(np.finfo(np.float64).max)
    low, high = max(low - min(margin, largest / 8), -largest), min(high + min(margin, largest / 8), largest)
    share = np.linspace(0, 1, THRESHOLDS)
    taus: Floats = low * (1 - share) + high * share
    return taus


def _improvement(
    contenders: Sequence[Contender], sides: Sequence[Floats], below: bool, query: CompareQuery, used: Used
) -> dict[str, Any]:
    """How likely a run of one is better than a run of the other, for all ordered pairs.

    The other order of a pair is its mirror image, so that the two probabilities and their bounds fit each other.
    """
    found: dict[tuple[int, int], dict[str, Any]] = {}
    sign = -1.0 if below else 1.0
    for i, j in combinations(range(len(contenders)), 2):
        one = probability_of_improvement(sign * sides[i], sign * sides[j], level=query.level)
        used.improvement = tidy(one.method)
        p, low, high = (float(number) for number in (one.probability, one.low, one.high))
        if min(one.n) < FEWEST:
            low = high = math.nan
        found[i, j] = _tell_pair(contenders[i], contenders[j], p, low, high, one.n, one)
        found[j, i] = _tell_pair(contenders[j], contenders[i], 1 - p, 1 - high, 1 - low, one.n[::-1], one)
    pairs = [found[pair] for pair in sorted(found)]
    return {"label": "P(X < Y)" if below else "P(X > Y)", "method": used.improvement, "pairs": pairs}


def _tell_pair(
    x: Contender, y: Contender, p: float, low: float, high: float, n: Sequence[int], found: Improvement
) -> dict[str, Any]:
    return {
        "x": x.id,
        "y": y.id,
        "p": _number(p),
        "low": _number(low),
        "high": _number(high),
        "n": list(n),
        "notes": list(found.notes) if math.isfinite(low) else [],
    }


def _tell_interval(band: Interval) -> dict[str, Any]:
    return {
        "center": _number(band.center),
        "low": _number(band.low),
        "high": _number(band.high),
        "n": int(band.n),
        "label": band.label,
        "method": tidy(band.method),
        "notes": list(band.notes),
    }


def _numbers(values: Floats) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
