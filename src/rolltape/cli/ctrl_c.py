"""Ctrl-C for foreign code that takes KeyboardInterrupt for an error of its own, or does not notice it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_AGAIN = 0.05  # s between two calls: one that comes before the work has begun may do nothing


class CtrlC:
    """In a ``with`` block, Ctrl-C calls ``stop`` (from another thread, until the block ends) and raises nothing.

    It is true once Ctrl-C was pressed. Outside the main thread, where no signal arrives, it does nothing.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop = stop
        self._pressed = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._before: Any = None

    def __bool__(self) -> bool:
        return self._pressed

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        self._over.set()
        if self._pressed:
            self._thread.join()

    def _press(self, _number: int, _frame: object) -> None:
        if not self._pressed:
            self._pressed = True
            self._thread.start()

    def _repeat(self) -> None:
        while not self._over.wait(_AGAIN):
            self._stop()
