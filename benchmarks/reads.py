"""The read engine: curves, zooms, indexes, lists and live runs, each against a floor or a peer in the same run.

The floor of a curve is NumPy over the same points, mapped into memory as sorted float64 columns: no file has to be
decoded, no run found, and it gives no standard deviation. Warm is the same store asked again; besides the plain full
view it is asked for a new window each time, so that no kept answer helps, and the slower of both counts. Cold is a
store just opened, after its pages (and the scan's) were dropped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmarks.child import ChildError, in_child, start
from benchmarks.effort import QUICK, Effort
from benchmarks.many_runs import make_store
from benchmarks.reads_data import MIB, ROW_METRICS
from benchmarks.reads_duckdb import interpreter
from benchmarks.row import Row, skipped

POINTS = 10_000_000  # of one long run
LONGER = 10  # times as many of the longer one
ROWS = 200_000  # of log() with ten metrics
EACH = 1_000_000  # points of each of many runs
LISTED = 10_000  # runs in a store
HISTORIES = (100_000, 10_000_000)  # points logged before a live run is looked at
DROPPED = 0.02  # share of pages that may stay in memory where it is called cold
MEMORY = 200  # MiB
_ROOM = 8e9  # bytes of disk for 200 runs, their NumPy files and two Parquet copies
_PATIENCE = 1200.0  # s for a child

_Step = Callable[[], list[Row]]


class _Scale(NamedTuple):
    turns: int
    cold_turns: int
    runs: int
    rows_followed: int


def _scale(effort: Effort) -> _Scale:
    return _Scale(5, 3, 50, 40) if effort is QUICK else _Scale(15, 5, 200, 150)


def long_rows(effort: Effort) -> list[Row]:
    """One run of 10^7 points: views, zooms, ten times the points, indexes and memory."""
    scale = _scale(effort)
    what = f"full view of {POINTS:,} points in 1,000 buckets"
    with _directory() as place:
        root, longer, rows, arrays = (str(place / name) for name in ("long", "longer", "rows", "arrays"))
        _child("reads_data:record", root=root, runs=1, points=POINTS, arrays=arrays)
        _child("reads_data:record", root=longer, runs=1, points=LONGER * POINTS)
        _child("reads_data:record_rows", root=rows, rows=ROWS)
        tapes = {"1 metric, log_batch": root, f"{ROW_METRICS} metrics, log()": rows}
        peaks = {
            f"full view of {LONGER * POINTS:,}": ("view", longer),
            f"exact view of {POINTS:,}": ("exact", root),
            f"index of {POINTS:,}": ("index", root),
            f"of {LONGER * POINTS:,}": ("index", longer),
        }
        return _rows_of(
            {
                what: lambda: _view_rows(scale, what, (100, 10), root=root, arrays=arrays, points=POINTS),
                f"full view of {LONGER * POINTS:,} points against that of {POINTS:,}": lambda: [
                    _growth_row(scale, [root, longer])
                ],
                f"1 % of {POINTS:,} points": lambda: [_zoom_row(scale, root, arrays)],
                "the index": lambda: _index_rows(effort, tapes),
                "peak memory of one run": lambda: [_memory_row("peak memory of one run", peaks)],
            }
        )


def many_rows(effort: Effort, install: bool) -> list[Row]:
    """Many runs of 10^6 points in one view, against the scan and DuckDB, which is installed where that is allowed."""
    scale = _scale(effort)
    what = f"full view of {scale.runs} runs × {EACH:,} points in 1,000 buckets"
    memory = f"peak memory of the view of {scale.runs} runs"
    with _directory() as place:
        if shutil.disk_usage(place).free < _ROOM:
            return [skipped(what, "≤ 1/10 of a NumPy scan", f"it needs {_ROOM / 1e9:.0f} GB of disk")]
        root, arrays = str(place / "runs"), str(place / "arrays")
        _child("reads_data:record", root=root, runs=scale.runs, points=EACH, arrays=arrays)
        peaks = {"making the indexes": ("view", root), "with indexes": ("view", root)}
        weighed = _rows_of({memory: lambda: [_memory_row(memory, peaks)]})
        return [
            *_rows_of(
                {
                    what: lambda: _view_rows(scale, what, (10, 2), root=root, arrays=arrays, points=EACH),
                    f"{what}, against DuckDB": lambda: [_duckdb_row(scale, root, arrays, install)],
                }
            ),
            *weighed,
        ]


def list_row(effort: Effort) -> Row:
    """`rolltape.open` and `runs()` in fresh processes, the first with an empty cache directory."""
    times: dict[str, list[float]] = {"first": [], "next": [], "again": []}
    with _directory() as place:
        make_store(place / "runs", LISTED)
        for number in range(effort.repetitions):
            for name in ("first", "next"):
                cache = str(place / f"cache-{number}")
                opened, again = _child("reads_views:listing", root=str(place / "runs"), cache=cache)
                times[name].append(opened)
            times["again"].append(again)
    first, following, again = (median(each) / 1e3 for each in times.values())
    return Row(
        f"list of {LISTED:,} runs: first / next time",
        "≤ 2 s / ≤ 0.2 s",
        f"{first:.2f} s / {following:.2f} s in fresh processes; {again:.2f} s again in the same one",
        first <= 2 and following <= 0.2,
        {"ms": times},
    )


def live_rows(effort: Effort) -> list[Row]:
    """From ``log()`` in another process to a curve, and what a look costs after much and after little history."""
    with _directory() as place, contextlib.ExitStack() as writers:
        roots = []
        for history in HISTORIES:
            roots.append(str(place / f"tapes-{history}"))
            directory = place / f"writer-{history}"
            process = start("benchmarks.reads_live:writer", directory, root=roots[-1], history=history)
            writers.callback(process.wait)
            writers.callback(os.killpg, process.pid, signal.SIGKILL)
        found = _child("reads_live:follow", roots=roots, rows=_scale(effort).rows_followed)
    latencies, costs = found["latency"], found["cost"]
    few, many = (median(each) for each in costs)
    return [
        Row(
            "from log() in another process to a curve that has it",
            "≤ 1 s at the median",
            f"{median(latencies):.1f} ms ({max(latencies):.1f} at most of {len(latencies)} looks),"
            f" {HISTORIES[0]:,} points logged before",
            median(latencies) <= 1000,
            {"latency_ms": latencies},
        ),
        Row(
            f"a look at a live run: {HISTORIES[1]:,} points logged against {HISTORIES[0]:,}",
            "told",
            f"{many / few:.1f} × ({many:.1f} ms against {few:.1f} ms; {max(costs[1]):.0f} at most, with a new frame)",
            None,
            {"cost_ms": costs},
        ),
    ]


def _view_rows(scale: _Scale, what: str, shares: tuple[int, int], **arguments: Any) -> list[Row]:
    """Warm and cold against the scan."""
    seen = _child("reads_views:views", turns=scale.turns, cold_turns=scale.cold_turns, **arguments)
    right = bool(seen["right"])
    wrong = "" if right else "; but an exact view is NOT what the scan finds"
    warm, cold = (f"≤ 1/{share} of a NumPy scan" for share in shares)
    ours, scan = max(seen["view"], seen["window"]), seen["scan"]
    text = (
        f"{_share(ours, scan)}: {seen['view']:.2f} ms, {seen['window']:.2f} with a new window each time; scan"
        f" {scan:.1f}, in steps that fit the CPU's cache {seen['cached_scan']:.1f}, with standard deviations as here"
        f" {seen['std_scan']:.1f}"
    )
    rows = [Row(f"{what}, warm", warm, text + wrong, right and ours * shares[0] <= scan, seen)]
    if seen["stayed"] is None or seen["stayed"] > DROPPED:
        why = "this system cannot" if seen["stayed"] is None else f"{seen['stayed']:.0%} of them stayed in memory"
        return [*rows, skipped(f"{what}, cold", cold, f"pages must be dropped, but {why}")]
    ours, scan = seen["cold_view"], seen["cold_scan"]
    text = f"{_share(ours, scan)}: {ours:.1f} ms against {scan:.0f} ms"
    return [*rows, Row(f"{what}, cold", cold, text + wrong, right and ours * shares[1] <= scan)]


def _growth_row(scale: _Scale, roots: list[str]) -> Row:
    arguments = {"points": [POINTS, LONGER * POINTS], "turns": scale.turns, "cold_turns": scale.cold_turns}
    short, longer = _child("reads_views:growth", roots=roots, **arguments)
    ratio, cold = (max(longer[name] / short[name] for name in names) for names in (("view", "window"), ("cold",)))
    return Row(
        f"full view of {LONGER * POINTS:,} points against that of {POINTS:,}",
        "≤ 2 × the time",
        f"warm {ratio:.2f} × ({longer['view']:.2f} ms against {short['view']:.2f} ms), cold {cold:.2f} ×"
        f" ({longer['cold']:.1f} ms); the first one, which makes the index, {longer['first'] / 1e3:.1f} s",
        max(ratio, cold) <= 2,
        {"short": short, "longer": longer},
    )


def _zoom_row(scale: _Scale, root: str, arrays: str) -> Row:
    zoomed = _child("reads_views:zoom", root=root, arrays=arrays, points=POINTS, turns=scale.turns)
    return Row(
        f"1 % of {POINTS:,} points, another one each time, warm: raw / its curve",
        "≤ 10 ms",
        f"{zoomed['raw']:.1f} ms / {zoomed['curve']:.1f} ms; a NumPy scan {zoomed['scan']:.2f} ms"
        + ("" if zoomed["right"] else "; but points are missing"),
        bool(zoomed["right"]) and max(zoomed["raw"], zoomed["curve"]) <= 10,
        zoomed,
    )


def _index_rows(effort: Effort, tapes: dict[str, str]) -> list[Row]:
    """Rates of decoding and indexing, the slowest tape counts, and the size of the index."""
    asked = {
        "entries": ("pyramid from decoded columns", 100),
        "decode": ("tape decoded", 40),
        "index": ("from tape to index file", 25),
    }
    found = {title: _child("reads_index:rates", root=root, tries=effort.repetitions) for title, root in tapes.items()}
    rows = []
    for name, (what, least) in asked.items():
        told = [
            f"{rates[name]:.0f} ({title}; {rates['copy'] / rates[name]:.0f} × the time of a copy)"
            for title, rates in found.items()
        ]
        ok = min(rates[name] for rates in found.values()) >= least
        figures = {title: {"rate": rates[name], "copy": rates["copy"]} for title, rates in found.items()}
        rows.append(Row(what, f"≥ {least} million points/s", " · ".join(told), ok, figures))
    sizes = {title: rates["bytes"] for title, rates in found.items()}
    text = " · ".join(f"{size:.2f} ({title})" for title, size in sizes.items())
    return [*rows, Row("size of the index", "≤ 1 byte a point", text, max(sizes.values()) <= 1, sizes)]


def _memory_row(what: str, peaks: dict[str, tuple[str, str]]) -> Row:
    """Each of these questions about these stores in a child of its own, in order."""
    asked = f"≤ {MEMORY} MiB above the process"
    found = {title: _child("reads_index:peak", question=question, root=at) for title, (question, at) in peaks.items()}
    if None in found.values():
        return skipped(what, asked, "only Linux tells")
    grown = {title: answer["grown"] / MIB for title, answer in found.items()}
    text = " · ".join(f"+{size:.0f} MiB ({title})" for title, size in grown.items())
    return Row(what, asked, text, max(grown.values()) <= MEMORY, found)


def _duckdb_row(scale: _Scale, root: str, arrays: str, install: bool) -> Row:
    what, asked = f"the same view of {scale.runs} runs, against DuckDB over tuned Parquet", "≥ 50 × faster"
    python = interpreter(install)
    if python is None:
        return skipped(what, asked, "neither this environment nor that of the peers has DuckDB and pyarrow")
    ours = [_child("reads_views:again", root=root, points=EACH, tries=scale.turns)]
    try:
        peer = _child("reads_duckdb:query", python=python, arrays=arrays, tries=3)
    except ChildError as error:
        return skipped(what, asked, f"DuckDB: {error}")
    ours.append(_child("reads_views:again", root=root, points=EACH, tries=scale.turns))
    taken = max(sum(each[name] for each in ours) / 2 for name in ("view", "window"))
    return Row(
        what,
        asked,
        f"{peer['ms'] / taken:.0f} ×: {taken:.0f} ms against {peer['ms']:,.0f} ms of DuckDB {peer['version']}"
        f" ({peer['way']}, the faster; {peer['threads']} threads), both warm",
        peer["ms"] >= 50 * taken,
        {"ours_ms": ours, "duckdb": peer},
    )


def _rows_of(steps: dict[str, _Step]) -> list[Row]:
    """The rows of every step; of one whose child fails a row that says so."""
    rows: list[Row] = []
    for what, step in steps.items():
        try:
            rows += step()
        except ChildError as error:
            rows.append(Row(what, "an answer", f"failed: {error}", False))
    return rows


def _child(target: str, **arguments: Any) -> Any:
    return in_child(f"benchmarks.{target}", **{"timeout": _PATIENCE, **arguments})


def _share(ours: float, floor: float) -> str:
    return f"1/{floor / ours:.{0 if floor >= 10 * ours else 1}f}"


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rolltape-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)
