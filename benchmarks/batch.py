"""``log_batch`` of columns of 10,000 rows: points a second until everything is on the tape and closed."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.child import in_child
from benchmarks.effort import Effort
from benchmarks.row import Row

ROWS = 10_000
LEAST = 20  # million points/s
KINDS = {"float32": "float32 noise", "float64": "random float64"}


def batch_row(effort: Effort, columns: int) -> Row:
    """The bound must hold for easy and for incompressible values; the slower one counts."""
    rates = {}
    for kind in KINDS:
        arguments: dict[str, Any] = {"columns": columns, "kind": kind, "points": effort.batch_points}
        runs = [in_child("benchmarks.batch:batches", **arguments) for _ in range(effort.repetitions)]
        rates[kind] = median(runs) / 1e6
    return Row(
        f"log_batch of {columns} column{'s' * (columns > 1)} of {ROWS:,} rows",
        f"≥ {LEAST} million points/s",
        " · ".join(f"{rates[kind]:.0f} ({title})" for kind, title in KINDS.items()),
        min(rates.values()) >= LEAST,
        {"million_points_per_second": rates},
    )


def batches(directory: Path, columns: int, kind: str, points: int) -> float:
    """In the child: points a second, the close included."""
    import numpy as np

    import rolltape

    random = np.random.default_rng(7)
    draws = random.normal(size=(8, columns, ROWS)) if kind == "float32" else random.random((8, columns, ROWS))
    values = [{f"metric/{i}": column for i, column in enumerate(draw.astype(kind))} for draw in draws]
    run = rolltape.init(project="benchmark", dir=directory)
    run.log_batch(values[0], step=np.arange(ROWS))
    time.sleep(0.3)  # what opening left to other threads
    calls = points // (columns * ROWS)
    began = time.perf_counter()
    for call in range(calls):
        run.log_batch(values[call % len(values)], step=np.arange(call * ROWS, (call + 1) * ROWS))
    run.close()
    return calls * columns * ROWS / (time.perf_counter() - began)
