"""What another rolltape asks for, checked: every complaint names its parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

from starlette.datastructures import QueryParams

from rolltape.server.odd_names import meant
from rolltape.server.query import MOST_VALUES, Refused, axis_of, one_of, shown, window_of, word_of
from rolltape.store.model import Resumed

MOST_NAMED = 10_000  # runs, or metrics, of one question
MOST_BUCKETS = 100_000  # as many as a store may be asked for
LONGEST_NAME = 10_000  # characters
LARGEST_BODY = 4 << 20  # bytes of a question
PARTS = ("info", "metrics", "writers", "events")

_CURVES = ("metric", "metrics", "runs", "x", "window", "buckets", "exact", "resumed")


@dataclass(frozen=True, slots=True)
class PointsAsked:
    """What `Store.scan` is asked."""

    run: str
    metric: str
    x: str
    window: tuple[float, float] | None
    resumed: Resumed


@dataclass(frozen=True, slots=True)
class CurvesAsked:
    """What `Store.curves` is asked; ``alone``: it is `Store.curve`, whose metric must be there."""

    metrics: tuple[str, ...]
    alone: bool
    runs: tuple[str, ...] | None
    x: str
    window: tuple[float, float] | None
    buckets: int
    exact: bool
    resumed: Resumed

    def fits(self, runs: int) -> bool:
        """Whether the answer about so many runs may be made at once."""
        return runs * len(self.metrics) * self.buckets <= MOST_VALUES


def text_of(params: QueryParams, name: str) -> str | None:
    """A text that may be left out. Raises Refused."""
    text = one_of(params, name)
    return None if text is None else meant(text)


def run_named(params: QueryParams) -> str:
    """The id, ``project/id`` or key of a run. Raises Refused."""
    run = text_of(params, "run")
    if run is None:
        raise Refused("run is missing: give the key of a run")
    return run


def points_asked(params: QueryParams) -> PointsAsked:
    """What GET /api/store/points is asked. Raises Refused."""
    metric = text_of(params, "metric")
    if metric is None:
        raise Refused("metric is missing: give the name of a metric")
    resumed = _resumed(word_of(params, "resumed", get_args(Resumed)))
    return PointsAsked(run_named(params), metric, meant(axis_of(params)), window_of(params), resumed)


def curves_asked(body: dict[str, Any]) -> CurvesAsked:
    """What POST /api/store/curves is asked. Raises Refused."""
    for name in body:
        if name not in _CURVES:
            raise Refused(f"the body holds {shown(name)}; it may hold {', '.join(_CURVES)}")
    alone = "metric" in body
    if alone == ("metrics" in body):
        raise Refused("give metric, which must be there, or metrics, of which those are told that are")
    metrics = [_name(body["metric"], "metric")] if alone else _names(body["metrics"], "metrics")
    runs = None if body.get("runs") is None else _names(body["runs"], "runs")
    x = _name(body.get("x", "step"), "x")
    if not x:
        raise Refused("x must be an axis or the name of a metric, not empty")
    buckets, exact = body.get("buckets", 1000), body.get("exact", False)
    if type(buckets) is not int or not 1 <= buckets <= MOST_BUCKETS:
        raise Refused(f"buckets must be a whole number from 1 to {MOST_BUCKETS}")
    if not isinstance(exact, bool):
        raise Refused("exact must be true or false")
    resumed = _resumed(body.get("resumed", "all"))
    window = _window(body.get("window"))
    named = None if runs is None else tuple(runs)
    return CurvesAsked(tuple(metrics), alone, named, x, window, buckets, exact, resumed)


def _resumed(word: Any) -> Resumed:
    for known in get_args(Resumed):
        if word == known:
            found: Resumed = known
            return found
    raise Refused(f"resumed must be one of {', '.join(get_args(Resumed))}")


def _window(told: Any) -> tuple[float, float] | None:
    if told is None:
        return None
    if not isinstance(told, list) or len(told) != 2 or not all(type(end) in (int, float) for end in told):
        raise Refused("window must be two numbers, or null for everything")
    try:
        low, high = map(float, told)
    except OverflowError:
        raise Refused("window must be two finite numbers, the first smaller") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise Refused("window must be two finite numbers, the first smaller")
    return low, high


def _name(told: Any, name: str) -> str:
    if not isinstance(told, str) or len(told) > LONGEST_NAME:
        raise Refused(f"{name} must be a text of at most {LONGEST_NAME} characters")
    return told


def _names(told: Any, name: str) -> list[str]:
    if not isinstance(told, list) or len(told) > MOST_NAMED:
        raise Refused(f"{name} must be a list of at most {MOST_NAMED} names")
    return list(dict.fromkeys(_name(one, f"each of {name}") for one in told))
