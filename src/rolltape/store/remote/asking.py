"""Asking a server, and its answers as blocks. Whatever goes wrong is an error of a store that names the server."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from rolltape._version import __version__
from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.store.remote.address import Address
from rolltape.store.remote.wire import (
    CONTENT_TYPE,
    KIND_HEADER,
    Block,
    Broken,
    Failed,
    read_blocks,
    read_opening,
)
from rolltape.store.shipping.connection import trusted
from rolltape.store.shipping.line import in_words, line_to

_PATIENCE = 60.0  # s without a byte; a server at work sends one now and then
_KEPT = 4  # lines that wait for the next question
_TRIES = 4  # of a question for which the server has no room now
_LONGEST_WAIT = 5.0  # s before the next of these
_LARGEST_REFUSAL = 1 << 20  # bytes
_KINDS: dict[str, type[StoreError]] = {"RunNotFound": RunNotFound, "MetricNotFound": MetricNotFound}
_KINDS["StoreError"] = StoreError
_STANDS_IN = {0xDC80 + byte: 0xEF80 + byte for byte in range(0x80)}  # as the server's odd_names


class _Line(NamedTuple):
    connection: http.client.HTTPConnection
    before: str
    headers: dict[str, str]
    used: bool


class Asker:
    """Asks one server. May be used from any thread, each question over a line of its own.

    Args:
        address: of the server.
        token: that it is told; None: none.
        authority: the file (PEM) of the certificate authority to believe; None: those of the system.

    Raises:
        StoreError: the file cannot be used.
    """

    def __init__(self, address: Address, token: str | None, authority: Path | None) -> None:
        self.address = address
        self._context = trusted(authority) if address.scheme == "https" else None
        self._has_token = token is not None
        self._headers = {"Host": address.named, "User-Agent": f"rolltape/{__version__}", "Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._lock = threading.Lock()
        self._kept: list[_Line] = []
        self._version = ""  # of the server's rolltape

    def greet(self) -> None:
        """Find out whether there is a rolltape that lets this one in. Raises StoreError."""
        line, reply = self._ask("GET", "/api/session", None)
        body = self._whole(line, reply)
        if reply.status != 200:
            raise self._refusal(reply, body)
        try:
            version = json.loads(body)["rolltape"]
        except (ValueError, TypeError, LookupError, RecursionError):
            version = None
        if not isinstance(version, str):
            raise StoreError(f"what answers at {self.address} is no rolltape server")
        self._version = version[:100]

    def get(self, question: str, parameters: Mapping[str, str | None]) -> Answer:
        """The blocks of the answer to a question with these parameters, without those that are None.

        Raises:
            RunNotFound, MetricNotFound, StoreError: at once, or while the blocks are read.
        """
        given = {name: value.translate(_STANDS_IN) for name, value in parameters.items() if value is not None}
        query = urlencode(given, quote_via=quote, encoding="utf-8", errors="surrogatepass")
        return self._blocks("GET", f"/api/store/{question}?{query}", None)

    def post(self, question: str, asked: Mapping[str, Any]) -> Answer:
        """The same for a question that may be long, which goes as JSON."""
        return self._blocks("POST", f"/api/store/{question}", json.dumps(asked).encode("ascii"))

    def close(self) -> None:
        """Let go of the lines that nobody uses."""
        with self._lock:
            kept, self._kept = self._kept, []
        for line in kept:
            line.connection.close()

    def __del__(self) -> None:
        if hasattr(self, "_kept"):
            self.close()

    def _blocks(self, method: str, target: str, body: bytes | None) -> Answer:
        for tried in range(1, _TRIES + 1):
            line, reply = self._ask(method, target, body)
            if reply.status == 200 and reply.headers.get_content_type() == CONTENT_TYPE:
                with self.closing_on_error(line, reply):
                    read_opening(reply)
                return Answer(self, line, reply)
            said = self._whole(line, reply)
            if reply.status == 200:
                raise StoreError(f"what answers at {self.address} is no rolltape server")
            if reply.status not in (429, 503) or tried == _TRIES:
                raise self._refusal(reply, said)
            time.sleep(_wait(reply, tried))
        raise AssertionError("the last try answers or raises")

    def rest(self, line: _Line, reply: http.client.HTTPResponse) -> Iterator[Block]:
        """The blocks of an answer; after all of them its line may be used again. Raises StoreError."""
        with self.closing_on_error(line, reply):
            yield from read_blocks(reply)
            whole = not reply.read(1)
        if whole:
            self._keep(line, reply)
        else:
            _drop(line, reply)

    @contextlib.contextmanager
    def closing_on_error(self, line: _Line, reply: http.client.HTTPResponse) -> Iterator[None]:
        """What goes wrong with an answer that has begun, in words."""
        try:
            yield
        except Failed as error:
            _drop(line, reply)
            raise _KINDS.get(error.kind, StoreError)(str(error)) from None
        except Broken as error:
            _drop(line, reply)
            raise StoreError(f"the answer of {self.address} cannot be used: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            _drop(line, reply)
            cut = isinstance(error, http.client.IncompleteRead)
            why = "it ends too early" if cut else in_words(error, _PATIENCE, "ROLLTAPE_CA")
            raise StoreError(f"the answer of {self.address} broke off: {why}; ask again") from None

    def _ask(self, method: str, target: str, body: bytes | None) -> tuple[_Line, http.client.HTTPResponse]:
        """The head of an answer. One that a dropped connection took away is asked for once more."""
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
            headers["Origin"] = self.address.origin  # as its own page would: this only reads
        again = False
        while True:
            line = self._line()
            try:
                connection = line.connection
                connection.request(method, line.before + self.address.path + target, body, headers | line.headers)
                return line, connection.getresponse()
            except (OSError, http.client.HTTPException, UnicodeError) as error:
                line.connection.close()
                if line.used and not isinstance(error, TimeoutError):  # the server may have closed it meanwhile
                    continue
                if isinstance(error, ConnectionResetError | BrokenPipeError) and not again:
                    again = True
                    continue
                why = in_words(error, _PATIENCE, "ROLLTAPE_CA")
                raise StoreError(f"cannot read from {self.address}: {why}") from None

    def _line(self) -> _Line:
        with self._lock:
            if self._kept:
                return self._kept.pop()
        scheme, host, port, _ = self.address
        return _Line(*line_to(scheme, host, port, self._context, _PATIENCE), used=False)

    def _keep(self, line: _Line, reply: http.client.HTTPResponse) -> None:
        """Keep a line for the next question, if the whole answer was read and there is room."""
        with self._lock:
            if reply.isclosed() and not reply.will_close and len(self._kept) < _KEPT:
                self._kept.append(line._replace(used=True))
                return
        _drop(line, reply)

    def _whole(self, line: _Line, reply: http.client.HTTPResponse) -> bytes:
        with self.closing_on_error(line, reply):
            body = reply.read(_LARGEST_REFUSAL)
            more = reply.read(1)
        if more:
            _drop(line, reply)
        else:
            self._keep(line, reply)
        return body

    def _refusal(self, reply: http.client.HTTPResponse, body: bytes) -> StoreError:
        """What a server said in the place of an answer."""
        sentence, kind = _sentence(body), _KINDS.get(reply.headers.get(KIND_HEADER, ""))
        if kind is not None and sentence:
            return kind(sentence)
        said = sentence or f"{reply.status} {http.client.responses.get(reply.status, '')}".rstrip()
        if reply.status == 401:
            how = "" if self._has_token else "; put the token into ROLLTAPE_TOKEN"
            return StoreError(f"{self.address} lets nobody in without its token: {said}{how}")
        if reply.status in (403, 421):
            return StoreError(f"{self.address} refuses: {said}")
        if 300 <= reply.status < 400:
            place = reply.headers.get("location", "nowhere").partition("?")[0][:200]
            return StoreError(f"{self.address} sends elsewhere, to {place}: use that address")
        if reply.status in (404, 405) and self._version and sentence:
            return StoreError(
                f"the rolltape {self._version} at {self.address} is too old to be read from another machine: update it"
            )
        if reply.status in (404, 405):
            return StoreError(f"there is no rolltape server at {self.address}")
        if reply.status == 400 and sentence:
            return StoreError(sentence)
        return StoreError(f"{self.address} does not answer: {said}")


class Answer:
    """The blocks of one answer, once. Whoever wants no more of them closes it, or forgets it."""

    def __init__(self, asker: Asker, line: _Line, reply: http.client.HTTPResponse) -> None:
        self._line = line
        self._reply = reply
        self._blocks = asker.rest(line, reply)
        self._ended = False

    def __iter__(self) -> Answer:
        return self

    def __next__(self) -> Block:
        try:
            return next(self._blocks)
        except BaseException:
            self._ended = True
            raise

    def close(self) -> None:
        """End it; the server notices."""
        if not self._ended:
            self._ended = True
            _drop(self._line, self._reply)

    def __del__(self) -> None:
        self.close()


def _drop(line: _Line, reply: http.client.HTTPResponse) -> None:
    reply.close()
    line.connection.close()


def _wait(reply: http.client.HTTPResponse, tried: int) -> float:
    told = reply.headers.get("retry-after", "")
    wanted = float(told) if told.isascii() and told.isdigit() and len(told) < 6 else 0.5 * 2**tried
    return min(wanted, _LONGEST_WAIT)


def _sentence(body: bytes) -> str:
    """What is wrong, in the words of a rolltape server; empty: it is none."""
    try:
        said = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return said[:2000] if isinstance(said, str) else ""
