"""The hot path: what one ``log()`` costs against a loop of ``list.append``, and a row with everything included."""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.child import in_child
from benchmarks.effort import Effort
from benchmarks.row import Row

TEN_APPENDS, ONE_APPENDS, CPU_US = 10.0, 6.0, 2.0


def call_row(effort: Effort, metrics: int) -> Row:
    """The median call of 10 floats or of 1."""
    runs = [_medians(effort, metrics) for _ in range(effort.repetitions)]
    ratios = [run["log"] / run["append"] for run in runs]
    ratio, most = median(ratios), TEN_APPENDS if metrics == 10 else ONE_APPENDS
    log, append, recycled = (median(run[name] for run in runs) for name in ("log", "append", "append_recycled"))
    return Row(
        f"log() of {metrics} float{'s' * (metrics > 1)} with a step",
        f"≤ {most:.0f} × list.append",
        f"{ratio:.1f} × ({log:.0f} ns against {append:.0f}; {min(ratios):.1f} to {max(ratios):.1f}; "
        f"{log / recycled:.1f} × an append into recycled memory)",
        ratio <= most,
        {"ratio": ratio, "log_ns": log, "append_ns": append, "append_recycled_ns": recycled, "runs": runs},
    )


def whole_rows(effort: Effort) -> list[Row]:
    """CPU of all threads and wall time a row, over whole runs of 10 floats a row."""
    arguments: dict[str, Any] = {"driver": "rolltape", "metrics": 10, "calls": effort.rows, "seconds": 60}
    runs = [in_child("benchmarks.timing:totals", **arguments) for _ in range(effort.repetitions)]
    cpu, wall = ([run[name] for run in runs] for name in ("cpu", "wall"))
    return [
        Row(
            "CPU of all threads, 10 floats a row, flushing included",
            f"≤ {CPU_US:.0f} µs a row",
            f"{median(cpu):.2f} µs ({min(cpu):.2f} to {max(cpu):.2f})",
            median(cpu) <= CPU_US,
            {"cpu_us": median(cpu), "all": cpu},
        ),
        Row(
            "wall time of the same up to the end of close()",
            "–",
            f"{median(wall):.2f} µs a row ({min(wall):.2f} to {max(wall):.2f})",
            None,
            {"wall_us": median(wall), "all": wall},
        ),
    ]


def _medians(effort: Effort, metrics: int) -> dict[str, Any]:
    found: dict[str, Any] = in_child(
        "benchmarks.timing:medians", driver="rolltape", metrics=metrics, calls=effort.calls, seconds=60
    )
    return found
