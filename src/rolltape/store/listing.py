"""The fast list of runs: opens only those that may have changed since they were last looked at.

A run whose writers have all ended changes only by a new tape, which changes its directory's times. One that was killed
may yet go on (a writer elsewhere that was only silent), in its own files: their sizes and the heartbeats of its heads
are compared too. A running one is always looked at. Stamps are taken before the look, so that whatever comes during it
makes the next stamp differ.

Times are as coarse as the file system's clock: a directory that changed in the last moments could change again
without a trace, so a look at it is not remembered.
"""

from __future__ import annotations

import operator
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from rolltape.store.catalogue import Catalogue, FileStamp, LastValues, Remembered, no_collections
from rolltape.store.model import RunInfo
from rolltape.store.where import Where
from rolltape.tape.filesystem import is_network
from rolltape.tape.life import machine

_SETTLED = 3_000_000_000  # ns since a directory's last change from which its times are trusted: FAT counts in 2 s
_UNKNOWN_CLOCK = 86400 * 1_000_000_000  # ns by which a server's clock may differ if it cannot be seen
_WORTH = 0.05  # s of looking from which a catalogue is written
_RETRY = 60.0  # s from one failed try to write it to the next
_HEADER = 80  # bytes of a head's header

State = Literal["ended", "silent", "open"]


class Seen(NamedTuple):
    """What a look at a run found.

    ``state`` is ``ended`` if each of its tapes ends with an END frame (also if it has none), ``silent`` if some do not,
    but no writer lives, and ``open`` if one does or if anything could not be read: then it is looked at every time.
    """

    info: RunInfo
    state: State


class _Found(NamedTuple):
    name: str  # project/run: their directories
    path: str
    stamp: tuple[int, int, int]  # inode, mtime and ctime (ns)


class Listing:
    """The runs under ``root`` as ``look`` tells them, remembered. May be used from any thread.

    Args:
        root: the store, resolved.
        look: opens the run in a directory and tells what it finds. It is called while others wait for the list.
        last: reads the last value of each metric of the run in a directory.
        catalogue: what is remembered from one process to the next; None: nothing.
    """

    def __init__(
        self,
        root: Path,
        look: Callable[[Path], Seen],
        last: Callable[[Path], Mapping[str, float]],
        catalogue: Catalogue | None = None,
    ) -> None:
        self._root = root
        self._look = look
        self._read_last = last
        self._catalogue = catalogue
        self._lock = threading.RLock()
        self._known: dict[str, Remembered] | None = None
        self._last: dict[str, LastValues] | None = None
        self._new: set[str] = set()  # what the catalogue does not hold yet
        self._new_last: set[str] = set()
        self._gone: set[str] = set()
        self._spent = 0.0  # s that remembering the new ones would save
        self._retry_at = 0.0
        self._skew: int | None = None

    def infos(self) -> list[RunInfo]:
        """All runs, newest first."""
        with self._lock:
            now = time.time_ns()
            with no_collections():
                known = self._remembered()
                there = self._directories()
                still = {found.name: one.info for found in there if (one := _still(known, found)) is not None}
                for found in there:
                    if found.name not in still and _is_run(found):
                        still[found.name] = self._look_at(found, now)
                for name in known.keys() - still.keys():
                    self._forget(name)
                self._save()
            # Two passes: a key of two would be 10,000 tuples
            infos = sorted(still.values(), key=operator.attrgetter("key"))
            infos.sort(key=operator.attrgetter("started"), reverse=True)
            return infos

    def directories(self) -> list[Path]:
        """The directories of all runs, sorted."""
        with self._lock:
            known = self._remembered()
            there = self._directories()
            runs = [
                (found.name.split("/"), found.path)
                for found in there
                if ((one := known.get(found.name)) is not None and one.directory == found.stamp) or _is_run(found)
            ]
        return [Path(path) for _, path in sorted(runs)]

    def chosen(self, infos: Iterable[RunInfo], where: Where) -> list[RunInfo]:
        """Those of the runs, which `infos` gave, that ``where`` is true of."""
        chosen = [info for info in infos if where.matches(info, lambda key=info.key: self.last(key))]  # type: ignore[misc]
        with self._lock:
            self._save()
        return chosen

    def last(self, key: str) -> Mapping[str, float]:
        """The last value of each metric of a run that `infos` gave."""
        with self._lock:
            remembered = self._remembered().get(key)
            if self._last is None:
                self._last = self._catalogue.load_last() if self._catalogue else {}
            known = self._last.get(key)
        ended = remembered is not None and remembered.files is None
        if known is not None and remembered is not None and ended and known.directory == remembered.directory:
            return known.values
        began = time.perf_counter()
        values = self._read_last(self._root / key)
        if remembered is not None and ended:
            with self._lock:
                self._last[key] = LastValues(remembered.directory, dict(values))
                self._new_last.add(key)
                self._spent += time.perf_counter() - began
        return values

    def _remembered(self) -> dict[str, Remembered]:
        if self._known is None:
            self._known = self._catalogue.load() if self._catalogue else {}
        return self._known

    def _look_at(self, found: _Found, now: int) -> RunInfo:
        """Look at a run, and remember what was found if its stamps will tell when that changes."""
        began = time.perf_counter()
        path = Path(found.path)
        seen = self._look(path)
        files = None
        if seen.state == "silent":
            files = _file_stamps(found.path)
            seen = self._look(path)  # what came before the stamps is in it
        if seen.state == "ended":
            files = None
        if seen.state == "open" or (seen.state == "silent" and files is None) or not self._is_settled(found.stamp, now):
            self._forget(found.name)
            return seen.info
        where = "" if files is None else machine()
        self._remembered()[found.name] = Remembered(found.stamp, files, where, seen.info)
        self._new.add(found.name)
        self._gone.discard(found.name)
        self._spent += time.perf_counter() - began
        return seen.info

    def _forget(self, name: str) -> None:
        if self._remembered().pop(name, None) is not None:
            self._new.discard(name)
            self._gone.add(name)

    def _is_settled(self, stamp: tuple[int, int, int], now: int) -> bool:
        if self._skew is None:
            self._skew = _skew(self._root)
        return now + self._skew - max(stamp[1:]) >= _SETTLED

    def _directories(self) -> list[_Found]:
        """Every directory in a directory of the root, whether or not there is a run in it."""
        there = []
        for project in _scan(os.fspath(self._root)):
            for run in _scan(project.path):
                try:
                    status = os.stat(run.path)  # noqa: PTH116 (not run.stat(): Windows gives old times there)
                except OSError:
                    continue
                stamp = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
                there.append(_Found(f"{project.name}/{run.name}", run.path, stamp))
        return there

    def _save(self) -> None:
        if self._catalogue is None or self._spent < _WORTH or time.monotonic() < self._retry_at:
            return
        known, last = self._remembered(), self._last or {}
        runs = {name: known[name] for name in self._new}
        values = {name: last[name] for name in self._new_last}
        if self._catalogue.save(runs, values, self._gone):
            self._new.clear()
            self._new_last.clear()
            self._gone.clear()
            self._spent = 0.0
        else:
            self._retry_at = time.monotonic() + _RETRY


def _still(known: Mapping[str, Remembered], found: _Found) -> Remembered | None:
    """What is remembered of a run, if nothing has changed since."""
    one = known.get(found.name)
    if one is None or one.directory != found.stamp:
        return None
    if one.files is not None and (
        one.machine != machine() or one.files != _file_stamps(found.path, [file.name for file in one.files])
    ):
        return None
    return one


def _is_run(found: _Found) -> bool:
    return os.path.exists(f"{found.path}/run.json")  # noqa: PTH110 (a Path takes longer than the question)


def _file_stamps(directory: str, names: Iterable[str] | None = None) -> tuple[FileStamp, ...] | None:
    """The stamps of the tapes and heads in a run's directory, which has those of these names; None: unreadable.

    They are opened, because only then does a client of a network file system ask for their size anew.
    """
    stamps = []
    try:
        if names is None:
            names = sorted(entry.name for entry in _scan(directory, directories=False) if _is_ours(entry))
        for name in names:
            descriptor = os.open(f"{directory}/{name}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                status = os.fstat(descriptor)
                header = os.read(descriptor, _HEADER).hex() if name.endswith(".head") else ""
            finally:
                os.close(descriptor)
            stamps.append(FileStamp(name, status.st_size, status.st_mtime_ns, header))
    except OSError:
        return None
    return tuple(stamps)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith((".tape", ".head")) and entry.is_file()


def _scan(directory: str, directories: bool = True) -> Iterator[os.DirEntry[str]]:
    """The entries of a directory; nothing if it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    if entry.is_dir() == directories:
                        yield entry
                except OSError:  # a link that leads nowhere it may
                    continue
    except OSError:
        return


def _skew(root: Path) -> int:
    """How far (ns) the clock that stamps files under ``root`` is ahead of this machine's, or less than that."""
    if not is_network(root):
        return 0
    try:
        with tempfile.TemporaryFile(dir=root) as file:
            return os.fstat(file.fileno()).st_mtime_ns - time.time_ns()
    except OSError:
        return -_UNKNOWN_CLOCK
