"""Memory of a long run: 10^7 points in one process, and how far it grew beyond what ``import rolltape`` took."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.child import in_child
from benchmarks.row import Row

POINTS = 10_000_000
METRICS = 10
MOST = 64  # MiB
MIB = 2**20


def memory_row() -> Row:
    """Always the full 10^7 points: less would show nothing."""
    figures = in_child("benchmarks.memory:sustained")
    grown, late = figures["peak"] - figures["imported"], figures["peak"] - figures["tenth"]
    return Row(
        f"sustained: {POINTS:,} points in one process",
        f"≤ {MOST} MiB above import",
        f"+{grown / MIB:.1f} MiB at the peak, +{max(0, late) / MIB:.1f} MiB since the first tenth; "
        f"{POINTS / figures['seconds'] / 1e6:.1f} million points/s",
        grown <= MOST * MIB,
        figures,
    )


def sustained(directory: Path) -> dict[str, Any]:
    """In the child: bytes resident after the import, at each tenth of the way, and at most."""
    import rolltape

    imported = _resident()
    from random import random

    names = [f"metric/{i}" for i in range(METRICS)]
    rows = POINTS // METRICS
    tenths = []
    began = time.perf_counter()
    with rolltape.init(project="benchmark", dir=directory) as run:
        for step in range(rows):
            run.log({name: random() for name in names}, step=step)
            if (step + 1) % (rows // 10) == 0:
                tenths.append(_resident())
    seconds = time.perf_counter() - began
    return {
        "imported": imported,
        "tenth": tenths[0],
        "tenths": tenths,
        "peak": max(_peak(), *tenths),
        "seconds": seconds,
        "lost": run.lost,
    }


def _status(field: str) -> int | None:
    """A field of Linux's own account in bytes. (getrusage's peak would begin with that of the parent process.)"""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), None)


def _resident() -> int:
    return _status("VmRSS") or _peak()


def _peak() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status("VmHWM") or (used if sys.platform == "darwin" else used * 1024)
