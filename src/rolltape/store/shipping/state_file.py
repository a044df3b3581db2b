"""Which tapes have been delivered whole, kept in the cache directory. Without it the server is asked again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets

from rolltape.store.cache_directory import cache_directory

_FORMAT = 1


class Delivered:
    """The tapes that a server holds whole: path, inode and size."""

    def __init__(self, address: str, trusted: bool = True) -> None:
        """``trusted``: whether what was noted earlier is believed."""
        cache = cache_directory()
        digest = hashlib.blake2b(address.encode(), digest_size=12).hexdigest()
        self._path = None if cache is None else cache / "shipping" / f"{digest}.json"
        self._known: dict[str, list[int]] = {}
        self._changed = False
        if trusted and self._path is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError, TypeError, RecursionError):
                told = json.loads(self._path.read_text(encoding="utf-8"))
                if told["format"] == _FORMAT:
                    self._known = {str(path): [int(n) for n in stamp] for path, stamp in told["tapes"].items()}

    def has(self, path: str) -> bool:
        """Whether this tape was delivered whole, as it lies there now."""
        known = self._known.get(path)
        return known is not None and known == _stamp(path)

    def add(self, path: str) -> None:
        """Note a tape that was delivered whole."""
        stamp = _stamp(path)
        if stamp is not None:
            self._known[path] = stamp
            self._changed = True

    def forget(self) -> None:
        """Nothing is certain any more: the server has lost something."""
        self._changed = self._changed or bool(self._known)
        self._known.clear()

    def save(self) -> None:
        """Write it down; where that cannot be, the server is asked again some day."""
        if not self._changed or self._path is None:
            return
        self._changed = False
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
            try:
                draft.write_text(json.dumps({"format": _FORMAT, "tapes": self._known}), encoding="utf-8")
                draft.replace(self._path)
            finally:
                draft.unlink(missing_ok=True)


def _stamp(path: str) -> list[int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return [status.st_ino, status.st_size]
