"""What a server says to a request before any route sees it: it may pass, or why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rolltape.server.access.scopes import EVERYTHING, Scopes


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may pass.

    Attributes:
        scopes: what it may do.
        by_bearer: whether it brought its token itself, which no page of another site can make a browser do.
        token: the id of its token; None: the server knows no ids.
        holds: whether the token still holds, for what takes long.
    """

    scopes: Scopes = EVERYTHING
    by_bearer: bool = False
    token: str | None = None
    holds: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that is answered at once with a sentence; ``token`` is the id of its token, if it is known."""

    status: int
    sentence: str
    headers: dict[str, str] = field(default_factory=dict)
    token: str | None = None
