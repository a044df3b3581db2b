"""The line to a server that collects: one connection that is kept, and its answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rolltape._version import __version__
from rolltape.errors import StoreError
from rolltape.store.shipping.line import in_words, is_loopback, line_to
from rolltape.tape.shipment import CONTENT_TYPE

_PATH = "/api/ship"
_PATIENCE = 60.0  # s without a byte from the server
_PORTS = {"http": 80, "https": 443}
_LARGEST_ANSWER = 16 << 20


class Address(NamedTuple):
    """Where a server is."""

    scheme: str
    host: str
    port: int
    path: str  # of POST /api/ship

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path.removesuffix(_PATH)}"

    def is_open(self) -> bool:
        """Whether others could read what travels there."""
        return self.scheme == "http" and not is_loopback(self.host)


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def sentence(self) -> str:
        """Why it refused, in its own words where it has some."""
        with contextlib.suppress(ValueError, AttributeError, RecursionError):
            said = json.loads(self.body).get("error")
            if isinstance(said, str) and said:
                return said[:500]
        if 300 <= self.status < 400:
            return f"it sends elsewhere, to {self.headers.get('location', 'nowhere')[:200]}: use that address"
        if self.status in (404, 405):
            return "there is no rolltape serve at this address"
        return f"it answered {self.status} {http.client.responses.get(self.status, '')}".rstrip()


class Unreachable(Exception):
    """The server does not answer; the message says why. It may be there again later."""


def parse_address(text: str) -> Address:
    """The address that a URL names, such as ``https://tapes.example.org``.

    Raises:
        StoreError: it is none; the message says why.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise StoreError(f"the address of the server cannot be understood: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise StoreError(f"the address of the server must be http://HOST or https://HOST, not {text!r}")
    if parts.query or parts.fragment or parts.username is not None:
        raise StoreError(
            "the address of the server must hold no token, name or password, which others on this machine could see: "
            "put the token into ROLLTAPE_TOKEN, or into a file and say --token-file"
        )
    return Address(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/") + _PATH)


def read_token(file: Path | None) -> str | None:
    """The token: the first line of a file, else ``$ROLLTAPE_TOKEN``; None: there is none.

    Raises:
        StoreError: the file cannot be read, or what it holds is no token.
    """
    text = os.environ.get("ROLLTAPE_TOKEN", "").strip()
    if file is not None:
        try:
            with file.open(encoding="utf-8") as opened:
                text = opened.readline(4096).strip()
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot read the token from {file}: {error}") from error
        if not text:
            raise StoreError(f"the first line of {file} must be the token; it is empty")
    if not text:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        where = str(file) if file is not None else "ROLLTAPE_TOKEN"
        raise StoreError(f"what {where} holds is no token: it must be ASCII without spaces")
    return text


def trusted(authority: Path | None) -> ssl.SSLContext:
    """Whom to believe: the system's authorities, or the one in a file (PEM).

    Raises:
        StoreError: the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except (OSError, ssl.SSLError) as error:
        raise StoreError(f"cannot use the certificate authority in {authority}: {error}") from error


class Connection:
    """Sends one request at a time.

    Args:
        address: of the server.
        context: whom to believe, where the address is https.
    """

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context
        self._line: http.client.HTTPConnection | None = None
        self._target = address.path
        self._headers = {"Content-Type": CONTENT_TYPE, "User-Agent": f"rolltape/{__version__}"}

    def post(self, body: bytes, token: str | None) -> Reply:
        """Send a shipment.

        Raises:
            Unreachable: there is no answer.
        """
        headers = dict(self._headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        for line in (self._line, None):  # the server may have closed one that was kept: then over a new one
            try:
                return self._post(line or self._open(), body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if line is None or isinstance(error, TimeoutError):
                    raise Unreachable(in_words(error, _PATIENCE, "--ca FILE")) from None
        raise AssertionError("the second try answers or raises")

    def close(self) -> None:
        """Let go of the line."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _post(self, line: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> Reply:
        self._line = line
        try:
            line.request("POST", self._target, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # It may have refused before it read all of it, and have said why
            try:
                answer = line.getresponse()
            except (OSError, http.client.HTTPException):
                raise ConnectionResetError("the server closed the connection while it was sent to") from None
        else:
            answer = line.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read(_LARGEST_ANSWER))
        if answer.will_close or not answer.isclosed():
            self.close()
        return reply

    def _open(self) -> http.client.HTTPConnection:
        scheme, host, port, path = self._address
        line = line_to(scheme, host, port, self._context, _PATIENCE)
        self._target = line.before + path
        self._headers |= line.headers
        return line.connection
