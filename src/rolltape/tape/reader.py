"""The reader of one tape: follows it while it grows, and yields each point of a metric exactly once.

A tape is reopened on every look and never mapped, so that this also works for files that another machine writes. What
lies in memory is where each frame lies, not its points; that much can be put aside (`memory`) and gone on from.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import TapeError
from rolltape.tape.columns import Payload, RowsFrame, ZstdError
from rolltape.tape.facts import merge_facts, read_end
from rolltape.tape.frame import HEADER_SIZE, MAGIC, Kind, PayloadInFile, check_payload, read_frame, take_payload
from rolltape.tape.frame_table import FrameTable
from rolltape.tape.head import HeadRows, HeadSnapshot, read_head
from rolltape.tape.life import is_alive
from rolltape.tape.metric_columns import (
    AxisColumn,
    Columns,
    Part,
    concatenate,
    from_frame,
    from_head,
    part_of_frame,
)
from rolltape.tape.rows import Schema

T = TypeVar("T")
W = TypeVar("W")

_BEAT = 2_000_000_000  # ns: two heartbeats of a head
_LOOKS = 5  # tries to see tape and head at one moment


class Cursor(NamedTuple):
    """How far a metric has been read: frames, and rows of each head generation that is not yet a frame."""

    frames: int = 0
    heads: tuple[tuple[int, int], ...] = ()


_KEPT = (
    *("opening", "end", "facts", "events", "frames", "size", "last_frame", "opened", "last_sign"),
    *("_lost", "_points", "_framed"),
)


class TapeReader:
    """Reads ``<name>.tape`` and, while there is one, ``<name>.head`` beside it.

    Args:
        path: the tape. It may still be empty or growing.
        memory: what an earlier reader of this tape remembered.
        rows: its table of ROWS frames.

    Raises:
        TapeError: the file does not begin like a tape.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, memory: dict[str, Any] | None = None, rows: FrameTable | None = None) -> None:
        self.path = path
        self._path = os.fspath(path)
        self._head_path = os.fspath(path.with_suffix(".head"))
        self.rows = rows or FrameTable()
        self.opening: dict[str, Any] = {}
        self.end: dict[str, Any] | None = None
        self.facts: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.problem: str | None = None  # in words: what lies behind the last whole frame
        self.frames = 0
        self.size = 0  # bytes of whole frames
        self._size_read = 0  # of the file when its frames were last read
        self.last_frame = 0  # the byte at which the last whole one begins
        self.opened = 0  # ns: the first frame
        self.last_sign = 0  # ns: the last frame or heartbeat
        self.replaced = False  # whether this reader is of no more use: the file is another one or shorter, or torn
        self._torn = False  # whether a frame may have been taken in part: Ctrl-C came in between
        self.version = 0  # changes when there is something new
        self._lost = 0
        self._head_lost = 0
        self._points = 0
        self._schemas: dict[int, Schema] = {}
        self._places: dict[str, dict[int, int]] = {}  # metric -> schema id -> column
        self.file: tuple[int, int] | None = None  # device and inode: a tape put in its place is another one
        self._alive: bool | None = None  # None: not asked since the last look
        self._ended_at: int | None = None  # ns: the file's time when the end had been read; it changes no more
        self._framed = 0  # the highest generation seen as a frame
        self._head: list[HeadRows] = []
        self._snapshot: HeadSnapshot | None = None
        self._head_signature: tuple[tuple[int, int], ...] = ()
        self._unchecked = set(range(len(self.rows)))  # frames whose CRC this reader has not seen
        if memory is not None:
            for name in _KEPT:
                setattr(self, name, memory[name])
            for declared in memory["schemas"]:
                self._declare(declared)
        self.refresh()

    def memory(self) -> dict[str, Any]:
        """What has been read so far, as JSON can hold it."""
        schemas = [{"schema": schema.id, "metrics": schema.metrics} for schema in self._schemas.values()]
        return {**{name: getattr(self, name) for name in _KEPT}, "schemas": schemas}

    def refresh(self) -> int:
        """Look for new frames and rows; returns `version`, which differs from the last one if there were any.

        Raises:
            TapeError, OSError: as the constructor.
        """
        found = self._stat()
        self._alive = None
        file = found.st_dev, found.st_ino
        self.file = self.file or file
        written_over = self.end is not None and found.st_mtime_ns != (self._ended_at or found.st_mtime_ns)
        self.replaced = found.st_size < self.size or file != self.file or written_over or self._torn
        if self.replaced or (self.end is not None and found.st_size == self.size):
            self._ended_at = self._ended_at or found.st_mtime_ns
            return self.version
        before = (self.frames, self.problem, self._head_signature, self.lost)
        nothing_came = found.st_size == self.size and self.problem is None and self.frames > 0
        for look in range(_LOOKS):
            if look or not nothing_came:
                self._read_frames()
            if self._read_head(final=look == _LOOKS - 1):
                break
        if self.end is not None:
            self._ended_at = self._ended_at or found.st_mtime_ns
        if before != (self.frames, self.problem, self._head_signature, self.lost):
            self.version += 1
        return self.version

    @property
    def lost(self) -> int:
        """Rows that the writer could not record."""
        return max(self._lost, self._head_lost)

    @property
    def points(self) -> int:
        """Points in all frames and in the head."""
        return self._points + sum(half.points for half in self._head)

    @property
    def alive(self) -> bool:
        """Whether the writer had not ended and still lived at the last look, as far as this machine can tell."""
        if self._alive is None:
            self._alive = self.end is None and bool(self.opening) and is_alive(self.opening, self.last_sign)
        return self._alive

    def metrics(self) -> list[str]:
        """The names of all metrics, sorted."""
        return sorted(self._places)

    def read(self, metric: str, cursor: Cursor = Cursor()) -> tuple[Columns, Cursor]:  # noqa: B008 (immutable)
        """The points of a metric after ``cursor``, as of the last `refresh`, and the cursor after them.

        Raises:
            TapeError: columns cannot be read although their CRC is right. OSError: the file is gone.
        """
        places = self._places.get(metric, {})
        seen = dict(cursor.heads)
        parts: list[Columns] = []
        wanted = []
        for number in range(cursor.frames, len(self.rows)):
            frame = self.rows[number]
            skip = seen.pop(frame.generation, 0)
            if any(schema in places for schema, _ in frame.groups):
                wanted.append((number, skip))
        parts += self._decode(wanted, lambda rows, payload, skip: from_frame(rows, payload, places, skip))
        for half in self._head:
            parts.append(from_head(half, places, seen.get(half.generation, 0)))
            seen[half.generation] = max(half.rows, seen.get(half.generation, 0))
        heads = tuple((generation, rows) for generation, rows in seen.items() if generation > self._framed)
        return concatenate(parts), Cursor(len(self.rows), heads)

    def schemas_of(self, metric: str) -> frozenset[int]:
        """The schemas of the rows that have a metric."""
        return frozenset(self._places.get(metric, ()))

    def counts(self, metric: str) -> NDArray[np.int64]:
        """[ROWS frames]: how many points of a metric lie in each."""
        return self.rows.counts(self._places.get(metric, {}))

    def parts_of(self, metric: str, parts: Iterable[Part], only: AxisColumn | None = None) -> Iterator[Columns]:
        """The points of a metric in each of these parts of frames. Raises as `read`.

        only: the axis that is needed; None: both are. The other may be zeros.
        """
        places = self._places.get(metric, {})
        return self._decode(
            ((part.frame, part) for part in parts),
            lambda rows, payload, part: part_of_frame(rows, payload, places, part, only),
            PayloadInFile,
        )

    def whole_frames(self, start: int) -> Iterator[dict[str, Columns]]:
        """The points of all metrics in each ROWS frame from number ``start`` on. Raises as `read`."""
        return self._decode(((number, 0) for number in range(start, len(self.rows))), self._all_of_frame)

    def head_points(self, metric: str) -> Columns:
        """The points of a metric that are only in the head, as of the last `refresh`."""
        places = self._places.get(metric, {})
        return concatenate([from_head(half, places) for half in self._head])

    def head_blocks(self) -> Iterator[dict[str, Columns]]:
        """The points of all metrics in each half of the head, as of the last `refresh`."""
        for half in self._head:
            found: dict[str, Columns] = {}
            twice: set[str] = set()
            for group in half.groups:
                for name, value in zip(group.schema.metrics, group.values, strict=True):
                    if name in found:
                        twice.add(name)
                    found[name] = Columns(group.step, group.time, value)
            for name in twice:  # its points in several groups are put in order
                found[name] = from_head(half, self._places[name])
            yield found

    def _decode(
        self,
        wanted: Iterable[tuple[int, W]],
        decode: Callable[[RowsFrame, Payload, W], T],
        take: Callable[[BinaryIO, int, int], Payload] = take_payload,
    ) -> Iterator[T]:
        """What ``decode`` makes of these frames, each with what is wanted of it.

        take: makes a payload of the file, the byte at which it begins, and its length.
        """
        file = None
        try:
            for number, what in wanted:
                file = file or self._open_again()
                frame = self.rows[number]
                try:
                    payload = take(file, frame.payload, frame.length)
                    if number in self._unchecked:
                        check_payload(file, frame.payload, payload)
                        self._unchecked.discard(number)
                    yield decode(RowsFrame(payload), payload, what)
                except (LookupError, ValueError, struct.error, ZstdError) as error:
                    place = frame.payload - HEADER_SIZE
                    raise TapeError(f"{self.path}: the columns at byte {place} cannot be read: {error}") from error
        finally:
            if file is not None:
                file.close()

    def _open_again(self) -> BinaryIO:
        file = self.path.open("rb")
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != self.file:
            file.close()
            raise TapeError(f"{self.path} was replaced by another file while it was read")
        return file

    def _all_of_frame(self, rows: RowsFrame, payload: Payload, _skip: int) -> dict[str, Columns]:
        found: dict[str, Columns] = {}
        twice: set[str] = set()
        for group in rows.groups:
            step, time = rows.step(payload, group), rows.time(payload, group)
            metrics = self._schemas[group.schema].metrics
            for name, value in zip(metrics, rows.all_values(payload, group), strict=True):
                if name in found:
                    twice.add(name)
                found[name] = Columns(step, time, value)
        for name in twice:  # its points in several groups are put in order
            found[name] = from_frame(rows, payload, self._places[name])
        return found

    def _stat(self) -> os.stat_result:
        if self.end is not None:
            return os.stat(self._path)  # noqa: PTH116 (half the time of Path.stat, and this is most of a look)
        # Opened, because only then does a client of a network file system ask for the size anew
        descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _declare(self, declared: dict[str, Any]) -> None:
        schema = Schema(declared["schema"], tuple(declared["metrics"]))
        self._schemas[schema.id] = schema
        for column, metric in enumerate(schema.metrics):
            self._places.setdefault(metric, {})[schema.id] = column

    def _read_frames(self) -> None:
        with self.path.open("rb") as file:
            self._size_read = os.fstat(file.fileno()).st_size
            while isinstance(frame := read_frame(file, self.size, self.frames), tuple):
                self._torn = True
                try:
                    self._take(frame.kind, frame.payload, frame.offset, frame.points)
                except (ArithmeticError, LookupError, TypeError, ValueError, struct.error, ZstdError) as error:
                    self.problem = f"the frame at byte {frame.offset} says what no writer writes: {error!r}"
                    self._torn = False
                    return
                self.frames += 1
                self.last_frame, self.size = frame.offset, frame.end
                self.last_sign = frame.time
                self.opened = self.opened or frame.time
                self._torn = False
            self.problem = frame or None
            if self.frames == 0 and self.problem:
                file.seek(0)
                start = file.read(len(MAGIC))
                if start != MAGIC[: len(start)]:
                    raise TapeError(f"{self.path} is not a tape: it does not begin with {MAGIC.decode()}")

    def _take(self, kind: int, payload: bytes, offset: int, points: int) -> None:
        if kind == Kind.ROWS:
            rows = RowsFrame(payload)
            if 0 < rows.generation <= self._framed:
                return
            groups = [(group.schema, group.rows) for group in rows.groups]
            self.rows.add(offset + HEADER_SIZE, len(payload), rows.generation, groups)
            self._framed = max(self._framed, rows.generation)
            self._points += points
        elif kind == Kind.SCHEMA:
            self._declare(json.loads(payload))
        elif kind == Kind.OPEN:
            self.opening = json.loads(payload)
        elif kind == Kind.EVENT:
            self.events.append(json.loads(payload))
        elif kind == Kind.META:
            merge_facts(self.facts, json.loads(payload))
        elif kind == Kind.END:
            self.end = read_end(payload)
            self._lost = self.end["lost"]
        elif kind == Kind.HEARTBEAT:
            self._lost = json.loads(payload)["lost"]

    def _is_stuck(self) -> bool:
        """Whether looking at the tape again would show no more of it: it was not being written to when it was read."""
        return self.problem is not None and os.stat(self._path).st_size == self._size_read  # noqa: PTH116

    def _read_head(self, final: bool) -> bool:
        """Take the head's rows; False if a frame was made meanwhile, so that the tape must be looked at first.

        The final look takes what there is: an interrupted writer may have skipped a generation.
        """
        head = self._snapshot = read_head(self._head_path, self._schemas, self._snapshot)
        here = {half.generation for half in head.halves} if head is not None else set()
        gone = {half.generation for half in self._head if half.generation > self._framed} - here
        # What is not in a half any more is on the tape
        if (gone or (head is not None and not head.whole)) and not final and not self._is_stuck():
            return False
        if head is None:
            self._head, self._head_signature = [], ()
            return True
        self._head_lost = head.lost
        times = [time for half in head.halves for time in half.times.values()]
        # Rows come between two heartbeats; a time that is far from them was given by the caller
        since = [time for time in times if head.heartbeat < time < head.heartbeat + _BEAT]
        self.last_sign = max(self.last_sign, head.heartbeat, *since)
        halves = [half for half in head.halves if half.generation > self._framed]
        if halves and halves[0].generation > self._framed + 1 and not final and not self._is_stuck():
            return False
        for i, half in enumerate(halves):
            if half.unknown:  # its schema was declared after the tape was looked at
                if not final and not self._is_stuck():
                    return False
                halves = halves[: i + 1]
                break
        self._head = [half for half in halves if half.rows]
        self._head_signature = tuple((half.generation, half.rows) for half in self._head)
        return True
