"""Server-sent events: pokes that say which runs have something new. The data itself is fetched by GET."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import anyio.to_thread
from anyio import CapacityLimiter

from rolltape.server.looks import Looks
from rolltape.server.strict_json import encode

INTERVAL = 0.25  # s between two looks, and between two messages to one listener
COMMENT = 15.0  # s without news after which a comment keeps the connection open
RECENT = 15.0  # s: a new listener is told what changed since then, as it may have fetched before it listened

_log = logging.getLogger("rolltape.server")


class _Listener:
    """One stream. What a slow one has not been told yet is one set of keys, however long it takes."""

    def __init__(self, pending: set[str]) -> None:
        self.pending = pending
        self.wake = asyncio.Event()
        if pending:
            self.wake.set()

    def tell(self, keys: set[str]) -> None:
        self.pending |= keys
        self.wake.set()


class News:
    """Looks at all runs while someone listens. To be used in one event loop."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._listeners: set[_Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    async def stream(self) -> AsyncIterator[bytes]:
        """The events for one listener, until `close`."""
        version = self._looks.version
        listener = _Listener(self._looks.changed_within(RECENT))
        self._listeners.add(listener)
        try:
            if not self._closed and (self._poller is None or self._poller.done()):
                self._poller = asyncio.create_task(self._poll(version))
            yield b"retry: 2000\n\n"
            while not self._closed:
                try:
                    async with asyncio.timeout(COMMENT):
                        await listener.wake.wait()
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                if self._closed:
                    return
                listener.wake.clear()
                keys, listener.pending = listener.pending, set()
                data = encode({"runs": sorted(keys), "version": self._looks.version})
                yield b"event: news\ndata: " + data + b"\n\n"
                await asyncio.sleep(INTERVAL)
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams; there will be no news any more."""
        self._closed = True
        for listener in self._listeners:
            listener.wake.set()
        if self._poller is not None:
            self._poller.cancel()

    async def aclose(self) -> None:
        """`close`, and wait until no look is under way."""
        self.close()
        if self._poller is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller

    async def _poll(self, version: int) -> None:
        own_thread = CapacityLimiter(1)  # so that news come also while curves are computed
        while self._listeners:
            began = time.monotonic()
            try:
                await anyio.to_thread.run_sync(self._looks.look_at_all, limiter=own_thread, abandon_on_cancel=True)
            except Exception:
                _log.exception("the runs cannot be looked at")
            changed, version = self._looks.changed_since(version)
            if changed:
                for listener in self._listeners:
                    listener.tell(changed)
            took = time.monotonic() - began
            await asyncio.sleep(max(INTERVAL - took, took))  # a store too large for that is looked at less often
