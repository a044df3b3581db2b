"""``kill -9``: a child counts every returned ``log()`` in shared memory and is killed; all must be there."""

from __future__ import annotations

import mmap
import random
import struct
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.child import ChildError, start
from benchmarks.effort import Effort
from benchmarks.row import Row

METRICS = 10
SLOW, FAST = 10, 100_000  # rows/s
_COUNT = struct.Struct("=q")


def kill_row(effort: Effort, rate: int) -> Row:
    """Several kills: side by side where the child mostly sleeps, one after the other where it does not."""
    kills = effort.slow_kills if rate == SLOW else effort.fast_kills
    patience = (2.0, 5.0) if rate == SLOW else (0.2, 1.2)
    with ThreadPoolExecutor(kills if rate == SLOW else 1) as pool:
        ends = list(pool.map(lambda _: _kill(rate, random.uniform(*patience)), range(kills)))
    lost, logged, wrong = (sum(end[name] for end in ends) for name in ("lost", "logged", "wrong"))
    seconds = sum(end["seconds"] for end in ends)
    text = f"{lost} of {logged:,} points ({kills} kills, {logged / METRICS / seconds:,.0f} rows/s)"
    if wrong:
        text += f"; {wrong} points read twice or wrong"
    return Row(f"lost on kill -9 at {rate:,} rows/s", "0 points", text, lost == wrong == 0, {"kills": ends})


def _kill(rate: int, patience: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="rolltape-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        process = start("benchmarks.kill:victim", directory / "child", rate=rate, counter=str(directory / "counter"))
        try:
            _wait_for(lambda: _count(directory / "counter") > 0, process.poll)
            time.sleep(patience)
            process.kill()
        finally:
            process.kill()
            process.wait()
        rows, seconds = _count(directory / "counter"), _seconds(directory / "counter")
        return {"seconds": seconds, **_read_back(directory, rows)}


def victim(directory: Path, rate: int, counter: str) -> None:
    """In the child: log at ``rate`` until killed. The counter is (rows whose ``log()`` has returned, ns so far)."""
    import rolltape

    with Path(counter + ".new").open("w+b") as file:
        file.truncate(mmap.PAGESIZE)
        shared = mmap.mmap(file.fileno(), mmap.PAGESIZE)
    Path(counter + ".new").rename(counter)
    names = [f"metric/{i}" for i in range(METRICS)]
    run = rolltape.init(project="benchmark", dir=directory)
    row = 0
    began = time.perf_counter_ns()
    while True:
        due = (time.perf_counter_ns() - began) * rate // 1_000_000_000
        while row <= due:
            values = dict.fromkeys(names, _value(row))
            run.log(values, step=row)
            row += 1
            _COUNT.pack_into(shared, 0, row)
        _COUNT.pack_into(shared, 8, time.perf_counter_ns() - began)
        time.sleep(max(0.0002, min(1 / rate, 0.01)))


def _value(row: Any) -> Any:
    """A number that tells the row: for one, or for an array of them."""
    return row * 0.37 + 1 / (row + 1)


def _read_back(directory: Path, rows: int) -> dict[str, int]:
    """Compare what a reader finds with what was acknowledged. One row more may be there: logged and not yet counted."""
    from rolltape.tape.reader import TapeReader

    (tape,) = directory.rglob("*.tape")
    reader = TapeReader(tape)
    lost = wrong = 0
    for i in range(METRICS):
        points, _ = reader.read(f"metric/{i}")
        right = points.value == _value(points.step.astype(np.float64))
        found = np.unique(points.step[right])
        lost += rows - int((found < rows).sum())
        wrong += len(points.step) - int((found <= rows).sum())
    return {"lost": lost, "wrong": wrong, "logged": rows * METRICS}


def _count(counter: Path) -> int:
    return _COUNT.unpack_from(counter.read_bytes())[0] if counter.exists() else 0


def _seconds(counter: Path) -> float:
    return float(_COUNT.unpack_from(counter.read_bytes(), 8)[0]) / 1e9


def _wait_for(ready: Any, ended: Any) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        if ended() is not None or time.monotonic() > deadline:
            raise ChildError("the process that was to be killed ended by itself, or never logged a row")
        time.sleep(0.01)
