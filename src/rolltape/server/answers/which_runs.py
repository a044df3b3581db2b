"""Which runs can answer: those that have the x-axis; and whether a metric is known at all."""

from __future__ import annotations

from collections.abc import Sequence

from rolltape.server.query import Refused, shown
from rolltape.store import DirectoryStore
from rolltape.store.run_files import RunFiles
from rolltape.store.run_series import AXES


def with_axis(store: DirectoryStore, keys: list[str], x: str) -> list[str]:
    """Those runs that have the metric ``x``, or all if it is no metric. Raises Refused where no run has it."""
    if x in AXES:
        return keys
    files = {files.key: files for files in store.run_files()}
    found = [key for key in keys if key in files and _has(files[key], x)]
    if not found:
        raise Refused(f"x {shown(x)} is neither {', '.join(AXES[:-1])} or {AXES[-1]} nor a metric of these runs", 404)
    return found


def check_metrics(store: DirectoryStore, missing: Sequence[str]) -> None:
    """Raises Refused for a metric that the runs asked about lack, and all others too."""
    for metric in missing:
        if not any(_has(files, metric) for files in store.run_files()):
            raise Refused(f"metric {shown(metric)} is not in this store", 404)


def _has(files: RunFiles, metric: str) -> bool:
    """Whether a run has a metric; one that cannot be read says no."""
    try:
        return metric in files.metrics()
    except Exception:  # one strange run must not hide the others
        return False
