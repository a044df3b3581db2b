"""Where a server is that runs are read through: ``https://HOST``, also as it is printed, with ``?token=``."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from rolltape.errors import StoreError
from rolltape.store.shipping.connection import parse_address, read_token
from rolltape.store.shipping.line import is_loopback

_SHIPPING = "/api/ship"  # what the address of a shipper ends in
_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """A server without its token, which is in no text about it."""

    scheme: str
    host: str
    port: int
    path: str  # before /api; mostly empty

    @property
    def named(self) -> str:
        """Host and port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What the Origin header of its own page would say."""
        return f"{self.scheme}://{self.named}"

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"

    @property
    def is_open(self) -> bool:
        """Whether others could read what travels there."""
        return self.scheme == "http" and not is_loopback(self.host)


def parse(text: str) -> tuple[Address, str | None]:
    """The server that a URL names, and the token to tell it: that in the URL, else ``$ROLLTAPE_TOKEN``.

    Raises:
        StoreError: it is none. No message holds what could be a token or a password.
    """
    try:
        parts = urlsplit(text.strip())
        given = parse_qsl(parts.query, keep_blank_values=True)
        has_name = parts.username is not None or parts.password is not None
    except ValueError as error:
        raise StoreError(f"the address of the server cannot be understood: {error}") from None
    if has_name:
        raise StoreError(
            "the address of the server must hold no name or password: put the token into ROLLTAPE_TOKEN, or write "
            "?token= and it behind the address"
        )
    tokens = [value for name, value in given if name == "token"]
    if len(tokens) != len(given) or len(tokens) > 1:
        raise StoreError("the address of the server may have ?token=, once, and nothing else behind a question mark")
    where = parse_address(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")))
    address = Address(where.scheme, where.host, where.port, where.path.removesuffix(_SHIPPING))
    if not tokens:
        return address, read_token(None)
    token = tokens[0]
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise StoreError("the token in the address of the server is none: it must be ASCII without spaces")
    return address, token
