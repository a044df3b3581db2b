"""The index file of a tape: its pyramids, where its frames lie, what its reader remembers. It may be deleted.

    magic and version · where the header lies · columns of entries · header

A column of one level is stored as little as loses nothing: as a line, as offsets of four bytes, as float32, or as it
is; equal columns (the axes of metrics that were logged together) are stored once. The columns are checked by the CRC of
their chunks when they are first read, so a damaged index is noticed and never answers.
"""

from __future__ import annotations

import glob
import hashlib
import io
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.byte_cache import ByteCache
from rolltape.tape.columns import ZstdError, compress, decompress
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, Entries
from rolltape.tape.series import Series

MAGIC = b"RTINDEX1"
_FRONT = struct.Struct("<8sQQI")  # magic, offset and size of the header, its CRC
_CHUNK = 32 * 1024  # bytes with a CRC of their own
_ABANDONED = 3600.0  # s after which nobody is still writing a file
_WHOLE = 16 * 1024  # rows of a column up to which it is read as a whole and kept
_decoded = ByteCache(64 << 20)
_COLUMN = np.dtype([("kind", "<i8"), ("offset", "<i8"), ("a", "<i8"), ("b", "<i8")])
_LINE, _OFFSETS, _INTEGERS, _SINGLE, _DOUBLE, _SAME, _NEXT = range(7)
_STORED = {_OFFSETS: "<u4", _INTEGERS: "<i8", _SINGLE: "<f4", _DOUBLE: "<f8"}
_FIELDS = {name: i for i, name in enumerate(Entries._fields)}


class IndexUnusable(Exception):
    """An index file is missing, damaged, of another version, or not the one that was opened. It is made again."""


class IndexFile:
    """An index as it lies on disk. The file is opened for each stretch of reading (`open`), never mapped.

    Raises:
        IndexUnusable: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: io.FileIO | None = None
        self._readers = 0
        try:
            with path.open("rb") as file:
                self._identity = _identity(file.fileno())
                magic, offset, size, crc = _FRONT.unpack(file.read(_FRONT.size))
                self._crc = crc
                if magic != MAGIC:
                    raise IndexUnusable(f"{path} is not an index of this version")
                if offset + size > self._identity[2]:
                    raise IndexUnusable(f"{path} was cut")
                file.seek(offset)
                packed = file.read(size)
            if len(packed) != size or zlib.crc32(packed) != crc:
                raise IndexUnusable(f"{path} is damaged")
            parts = _unpack_parts(decompress(packed))
        except (OSError, struct.error, ZstdError) as error:
            raise IndexUnusable(f"{path} cannot be read: {error}") from error
        self.header: dict[str, Any] = json.loads(parts[0])
        self.frames = parts[1:3]
        self._columns = np.frombuffer(parts[3], _COLUMN)
        self._places: dict[int, tuple[int, int, int, int]] = {}  # of the columns that were asked for
        self._rests = Columns._make(np.frombuffer(part, kind) for part, kind in zip(parts[4:7], "qqd", strict=True))
        self._checks = np.frombuffer(parts[7], "<u4")
        self._checked = bytearray(len(self._checks))
        self._data = offset  # where the columns end

    @property
    def is_current(self) -> bool:
        """Whether the file that lies there is still the one that was opened."""
        try:
            with self.path.open("rb") as file:
                return _identity(file.fileno()) == self._identity
        except OSError:
            return False

    def series(self) -> dict[str, Series]:
        """Every metric's pyramid, its entries still in the file."""
        found: dict[str, Series] = {}
        column = rest = 0
        for metric in self.header["metrics"]:
            counts = metric["counts"]
            left = metric["points"] - BASE * counts[0]
            points = Columns._make(part[rest : rest + left] for part in self._rests)
            found[metric["name"]] = Series(_Saved(self, column, metric, points))
            column += len(counts) * len(_FIELDS)
            rest += left
        return found

    @contextmanager
    def open(self) -> Iterator[None]:
        """While columns are read. They raise IndexUnusable if the file is gone or another one."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            if not self._readers and self._file is not None:
                self._file.close()
                self._file = None

    def column(self, number: int, count: int, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of column ``number``, which has ``count``. To be called within `open`."""
        if count > _WHOLE:
            return self._decode(number, count, start, stop)
        key = *self._identity, self._crc, number
        whole = _decoded.get(key)
        if whole is None:
            whole = self._decode(number, count, 0, count)
            _decoded.put(key, whole)
        return whole[start:stop]

    def _decode(self, number: int, count: int, start: int, stop: int) -> NDArray[Any]:
        kind, offset, a, b = self._place(number)
        if kind == _LINE:
            line: NDArray[np.int64] = a + b * np.arange(start, stop) if b else np.full(stop - start, a, np.int64)
            return line
        if kind == _SAME:
            return np.full(stop - start, a, np.int64).view(np.float64)
        if kind == _NEXT:
            following = self.column(number - 1, count, start + 1, min(stop + 1, count))
            return following if stop < count else np.append(following, a)
        stored = np.dtype(_STORED[kind])
        data = self._read(offset + start * stored.itemsize, (stop - start) * stored.itemsize)
        column = np.frombuffer(data, stored)
        if kind == _OFFSETS:
            return column + np.int64(a)
        return column.astype(np.float64) if kind == _SINGLE else column

    def bounds(self, number: int, count: int, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows start to stop of column ``number`` and of the next one, which often begins where the first ends."""
        if self._place(number + 1)[0] != _NEXT or stop == count:
            return self.column(number, count, start, stop), self.column(number + 1, count, start, stop)
        both = self.column(number, count, start, stop + 1)
        return both[:-1], both[1:]

    def _place(self, number: int) -> tuple[int, int, int, int]:
        found = self._places.get(number)
        if found is None:
            kind, offset, a, b = self._columns[number].tolist()
            found = self._places[number] = kind, offset, a, b
        return found

    def _read(self, offset: int, size: int) -> bytes:
        first, last = (offset - _FRONT.size) // _CHUNK, (offset + size - 1 - _FRONT.size) // _CHUNK
        try:
            if self._checked.find(0, first, last + 1) < 0:
                data = self._take(offset, size)
            else:
                start = _FRONT.size + first * _CHUNK
                whole = self._take(start, min((last + 1 - first) * _CHUNK, self._data - start))
                for i in range(first, last + 1):
                    if zlib.crc32(whole[(i - first) * _CHUNK : (i - first + 1) * _CHUNK]) != self._checks[i]:
                        raise IndexUnusable(f"{self.path} is damaged")
                    self._checked[i] = 1
                data = whole[offset - start : offset - start + size]
        except OSError as error:
            raise IndexUnusable(f"{self.path} cannot be read: {error}") from error
        if len(data) != size:
            raise IndexUnusable(f"{self.path} was cut")
        return data

    def _take(self, offset: int, size: int) -> bytes:
        if not self._readers:
            raise RuntimeError(f"{self.path} is read outside of open()")
        if self._file is None:
            file = self.path.open("rb", buffering=0)
            if _identity(file.fileno()) != self._identity:
                file.close()
                raise IndexUnusable(f"{self.path} was replaced")
            self._file = file
        self._file.seek(offset)
        return self._file.read(size)


class _Saved:
    """A series as `Series` sees it."""

    def __init__(self, file: IndexFile, column: int, metric: dict[str, Any], rest: Columns) -> None:
        self._file = file
        self._column = column
        self.points: int = metric["points"]
        self.counts: list[int] = metric["counts"]
        self.rest = rest
        step, time = metric["first"]
        self.first: tuple[int, int] | None = (step, time)
        step, time, bits = metric["last"]
        self.last: tuple[int, int, float] | None = (step, time, *struct.unpack("<d", struct.pack("<q", bits)))

    def column(self, level: int, name: str, start: int, stop: int) -> NDArray[Any]:
        number = self._column + level * len(_FIELDS) + _FIELDS[name]
        return self._file.column(number, self.counts[level], start, stop)

    def bounds(self, level: int, axis: str, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        number = self._column + level * len(_FIELDS) + _FIELDS[f"{axis}_low"]
        return self._file.bounds(number, self.counts[level], start, stop)


def write_index(
    path: Path,
    header: Mapping[str, Any],
    frames: tuple[bytes, bytes],
    series: Mapping[str, Series],
    reading: AbstractContextManager[object] | None = None,
) -> None:
    """Write an index file, which appears whole or not at all.

    Args:
        path: where.
        header: what `IndexFile.header` shall hold, as JSON can; ``metrics`` is added.
        frames: the table of ROWS frames.
        series: by metric.
        reading: entered while the series are read. It ends before the file gets its name: what goes on from a file of
            that name has to let go of it first, on some systems.

    Raises:
        OSError: it cannot be written there.
        IndexUnusable: a series goes on from an index that cannot be read any more.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    _clear(path)
    try:
        with reading or nullcontext(), unfinished.open("wb") as file:
            data = _Data(file)
            columns: list[tuple[int, int, int, int]] = []
            metrics = []
            for name, one in series.items():
                one.settle()
                for level, count in enumerate(one.counts):
                    columns += _write_level(data, one, level, count)
                step, time, value = one.last or (0, 0, 0.0)
                (bits,) = struct.unpack("<q", struct.pack("<d", value))
                metrics.append(
                    {
                        "name": name,
                        "points": one.points,
                        "counts": one.counts,
                        "first": one.first,
                        "last": [step, time, bits],
                    }
                )
            checks = data.finish()
            rests = [np.concatenate([one.rest()[i] for one in series.values()] or [np.empty(0)]) for i in range(3)]
            head = json.dumps({**header, "metrics": metrics}).encode()
            kinds = np.array(columns, _COLUMN)
            packed = compress(_pack_parts([head, *frames, kinds, *rests, checks]))
            offset = file.tell()
            file.write(packed)
            file.seek(0)
            file.write(_FRONT.pack(MAGIC, offset, len(packed), zlib.crc32(packed)))
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _clear(path: Path) -> None:
    """Remove what readers that were killed left unfinished."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()


def _write_level(data: _Data, series: Series, level: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    before: NDArray[Any] = np.empty(0)
    for name in Entries._fields:
        column = series.column(level, name, 0, count)
        if name in ("step_high", "time_high") and count and (before[1:] >= column[:-1]).all():
            yield _NEXT, 0, int(column[-1]), 0  # an axis in order: an entry ends where the next begins
        else:
            kind, a, b, stored = _encode(column)
            yield kind, 0 if stored is None else data.add(stored), a, b
        before = column


def _encode(column: NDArray[Any]) -> tuple[int, int, int, NDArray[Any] | None]:
    """(kind, a, b, what is stored) of a column."""
    if column.dtype.kind == "i":
        first = int(column[0]) if len(column) else 0
        slope = int(column[1]) - first if len(column) > 1 else 0
        if -(2**62) < slope < 2**62 and np.array_equal(column, first + slope * np.arange(len(column))):
            return _LINE, first, slope, None
        least = int(column.min())
        if int(column.max()) - least < 2**32:
            return _OFFSETS, least, 0, (column - least).astype("<u4")
        return _INTEGERS, 0, 0, column
    bits = np.ascontiguousarray(column).view(np.int64)
    if (bits == bits[:1]).all():
        return _SAME, int(bits[0]) if len(bits) else 0, 0, None
    with np.errstate(all="ignore"):
        single = column.astype("<f4")
        if np.array_equal(single.astype(np.float64).view(np.int64), bits):
            return _SINGLE, 0, 0, single
    return _DOUBLE, 0, 0, column


class _Data:
    """The columns of an index being written: equal ones once, each chunk with its CRC."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.write(bytes(_FRONT.size))
        self._at = _FRONT.size
        self._places: dict[bytes, int] = {}
        self._chunk = b""
        self._checks: list[int] = []

    def add(self, column: NDArray[Any]) -> int:
        """Where it lies."""
        data = column.tobytes()
        key = hashlib.blake2b(data, digest_size=16).digest()
        if key not in self._places:
            self._places[key] = self._at
            self._write(data)
        return self._places[key]

    def finish(self) -> NDArray[np.uint32]:
        """The CRCs."""
        if self._chunk:
            self._checks.append(zlib.crc32(self._chunk))
        return np.array(self._checks, "<u4")

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)
        waiting = self._chunk + data
        whole = len(waiting) // _CHUNK * _CHUNK
        self._checks += [zlib.crc32(waiting[i : i + _CHUNK]) for i in range(0, whole, _CHUNK)]
        self._chunk = waiting[whole:]


def _pack_parts(parts: list[Any]) -> bytes:
    packed = [part if isinstance(part, bytes) else part.tobytes() for part in parts]
    return b"".join([struct.pack(f"<I{len(packed)}Q", len(packed), *map(len, packed)), *packed])


def _unpack_parts(data: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("<I", data)
    parts, at = [], 4 + 8 * count
    for size in struct.unpack_from(f"<{count}Q", data, 4):
        parts.append(data[at : at + size])
        at += size
    return parts


def _identity(file: int) -> tuple[int, int, int, int]:
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
