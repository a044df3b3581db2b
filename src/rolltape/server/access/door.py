"""The door of a server with a token file: who is let in, with which scopes, and how often somebody may try."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
from typing import cast
from urllib.parse import unquote_plus

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from rolltape.server.access.admission import Admitted, Denied
from rolltape.server.access.bounds import Allowances, UnderWay, seconds
from rolltape.server.access.cookie_key import cookie_key
from rolltape.server.access.origin import Came
from rolltape.server.access.refusals import Refusals
from rolltape.server.access.scopes import named, needed
from rolltape.server.access.watched_tokens import Known, WatchedTokens
from rolltape.server.token import address_of, bearer_of, cookies_of

MOST_OF_ONE = 150  # requests of one token, or from one address, that are being answered, streams among them
_ATTEMPTS = 20  # wrong tokens that an address may send at once
_EVERY = 3.0  # s to one more

_REALM = 'Bearer realm="rolltape"'
_HOW = "send the token as Authorization: Bearer TOKEN, or open the page once with ?token= and it in the address"


class Door:
    """Knows the tokens of a file and who uses them. For one thread.

    Args:
        tokens: of the file.
        port: tells the cookie from those of other servers on the machine.
    """

    def __init__(self, tokens: WatchedTokens, port: int) -> None:
        self.refusals = Refusals()
        self._tokens = tokens
        self._cookie = f"rolltape-{port}"
        self._key = cookie_key()
        self._attempts = Allowances(_ATTEMPTS, _EVERY)
        self._under_way = UnderWay(MOST_OF_ONE)

    def admit(self, scope: Scope, headers: Headers, came: Came) -> Admitted | Denied | Response:
        """Let a request pass, deny it, or answer it: with a cookie, and where to go with that.

        A right token is let in however many wrong ones came from its address: others may share that.
        """
        if self._under_way.is_full(came.address):
            return _too_many("this address")
        bearer = bearer_of(headers)
        given = _given_in(scope) if scope["method"] in ("GET", "HEAD") and bearer is None else []
        if bearer is not None:
            known = self._tokens.by_text(bearer)
        elif given:
            found = [self._tokens.by_text(text) for text in given]
            known = found[0] if all(one == found[0] for one in found) else None
        else:
            known = self._by_cookie(headers)
        if self._tokens.problem is not None:
            sentence = "the server cannot read its token file, so that it lets nobody in: its log tells why"
            return Denied(503, sentence, {"retry-after": "5"})
        tried = bearer is not None or bool(given)
        if known is None or known.stored.has_expired(time.time()):
            return self._unknown(known, tried, came)
        return self._allowed(known, scope, came, by_bearer=bearer is not None, enters=bool(given))

    def counted(self, admitted: Admitted, came: Came) -> contextlib.AbstractContextManager[None]:
        """Counts a request as being answered until the end of the ``with`` block."""
        return self._under_way.counted([came.address, ("token", admitted.token)])

    def _allowed(
        self, known: Known, scope: Scope, came: Came, *, by_bearer: bool, enters: bool
    ) -> Admitted | Denied | Response:
        id = known.stored.id
        need = needed(scope["method"], scope["path"])
        if not known.scopes.allow(need):
            lacks = {"www-authenticate": f'{_REALM}, error="insufficient_scope"'}
            return Denied(403, f"the token {id} may not do this: it needs the scope {named(need)}", lacks, id)
        if enters:
            response = RedirectResponse(address_of(scope, _without_token(scope)), 303)
            response.headers["cache-control"] = "no-store"
            value = f"{id}.{self._seal(known)}"
            secure = came.scheme == "https"
            response.set_cookie(self._cookie, value, path="/", httponly=True, samesite="strict", secure=secure)
            return response
        if self._under_way.is_full(("token", id)):
            return _too_many(f"the token {id}", id)
        return Admitted(known.scopes, by_bearer, id, lambda: self._tokens.holds(known))

    def _unknown(self, known: Known | None, tried: bool, came: Came) -> Denied:
        wait = self._attempts.take(came.address) if tried and known is None else 0.0
        if wait:
            sentence = "too many wrong tokens came from this address: wait before the next"
            return Denied(429, sentence, {"retry-after": seconds(wait)})
        wrong = {"www-authenticate": f'{_REALM}, error="invalid_token"', "cache-control": "no-store"}
        if known is not None:
            return Denied(401, f"the token {known.stored.id} has expired: ask for another", wrong, known.stored.id)
        if tried:
            return Denied(401, f"this server knows no such token, or it was revoked: {_HOW}", wrong)
        headers = {"www-authenticate": _REALM, "cache-control": "no-store"}
        return Denied(401, f"the request has no token: {_HOW}", headers)

    def _by_cookie(self, headers: Headers) -> Known | None:
        for name, value in cookies_of(headers):
            id, dot, seal = value.partition(".")
            if name == self._cookie and dot and (known := self._tokens.by_id(id)) is not None:
                given, wanted = seal.encode("utf-8", "surrogatepass"), self._seal(known).encode()
                if hmac.compare_digest(given, wanted):
                    return known
        return None

    def _seal(self, known: Known) -> str:
        """What makes the cookie of a token: other servers of the machine are sent it too, so it holds no token."""
        text = "\0".join((self._cookie, known.stored.id, known.stored.sha256))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _too_many(whose: str, token: str | None = None) -> Denied:
    sentence = f"{MOST_OF_ONE} requests of {whose} are being answered, which is the most at one time: try again"
    return Denied(429, sentence, {"retry-after": "1"}, token)


def _pairs(scope: Scope) -> list[str]:
    return cast(bytes, scope["query_string"]).decode("latin-1").split("&")


def _is_token(pair: str) -> bool:
    return unquote_plus(pair.partition("=")[0]) == "token"


def _given_in(scope: Scope) -> list[str]:
    """The tokens in the query of a request."""
    return [unquote_plus(pair.partition("=")[2]) for pair in _pairs(scope) if _is_token(pair)]


def _without_token(scope: Scope) -> str:
    return "&".join(pair for pair in _pairs(scope) if not _is_token(pair))
