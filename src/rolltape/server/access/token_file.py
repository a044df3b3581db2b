"""The file of a server's tokens: JSON, written whole. Of a token it holds the SHA-256, which lets nobody in.

Tokens are made of 24 random bytes, so that a plain hash is enough: there is nothing to guess.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rolltape.errors import StoreError
from rolltape.server.access.scopes import parse_scopes
from rolltape.store.drafts import sync_directory

FORMAT = 1
MOST_TOKENS = 10_000
LONGEST_NAME = 200  # characters
_LARGEST = 16 << 20  # bytes
_PREFIX = "rtk_"
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FIELDS = ("id", "sha256", "scopes", "name", "made", "expires")


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What the file tells of a token."""

    id: str
    sha256: str  # of the token's text, in hex
    scopes: tuple[str, ...]
    name: str
    made: float  # unix seconds
    expires: float | None  # unix seconds; None: never

    def has_expired(self, now: float) -> bool:
        """Whether it is of no use any more at ``now`` (unix seconds)."""
        return self.expires is not None and now >= self.expires


def hash_of(text: str) -> str:
    """What the file holds of a token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def make_token(
    tokens: list[StoredToken], scopes: list[str], name: str = "", days: float | None = None
) -> tuple[str, StoredToken]:
    """A new token, added to ``tokens``: its text, which is kept nowhere, and what is kept.

    Args:
        tokens: those that there are.
        scopes: what it may do; see `access.scopes`.
        name: what people call it.
        days: for how long; None: until it is revoked.

    Raises:
        StoreError: a scope is none, the name is too long, or the days are not a number above 0.
    """
    try:
        parse_scopes(scopes)
    except ValueError as error:
        raise StoreError(f"scope: {error}") from None
    if not scopes:
        raise StoreError("scope is missing: give admin, write:PROJECT or read:PROJECT")
    if len(name) > LONGEST_NAME:
        raise StoreError(f"name: it must not be longer than {LONGEST_NAME} characters")
    if days is not None and not (math.isfinite(days) and 0 < days <= 1e5):
        raise StoreError(f"days: it must be a number above 0 and at most 100000, not {days:g}")
    if len(tokens) >= MOST_TOKENS:
        raise StoreError(f"there are {MOST_TOKENS} tokens already: revoke some")
    ids = {token.id for token in tokens}
    while (id := secrets.token_hex(4)) in ids:
        pass
    text = _PREFIX + secrets.token_urlsafe(24)
    now = time.time()
    expires = None if days is None else now + 86400 * days
    made = StoredToken(id, hash_of(text), tuple(dict.fromkeys(scopes)), name, now, expires)
    tokens.append(made)
    return text, made


def read_tokens(path: Path) -> list[StoredToken]:
    """The tokens in a file. Raises StoreError, which names the file and what in it is wrong."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"the token file {path} is no file")
            if os.name == "posix" and status.st_mode & 0o022:
                raise StoreError(
                    f"the token file {path} can be changed by other users, who could let themselves in: "
                    f"chmod 600 {path}"
                )
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise StoreError(f"the token file {path} cannot be read: {error.strerror or error}") from error
    if len(raw) > _LARGEST:
        raise StoreError(f"the token file {path} is larger than {_LARGEST} bytes")
    try:
        said = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the token file {path} is not JSON: {error}") from None
    try:
        return _understood(said)
    except ValueError as error:
        raise StoreError(f"the token file {path}: {error}") from None


@contextlib.contextmanager
def changing(path: Path) -> Iterator[list[StoredToken]]:
    """The tokens in a file, to be changed; at the end of the ``with`` block the file holds them, whole or not at all.

    A file that is not there is made, with mode 600. Others who change it meanwhile wait.

    Raises:
        StoreError: it cannot be read, or is not what it must be. OSError: it cannot be written.
    """
    place = path.expanduser().resolve()
    if not place.parent.is_dir():
        raise StoreError(f"the token file {path} cannot be made: there is no directory {place.parent}")
    with _alone(place.parent):
        tokens = read_tokens(place) if place.exists() else []
        before = list(tokens)
        yield tokens
        if tokens != before or not place.exists():
            _write(place, tokens)


def _write(place: Path, tokens: list[StoredToken]) -> None:
    text = json.dumps({"format": FORMAT, "tokens": [asdict(token) for token in tokens]}, indent=1) + "\n"
    unfinished = place.parent / f".{secrets.token_hex(8)}.part"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("ascii"))
            file.flush()
            if os.name == "posix" and place.exists():  # it stays that of the server's user if root changes it
                status = place.stat()
                if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                    with contextlib.suppress(OSError):
                        os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fsync(file.fileno())
        unfinished.replace(place)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_directory(place.parent)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """While another process does the same in this directory it waits, where the system can lock one."""
    if os.name != "posix":
        yield
        return
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _understood(said: Any) -> list[StoredToken]:
    """Raises ValueError, which names the field."""
    if not isinstance(said, dict):
        raise ValueError("it must hold a JSON object")
    if said.get("format") != FORMAT or isinstance(said.get("format"), bool):
        raise ValueError(f"format must be {FORMAT}, not {str(said.get('format'))[:40]}")
    entries = said.get("tokens")
    if not isinstance(entries, list) or len(entries) > MOST_TOKENS:
        raise ValueError(f"tokens must be a list of at most {MOST_TOKENS}")
    tokens = [_token(entry, f"tokens[{number}]") for number, entry in enumerate(entries)]
    for field, values in (("id", [one.id for one in tokens]), ("sha256", [one.sha256 for one in tokens])):
        seen: set[str] = set()
        for number, value in enumerate(values):
            if value in seen:
                raise ValueError(f"tokens[{number}].{field} is that of another token too")
            seen.add(value)
    return tokens


def _token(entry: Any, where: str) -> StoredToken:
    if not isinstance(entry, dict):
        raise ValueError(f"{where} must be an object")
    for field in entry.keys() - set(_FIELDS):
        raise ValueError(f"{where} holds {field[:40]!r}; it may hold {', '.join(_FIELDS)}")
    id, digest, scopes, name = (entry.get(field) for field in _FIELDS[:4])
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError(f"{where}.id must be 1 to 40 characters of A-Z a-z 0-9 _ -")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise ValueError(f"{where}.sha256 must be 64 hex digits in small letters")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(scope, str) for scope in scopes):
        raise ValueError(f"{where}.scopes must be a list of one or more texts")
    try:
        parse_scopes(scopes)
    except ValueError as error:
        raise ValueError(f"{where}.scopes: {error}") from None
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise ValueError(f"{where}.name must be text of at most {LONGEST_NAME} characters")
    if not _is_time(entry.get("made")):
        raise ValueError(f"{where}.made must be a time in unix seconds")
    if "expires" not in entry or not (entry["expires"] is None or _is_time(entry["expires"])):
        raise ValueError(f"{where}.expires must be a time in unix seconds, or null: never")
    return StoredToken(id, digest, tuple(scopes), name, entry["made"], entry["expires"])


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e11
