"""An answer that is made while it is sent: block after block, in worker threads, at the pace of whoever reads it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rolltape.errors import MetricNotFound, RolltapeError, RunNotFound, StoreError
from rolltape.server.query import Refused
from rolltape.server.replies import FRESH, refusal
from rolltape.store.remote.wire import CONTENT_TYPE, KIND_HEADER, WAITING, ending, failure, opening

_SIGN = 5.0  # s without a block, after which the reader is told that the server is at work
_SLOWEST = 60.0  # s in which a reader must take a message
_MESSAGE = 256 << 10  # bytes from which blocks are sent

_log = logging.getLogger("rolltape.server")


class Streamed(Response):
    """The answer. An error before the first block is one with its status; a later one is the last line.

    Args:
        blocks: make the answer; they are asked for in worker threads.
        workers: how many at a time.
        ended: called at the end, however it comes.
    """

    media_type = CONTENT_TYPE

    def __init__(self, blocks: Iterator[bytes], workers: CapacityLimiter, ended: Callable[[], None]) -> None:
        super().__init__(headers=dict(FRESH))
        del self.headers["content-length"]
        self._blocks = blocks
        self._workers = workers
        self._ended = ended
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        wrong: Exception | None = None
        try:
            async with anyio.create_task_group() as group:

                async def watch() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    group.cancel_scope.cancel()

                group.start_soon(watch)
                try:
                    wrong = await self._send_all(scope, receive, send)
                except TimeoutError:
                    _log.warning("an answer was ended: nobody took any of it for %g s", _SLOWEST)
                group.cancel_scope.cancel()
        finally:
            self._ended()
        if wrong is not None:
            raise wrong

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> Exception | None:
        """Send the answer, or an error; returns one that others have words for."""
        more, is_head = True, scope["method"] == "HEAD"
        while more:
            piece, more, error = await self._next(send, is_head)
            more = more and not is_head
            if error is not None:
                if not self._started and not isinstance(error, StoreError):
                    return error
                if not self._started:
                    await _error_reply(error)(scope, receive, send)
                    return None
                if not isinstance(error, RolltapeError | OSError | Refused):
                    _log.error("an answer failed after it had begun", exc_info=error)
                    piece += failure("the server failed to answer; its log tells why", "StoreError")
                else:
                    piece += failure(str(error), _kind(error))
            elif not more:
                piece += ending()
            await self._send(send, piece, more=more)
        return None

    async def _next(self, send: Send, is_head: bool) -> tuple[bytes, bool, Exception | None]:
        """Blocks to send, whether there are more, and what went wrong. Until then a sign of life now and then."""
        found: list[tuple[bytes, bool, Exception | None]] = []
        done = anyio.Event()
        late: list[TimeoutError] = []

        async def work() -> None:
            found.append(await run_sync(self._gather, limiter=self._workers))
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(work)
            while not done.is_set():
                with anyio.move_on_after(_SIGN):
                    await done.wait()
                if not done.is_set() and not is_head and not late:
                    try:
                        await self._send(send, WAITING, more=True)
                    except TimeoutError as error:
                        late.append(error)
        if late:
            raise late[0]
        return found[0]

    def _gather(self) -> tuple[bytes, bool, Exception | None]:
        parts: list[bytes] = []
        size = 0
        try:
            for block in self._blocks:
                parts.append(block)
                size += len(block)
                if size >= _MESSAGE:
                    return b"".join(parts), True, None
        except Exception as error:
            return b"".join(parts), False, error
        return b"".join(parts), False, None

    async def _send(self, send: Send, piece: bytes, *, more: bool) -> None:
        with anyio.fail_after(_SLOWEST):
            if not self._started:
                self._started = True
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                piece = opening() + piece
            await send({"type": "http.response.body", "body": piece, "more_body": more})


def _kind(error: Exception) -> str:
    return next((kind.__name__ for kind in (RunNotFound, MetricNotFound) if isinstance(error, kind)), "StoreError")


def _error_reply(error: Exception) -> Response:
    status = 404 if isinstance(error, RunNotFound | MetricNotFound) else 400
    return refusal(str(error), status, {KIND_HEADER: _kind(error)})
