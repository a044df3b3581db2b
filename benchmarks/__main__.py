"""``python -m benchmarks``: measure everything, print the tables, write ``benchmarks/results/latest.json``.

The exit status is 0 whatever was reached; with ``--check`` it is 1 if a promise was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.batch import batch_row
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.frameworks import speed_row
from benchmarks.hot_path import call_row, whole_rows
from benchmarks.kill import FAST, SLOW, kill_row
from benchmarks.loggers import chain_row, store_row
from benchmarks.memory import memory_row
from benchmarks.peers.drivers import DRIVERS
from benchmarks.peers.measure import Peer, fastest_row, measure
from benchmarks.peers.venv import prepare
from benchmarks.reads import list_row, live_rows, long_rows, many_rows
from benchmarks.row import Row
from benchmarks.size import size_row
from benchmarks.startup import startup_row
from benchmarks.stats import iqm_row
from benchmarks.table import as_json, print_tables
from benchmarks.ui import draw_rows, live_page_rows, paint_rows, peer_rows, weight_row

RESULTS = Path(__file__).resolve().parent / "results" / "latest.json"
WIDTH = 140  # of the tables where there is no terminal to ask


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what rolltape promises.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--no-peers", action="store_true", help="neither install nor measure other trackers")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a promise was missed")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    load = os.getloadavg()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        rows = _measure_rows(effort, progress, install=not options.no_peers)
        peers = [] if options.no_peers else _measure_peers(effort, progress)
    rows.insert(1, fastest_row(rows[0], peers))
    print_tables(console, rows, peers)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(as_json(rows, peers, options.quick, load), indent=1) + "\n")
    return int(options.check and any(row.ok is False for row in rows))


def _measure_rows(effort: Effort, progress: Progress, *, install: bool) -> list[Row]:
    steps: dict[str, Callable[[], Row | list[Row]]] = {
        "log() of 10 floats": lambda: call_row(effort, 10),
        "log() of 1 float": lambda: call_row(effort, 1),
        "CPU of whole runs": lambda: whole_rows(effort),
        "EpochLogger.store": lambda: store_row(effort),
        "a chain of filters": lambda: chain_row(effort),
        "Stable-Baselines3": lambda: speed_row(effort),
        "size": lambda: size_row(effort),
        "memory": memory_row,
        "log_batch of 10 columns": lambda: batch_row(effort, 10),
        "log_batch of 1 column": lambda: batch_row(effort, 1),
        "kill -9, slow": lambda: kill_row(effort, SLOW),
        "kill -9, fast": lambda: kill_row(effort, FAST),
        "curves of a long run": lambda: long_rows(effort),
        "curves of many runs": lambda: many_rows(effort, install),
        "list of many runs": lambda: list_row(effort),
        "a live run": lambda: live_rows(effort),
        "IQM and its interval": lambda: iqm_row(effort),
        "weight of the page": weight_row,
        "the page beside others": lambda: peer_rows(effort, install),
        "the page of many runs": lambda: paint_rows(effort),
        "a chart of long runs": lambda: draw_rows(effort),
        "the page of live runs": lambda: live_page_rows(effort),
        "import": lambda: startup_row(effort),
    }
    rows: list[Row] = []
    task = progress.add_task("", total=len(steps))
    for name, step in steps.items():
        progress.update(task, description=name)
        found = step()
        rows += found if isinstance(found, list) else [found]
        progress.advance(task)
    return rows


def _measure_peers(effort: Effort, progress: Progress) -> list[Peer]:
    task = progress.add_task("installing peers", total=len(DRIVERS))
    missing = prepare()
    peers = []
    for name in DRIVERS:
        progress.update(task, description=DRIVERS[name].title)
        peers.append(Peer(name, problem=missing[name]) if name in missing else measure(name, effort))
        progress.advance(task)
    return peers


if __name__ == "__main__":
    sys.exit(main())
