"""Bytes a point of 64 metrics logged together, as training logs them: all that is in the run's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.child import in_child
from benchmarks.effort import Effort
from benchmarks.row import Row

MOST = 3.6
METRICS = 64
# 40 % noisy float32, 20 % integers, 10 % constant, 10 % smooth, 20 % full-entropy float64
KINDS = ["noisy"] * 26 + ["integer"] * 13 + ["constant"] * 6 + ["smooth"] * 6 + ["entropy"] * 13


def size_row(effort: Effort) -> Row:
    """One run, row by row through ``log()``."""
    figures = in_child("benchmarks.size:mixed", rows=effort.size_rows, smooth="float32")
    double = in_child("benchmarks.size:mixed", rows=effort.size_rows, smooth="float64")
    return Row(
        f"size, {METRICS} mixed metrics logged together",
        f"≤ {MOST} bytes a point",
        f"{figures['bytes']:.2f} bytes ({figures['points']:,} points; {double['bytes']:.2f} with smooth float64)",
        figures["bytes"] <= MOST,
        {**figures, "bytes_smooth_float64": double["bytes"]},
    )


def mixed(directory: Path, rows: int, smooth: str) -> dict[str, Any]:
    """In the child: log the rows, close, and weigh the run."""
    import numpy as np

    import rolltape

    random = np.random.default_rng(7)
    time = np.arange(rows) / rows

    def column(kind: str) -> Any:
        scale = random.uniform(0.1, 100)
        if kind == "noisy":  # losses, returns: a trend and noise, as a float32 tensor gives them
            return (scale * (np.exp(-3 * time) + random.normal(0, 0.2, rows))).astype(np.float32).tolist()
        if kind == "integer":  # episode lengths
            return random.integers(1, 1000, rows).tolist()
        if kind == "constant":
            return [scale] * rows
        if kind == "smooth":  # a schedule
            return (scale * np.cos(time * np.pi / 2)).astype(smooth).tolist()
        return random.normal(size=rows).tolist()

    names = [f"{kind}/{i}" for i, kind in enumerate(KINDS)]
    columns = [column(kind) for kind in KINDS]
    run = rolltape.init(project="benchmark", dir=directory)
    for step, values in enumerate(zip(*columns, strict=True)):
        run.log(dict(zip(names, values, strict=True)), step=step)
    run.close()
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    return {"bytes": size / (rows * METRICS), "points": rows * METRICS}
