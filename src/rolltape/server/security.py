"""Who may ask, and how: Host, token and Origin, a bound on requests at one time, and headers for the browser."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rolltape.server.replies import STYLE_HASH, refusal
from rolltape.server.token import Token, entrance, has_bearer, has_cookie, locked

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

POLICY = (
    f"default-src 'self'; style-src 'self' {STYLE_HASH}; img-src 'self' data: blob:; media-src 'self'; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

MOST_AT_A_TIME = 200  # requests that are being answered, streams among them

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_READING = ("GET", "HEAD")


class Guard:
    """ASGI middleware. A page of another site that has its own name point here (DNS rebinding) is answered 421.

    Args:
        app: what is guarded.
        hosts: names, besides those of the loopback, that the server goes by; IPv6 addresses in brackets.
        own_addresses: whether it also goes by the address at which a connection came in.
        token: what a request must know; None: nothing.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] = (), own_addresses: bool = False, token: Token | None = None
    ) -> None:
        self.app = app
        self.hosts = LOOPBACK | {host.lower() for host in hosts}
        self.own_addresses = own_addresses
        self.token = token
        self._under_way = 0

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
                if scope["method"] not in _READING and message["status"] >= 400:
                    headers["connection"] = "close"  # what is left of the body, which may never end, is not read
            await send(message)

        answer = self._answer_instead(scope, Headers(scope=scope)) or self.app
        self._under_way += 1
        try:
            await answer(scope, receive, send_with_headers)
        finally:
            self._under_way -= 1

    def _answer_instead(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """What is answered in the place of the application; None: nothing is wrong."""
        if self._under_way >= MOST_AT_A_TIME:
            sentence = f"{MOST_AT_A_TIME} requests are being answered, which is the most at one time: try again"
            return refusal(sentence, 503, {"retry-after": "2"})
        hosts = headers.getlist("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return refusal("the Host header must name one host", 400)
        if match["name"].lower() not in self.hosts and not (self.own_addresses and _came_to(scope, match["name"])):
            sentence = f"the Host header names {match['name']}, which this server does not go by"
            return refusal(f"{sentence}; rolltape ui --allow-host {match['name']} would allow it", 421)
        by_bearer = self.token is not None and has_bearer(self.token, headers)
        reads = scope["method"] in _READING
        if self.token is not None and not by_bearer:
            if reads and (answer := entrance(self.token, scope)) is not None:
                return answer
            if not has_cookie(self.token, headers):
                return locked(scope)
        if not reads and not by_bearer:
            return _check_origin(headers, hosts[0])
        return None


def _check_origin(headers: Headers, host: str) -> ASGIApp | None:
    """What a browser says of the page that asks. No page of another site can make it say something else."""
    origins = headers.getlist("origin")
    if not origins:
        return refusal(f"the Origin header is missing: what changes anything must send Origin: http://{host}", 403)
    if len(origins) > 1 or origins[0].lower() not in (f"{scheme}://{host.lower()}" for scheme in ("http", "https")):
        return refusal("the Origin header names another site", 403)
    return None


def _came_to(scope: Scope, name: str) -> bool:
    """Whether ``name`` is the address of this machine that the connection was made to."""
    server = scope.get("server")
    try:
        return server is not None and _address(server[0]) == _address(name.strip("[]"))
    except ValueError:  # a name, or a path of a socket
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
