"""What a request asks for, checked: every complaint names its parameter."""

from __future__ import annotations

import math
import re

from starlette.datastructures import QueryParams
from starlette.requests import Request

from rolltape.server.choice import Choice, GroupingOptions
from rolltape.server.odd_names import meant
from rolltape.store.run_series import AXES

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


def params_of(request: Request) -> QueryParams:
    """The parameters of a request. Raises Refused where they are longer than any page needs."""
    if len(request.scope.get("query_string", b"")) > LONGEST_QUERY:
        raise Refused(f"the query must not be longer than {LONGEST_QUERY} bytes; ask for fewer runs with run=")
    return request.query_params


def runs_of(params: QueryParams) -> list[str]:
    """The values of ``run``, each once. Raises Refused."""
    runs = list(dict.fromkeys(map(meant, params.getlist("run"))))
    if len(runs) > MOST_RUNS:
        raise Refused(f"run may be given {MOST_RUNS} times at most, not {len(runs)} times")
    return runs


def run_of(params: QueryParams) -> str:
    """The one run that is asked about. Raises Refused."""
    run = one_of(params, "run")
    if not run:
        raise Refused("run is missing: give the key of a run")
    return meant(run)


def choice_of(params: QueryParams) -> Choice:
    """The lines that are asked about, in the order in which they are named. Raises Refused."""
    lines = tuple(dict.fromkeys(meant(value) for name, value in params.multi_items() if name in ("group", "run")))
    if len(lines) > MOST_RUNS:
        raise Refused(f"group and run may be given {MOST_RUNS} times at most, not {len(lines)} times")
    return Choice(lines, grouping_of(params))


def grouping_of(params: QueryParams) -> GroupingOptions:
    """How runs are grouped. Raises Refused."""
    for name in ("seed", "ignore"):
        if "" in params.getlist(name):
            raise Refused(f"{name} must be the key of a setting, not empty")
    return GroupingOptions(tuple(params.getlist("seed")), tuple(params.getlist("ignore")))


def metric_of(params: QueryParams) -> str:
    """The one metric that is asked about. Raises Refused."""
    metric = one_of(params, "metric")
    if not metric:
        raise Refused("metric is missing: give the name of a metric")
    return metric


def axis_of(params: QueryParams) -> str:
    """The x-axis. Raises Refused."""
    x = one_of(params, "x")
    if x == "":
        raise Refused(f"x must be {', '.join(AXES)} or the name of a metric, not empty")
    return x or "step"


def whole_of(params: QueryParams, name: str, default: int, most: int) -> int:
    """A whole number from 1 to ``most``. Raises Refused."""
    text = one_of(params, name)
    if text is None:
        return default
    if not _WHOLE_NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        raise Refused(f"{name} must be a whole number from 1 to {most}, not {shown(text)}")
    return int(text)


def word_of(params: QueryParams, name: str, words: tuple[str, ...]) -> str:
    """One of ``words``, the first if none is given. Raises Refused."""
    text = one_of(params, name)
    if text is None:
        return words[0]
    if text not in words:
        raise Refused(f"{name} must be one of {', '.join(words)}, not {shown(text)}")
    return text


def shown(text: str) -> str:
    """Text of a request as a sentence may hold it."""
    return repr(text if len(text) <= 100 else f"{text[:100]}...")


def window_of(params: QueryParams) -> tuple[float, float] | None:
    """The window ``lo``..``hi``; None: everything. Raises Refused."""
    low, high = number_of(params, "lo"), number_of(params, "hi")
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


def number_of(params: QueryParams, name: str) -> float | None:
    """A finite number. Raises Refused."""
    text = one_of(params, name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or not math.isfinite(number := float(text)):
        raise Refused(f"{name} must be a finite number, not {shown(text)}")
    return number


def one_of(params: QueryParams, name: str) -> str | None:
    """What is given once at most. Raises Refused."""
    given = params.getlist(name)
    if len(given) > 1:
        raise Refused(f"{name} may be given once, not {len(given)} times")
    return given[0] if given else None
