"""What is known of a store's runs without opening them: a SQLite file in the user's cache directory.

It is derived. Deleting it loses nothing; a file of another layout or a damaged one is thrown away, a locked one is
waited for briefly and then done without. Whether what it says still holds is the listing's to judge (listing.py).

A run is a JSON record with a CRC, its config and environment beside it. Those are decoded only when they are asked for:
reading 10,000 runs with 42 config keys takes 0.1 s so, 0.25 s if all is decoded, and 0.25 s from a table of
(run, key, value), which also takes 0.7 s to write instead of 0.1. For questions in SQL there are three views:
``run_list``, ``config`` (directory, name, value; flattened) and ``tags`` (directory, tag). SQLite before 3.42 takes NaN
for no JSON: the views leave out such a config.

The summaries of a run's metrics are packed (run_summaries.py): 10,000 runs with 50 metrics are read in 0.05 s. Their
names lie in a table of their own, as most runs of a store have the same ones.

The journal is a rollback journal, not WAL: home directories may lie on a network file system, where WAL shows other
machines old data without an error. Every transaction is short and its connection is closed after it.
"""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
import os
import re
import socket
import sqlite3
import struct
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from rolltape.store.cache_directory import cache_directory
from rolltape.store.model import RunInfo
from rolltape.store.run_summaries import MetricNames, RunSummaries, metric_names
from rolltape.tape.filesystem import is_network

_LAYOUT = 2  # counts up when a record holds something else, or the same fields come to mean something else
_PATIENCE = 0.25  # s to wait for another process that writes
_FORGOTTEN = 90 * 86400  # s after which a catalogue that nobody opened is removed
# Of SQLite's errors those that say: this file is not ours or not whole
_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_FIELDS = tuple(field.name for field in dataclasses.fields(RunInfo))
_APART = ("key", "config", "environment")  # the key is the directory, the others have columns of their own
_TOLD = tuple(name for name in _FIELDS if name not in _APART)  # in a record, from its item number _FIRST on
_FIRST = 3
_COLUMNS = ", ".join(f"json_extract(record, '$[{_FIRST + i}]') AS {name}" for i, name in enumerate(_TOLD))
_TAGS = f"$[{_FIRST + _TOLD.index('tags')}]"
_STAMP = zlib.crc32(repr((_LAYOUT, _FIELDS)).encode()) >> 1 or 1
_OURS = re.compile(r".*-[0-9a-f]{16}\.sqlite", re.DOTALL)
_SUMMARY = struct.Struct("<QqqQq")  # the stamp, and the id of the names; what `RunSummaries` packed follows
_encode = json.JSONEncoder(separators=(",", ":")).encode
_SCHEMA = f"""
PRAGMA user_version = {_STAMP};
CREATE TABLE runs (directory BLOB PRIMARY KEY, crc INTEGER, record BLOB, config BLOB, environment BLOB);
CREATE TABLE summaries (directory BLOB PRIMARY KEY, crc INTEGER, record BLOB);
CREATE TABLE metric_names (id INTEGER PRIMARY KEY, names BLOB);
CREATE VIEW records AS SELECT CAST(directory AS TEXT) AS directory, CAST(record AS TEXT) AS record FROM runs;
CREATE VIEW run_list AS SELECT directory, {_COLUMNS} FROM records;
CREATE VIEW config AS
    SELECT CAST(directory AS TEXT) AS directory, replace(substr(tree.fullkey, 3), '"', '') AS name, tree.atom AS value
    FROM runs, json_tree(CASE WHEN json_valid(CAST(config AS TEXT)) THEN CAST(config AS TEXT) ELSE '{{}}' END) AS tree
    WHERE tree.atom IS NOT NULL;
CREATE VIEW tags AS
    SELECT records.directory, tag.value AS tag FROM records, json_each(records.record, '{_TAGS}') AS tag;
"""


class FileStamp(NamedTuple):
    """What tells whether a tape or head has changed."""

    name: str
    size: int
    mtime: int  # ns
    header: str  # of a head: its header, whose heartbeat a mapped file's mtime need not tell


class Remembered(NamedTuple):
    """A run as it was when its directory and files bore these stamps."""

    directory: tuple[int, int, int]  # inode, mtime and ctime (ns)
    files: tuple[FileStamp, ...] | None  # None: every writer has ended
    machine: str  # where an unended run was looked at: elsewhere its writer may be known to live
    info: RunInfo


class RememberedInfo(RunInfo):
    """A RunInfo whose config and environment are decoded when they are first asked for; equal to one that is whole."""

    __slots__ = ("_config", "_environment")

    def __getattr__(self, name: str) -> Any:  # called for what has no value yet
        if name not in ("config", "environment"):
            raise AttributeError(name)
        value = json.loads(getattr(self, f"_{name}"))
        object.__setattr__(self, name, value)
        return value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunInfo):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _FIELDS)

    __hash__ = None  # type: ignore[assignment]  # as of any RunInfo: it holds lists


class RememberedSummaries(NamedTuple):
    """The summaries of a run's metrics, of when its directory and files bore these stamps."""

    stamp: tuple[int, int, int, int]
    values: RunSummaries

    @classmethod
    def made(cls, run: Remembered, values: RunSummaries) -> RememberedSummaries:
        """Those of a run as it is remembered."""
        return cls(_stamp_of(run), values)

    def of(self, run: Remembered) -> bool:
        """Whether they are those of a run as it is remembered."""
        return self.stamp == _stamp_of(run)


class Catalogue:
    """The catalogue in ``file``. No method raises for what is wrong with the file: it only knows less."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._inode = 0  # of the file that was opened

    @classmethod
    def of(cls, root: Path) -> Catalogue | None:
        """The catalogue of the store at ``root``, which is resolved; None where there is no cache directory."""
        cache = cache_directory()
        if cache is None:
            return None
        # The same path names another store on another machine, unless the file system is shared
        place = ("" if is_network(root) else socket.gethostname()).encode() + b"\0" + os.fsencode(root)
        readable = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(root.parts[-2:])).strip("-")[-40:]
        return cls(cache / "catalogues" / f"{readable}-{hashlib.sha256(place).hexdigest()[:16]}.sqlite")

    def load(self) -> dict[str, Remembered]:
        """All runs by directory (``project/run``)."""
        rows = self._read("SELECT directory, crc, record, config, environment FROM runs")
        found = {}
        with no_collections():
            for (directory, _, _, config, environment), record in _whole(rows):
                name = os.fsdecode(directory)
                found[name] = _remembered(name, record, config, environment)
        return found

    def load_summaries(self) -> dict[str, RememberedSummaries]:
        """The summaries of runs that are not written any more, by directory."""
        names: dict[int, MetricNames] = {}
        for number, text in self._read("SELECT id, names FROM metric_names"):
            if isinstance(text, bytes) and _number(text) == number:
                names[number] = metric_names(json.loads(text))
        found = {}
        with no_collections():
            for row in self._read("SELECT directory, crc, record FROM summaries"):
                if _is_sound(*row) and len(row[2]) >= _SUMMARY.size:
                    *stamp, number = _SUMMARY.unpack_from(row[2])
                    if number in names:
                        values = RunSummaries(names[number], row[2][_SUMMARY.size :])
                        found[os.fsdecode(row[0])] = RememberedSummaries(tuple(stamp), values)
        return found

    def save(
        self,
        runs: Mapping[str, Remembered],
        summaries: Mapping[str, RememberedSummaries],
        gone: Collection[str] = (),
    ) -> bool:
        """Put in runs and summaries by directory, and take out those that are gone. False: it could not be done."""
        for _ in range(2):
            try:
                self._write(runs, summaries, gone)
                return True
            except sqlite3.Error as error:
                if not _is_damage(error):
                    return False
                self._discard()
            except OSError:
                return False
        return False

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connect()) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                return connection.execute(query).fetchall() if version == _STAMP else []
        except sqlite3.Error as error:
            if _is_damage(error):
                self._discard()
        except OSError:
            pass
        return []

    def _write(
        self, runs: Mapping[str, Remembered], summaries: Mapping[str, RememberedSummaries], gone: Collection[str]
    ) -> None:
        if not self.file.exists():
            self.file.parent.mkdir(mode=0o700, exist_ok=True)
            _remove_forgotten(self.file.parent)
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != _STAMP:
                if version or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                    raise sqlite3.DatabaseError("a catalogue of another layout")
                for statement in filter(str.strip, _SCHEMA.split(";\n")):
                    connection.execute(statement)
            records = ((name, _record(run), run.info.config, run.info.environment) for name, run in runs.items())
            connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?)", _rows(records))
            names: dict[int, bytes] = {}
            packed = list(_packed(summaries, names))
            connection.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)", packed)
            connection.executemany("INSERT OR REPLACE INTO metric_names VALUES (?, ?)", names.items())
            for table in ("runs", "summaries"):
                connection.executemany(
                    f"DELETE FROM {table} WHERE directory = ?", ((os.fsencode(name),) for name in gone)
                )
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        """Raises sqlite3.Error, and OSError where there is no file."""
        status = self.file.stat()
        self._inode = status.st_ino
        if time.time() - status.st_mtime > 86400:
            with suppress(OSError):
                os.utime(self.file)  # it is in use
        return sqlite3.connect(f"{self.file.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE, isolation_level=None)

    def _discard(self) -> None:
        """Remove the file, unless another process has done so by now and made a new one."""
        with suppress(OSError):
            if self.file.stat().st_ino == self._inode:
                for suffix in ("", "-journal", "-wal", "-shm"):
                    self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)


def _stamp_of(run: Remembered) -> tuple[int, int, int, int]:
    inode, *times = run.directory
    files = 0 if run.files is None else _number(repr((run.files, run.machine)).encode(errors="surrogateescape"))
    return (inode & 2**64 - 1, *times, files)  # type: ignore[return-value]


def _record(run: Remembered) -> list[Any]:
    return [run.directory, run.files, run.machine, *(getattr(run.info, name) for name in _TOLD)]


def _remembered(name: str, record: list[Any], config: bytes, environment: bytes) -> Remembered:
    stamp, files, machine, *told = record
    info = object.__new__(RememberedInfo)
    put = object.__setattr__  # it is frozen
    put(info, "key", name)
    for field, value in zip(_TOLD, told, strict=True):
        put(info, field, value)
    put(info, "_config", config)
    put(info, "_environment", environment)
    stamps = None if files is None else tuple(FileStamp(*file) for file in files)
    return Remembered(tuple(stamp), stamps, machine, info)


def _rows(records: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Name, CRC and texts. What cannot be written as JSON is left out: it will be looked at again."""
    for name, *values in records:
        with suppress(RecursionError, TypeError, ValueError):
            texts = [_encode(value).encode("ascii") for value in values]
            yield (directory := os.fsencode(name)), _crc(directory, *texts), *texts


def _packed(
    summaries: Mapping[str, RememberedSummaries], names: dict[int, bytes]
) -> Iterator[tuple[bytes, int, bytes]]:
    """The rows of the summaries; which names they have is added to ``names``."""
    known: dict[MetricNames, int] = {}
    for name, one in summaries.items():
        number = known.get(one.values.shared)
        if number is None:
            text = _encode(one.values.shared.names).encode("ascii")
            number = known[one.values.shared] = _number(text)
            names[number] = text
        directory, record = os.fsencode(name), _SUMMARY.pack(*one.stamp, number) + one.values.packed
        yield directory, _crc(directory, record), record


def _number(text: bytes) -> int:
    """A number of 63 bits that stands for a text."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def _crc(*texts: bytes) -> int:
    crc = 0
    for text in texts:
        crc = zlib.crc32(text, crc)
    return crc


def _is_sound(directory: Any, crc: Any, *texts: Any) -> bool:
    try:
        return bool(_crc(directory, *texts) == crc)
    except TypeError:  # not bytes
        return False


def _whole(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The rows whose CRC is right, each with its record."""
    sound = [row for row in rows if _is_sound(*row)]
    # All at once is much faster than one by one
    records = json.loads((b"[" + b",".join([row[2] for row in sound]) + b"]").decode("ascii"))
    return zip(sound, records, strict=True)


@contextmanager
def no_collections() -> Iterator[None]:
    """Tens of thousands of objects are made and none is dropped: without the collector that takes half the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # None: not SQLite itself says so
    return code is None or code & 0xFF in _DAMAGE


def _remove_forgotten(directory: Path) -> None:
    with suppress(OSError):
        for file in directory.iterdir():
            with suppress(OSError):
                if _OURS.fullmatch(file.name) and time.time() - file.stat().st_mtime > _FORGOTTEN:
                    file.unlink()
