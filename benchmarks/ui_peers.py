"""The same runs in rolltape's page and in those of others, side by side."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import ChildError, in_child
from benchmarks.peers.ui_tools import TOOLS, Tool
from benchmarks.peers.venv import PYTHON, install
from benchmarks.ui_browser import first_drawn, fresh_page
from benchmarks.ui_data import RUNS, SPIKE
from benchmarks.ui_servers import Serving, serving
from benchmarks.ui_spikes import Window, look

_RECORDING = 300.0  # s at most


@dataclass(slots=True)
class Shown:
    """What was seen of a tool; ``problem`` instead where nothing could be."""

    title: str
    first_ms: list[float] = field(default_factory=list)  # from navigation to the first chart
    kept: int = 0  # spikes in the view that opens, in the answer that it is drawn from
    values: int = 0  # in that answer
    windows: list[Window] = field(default_factory=list)  # rolltape: each zoom
    problem: str = ""


def side_by_side(browser: Any, place: Path, rounds: int, names: Sequence[str] = tuple(TOOLS)) -> dict[str, Shown]:
    """Each tool in turns, with the others' servers stopped meanwhile; what cannot be installed has a problem."""
    found = {name: Shown(TOOLS[name].title) for name in names}
    for name, why in install({name: TOOLS[name].packages for name in names if TOOLS[name].packages}).items():
        found[name].problem = why
    with contextlib.ExitStack() as stack:
        servers: dict[str, Serving] = {}
        for name, shown in found.items():
            if shown.problem:
                continue
            with _told(shown):
                _look_for_spikes(browser, TOOLS[name], place, shown)
                servers[name] = stack.enter_context(_served(TOOLS[name], place, "few", RUNS))
                servers[name].pause()
        for attempt in range(rounds + 1):
            for name, server in servers.items():
                if found[name].problem:
                    continue
                server.resume()
                with _told(found[name]), fresh_page(browser) as page:
                    taken = first_drawn(page, server.url + TOOLS[name].place, TOOLS[name].drawn)
                    if attempt:  # the first is a server's first visitor
                        found[name].first_ms.append(taken)
                server.pause()
    return found


@contextlib.contextmanager
def _told(shown: Shown) -> Iterator[None]:
    """What goes wrong with one tool is said of it, and does not keep others from being measured."""
    from playwright.sync_api import Error

    try:
        yield
    except (ChildError, Error) as error:
        shown.problem = str(error).strip().splitlines()[0]


@contextlib.contextmanager
def _served(tool: Tool, place: Path, dataset: str, runs: int) -> Iterator[Serving]:
    python = PYTHON if tool.packages else sys.executable
    root = str(place / f"{tool.title}-{dataset}")
    in_child(f"{tool.module}:record", python=python, timeout=_RECORDING, root=root, dataset=dataset)
    is_loaded = lambda answer: tool.has_runs(answer, runs)  # noqa: E731
    with serving(tool.module, root, python=python, loaded=tool.loaded, is_loaded=is_loaded) as server:
        yield server


def _look_for_spikes(browser: Any, tool: Tool, place: Path, shown: Shown) -> None:
    with _served(tool, place, "spikes", 1) as server, fresh_page(browser) as page:
        if not tool.packages:
            shown.windows = look(page, server.url)
            shown.kept = min(shown.windows[0].in_pixels, shown.windows[0].in_data)
            return
        version = in_child("benchmarks.peers.ui_tools:version", python=PYTHON, package=tool.packages[0])
        shown.title = f"{tool.title} {version}"
        answers: list[Any] = []
        page.on("response", lambda answer: answers.append(answer) if tool.answer in answer.url else None)
        first_drawn(page, server.url + tool.place, tool.drawn)
        values = list(tool.values(answers[0].body()))
        shown.kept, shown.values = sum(value > SPIKE / 2 for value in values), len(values)
