"""A progress bar on stderr, where somebody looks on and waits."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from rolltape.cli import output

if TYPE_CHECKING:
    from types import TracebackType

_PATIENCE = 1.0  # s before it is shown


class Progress:
    """Call it with how much is done and how much there is in all (None: nobody knows).

    what: what is being done, as ``Exporting``.
    unit: what is counted; None: bytes.
    """

    def __init__(self, what: str, unit: str | None = None) -> None:
        self._began = time.monotonic()
        self._what = what
        self._unit = unit
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._bar is None:
            if time.monotonic() - self._began < _PATIENCE or not sys.stderr.isatty():
                return
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            counted = DownloadColumn() if self._unit is None else TextColumn("{task.completed:,} " + self._unit)
            columns = (TextColumn(self._what), BarColumn(), counted, TimeRemainingColumn())
            self._bar = Progress(*columns, console=output.console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
