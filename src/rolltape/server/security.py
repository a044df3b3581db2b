"""Who may ask, and how: Host, token and Origin, a bound on requests at one time, and headers for the browser."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from html import escape

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rolltape.server.access.admission import Admitted, Denied
from rolltape.server.access.door import Door
from rolltape.server.access.origin import Came, came
from rolltape.server.access.revocable import while_it_holds
from rolltape.server.access.scopes import SHIPPING, grant
from rolltape.server.replies import STYLE_HASH, html_page, refusal
from rolltape.server.token import Token, again_from_elsewhere, entrance, has_bearer, has_cookie, locked
from rolltape.tape.shipment import CONTENT_TYPE

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

POLICY = (
    f"default-src 'self'; style-src 'self' {STYLE_HASH}; img-src 'self' data: blob:; media-src 'self'; "
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

MOST_AT_A_TIME = 200  # requests that are being answered, streams among them

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_READING = ("GET", "HEAD")
_LONG = ("/api/events", "/api/store/points")  # answers that end when their token does


class Guard:
    """ASGI middleware. A page of another site that has its own name point here (DNS rebinding) is answered 421.

    Args:
        app: what is guarded.
        hosts: names, besides those of the loopback, that the server goes by; IPv6 addresses in brackets.
        own_addresses: whether it also goes by the address at which a connection came in.
        token: what a request must know; None: nothing.
        door: in the token's place, what knows the tokens of a file; whom it refuses is logged.
        behind_proxy: whether all requests come through a proxy whose X-Forwarded-Proto and X-Forwarded-For hold.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] = (),
        own_addresses: bool = False,
        token: Token | None = None,
        door: Door | None = None,
        behind_proxy: bool = False,
    ) -> None:
        self.app = app
        self.hosts = LOOPBACK | {host.lower() for host in hosts}
        self.own_addresses = own_addresses
        self.token = token
        self.door = door
        self.behind_proxy = behind_proxy
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

        headers = Headers(scope=scope)
        way = came(scope, headers, behind_proxy=self.behind_proxy)
        found = self._judge(scope, headers, way)
        if isinstance(found, Denied):
            if self.door is not None:
                method, path = scope["method"], scope["path"]
                self.door.refusals.tell(way.address, method, path, found.status, found.sentence, found.token)
            found = _answer_of(found, scope)
        self._under_way += 1
        try:
            if not isinstance(found, Admitted):
                await found(scope, receive, send_with_headers)
                return
            grant(scope, found.scopes, found.token)
            is_long = scope["path"] in _LONG
            app = self.app if found.holds is None or not is_long else while_it_holds(self.app, found.holds)
            with contextlib.nullcontext() if self.door is None else self.door.counted(found, way):
                await app(scope, receive, send_with_headers)
        finally:
            self._under_way -= 1

    def _judge(self, scope: Scope, headers: Headers, way: Came) -> Admitted | Denied | ASGIApp:
        """Whether a request may pass; if not, why, or what is answered in the place of the application."""
        if self._under_way >= MOST_AT_A_TIME:
            sentence = f"{MOST_AT_A_TIME} requests are being answered, which is the most at one time: try again"
            return Denied(503, sentence, {"retry-after": "2"})
        hosts = headers.getlist("host")
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return Denied(400, "the Host header must name one host")
        if match["name"].lower() not in self.hosts and not (self.own_addresses and _came_to(scope, match["name"])):
            sentence = f"the Host header names {match['name']}, which this server does not go by"
            return Denied(421, f"{sentence}; it would if it were started with --allow-host {match['name']}")
        found = self._by_token(scope, headers, way) if self.door is None else self.door.admit(scope, headers, way)
        if isinstance(found, Admitted) and scope["method"] not in _READING and not found.by_bearer:
            if scope["path"] == SHIPPING and not headers.getlist("origin") and _is_shipment(headers):
                return found  # no browser sends this kind of body to another site without having asked it first
            return _check_origin(headers, hosts[0], way, found.token) or found
        return found

    def _by_token(self, scope: Scope, headers: Headers, way: Came) -> Admitted | ASGIApp:
        if self.token is None:
            return Admitted()
        if has_bearer(self.token, headers):
            return Admitted(by_bearer=True)
        if scope["method"] in _READING:
            answer = entrance(self.token, scope, secure=way.scheme == "https")
            if answer is not None:
                return answer
        return Admitted() if has_cookie(self.token, headers) else locked(scope)


def _is_shipment(headers: Headers) -> bool:
    return headers.getlist("content-type") == [CONTENT_TYPE]


def _check_origin(headers: Headers, host: str, way: Came, token: str | None) -> Denied | None:
    """What a browser says of the page that asks. No page of another site can make it say something else.

    Where it is certain by which scheme the browser came, a page of the other scheme is another site's: whoever can
    change what passes on the way can make one that comes by plain HTTP.
    """
    origins = headers.getlist("origin")
    if not origins:
        sentence = f"the Origin header is missing: what changes anything must send Origin: {way.scheme}://{host}"
        return Denied(403, sentence, token=token)
    own = [f"{scheme}://{host.lower()}" for scheme in ([way.scheme] if way.known else ["http", "https"])]
    if len(origins) > 1 or origins[0].lower() not in own:
        return Denied(403, "the Origin header names another site", token=token)
    return None


def _answer_of(denied: Denied, scope: Scope) -> ASGIApp:
    """A sentence for a program; for a browser that opens the page without what it needs, as a page."""
    if "www-authenticate" not in denied.headers or scope["path"].startswith("/api/"):
        return refusal(denied.sentence, denied.status, denied.headers)
    words = f"<p>{escape(denied.sentence[:1].upper() + denied.sentence[1:])}.</p>"
    head = again_from_elsewhere(scope) if denied.status == 401 else ""
    return html_page("This page needs a token", words, denied.status, denied.headers, head)


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
