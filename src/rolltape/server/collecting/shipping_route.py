"""POST /api/ship: bounds on what is taken in at one time, and answers that a shipper understands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, contextmanager

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rolltape.server.access.refusals import Refusals
from rolltape.server.access.scopes import scopes_of
from rolltape.server.collecting.collector import Collector
from rolltape.server.collecting.trouble import DiskFull
from rolltape.server.query import Refused, params_of, shown
from rolltape.server.replies import FRESH, refusal
from rolltape.tape.shipment import (
    CONTENT_TYPE,
    LARGEST,
    LARGEST_ALONE,
    Answer,
    Malformed,
    Part,
    PartRefused,
    ShipmentError,
    encode_answers,
    parse,
)

_AT_A_TIME = 4  # shipments that are being written
_MOST = 150  # shipments under way, fewer than the requests that the guard lets through
_MOST_BYTES = 256 << 20  # of all bodies in memory
_SLOWEST = 30.0  # s between two pieces of a body
_TOKEN = "rolltape.token"  # where the guard notes the id of a request's token
_NO_COLLECTOR = "this server only shows runs: start it with rolltape serve to have runs sent to it"


class TooMuch(Exception):
    """A shipment for which there is no room now."""

    def __init__(self, sentence: str, status: int, retry_after: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.retry_after = retry_after


class Shipping:
    """The route.

    Args:
        collector: writes what comes; None: nothing is taken.
        largest: bytes that a body may have.
    """

    def __init__(self, collector: Collector | None, largest: int = LARGEST_ALONE) -> None:
        self._collector = collector
        self._largest = largest
        self._most_bytes = max(_MOST_BYTES, largest)
        self._bytes = self._under_way = 0
        self._writing = CapacityLimiter(_AT_A_TIME)
        self._log = Refusals()

    def close(self) -> None:
        """Let another server collect in the directory."""
        if self._collector is not None:
            self._collector.close()

    async def ship(self, request: Request) -> Response:
        """POST /api/ship"""
        try:
            with self._room(request) as room:
                return await self._ship(request, room)
        except Refused as error:
            self._tell(request, "", error.status, error.sentence)
            raise
        except TooMuch as error:
            self._tell(request, "", error.status, error.sentence)
            return refusal(error.sentence, error.status, {"retry-after": str(error.retry_after)})
        except DiskFull as error:
            sentence = f"the disk of the server is full: {error}"
            self._tell(request, "", 507, sentence)
            return refusal(sentence, 507, {"retry-after": "5"})

    async def _ship(self, request: Request, room: _Room) -> Response:
        collector = self._collector
        if collector is None:
            raise Refused(_NO_COLLECTOR, 403)
        if params_of(request):
            raise Refused(f"{shown(next(iter(request.query_params)))} is no parameter: what is sent is in the body")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != CONTENT_TYPE:
            raise Refused(f"Content-Type must be {CONTENT_TYPE}", 415)
        body = await self._body(request, room)
        may_write = scopes_of(request.scope).may_write

        def do() -> tuple[list[Part | Malformed], list[Answer]]:
            parts = parse(memoryview(body))
            if len(body) > LARGEST and len(parts) > 1:
                raise Refused(f"the body must not be longer than {LARGEST} bytes, but for a part that comes alone", 413)
            return parts, collector.take(parts, may_write)

        try:
            parts, answers = await run_sync(do, limiter=self._writing)
        except ShipmentError as error:
            raise Refused(str(error)) from None
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, PartRefused):
                self._tell(request, _what(part), answer.status, answer.error)
        return Response(encode_answers(answers), 200, FRESH, "application/json")

    def _tell(self, request: Request, what: str, status: int, why: str) -> None:
        address = request.client.host if request.client is not None else "unknown"
        path = f"{request.url.path} {what}".strip()
        self._log.tell(address, request.method, path, status, why, request.scope.get(_TOKEN))

    async def _body(self, request: Request, room: _Room) -> bytearray:
        told = request.headers.get("content-length")
        if told is not None:
            room.take(self._checked(int(told) if told.isascii() and told.isdigit() else 0))
        body = bytearray()
        try:
            async with aclosing(request.stream()) as stream:
                while True:
                    with anyio.fail_after(_SLOWEST):
                        piece = await anext(stream, None)
                    if piece is None:
                        return body
                    room.take(self._checked(len(body) + len(piece)))
                    body += piece
        except TimeoutError:
            raise Refused(f"nothing of the body arrived for {_SLOWEST:g} s", 408) from None
        except ClientDisconnect:
            raise Refused("the body did not arrive") from None

    def _checked(self, size: int) -> int:
        if size > self._largest:
            raise Refused(f"the body must not be longer than {self._largest} bytes, which --largest bounds", 413)
        return size

    @contextmanager
    def _room(self, request: Request) -> Iterator[_Room]:
        if self._under_way >= _MOST:
            raise TooMuch(f"{_MOST} shipments are under way, which is the most at one time", 429, 2)
        self._under_way += 1
        room = _Room(self)
        try:
            yield room
        finally:
            self._under_way -= 1
            self._bytes -= room.size

    def grow(self, size: int) -> None:
        """Count ``size`` more bytes in memory. Raises TooMuch."""
        if self._bytes + size > self._most_bytes:
            raise TooMuch("the shipments under way fill the memory that there is for them", 503, 1)
        self._bytes += size


class _Room:
    """What one shipment takes of the memory for all."""

    def __init__(self, shipping: Shipping) -> None:
        self._shipping = shipping
        self.size = 0

    def take(self, size: int) -> None:
        """Have room for ``size`` bytes. Raises TooMuch."""
        if size > self.size:
            self._shipping.grow(size - self.size)
            self.size = size


def _what(part: Part | Malformed) -> str:
    if isinstance(part, Malformed):
        return "a part"
    named = getattr(part, "writer", getattr(part, "name", ""))
    return f"{type(part).__name__.removesuffix('Part').lower()} {part.project[:100]}/{part.run[:100]} {named[:100]}"
