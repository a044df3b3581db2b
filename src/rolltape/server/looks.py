"""Looking at runs, and remembering which of them have changed: the ground of ETags and of news.

Runs that nobody writes are told by the store's marks, so that a look need not open them; the others are followed.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakKeyDictionary

from rolltape.store import DirectoryStore
from rolltape.store.run_files import RunFiles

_REMEMBERED = 600.0  # s: how long a change is kept for those who ask what changed


class _State(NamedTuple):
    """What a look at a run saw."""

    mark: int | None  # the store's; None: it is open
    serial: int  # of its files, if it was followed. A directory that went away and came back has a higher one
    version: int  # of its files


class _Known(NamedTuple):
    stamp: int
    state: _State


class _Change(NamedTuple):
    version: int
    when: float  # monotonic s


class Looks:
    """Every look at the runs of a store. May be used from any thread."""

    def __init__(self, store: DirectoryStore) -> None:
        self.version = 0  # grows when a look finds something new
        self._store = store
        self._nonce = secrets.token_bytes(16)  # no ETag outlives this process
        self._lock = threading.Lock()
        self._serials: WeakKeyDictionary[RunFiles, int] = WeakKeyDictionary()
        self._next = itertools.count(1)
        self._known: dict[str, _Known] = {}
        self._marks: dict[str, int] = {}  # as of the last look at all
        self._changes: dict[str, _Change] = {}
        self._looked_at_all = False

    def look(self, chosen: Iterable[RunFiles]) -> list[int]:
        """`look_at`, by the files of the runs."""
        return self.look_at([files.key for files in chosen])

    def look_at(self, keys: Sequence[str]) -> list[int]:
        """Look at the runs of these keys. Of each a stamp: another number whenever there is something new."""
        found = [(key, self._see(key, self._store.mark(key))) for key in keys]
        with self._lock:
            self._note(found)
            return [self._known[key].stamp for key in keys]

    def look_at_all(self) -> None:
        """Look at every run that can have changed; also notes which have come or vanished."""
        marks, open = self._store.standing()
        changed: list[str] = []
        with self._lock:
            if marks != self._marks:
                changed = [key for key, mark in marks.items() if not self._is_marked(key, mark)]
        found = [(key, self._see(key, marks[key])) for key in changed]
        found += [(key, self._see(key, None, looked=True)) for key in open]
        with self._lock:
            # Before the first look at all there is nothing for a run to be newer than
            self._note(found, told=self._looked_at_all)
            self._note_gone([key for key in self._known.keys() - marks.keys() if key not in set(open)])
            self._marks, self._looked_at_all = marks, True
            old = time.monotonic() - _REMEMBERED
            self._changes = {key: change for key, change in self._changes.items() if change.when > old}

    def changed_since(self, version: int) -> tuple[set[str], int]:
        """The keys of the runs that changed, came or went after ``version``, and the version now."""
        with self._lock:
            return {key for key, change in self._changes.items() if change.version > version}, self.version

    def changed_within(self, seconds: float) -> set[str]:
        """The keys of the runs of which a change was noticed in the last seconds."""
        since = time.monotonic() - seconds
        with self._lock:
            return {key for key, change in self._changes.items() if change.when >= since}

    def etag(self, question: bytes, chosen: Iterable[RunFiles], stamps: Iterable[int]) -> str:
        """A strong ETag for the answer to ``question`` about runs that have come as far as ``stamps``."""
        digest = hashlib.blake2b(self._nonce, digest_size=16)
        parts = (
            question,
            *(f"{f.key}\0{stamp}".encode(errors="surrogatepass") for f, stamp in zip(chosen, stamps, strict=True)),
        )
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        return f'"{digest.hexdigest()}"'

    def _is_marked(self, key: str, mark: int) -> bool:
        known = self._known.get(key)
        return known is not None and known.state.mark == mark

    def _see(self, key: str, mark: int | None, *, looked: bool = False) -> _State:
        """What there is to see of a run; ``looked``: its files were looked at just now."""
        with self._lock:
            known = self._known.get(key)
        if mark is not None and (known is None or known.state.mark is not None):
            return _State(mark, 0, 0)
        files = self._store.files_of(key)
        with self._lock:
            if files not in self._serials:
                self._serials[files] = next(self._next)
            serial = self._serials[files]
        if not looked or not files.version:
            with suppress(
                Exception
            ):  # a run that cannot be looked at must not hide the others; asking for it tells why
                files.refresh()
        return _State(mark, serial, files.version)

    def _note(self, found: Iterable[tuple[str, _State]], *, told: bool = True) -> None:
        """Remember what was seen; new runs are news only if ``told``."""
        news = []
        for key, state in found:
            known = self._known.get(key)
            if known is None or _is_newer(state, known.state):
                if told or known is not None:
                    news.append(key)
                self._known[key] = _Known(next(self._next), state)
            elif known.state.mark is None and state.mark is not None:
                self._known[key] = known._replace(state=state)
        self._tell(news)

    def _note_gone(self, gone: list[str]) -> None:
        for key in gone:
            del self._known[key]
        self._tell(gone)

    def _tell(self, keys: Sequence[str]) -> None:
        if keys:
            self.version += 1
            self._changes.update(dict.fromkeys(keys, _Change(self.version, time.monotonic())))


def _is_newer(state: _State, known: _State) -> bool:
    if state.mark is None:
        return known.mark is not None or (state.serial, state.version) > (known.serial, known.version)
    if known.mark is None:  # nobody writes it any more: was that all?
        return (state.serial, state.version) != (known.serial, known.version)
    return state.mark > known.mark  # another look may have been faster than this one
