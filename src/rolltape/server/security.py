"""What keeps other sites out of a server on this machine: Host and Origin checks, and headers for the browser."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rolltape.server.replies import refusal

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
)

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


class Guard:
    """ASGI middleware. A page of another site that has its own name point here (DNS rebinding) is answered 421.

    Args:
        app: what is guarded.
        hosts: names, besides those of the loopback, that the server goes by; IPv6 addresses in brackets.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = POLICY
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers["cross-origin-resource-policy"] = "same-origin"
            await send(message)

        answer = self._refuse(scope["method"], Headers(scope=scope)) or self.app
        await answer(scope, receive, send_with_headers)

    def _refuse(self, method: str, headers: Headers) -> ASGIApp | None:
        hosts = headers.getlist("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return refusal("the Host header must name one host", 400)
        if match["name"].lower() not in self.hosts:
            return refusal(f"the Host header names {match['name']}, which this server does not go by", 421)
        if method not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and origin.lower() not in (f"{s}://{hosts[0].lower()}" for s in ("http", "https")):
                return refusal("the Origin header names another site", 403)
        return None
