"""What a request asks for, checked: every complaint names its parameter."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request

MOST_RUNS = 500
MOST_BUCKETS = 10_000
MOST_VALUES = 2_000_000  # buckets times runs of one answer, which is 48 bytes each
LONGEST_QUERY = 128 << 10  # bytes

_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


class Refused(Exception):
    """A request that cannot be answered; ``sentence`` names the parameter."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True, slots=True)
class CurveQuery:
    """The parameters of /api/curve."""

    metric: str
    runs: list[str]  # empty: all
    x: str
    window: tuple[float, float] | None
    buckets: int


def params_of(request: Request) -> QueryParams:
    """The parameters of a request. Raises Refused where they are longer than any page needs."""
    if len(request.scope.get("query_string", b"")) > LONGEST_QUERY:
        raise Refused(f"the query must not be longer than {LONGEST_QUERY} bytes; ask for fewer runs with run=")
    return request.query_params


def runs_of(params: QueryParams) -> list[str]:
    """The values of ``run``, each once. Raises Refused."""
    runs = list(dict.fromkeys(params.getlist("run")))
    if len(runs) > MOST_RUNS:
        raise Refused(f"run may be given {MOST_RUNS} times at most, not {len(runs)} times")
    return runs


def run_of(params: QueryParams) -> str:
    """The one run that is asked about. Raises Refused."""
    run = _one(params, "run")
    if not run:
        raise Refused("run is missing: give the key of a run")
    return run


def curve_of(params: QueryParams) -> CurveQuery:
    """The question of /api/curve. Raises Refused."""
    metric = _one(params, "metric")
    if not metric:
        raise Refused("metric is missing: give the name of a metric")
    x = _one(params, "x")
    if x == "":
        raise Refused("x must be step, time, relative or the name of a metric, not empty")
    buckets = _one(params, "buckets")
    buckets = "1000" if buckets is None else buckets
    if not _WHOLE_NUMBER.fullmatch(buckets) or not 1 <= int(buckets) <= MOST_BUCKETS:
        raise Refused(f"buckets must be a whole number from 1 to {MOST_BUCKETS}, not {shown(buckets)}")
    return CurveQuery(metric, runs_of(params), x or "step", _window(params), int(buckets))


def shown(text: str) -> str:
    """Text of a request as a sentence may hold it."""
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


def _window(params: QueryParams) -> tuple[float, float] | None:
    low, high = _number(params, "lo"), _number(params, "hi")
    if low is None and high is None:
        return None
    if low is None or high is None:
        missing = "lo" if low is None else "hi"
        raise Refused(f"{missing} is missing: lo and hi go together")
    if not low < high:
        raise Refused(f"lo must be smaller than hi, but {low:g} is not smaller than {high:g}")
    if not math.isfinite(high - low):
        raise Refused("lo and hi are too far apart")
    return low, high


def _number(params: QueryParams, name: str) -> float | None:
    text = _one(params, name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise Refused(f"{name} must be a finite number, not {shown(text)}")
    return number


def _one(params: QueryParams, name: str) -> str | None:
    given = params.getlist(name)
    if len(given) > 1:
        raise Refused(f"{name} may be given once, not {len(given)} times")
    return given[0] if given else None
