"""The tokens that a server knows now: as its file tells, which is read again when it changes."""

from __future__ import annotations

import hmac
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from rolltape.errors import StoreError
from rolltape.server.access.scopes import Scopes, parse_scopes
from rolltape.server.access.token_file import StoredToken, hash_of, read_tokens

_LONGEST = 300  # characters of what may be a token

_log = logging.getLogger("rolltape.server")

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """A token and what it allows."""

    stored: StoredToken
    scopes: Scopes


class WatchedTokens:
    """The tokens in ``path``. A file that cannot be read any more lets nobody in. For one thread.

    Raises:
        StoreError: the file cannot be read, or is not what it must be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()
        self._stamp: _Stamp | None = None
        self._problem: str | None = None
        self._by_hash: dict[str, Known] = {}
        self._by_id: dict[str, Known] = {}
        self._look()
        if self._problem is not None:
            raise StoreError(self._problem)

    @property
    def problem(self) -> str | None:
        """Why the file tells nothing; None: it does. As of the last question."""
        return self._problem

    def by_text(self, text: str) -> Known | None:
        """The token of this text, also if it has expired."""
        self._look()
        if len(text) > _LONGEST:
            return None
        digest = hash_of(text)
        found = self._by_hash.get(digest)
        return found if found is not None and hmac.compare_digest(found.stored.sha256, digest) else None

    def by_id(self, id: str) -> Known | None:
        """The token of this id, also if it has expired."""
        self._look()
        return self._by_id.get(id)

    def holds(self, known: Known) -> bool:
        """Whether a token is there as it was, and has not expired."""
        return self.by_id(known.stored.id) == known and not known.stored.has_expired(time.time())

    def _look(self) -> None:
        try:
            status = self.path.stat()
            stamp = status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
        except OSError:
            stamp = (0, 0, 0, 0)
        if stamp == self._stamp:
            return
        found: list[Known] = []
        problem = None
        try:
            found = [Known(token, parse_scopes(token.scopes)) for token in read_tokens(self.path)]
        except StoreError as error:
            problem = str(error)
            if self._stamp is not None:
                _log.error("nobody is let in: %s", problem)
        else:
            if self._stamp is not None:
                _log.warning("the token file %s was read again: %d tokens", self.path, len(found))
        self._stamp, self._problem = stamp, problem
        self._by_hash = {known.stored.sha256: known for known in found}
        self._by_id = {known.stored.id: known for known in found}
