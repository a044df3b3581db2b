"""A page that stays open while a hundred runs are recorded: what it misses, how late it is, what the two cost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.child import ChildError, start
from benchmarks.ui_browser import fresh_page
from benchmarks.ui_rolltape import METRIC
from benchmarks.ui_servers import serving
from benchmarks.ui_spikes import read_curve

GROUPS, SEEDS = 10, 10
RATE = 10  # rows a second of each run
SETTLE = 15.0  # s until memory is first looked at
_CHART = f'section.chart[data-metric="{METRIC}"]'
_PATIENCE = 30.0
_HELD = {"heap": "usedSize", "dom": "embedderHeapUsedSize", "buffers": "backingStorageSize"}
# Notes when the chart has how many points.
_FOLLOW = """selector => {
  const section = document.querySelector(selector);
  window.shown = [];
  const look = () => window.shown.push([Date.now() / 1000, Number(section.dataset.points)]);
  const note = () => requestAnimationFrame(look);
  new MutationObserver(note).observe(section, {attributeFilter: ['data-points']});
  note();
}"""


def writer(_directory: Path, root: str, seconds: float) -> list[float]:
    """In a child: a row of each run at a time; the unix times at which the last of them was logged."""
    import rolltape

    configs = [{"lr": 10.0 ** -(1 + group / 3), "seed": seed} for group in range(GROUPS) for seed in range(SEEDS)]
    runs = [rolltape.init(project="benchmark", name="live", config=each, dir=root) for i, each in enumerate(configs)]
    logged = []
    began = time.monotonic()
    for step in range(round(seconds * RATE)):
        time.sleep(max(0.0, began + step / RATE - time.monotonic()))
        for number, run in enumerate(runs):
            run.log({METRIC: float(step % 100 + number), "loss": 1 / (1 + step), "fps": 1000.0 + step % 7}, step=step)
        logged.append(time.time())
    time.sleep(3)  # still running while the page is asked what it has
    for run in runs:
        run.close()
    return logged


def follow(browser: Any, place: Path, seconds: float) -> dict[str, Any]:
    """The page beside the writer.

    Returns:
        ``late`` s from each row to the frame that shows it; ``logged`` points of the runs in the chart and how many of
        them are ``shown`` in the end; ``runs`` in the chart; ``server`` share of a core; and ``memory`` of the page at
        first and in the end, after a collection of garbage. In MiB: ``heap`` of JavaScript, ``dom``, ``buffers`` of
        typed arrays, and what the browser's page processes have to themselves (``private``), garbage and caches of the
        drawing included; and the numbers of ``nodes`` and ``listeners``.
    """
    root = place / "tapes"
    root.mkdir()
    process = start("benchmarks.ui_live:writer", place / "writer", root=str(root), seconds=seconds + SETTLE)
    try:
        _wait(lambda: sum(1 for _ in root.glob("*/*/*.tape")) >= GROUPS * SEEDS, process)
        with (
            serving("benchmarks.ui_rolltape", str(root), cache=str(place / "cache")) as server,
            fresh_page(browser) as page,
        ):
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url) if "/api/curve" in request.url else None)
            page.goto(server.url)
            page.wait_for_function("selector => document.querySelector(selector)?.dataset.points > 0", arg=_CHART)
            page.evaluate(_FOLLOW, _CHART)
            page.wait_for_timeout(SETTLE * 1000)
            memory, used, began = [_memory(browser, page)], _cpu(server.pid), time.monotonic()
            page.wait_for_timeout((seconds - 1) * 1000)
            share = (_cpu(server.pid) - used) / (time.monotonic() - began)
            result = place / "writer" / "result.json"
            while process.poll() is None and not result.exists():
                page.wait_for_timeout(200)
            page.wait_for_timeout(2000)
            memory.append(_memory(browser, page))
            ticks = json.loads(result.read_text())
            shown = page.evaluate("() => window.shown")
            url = next(url for url in reversed(asked) if _asks_for(url))
            header, _, _ = read_curve(page.request.get(url).body())
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return {
        "late": list(_late(ticks, shown, _runs(header))),
        "logged": len(ticks) * _runs(header),
        "shown": shown[-1][1],
        "runs": _runs(header),
        "server": share,
        "memory": memory,
    }


def _asks_for(url: str) -> bool:
    return METRIC in parse_qs(urlsplit(url).query)["metric"]


def _runs(header: dict[str, Any]) -> int:
    """How many runs an answer is about."""
    return sum(len(line["keys"]) for line in header["lines"] if line["metric"] == METRIC)


def _late(ticks: list[float], shown: list[list[float]], runs: int) -> Iterator[float]:
    """s from each tick that was logged after the first look until the chart had the points of that tick."""
    looks = iter(shown)
    at, points = next(looks)
    first = at
    for number, tick in enumerate(ticks, 1):
        while points < number * runs:
            look = next(looks, None)
            if look is None:
                return
            at, points = look
        if tick > first:
            yield max(0.0, at - tick)


def _cpu(pid: int) -> float:
    """s that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(browser: Any, page: Any) -> dict[str, float]:
    """What the page holds after a collection of garbage."""
    devtools = page.context.new_cdp_session(page)
    for command in ("HeapProfiler.enable", "HeapProfiler.collectGarbage", "HeapProfiler.collectGarbage"):
        devtools.send(command)
    heap = devtools.send("Runtime.getHeapUsage")
    counters = devtools.send("Memory.getDOMCounters")
    devtools.detach()
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    private = sum(_private(each["id"]) for each in told if each["type"] == "renderer")
    held = {name: heap[field] / 2**20 for name, field in _HELD.items()}
    return {**held, "private": private / 2**20, "nodes": counters["nodes"], "listeners": counters["jsEventListeners"]}


def _private(pid: int) -> int:
    """Bytes that only this process has."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in rollup if line.startswith("Private_"))


def _wait(condition: Any, process: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ChildError("the writer of live runs did not begin")
        time.sleep(0.1)
