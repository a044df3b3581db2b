"""Where the runs of a store lie, and the stamps that tell whether anything there has changed.

Times are as coarse as the file system's clock: a directory that changed in the last moments could change again
without a trace, so its stamp is not to be trusted yet.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from rolltape.store.catalogue import FileStamp
from rolltape.store.trash import TRASH
from rolltape.tape.filesystem import is_network

_SETTLED = 3_000_000_000  # ns since a directory's last change from which its times are trusted: FAT counts in 2 s
_UNKNOWN_CLOCK = 86400 * 1_000_000_000  # ns by which a server's clock may differ if it cannot be seen
_HEADER = 80  # bytes of a head's header

Stamp = tuple[int, int, int]  # inode, mtime and ctime (ns) of a directory


class Found(NamedTuple):
    """A directory that may be a run's."""

    name: str  # project/run: their directories
    path: str
    stamp: Stamp


class _Project(NamedTuple):
    stamp: Stamp
    settled: bool
    runs: dict[str, str]  # paths by name


class RunDirectories:
    """The directories under ``root``, which is resolved. Not for several threads at once.

    projects: the directories of the root that are looked into; None: all.
    """

    def __init__(self, root: Path, projects: Set[str] | None = None) -> None:
        self._root = root
        self._chosen = projects
        self._skew: int | None = None
        self._projects: dict[str, _Project] = {}

    def all(self) -> list[Found]:
        """Every directory in a directory of the root, whether or not there is a run in it."""
        there = []
        for project in self._scan_root():
            for run in _scan(project.path):
                stamp = stamp_of(run.path)
                if stamp is not None:
                    there.append(Found(f"{project.name}/{run.name}", run.path, stamp))
        return there

    def paths(self) -> dict[str, str]:
        """Their paths by name. Only those projects are read whose times do not tell that nothing came or went."""
        now = time.time_ns()
        paths: dict[str, str] = {}
        projects = {}
        for project in self._scan_root():
            stamp = stamp_of(project.path)
            if stamp is None:
                continue
            one = self._projects.get(project.path)
            if one is None or not one.settled or one.stamp != stamp:
                runs = {f"{project.name}/{run.name}": run.path for run in _scan(project.path)}
                one = _Project(stamp, self.is_settled(stamp, now), runs)
            projects[project.path] = one
            paths.update(one.runs)
        self._projects = projects
        return paths

    def shows(self, name: str) -> bool:
        """Whether ``project/run`` lies in a project that is looked into."""
        return self._is_chosen(name.partition("/")[0])

    def is_settled(self, stamp: Stamp, now: int) -> bool:
        """Whether a stamp that was taken at ``now`` (ns) will differ after every later change."""
        if self._skew is None:
            self._skew = _skew(self._root)
        return now + self._skew - max(stamp[1:]) >= _SETTLED

    def _scan_root(self) -> Iterator[os.DirEntry[str]]:
        return (project for project in _scan(os.fspath(self._root)) if self._is_chosen(project.name))

    def _is_chosen(self, project: str) -> bool:
        return project != TRASH and (self._chosen is None or project in self._chosen)


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a directory; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 (not DirEntry.stat(): Windows gives old times there)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def is_run(path: str) -> bool:
    """Whether a directory is a run's."""
    return os.path.exists(f"{path}/run.json")  # noqa: PTH110 (a Path takes longer than the question)


def file_stamps(directory: str, names: Iterable[str] | None = None) -> tuple[FileStamp, ...] | None:
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
