"""Who may ask a server that other machines can reach: those who know its token.

The token comes in the address that `rolltape ui` prints. A browser is given a cookie for it and sent to the same
address without it, so that it does not stay in view or in bookmarks. Scripts send it as ``Authorization: Bearer``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from html import escape
from typing import cast
from urllib.parse import quote, unquote_plus

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from rolltape.errors import StoreError
from rolltape.server.replies import html_page, refusal

_SHORTEST, _LONGEST = 16, 200
_TOKEN = re.compile(rf"[A-Za-z0-9._~-]{{{_SHORTEST},{_LONGEST}}}")  # what needs no escape in an address or header
_PLAIN = "!$&'()*+,/:;=?@%-._~[]"  # what stays as it is in a query

_LOCKED = """<p>{why}</p>
<p>Open the address that <code>rolltape ui</code> printed where it was started: it ends in <code>?token=</code> and the
token. The browser remembers it until it is closed.</p>"""


@dataclass(frozen=True, slots=True)
class Token:
    """The token of one server; ``port`` tells its cookie from those of other servers on the machine."""

    text: str
    port: int

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        return f"rolltape-{self.port}"

    @property
    def cookie_value(self) -> str:
        """The cookie's value: other servers of the machine are sent it too, so it does not hold the token."""
        return hmac.new(self.text.encode(), self.cookie.encode(), hashlib.sha256).hexdigest()


def make_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


def checked_token(text: str) -> str:
    """A token that somebody chose. Raises StoreError."""
    if not _TOKEN.fullmatch(text):
        raise StoreError(
            f"the token must be {_SHORTEST} to {_LONGEST} characters of A-Z a-z 0-9 . _ ~ - "
            f"(leave it out and a good one is made)"
        )
    return text


def bearer_of(headers: Headers) -> str | None:
    """The token in the Authorization header of a request; None: there is none of that kind."""
    kind, _, given = headers.get("authorization", "").strip().partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def cookies_of(headers: Headers) -> list[tuple[str, str]]:
    """The cookies of a request, also where several have one name."""
    pairs = (pair.strip().partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [(name, value) for name, _, value in pairs]


def has_bearer(token: Token, headers: Headers) -> bool:
    """Whether a request has the token in its Authorization header."""
    given = bearer_of(headers)
    return given is not None and _is_same(given, token.text)


def has_cookie(token: Token, headers: Headers) -> bool:
    """Whether a request has the cookie."""
    return any(name == token.cookie and _is_same(value, token.cookie_value) for name, value in cookies_of(headers))


def entrance(token: Token, scope: Scope, *, secure: bool = False) -> Response | None:
    """The way in for a request with the token in its query: a cookie, and the address without it. None: no token.

    secure: whether the browser came by HTTPS; then it sends the cookie by nothing else.
    """
    pairs = _query(scope).split("&")
    given = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) == "token"]
    if not given:
        return None
    if not all(_is_same(unquote_plus(pair.partition("=")[2]), token.text) for pair in given):
        return locked(scope, "The token in this address is not the one of this server, which may have been restarted.")
    address = address_of(scope, "&".join(pair for pair in pairs if pair not in given))
    response = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    response.set_cookie(token.cookie, token.cookie_value, path="/", httponly=True, samesite="strict", secure=secure)
    return response


def locked(scope: Scope, why: str = "The request has neither its cookie nor the token itself.") -> Response:
    """401, as a page or for a program."""
    headers = {"cache-control": "no-store", "www-authenticate": 'Bearer realm="rolltape"'}
    if scope["path"].startswith("/api/"):
        sentence = f"{why} Open the address that rolltape ui printed, or send the token as Authorization: Bearer TOKEN"
        return refusal(sentence, 401, headers)
    words = _LOCKED.format(why=escape(why))
    return html_page("This page needs its token", words, 401, headers, again_from_elsewhere(scope))


def again_from_elsewhere(scope: Scope) -> str:
    """For the head of a page: ask once more. Empty unless a link on another site led here.

    A browser that follows such a link sends no strict cookie. Coming from this page it does.
    """
    if Headers(scope=scope).get("sec-fetch-site") != "cross-site":
        return ""
    return f'<meta http-equiv="refresh" content="0; url={escape(address_of(scope, _query(scope)))}">\n'


def _query(scope: Scope) -> str:
    return cast(bytes, scope["query_string"]).decode("latin-1")


def address_of(scope: Scope, query: str) -> str:
    """What was asked for, with this query; with two slashes at its beginning it would be another host's."""
    path = "/" + quote(scope["path"], safe="/", errors="surrogatepass").lstrip("/")
    return f"{path}?{quote(query, safe=_PLAIN)}" if query else path


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())
