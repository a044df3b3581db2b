"""What a server takes to answer for windows so narrow that the points in them have to be read, without a page."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlencode

from benchmarks.reads_data import taken
from benchmarks.ui_rolltape import LONG, METRIC
from benchmarks.ui_servers import serving

BUCKETS = 1000
DEEP = 50  # a window is such a part of all steps
PLACES = 5  # windows in different parts of the runs


def windows(root: str, cache: str, times: int) -> dict[str, list[float]]:
    """ms of the answer for all groups: ``first`` in places where nobody looked, ``pan`` by a third of the window, and
    ``again`` after the whole was asked for. Each time of a server just started, of which the whole was asked once.
    """
    found: dict[str, list[float]] = {"first": [], "pan": [], "again": []}
    wide = LONG / DEEP
    for _ in range(times):
        with serving("benchmarks.ui_rolltape", root, cache=cache) as server:
            with urllib.request.urlopen(f"{server.url}api/groups") as answer:
                groups = [group["id"] for group in json.load(answer)["groups"]]
            _ask(server.url, groups)
            for place in range(PLACES):
                low = LONG * (0.05 + 0.9 * place / PLACES)
                found["first"].append(taken(_ask, server.url, groups, (low, low + wide)))
                third = wide / 3
                for turn in (1, 2):
                    shifted = (low + turn * third, low + turn * third + wide)
                    found["pan"].append(taken(_ask, server.url, groups, shifted))
                _ask(server.url, groups)
                found["again"].append(taken(_ask, server.url, groups, (low, low + wide)))
    return found


def _ask(url: str, groups: Sequence[str], window: tuple[float, float] | None = None) -> None:
    asked = [("metric", METRIC), ("buckets", str(BUCKETS)), *(("group", group) for group in groups)]
    asked += [] if window is None else [("lo", str(window[0])), ("hi", str(window[1]))]
    with urllib.request.urlopen(f"{url}api/curve?{urlencode(asked)}") as answer:
        answer.read()
