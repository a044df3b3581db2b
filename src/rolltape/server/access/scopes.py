"""What a token may do: ``admin``, ``write:PROJECT`` and ``read:PROJECT``, where ``*`` stands for every project."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from rolltape.tape.names import directory_name

EVERY = "*"
LONGEST_PROJECT = 1000  # characters of a project's name
SHIPPING = "/api/ship"  # where tapes are sent to
CURVES = "/api/store/curves"  # a question that may be too long for an address; it only reads
_KEY, _TOKEN = "rolltape.scopes", "rolltape.token"  # of an ASGI scope

Need = Literal["read", "write", "admin"]


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a set of scopes allows. Projects go by the names that `rolltape.init` is given."""

    admin: bool
    writes: frozenset[str]
    reads: frozenset[str]

    def may_write(self, project: str) -> bool:
        """Whether runs of this project may be sent."""
        return self.admin or EVERY in self.writes or project in self.writes

    def allow(self, need: Need) -> bool:
        """Whether this may be done at least for some project."""
        return self.admin or (need == "read" and bool(self.reads)) or (need == "write" and bool(self.writes))

    def seen(self) -> frozenset[str] | None:
        """The directories of the projects whose runs may be read; None: all."""
        if self.admin or EVERY in self.reads:
            return None
        return frozenset(map(directory_name, self.reads))


EVERYTHING = Scopes(True, frozenset(), frozenset())
NOTHING = Scopes(False, frozenset(), frozenset())


def parse_scopes(texts: Iterable[str]) -> Scopes:
    """What these scopes allow together. Raises ValueError with a sentence about the first that is none."""
    admin = False
    projects: dict[str, set[str]] = {"write": set(), "read": set()}
    for text in texts:
        kind, colon, project = text.partition(":")
        if text == "admin":
            admin = True
        elif kind in projects and colon and 0 < len(project) <= LONGEST_PROJECT:
            projects[kind].add(project)
        else:
            raise ValueError(
                f"{text[:100]!r} is no scope: give admin, write:PROJECT or read:PROJECT (PROJECT may be * for all)"
            )
    return Scopes(admin, frozenset(projects["write"]), frozenset(projects["read"]))


def needed(method: str, path: str) -> Need:
    """What a request needs; a route that nobody thought of needs ``admin`` to change anything."""
    if method in ("GET", "HEAD") or (method == "POST" and path == CURVES):
        return "read"
    return "write" if method == "POST" and path == SHIPPING else "admin"


def named(need: Need) -> str:
    """What a token lacks, as a sentence may hold it."""
    return "admin" if need == "admin" else f"{need}:PROJECT or admin"


def grant(scope: MutableMapping[str, Any], scopes: Scopes, token: str | None = None) -> None:
    """Note in an ASGI scope what its request may do, and the id of its token."""
    scope[_KEY] = scopes
    scope[_TOKEN] = token


def scopes_of(scope: MutableMapping[str, Any]) -> Scopes:
    """What a request may do, of which `Guard` has taken note; nothing if it has not."""
    found = scope.get(_KEY, NOTHING)
    return found if isinstance(found, Scopes) else NOTHING
