"""How one call and a whole run of calls are timed, the same way for rolltape and for every peer.

The median call: bursts of 100 calls with one prebuilt dict and the step passed. A tracker that takes longer than a few
microseconds is timed call by call instead and without breaks: its pauses do not reach the median and its threads never
fall asleep, which favours the peers. Between the bursts the floor is measured, a plain loop of ``list.append``, so that
a drift of the machine meets both. The lists are kept, as whoever records in a list keeps it; a list that is dropped and
made again in the same memory takes half as long (no page faults), which is told beside it.

The whole: a plain loop over many different rows up to the end of ``close()``, in wall time and in CPU time of all
threads and processes. Only the standard library is used here.
"""

from __future__ import annotations

import contextlib
import random
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from benchmarks.peers.drivers import DRIVERS, Loop

APPENDS = 100_000
BURST = 100  # calls timed together
SLOW = 3_000  # ns a call, from which each call is timed by itself
ROUNDS = 20  # alternations between the floor and the measured calls
ROWS = 8192  # different rows of the whole run: more than one frame holds, so that nothing compresses by repetition


def append_loop(rows: list[tuple[int, float]]) -> float:
    """ns of one ``list.append`` of a fresh tuple in a plain loop; the caller decides whether the rows are kept."""
    value = random.random()
    began = perf_counter_ns()
    for step in range(APPENDS):
        rows.append((step, value))  # noqa: PERF401
    return (perf_counter_ns() - began) / APPENDS


def medians(directory: Path, driver: str, metrics: int, calls: int, seconds: float) -> dict[str, Any]:
    """The median call of a tracker: ``log`` and ``append`` in ns, the number of calls, and the calls timed together."""
    tracker = DRIVERS[driver].open(directory)
    loop = tracker.loop or _loop_of(tracker.log)
    values = _row(metrics)
    _warm(loop, values)
    burst = 1 if median(_times(loop, values, 1, 50)) > SLOW else BURST
    kept: list[list[tuple[int, float]]] = []
    floors, bursts = [], []
    deadline = time.monotonic() + seconds
    if burst == 1:
        bursts = _times(loop, values, 1, calls, deadline)
        tracker.close()
    for _ in range(ROUNDS):
        time.sleep(0.02)  # what the calls left to other threads must not fall on the floor's time
        kept.append([])
        floors.append(append_loop(kept[-1]))
        if burst > 1:
            bursts += _times(loop, values, burst, max(1, calls // ROUNDS // burst), deadline)
    if burst > 1:
        tracker.close()
    kept.clear()
    recycled = [append_loop([]) for _ in range(ROUNDS)][ROUNDS // 2 :]
    return {
        "log": median(bursts),
        "append": median(floors),
        "append_recycled": median(recycled),
        "calls": len(bursts) * burst,
        "burst": burst,
    }


def totals(directory: Path, driver: str, metrics: int, calls: int, seconds: float) -> dict[str, Any]:
    """A whole run up to the end of ``close()``: wall and CPU µs a call, and bytes a point on disk."""
    pool = [_row(metrics) for _ in range(min(ROWS, calls))]
    tracker = DRIVERS[driver].open(directory)
    loop = tracker.loop or _loop_of(tracker.log)
    loop(pool[0], range(1))
    time.sleep(0.3)  # what opening left to other threads
    done = 0
    cpu = cpu_seconds()
    began = time.perf_counter()
    while done < calls and (done == 0 or time.perf_counter() - began < seconds):
        if tracker.loop:
            for values in pool[:256]:
                loop(values, range(done, done + 1))
                done += 1
        else:
            done = _pass(tracker.log, pool, done, began + seconds)
    tracker.close()
    wall = time.perf_counter() - began
    cpu = cpu_seconds() - cpu
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    return {
        "wall": wall * 1e6 / done,
        "cpu": cpu * 1e6 / done,
        "bytes": size / ((done + 1) * metrics) if size else None,
        "calls": done,
        "version": DRIVERS[driver].version(),
    }


def cpu_seconds() -> float:
    """User and system time of this process, of the children it has waited for and, with psutil, of those alive."""
    waited = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = time.process_time() + waited.ru_utime + waited.ru_stime
    with contextlib.suppress(ImportError):
        import psutil

        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                spent += times.user + times.system
    return spent


def _row(metrics: int) -> dict[str, float]:
    """Full-entropy floats: what costs a compressor most."""
    return {f"metric/{i}": random.random() for i in range(metrics)}


def _loop_of(log: Callable[..., object]) -> Loop:
    def loop(values: Mapping[str, float], steps: range) -> None:
        for step in steps:
            log(values, step=step)

    return loop


def _pass(log: Callable[..., object], pool: list[dict[str, float]], done: int, deadline: float) -> int:
    """Log every row of the pool once; look at the clock now and then."""
    for first in range(0, len(pool), 256):
        for values in pool[first : first + 256]:
            log(values, step=done)
            done += 1
        if time.perf_counter() > deadline:
            break
    return done


def _warm(loop: Loop, values: Mapping[str, float]) -> None:
    """The first calls create files and import modules: up to 1,000 of them, or half a second, do not count."""
    deadline = time.monotonic() + 0.5
    for step in range(1000):
        loop(values, range(step, step + 1))
        if time.monotonic() > deadline:
            break


def _times(
    loop: Loop, values: Mapping[str, float], burst: int, count: int, deadline: float = float("inf")
) -> list[float]:
    """ns of one call, ``count`` times, each the mean of a burst."""
    times = []
    step = 1000
    for _ in range(count):
        steps = range(step, step + burst)
        began = perf_counter_ns()
        loop(values, steps)
        times.append((perf_counter_ns() - began) / burst)
        step += burst
        if time.monotonic() > deadline:
            break
    return times
