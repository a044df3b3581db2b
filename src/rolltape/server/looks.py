"""Looking at runs, and remembering which of them have changed: the ground of ETags and of news."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from rolltape.store import DirectoryStore
from rolltape.store.run_files import RunFiles

_REMEMBERED = 600.0  # s: how long a change is kept for those who ask what changed


class Stamp(NamedTuple):
    """How far a run had come. A directory that went away and came back is another run, with a higher serial."""

    serial: int
    version: int


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
        self._next_serial = itertools.count(1)
        self._known: dict[str, Stamp] = {}
        self._changes: dict[str, _Change] = {}
        self._looked_at_all = False

    def look(self, chosen: Iterable[RunFiles]) -> list[Stamp]:
        """Look at some runs; how far each has come."""
        found = [(files.key, self._stamp(files)) for files in chosen]
        with self._lock:
            self._note(found)
        return [stamp for _, stamp in found]

    def look_at_all(self) -> tuple[list[RunFiles], list[Stamp]]:
        """Look at every run there is; also notes which have vanished."""
        every = self._store.run_files()
        found = [(files.key, self._stamp(files)) for files in every]
        with self._lock:
            if self._looked_at_all:
                self._note(found, gone=self._known.keys() - {key for key, _ in found})
            else:  # there is no earlier look for anything to be newer than
                self._known.update(found)
                self._looked_at_all = True
            old = time.monotonic() - _REMEMBERED
            self._changes = {key: change for key, change in self._changes.items() if change.when > old}
        return every, [stamp for _, stamp in found]

    def changed_since(self, version: int) -> tuple[set[str], int]:
        """The keys of the runs that changed, came or went after ``version``, and the version now."""
        with self._lock:
            return {key for key, change in self._changes.items() if change.version > version}, self.version

    def changed_within(self, seconds: float) -> set[str]:
        """The keys of the runs of which a change was noticed in the last seconds."""
        since = time.monotonic() - seconds
        with self._lock:
            return {key for key, change in self._changes.items() if change.when >= since}

    def etag(self, question: bytes, chosen: Iterable[RunFiles], stamps: Iterable[Stamp]) -> str:
        """A strong ETag for the answer to ``question`` about runs that have come as far as ``stamps``."""
        digest = hashlib.blake2b(self._nonce, digest_size=16)
        parts = (
            question,
            *(
                f"{f.key}\0{s.serial}\0{s.version}".encode(errors="surrogatepass")
                for f, s in zip(chosen, stamps, strict=True)
            ),
        )
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        return f'"{digest.hexdigest()}"'

    def _stamp(self, files: RunFiles) -> Stamp:
        with self._lock:
            if files not in self._serials:
                self._serials[files] = next(self._next_serial)
            serial = self._serials[files]
        try:
            return Stamp(serial, files.refresh())
        except Exception:  # a run that cannot be looked at must not hide the others; asking for it tells why
            return Stamp(serial, files.version)

    def _note(self, found: list[tuple[str, Stamp]], gone: Iterable[str] = ()) -> None:
        new = [(key, stamp) for key, stamp in found if stamp > self._known.get(key, Stamp(0, 0))]
        gone = list(gone)
        if not new and not gone:
            return
        self.version += 1
        self._known.update(new)
        for key in gone:
            del self._known[key]
        change = _Change(self.version, time.monotonic())
        self._changes.update(dict.fromkeys([*gone, *(key for key, _ in new)], change))
