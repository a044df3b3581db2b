"""The flusher: a daemon thread per tape that makes frames, gives signs of life and syncs.

Nothing depends on it for safety: rows are safe in the head, and a writer whose flusher is late or dead frames its own
halves.
"""

from __future__ import annotations

import contextlib
import threading
from queue import Empty, SimpleQueue
from typing import Protocol


class Flushable(Protocol):
    """What a flusher needs of its writer."""

    mapped: bool
    synced: bool

    def on_trouble(self, message: str) -> None: ...
    def frame_queued(self) -> None: ...
    def flush(self) -> bool: ...
    def sync(self) -> None: ...
    def beat(self) -> None: ...


class Flusher:
    """Works every second, every half second where frames must be synced, and at once when woken."""

    def __init__(self, writer: Flushable) -> None:
        self._writer = writer
        self._period = 0.5 if writer.synced else 1.0
        # Not an Event: a signal handler that raises in the middle of Event.set would leave its lock held for ever
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="rolltape-flusher", daemon=True)

    def start(self) -> None:
        """Begin; where no thread can be had, the writer makes its frames itself."""
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def wake(self) -> None:
        self._bell.put(None)

    def at_work(self) -> bool:
        """Whether the thread lives, and is another one than the caller's."""
        return self._thread.is_alive() and self._thread is not threading.current_thread()

    def stop(self, patience: float) -> None:
        """End the thread; wait ``patience`` seconds at most for what it is doing."""
        self._stopped = True
        self.wake()
        if self.at_work():
            self._thread.join(patience)

    def _work(self) -> None:
        while not self._stopped:
            with contextlib.suppress(Empty):
                self._bell.get(timeout=self._period)
                while True:  # however often it was rung
                    self._bell.get_nowait()
            if self._stopped:
                return
            try:
                self._once()
            except Exception as error:
                self._writer.on_trouble(f"the flusher met an error and goes on: {error!r}")

    def _once(self) -> None:
        writer = self._writer
        if writer.mapped:
            writer.frame_queued()
        else:
            writer.flush()
        if writer.synced:
            writer.sync()
        writer.beat()
