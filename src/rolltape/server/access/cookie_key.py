"""The key that cookies are made with: it lies apart from the tokens, so that their file alone lets nobody in."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from rolltape.store.cache_directory import cache_directory

_BYTES = 32


def cookie_key() -> bytes:
    """The key of this user: browsers stay known when the server is started again. If it is lost they must enter anew.

    Where there is no cache directory it lasts as long as the process.
    """
    cache = cache_directory()
    fresh = secrets.token_bytes(_BYTES)
    if cache is None:
        return fresh
    file = cache / "cookie.key"
    with contextlib.suppress(OSError):
        return _kept(file) or _keep(file, fresh)
    return fresh


def _kept(file: Path) -> bytes | None:
    try:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            return None  # others may know it
        found = file.read_bytes()
    except FileNotFoundError:
        return None
    return found if len(found) == _BYTES else None


def _keep(file: Path, key: bytes) -> bytes:
    """Write the key down, unless another server does so at the same time: then that one's."""
    unfinished = file.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(key)
        if file.exists():
            unfinished.replace(file)  # it is of no use
            return key
        try:
            os.link(unfinished, file)
        except FileExistsError:
            return _kept(file) or key
        except OSError:  # no links here
            unfinished.replace(file)
        return key
    finally:
        unfinished.unlink(missing_ok=True)
