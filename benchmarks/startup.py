"""What ``import rolltape`` and loading `init` add to a training process: a fresh interpreter from start to end."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.child import environment
from benchmarks.effort import Effort
from benchmarks.row import Row

MOST = 0.2  # s
ABSENT = ("starlette", "rich", "uvicorn")
_PROBE = """
import time; began = time.perf_counter()
import rolltape; rolltape.init
took = time.perf_counter() - began
import sys, json; print(json.dumps([took, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def startup_row(effort: Effort) -> Row:
    """The median of several; the first, which compiles the modules, does not count."""
    with tempfile.TemporaryDirectory(prefix="rolltape-bench-") as directory:
        runs = [_import(Path(directory)) for _ in range(effort.imports + 1)][1:]
    whole, cpu, statement = (median(figures) for figures in zip(*(run[:3] for run in runs), strict=True))
    present = sorted(set(ABSENT) & set(runs[-1][3]))
    found = f"with {', '.join(present)}" if present else "without them"
    return Row(
        "import rolltape, interpreter included",
        f"≤ {MOST} s, without {', '.join(ABSENT)}",
        f"{whole:.3f} s ({statement:.3f} the import; {cpu:.3f} s of CPU), {found}",
        whole <= MOST and not present,
        {"process_s": whole, "cpu_s": cpu, "import_s": statement, "all": [run[0] for run in runs], "present": present},
    )


def _import(directory: Path) -> tuple[float, float, float, list[str]]:
    """s of the whole process, its CPU s, s of the import statement, and what was imported."""
    cpu = _cpu_of_children()
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], cwd=directory, env=environment(directory), check=True, capture_output=True
    )
    whole = time.perf_counter() - began
    statement, modules = json.loads(done.stdout)
    return whole, _cpu_of_children() - cpu, statement, modules


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
