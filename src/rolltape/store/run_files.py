"""One run's directory: run.json, its tapes, and what they say together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rolltape.errors import TapeError
from rolltape.store.identity import read_identity
from rolltape.store.model import RunInfo, Status, WriterInfo
from rolltape.tape.facts import merge_facts
from rolltape.tape.reader import Columns, Cursor, TapeReader, concatenate

_DESCRIBED = ("name", "config", "tags")  # what run.json begins and META frames go on with


class RunFiles:
    """Follows one run. Every method looks at the files anew and may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = f"{directory.parent.name}/{directory.name}"
        self.version = 0  # grows when something is new
        self._lock = threading.RLock()
        self._identity: dict[str, Any] = {}
        self._problem: str | None = None
        self._readers: dict[Path, TapeReader] = {}
        self._foreign: dict[Path, str] = {}
        self._seen: object = None

    def refresh(self) -> int:
        """Look at all files; returns `version`."""
        with self._lock:
            self._identify()
            for path in sorted(path for path in self.directory.glob("*.tape") if path.is_file()):
                try:
                    if path in self._readers:
                        self._readers[path].refresh()
                    else:
                        self._readers[path] = TapeReader(path)
                        self._foreign.pop(path, None)
                except (TapeError, OSError) as error:
                    self._foreign[path] = str(error)
            seen = (
                [(reader.version, reader.alive) for reader in self._readers.values()],
                list(self._foreign.values()),
                self._problem,
            )
            if seen != self._seen:
                self._seen = seen
                self.version += 1
            return self.version

    def info(self) -> RunInfo:
        """Everything known of the run."""
        with self._lock:
            self.refresh()
            identity, readers = self._identity, self._in_order()
            status, blamed = _status(readers)
            facts: dict[str, Any] = {name: identity[name] for name in _DESCRIBED if name in identity}
            for reader in readers:
                merge_facts(facts, reader.facts)
            end = blamed.end if blamed is not None and blamed.end is not None else {}
            started = identity.get("started", min((r.opened for r in readers), default=0) / 1e9)
            last = max((reader.last_sign for reader in readers), default=0) / 1e9
            environment = identity.get("environment", {})
            if "git" in facts:
                environment = {**environment, "git": {**environment.get("git", {}), **facts["git"]}}
            return RunInfo(
                key=self.key,
                id=identity.get("id", self.directory.name),
                project=identity.get("project", self.directory.parent.name),
                name=facts.get("name", self.directory.name),
                config=facts.get("config", {}),
                tags=facts.get("tags", []),
                status=status,
                error=end.get("error") or self._problem,
                exit_code=end.get("exit_code"),
                started=started,
                ended=None if status == "running" else max(last, started),
                points=sum(reader.points for reader in readers),
                lost=sum(reader.lost for reader in readers),
                environment=environment,
            )

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is the run's id or project/id."""
        with self._lock:
            self._identify()
            id = self._identity.get("id", self.directory.name)
            return name in (id, f"{self._identity.get('project', self.directory.parent.name)}/{id}")

    def writers(self) -> list[WriterInfo]:
        """The run's writing processes in the order they began, and files that only look like tapes."""
        with self._lock:
            self.refresh()
            found = [
                WriterInfo(
                    reader.path.stem,
                    _writer_status(reader),
                    reader.opening.get("parent"),
                    reader.frames,
                    reader.points,
                    reader.lost,
                    None if reader.alive else reader.problem,
                )
                for reader in self._in_order()
            ]
            return found + [
                WriterInfo(path.stem, "killed", None, 0, 0, 0, problem) for path, problem in self._foreign.items()
            ]

    def metrics(self) -> list[str]:
        """The names of all metrics, sorted."""
        with self._lock:
            self.refresh()
            return sorted({name for reader in self._readers.values() for name in reader.metrics()})

    def events(self) -> list[dict[str, Any]]:
        """Texts and the names of media files, by time."""
        with self._lock:
            self.refresh()
            return sorted(
                (e for reader in self._readers.values() for e in reader.events), key=lambda e: e.get("time", 0)
            )

    def follow(self, metric: str, series: Series) -> Columns:
        """All points of a metric: those that ``series`` has already, and what is new, which it keeps."""
        with self._lock:
            self.refresh()
            for reader in self._in_order():
                points, cursor = reader.read(metric, series.cursors.get(reader.path, Cursor()))
                series.cursors[reader.path] = cursor
                if len(points.step):
                    series.parts.setdefault(reader.path, []).append(points)
            ordered = [reader.path for reader in self._in_order()]
            return series.whole(ordered)

    def _identify(self) -> None:
        if "id" not in self._identity:
            path = self.directory / "run.json"
            self._identity, problem = read_identity(path)
            self._problem = f"{path} {problem}" if problem else None

    def _in_order(self) -> list[TapeReader]:
        return sorted(self._readers.values(), key=lambda reader: (reader.opened, reader.path.name))


class Series:
    """The points of one metric that have been read so far, and where to go on."""

    def __init__(self) -> None:
        self.cursors: dict[Path, Cursor] = {}
        self.parts: dict[Path, list[Columns]] = {}

    def whole(self, order: list[Path]) -> Columns:
        """Everything, writer after writer."""
        for parts in self.parts.values():
            if len(parts) > 1:
                parts[:] = [concatenate(parts)]
        return concatenate([self.parts[path][0] for path in order if path in self.parts])

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for parts in self.parts.values() for part in parts for column in part)


def _writer_status(reader: TapeReader) -> Status:
    if reader.end is not None:
        status: Status = reader.end["status"]
        return status
    return "running" if reader.alive else "killed"


def _status(readers: list[TapeReader]) -> tuple[Status, TapeReader | None]:
    """The run's status and the writer that decides it.

    A forked child that vanished says nothing about the run, nor does a killed writer if a later one resumed the run.
    """
    deciding = list(_deciding(readers))
    for wanted in ("running", "failed", "killed", "interrupted", "finished"):
        for reader in readers if wanted == "running" else deciding:
            if _writer_status(reader) == wanted:
                return _writer_status(reader), reader
    return "killed", None


def _deciding(readers: list[TapeReader]) -> Iterator[TapeReader]:
    roots = [reader for reader in readers if reader.opening.get("parent") is None]
    for i, reader in enumerate(roots):
        resumed = any(later.opened > reader.last_sign for later in roots[i + 1 :])
        if not resumed:
            yield reader
