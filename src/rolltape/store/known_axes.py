"""Axes that were joined from another metric, kept for the next question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from rolltape.store.axes import Axis, MetricAxis
from rolltape.store.run_files import RunFiles
from rolltape.store.run_series import AXES, axis_of
from rolltape.tape.indexed_tape import IndexedTape

_BYTES = 64 << 20  # of all that are kept in memory


class KnownAxes:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[RunFiles, str], tuple[int, MetricAxis]] = OrderedDict()

    def of(self, files: RunFiles, tapes: Sequence[IndexedTape], x: str) -> Axis:
        """The axis ``x`` of a run: step, time, …, or a metric that counts."""
        if x in AXES:
            return axis_of(tapes, x, 0.0 if x in ("step", "time") else files.started())
        with self._lock:
            kept = self._kept.get((files, x))
            if kept is not None:
                self._kept.move_to_end((files, x))
        if kept is None or kept[0] != files.version:
            kept = files.version, MetricAxis(tapes, x)
            with self._lock:
                self._kept[files, x] = kept
                while sum(axis.nbytes for _, axis in self._kept.values()) > _BYTES and len(self._kept) > 1:
                    self._kept.popitem(last=False)
        return kept[1]

    def forget(self, files: RunFiles) -> None:
        """Forget the axes of a run."""
        with self._lock:
            for kept in [kept for kept in self._kept if kept[0] is files]:
                del self._kept[kept]
