"""One run's directory: run.json, its tapes, its notes, and what they say together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rolltape.errors import TapeError
from rolltape.store.identity import read_identity
from rolltape.store.listing import Seen
from rolltape.store.model import RunInfo, WriterInfo
from rolltape.store.notes import Notes, read_notes
from rolltape.store.run_info import Told, describe, in_order, started, tapes_in, writer_status
from rolltape.tape.glance import Glance, glance
from rolltape.tape.indexed_tape import IndexedTape, Progress, nowhere
from rolltape.tape.metric_columns import Columns, concatenate
from rolltape.tape.reader import TapeReader

_SETTLED = 2_000_000_000  # ns after which a directory's time tells of every change


class RunFiles:
    """Follows one run. Every method looks at the files anew and may be called from any thread."""

    def __init__(
        self,
        directory: Path,
        index_places: Callable[[Path], Sequence[Path]] = lambda _: (),
        *,
        on_network: bool = False,
    ) -> None:
        self.directory = directory
        self._index_places = index_places
        self._on_network = on_network
        self._paths: list[Path] = []
        self._notes = Notes()
        self._listed: int | None = None  # ns: the directory's time when its files were listed
        self.key = f"{directory.parent.name}/{directory.name}"
        self.version = 0  # grows when something is new
        self._lock = threading.RLock()
        self._identity: dict[str, Any] = {}
        self._identified: tuple[int, int, int] | None = None  # the stamp of the run.json that this is from
        self._problem: str | None = None
        self._tapes: dict[Path, IndexedTape] = {}
        self._glances: dict[Path, Glance] = {}  # of ended tapes that nobody has asked more about
        self._foreign: dict[Path, str] = {}
        self._seen: object = None
        self._described: tuple[object, RunInfo] | None = None

    def refresh(self) -> int:
        """Look at all files; returns `version`."""
        with self._lock:
            self._identify()
            paths = self._find_tapes()
            for gone in [path for path in (*self._tapes, *self._glances) if path not in paths]:
                self._tapes.pop(gone, None)
                self._glances.pop(gone, None)
            self._foreign = {path: told for path, told in self._foreign.items() if path in paths}
            for path in paths:
                try:
                    self._look_at(path)
                    self._foreign.pop(path, None)
                except TapeError as error:
                    self._tapes.pop(path, None)  # another file lies in its place
                    self._foreign[path] = str(error)
                except OSError as error:
                    self._foreign[path] = str(error)
            there = [path for path in paths if path not in self._foreign]
            seen = (
                [_progress(self._glances.get(path) or self._tapes[path]) for path in there],
                list(self._foreign.values()),
                self._problem,
                self._notes,
            )
            if seen != self._seen:
                self._seen = seen
                self.version += 1
            return self.version

    def _look_at(self, path: Path) -> None:
        seen = self._glances.get(path)
        if path in self._tapes:
            self._tapes[path].refresh()
        elif seen is None or not seen.holds():
            self._glances.pop(path, None)
            found = glance(path)
            if found is not None:
                self._glances[path] = found
            else:
                self._open(path)

    def _open(self, path: Path) -> None:
        self._tapes[path] = IndexedTape(path, self._index_places(path))
        self._glances.pop(path, None)

    def _open_all(self, *, look: bool = True) -> list[IndexedTape]:
        """All tapes in the order they began, also those at which only a glance was needed so far."""
        if look or not self.version:
            self.refresh()
        for path in list(self._glances):
            try:
                self._open(path)
            except (TapeError, OSError) as error:
                self._foreign[path] = str(error)
        return sorted(self._tapes.values(), key=lambda tape: (tape.reader.opened, tape.path.name))

    def info(self) -> RunInfo:
        """Everything known of the run, its tapes read to where they can be read."""
        with self._lock:
            self._open_all()
            return self.at_a_glance()

    def at_a_glance(self) -> RunInfo:
        """What a list needs. Of ended tapes only the first and the last frame are read: points are those recorded."""
        with self._lock:
            self.refresh()
            told = self._told()
            # Rows in a head change nothing but how many points there are
            of = self._identified, self._notes, self._problem, *[(one.alive, one.lost, _frames(one)) for one in told]
            points = sum(one.points for one in told)
            if self._described is None or self._described[0] != of:
                info = describe(self.directory, self._identity, self._problem, told, self._notes)
                self._described = of, info
            elif points != self._described[1].points:
                self._described = of, replace(self._described[1], points=points)
            return self._described[1]

    def seen(self) -> Seen:
        """The run at a glance, and how far it may be taken for that the next time."""
        with self._lock:
            info, told = self.at_a_glance(), self._told()
            if self._foreign or self._problem is not None:
                return Seen(info, "open")
            if all(one.end is not None and not (isinstance(one, TapeReader) and one.problem) for one in told):
                return Seen(info, "ended")
            return Seen(info, "open" if any(one.alive for one in told) else "silent")

    @property
    def goes_on(self) -> bool:
        """Whether a writer lived at the last look, as far as this machine can tell."""
        with self._lock:
            return any(tape.reader.alive for tape in self._tapes.values()) or any(
                one.alive for one in self._glances.values()
            )

    def started(self) -> float:
        """When the run began, in unix seconds."""
        with self._lock:
            self._identify()
            return started(self._identity, self._told())

    def _told(self) -> list[Told]:
        return in_order([*(tape.reader for tape in self._tapes.values()), *self._glances.values()])

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is the run's id or project/id."""
        with self._lock:
            self._identify()
            id = self._identity.get("id", self.directory.name)
            return name in (id, f"{self._identity.get('project', self.directory.parent.name)}/{id}")

    def writers(self) -> list[WriterInfo]:
        """The run's writing processes in the order they began, and files that only look like tapes."""
        with self._lock:
            found = [
                WriterInfo(
                    reader.path.stem,
                    writer_status(reader),
                    reader.opening.get("parent"),
                    reader.frames,
                    reader.points,
                    reader.lost,
                    None if reader.alive else reader.problem,
                )
                for reader in (tape.reader for tape in self._open_all())
            ]
            return found + [
                WriterInfo(path.stem, "killed", None, 0, 0, 0, problem) for path, problem in self._foreign.items()
            ]

    def metrics(self) -> list[str]:
        """The names of all metrics, sorted."""
        with self._lock:
            return sorted({name for tape in self._open_all() for name in tape.reader.metrics()})

    def events(self) -> list[dict[str, Any]]:
        """Texts and the names of media files, by time."""
        with self._lock:
            return sorted((e for tape in self._open_all() for e in tape.reader.events), key=lambda e: e.get("time", 0))

    def points(self, metric: str) -> Columns:
        """All points of a metric, writer after writer. Raises TapeError, OSError."""
        with self._lock:
            return concatenate([tape.reader.read(metric)[0] for tape in self._open_all()])

    @contextmanager
    def opened(self) -> Iterator[list[IndexedTape]]:
        """The run's tapes in the order they began, as they are now; their indexes may lack what came last."""
        with self._lock:
            yield self._open_all()

    @contextmanager
    def reading(self, progress: Progress = nowhere, *, look: bool = True) -> Iterator[list[IndexedTape]]:
        """The run's tapes in the order they began, their indexes up to date.

        Args:
            progress: is told how many bytes of tape are in the indexes, and how many there are.
            look: whether they are shown as they are now; otherwise as of the last `refresh`.

        Raises:
            TapeError, OSError, IndexUnusable: a tape or an index cannot be read; of an index see `forget_indexes`.
        """
        with self._lock, ExitStack() as indexes:
            tapes = self._open_all(look=look)
            total = sum(tape.reader.size for tape in tapes)
            done = 0
            for tape in tapes:
                tape.update(lambda read, _, done=done: progress(done + read, total))  # type: ignore[misc]
                done += tape.reader.size
                indexes.enter_context(tape.reading())
            yield tapes

    def size(self) -> int:
        """Bytes of all tapes."""
        with self._lock:
            return sum(tape.reader.size for tape in self._open_all())

    def forget_indexes(self) -> None:
        """Make the indexes anew: one of them is not usable. Raises TapeError, OSError."""
        with self._lock:
            for tape in self._tapes.values():
                tape.forget()

    def _find_tapes(self) -> list[Path]:
        try:
            changed = os.stat(self.directory).st_mtime_ns  # noqa: PTH116 (as in the tape's reader)
            if changed == self._listed:
                return self._paths
            names = tapes_in(self.directory)
            self._notes = read_notes(self.directory)
        except OSError:
            return []
        self._paths = [self.directory / name for name in names]
        # A file that appears within the same tick of the clock leaves the directory's time as it was
        settled = not self._on_network and time.time_ns() - changed > _SETTLED
        self._listed = changed if settled else None
        return self._paths

    def _identify(self) -> None:
        path = self.directory / "run.json"
        try:
            found = os.stat(path)  # noqa: PTH116 (as in the tape's reader)
            stamp = found.st_ino, found.st_size, found.st_mtime_ns
        except OSError:
            stamp = None
        if stamp is None or stamp != self._identified:
            self._identified = stamp
            self._identity, problem = read_identity(path)
            self._problem = f"{path} {problem}" if problem else None


def _frames(told: Told) -> object:
    return (told.path, told.file, told.size) if isinstance(told, Glance) else (told.path, told.file, told.frames)


def _progress(tape: IndexedTape | Glance) -> tuple[object, ...]:
    """What differs when there is something new. Of an ended tape it is the same for a glance and for more."""
    if isinstance(tape, Glance):
        return tape.file, tape.size
    reader = tape.reader
    if reader.end is not None and not reader.problem:
        return reader.file, reader.size
    return tape.era, reader.version, reader.alive
