"""The writer of one tape: rows into the open half, full halves into frames, frames onto the file.

The hot path is not here but in `recording.put`, which packs a row straight into ``writer.half``. Everything that it
cannot do in a few bytecodes ends in `make_room` or `put`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.columns import encode_rows
from rolltape.tape.facts import merge_facts
from rolltape.tape.filesystem import can_map
from rolltape.tape.flusher import Flusher
from rolltape.tape.frame import Kind, pack_frame
from rolltape.tape.head import LARGE, Half, Head, shut_half
from rolltape.tape.rows import TIME_UNIT, Group, Schema, read_rows

FRAME_POINTS = 1 << 18  # points of one frame made from arrays, at most
FRAME_ROWS = 1 << 15  # rows of it, at most: who looks at a few decompresses so many (docs/decisions/003-columns.md)
_FILLED_FAST = 1_000_000_000  # ns: a half that fills sooner is worth a larger one
_HOLE_PATIENCE = 1.0  # s to wait for a row that another thread has reserved and not yet packed
_RETRY = 0.5  # s between two tries of a full disk
_LOCK_PATIENCE = 10.0  # s that training may wait for a slow disk before a row is given up


class TapeWriter:
    """Appends rows, events and an end to ``<directory>/<name>.tape``, with ``<name>.head`` in front of it.

    Args:
        directory: an existing directory.
        name: the writer's name; no other writer may have it.
        opening: what the OPEN frame says of the writer.
        fsync: whether each frame and, twice a second, the head are synced to disk.
        on_trouble: told, once per cause, of an error behind the caller's back.

    Raises:
        OSError: the files cannot be created or the head not be allocated.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        opening: Mapping[str, Any],
        *,
        fsync: bool = False,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.path = directory / f"{name}.tape"
        self.lock = threading.RLock()  # the recording side: who swaps halves and declares schemas
        self.schemas: dict[tuple[str, ...], Schema] = {}
        self.half: Half = shut_half()
        self.lost = 0
        self.mapped = can_map(directory)
        self.synced = fsync or not self.mapped
        self.on_trouble = on_trouble
        self._by_id: dict[int, Schema] = {}
        self._points = 0  # in frames
        self._counted = 0  # the highest generation among them
        self._facts: dict[str, Any] = {}
        self._generation = 0
        self._framing = threading.RLock()  # who turns a half into a frame
        self._appending = threading.Lock()  # who writes to the file
        self._seq = 0
        self._end = 0
        self._torn = False  # there may be part of a frame behind the end
        self._unsynced = False
        self._last_frame = 0.0
        self._retry_at = 0.0  # after a failed append: when training may next wait for another try
        self._file = self.path.open("xb", buffering=0)
        self._head: Head | None = None
        try:
            self._append(Kind.OPEN, _json({**opening, "mapped": self.mapped}))
            self._head = Head(directory / f"{name}.head" if self.mapped else None)
        except OSError:
            self._file.close()
            self.path.unlink(missing_ok=True)
            raise
        self._open(self._head.halves[0])
        self._flusher = Flusher(self)
        self._flusher.start()

    # Rows

    def declare(self, metrics: tuple[str, ...]) -> Schema:
        """The schema of a key set; a new one is on the tape before this returns.

        Raises:
            OSError: it cannot be written.
        """
        with self.lock:
            schema = self.schemas.get(metrics)
            if schema is None:
                schema = Schema(len(self._by_id) + 1, metrics)
                self._append(Kind.SCHEMA, _json({"schema": schema.id, "metrics": metrics}))
                self._by_id[schema.id] = schema
                self.schemas[metrics] = schema
            return schema

    def make_room(self, size: int) -> bool:
        """Have an open half with ``size`` free bytes. False: the disk takes nothing, or no half is so large."""
        patience = monotonic() + _LOCK_PATIENCE
        while True:
            with self.lock:
                half = self.half
                if half.at + size <= half.limit:
                    return True
                if self._head is None or half.limit < 0:
                    return False
                other = self._head.halves[1 - half.number]
                if not other.queued:
                    if size > other.limit:
                        self._head.enlarge(other)
                        if size > other.limit:
                            return False
                    self._open(other)
                    half.queued = True
                    self._flusher.wake()
                    return True
            if not self._wait_for(other, patience):
                return False

    def _wait_for(self, half: Half, patience: float) -> bool:
        """Let the flusher free a half: no signal interrupts that thread. If it is dead, or asks itself, do it here.

        False: the disk takes nothing now, or is so slow that training must not wait for it. The wait is a plain sleep:
        a handler that raises would leave a condition variable's lock in disorder.
        """
        while half.queued and monotonic() >= self._retry_at:
            if not self._flusher.at_work():
                return self._frame(half)
            if monotonic() > patience:
                self._retry_at = monotonic() + _RETRY
                return False
            self._flusher.wake()
            sleep(0.0005)
        return not half.queued

    def put(
        self, schema: Schema, step: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]
    ) -> bool:
        """Record n rows from step[n], time[n] (ns) and values[m, n].

        Few go into the head; many, and times that the head would cut to microseconds, become frames of their own.
        """
        unit = 1 if (time % TIME_UNIT).any() else TIME_UNIT
        most = LARGE if len(step) == 1 else self.half.limit // 4
        few = len(step) * schema.size <= most and unit == TIME_UNIT
        rows = schema.records(step, time, values) if few else b""
        size = len(rows)
        while few:
            if not self.make_room(size):
                return False
            with self.lock:
                half = self.half
                at = half.at
                end = at + size  # no call between: log() takes room without the lock (decisions/002-hot-path.md)
                if end <= half.limit:  # another thread's log() may have taken the room
                    half.at = end
                    half.buffer[at:end] = rows
                    return True
        with self.lock:
            if self._head is None or monotonic() < self._retry_at:
                return False
            # What a frame of its own holds must not overtake the rows before it
            return self.flush() and self._put_frames(schema, step, time, values, unit)

    def _put_frames(
        self, schema: Schema, step: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64], unit: int
    ) -> bool:
        rows = max(1, min(FRAME_ROWS, FRAME_POINTS // len(schema.metrics)))
        for i in range(0, len(step), rows):
            part = slice(i, i + rows)
            group = Group(schema, step[part], time[part], np.ascontiguousarray(values[:, part]), None, unit)
            if not self._append_rows([group], 0):
                return False
        return True

    def put_event(self, event: Mapping[str, Any]) -> None:
        """Record a text, or the name of a file in media/.

        Raises:
            OSError: it cannot be written.
        """
        self._append(Kind.EVENT, _json(event))

    def put_facts(self, facts: Mapping[str, Any]) -> None:
        """Add to what run.json says of the run, unless the tape has ended.

        Raises:
            OSError: it cannot be written.
        """
        with self.lock:
            if self._head is not None:
                self._append(Kind.META, _json(facts))
                merge_facts(self._facts, facts)

    # Frames

    def flush(self) -> bool:
        """Have every row in a frame. False: the disk takes nothing now."""
        with self.lock:
            if self._head is None:
                return True
            half = self.half
            other = self._head.halves[1 - half.number]
            if other.queued and not self._frame(other):
                return False
            if not half.at:
                return True
            self._open(other)
            half.queued = True
            return self._frame(half)

    def frame_queued(self) -> None:
        """The flusher's main work: turn a full half into a frame."""
        head = self._head
        if head is not None:
            for half in sorted(head.halves, key=lambda half: half.generation):
                if half.queued and not self._frame(half):
                    return

    def sync(self) -> None:
        """Have everything written down by the operating system (``fsync``)."""
        if self._head is not None and self.mapped:
            self._head.sync()
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._file.fileno())

    def beat(self) -> None:
        """Give a sign of life: in the head, or where readers cannot see one, as a frame every five seconds."""
        if self._head is not None:
            self._head.beat(time_ns(), self.lost)
        if not self.mapped and monotonic() - self._last_frame > 5:
            self._append(Kind.HEARTBEAT, _json({"lost": self.lost}))

    def close(self, end: Mapping[str, Any]) -> None:
        """Frame what is left, write the END frame, remove the head. Rows that the disk refuses stay in the head."""
        self._flusher.stop(_LOCK_PATIENCE)
        with self.lock:
            head = self._head
            if head is None:
                return
            last, self.half = self.half, shut_half()  # a row that is logged from here on is refused, not forgotten
            last.queued = True
            halves = sorted(head.halves, key=lambda half: half.generation)
            # In order, and none after one that failed: a reader takes a generation below a framed one for framed
            written = all(self._frame(half) for half in halves if half.queued)
            self._head = None
            try:
                if written:
                    told = {"lost": self.lost, "points": self._points, "facts": self._facts}
                    self._append(Kind.END, _json({**end, **told}))
                if self.synced:
                    os.fsync(self._file.fileno())
            except OSError as error:
                written = False
                self.on_trouble(f"the end of the run could not be written to {self.path}: {error}")
            head.beat(time_ns(), self.lost)
            head.close(unlink=written)
            self._file.close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them."""
        self.half = shut_half()
        self.lock = threading.RLock()  # another thread of the parent may have held the old one
        if self._head is not None:
            self._head.close(unlink=False)
            self._head = None
        self._file.close()

    def _open(self, half: Half) -> None:
        assert self._head is not None
        self._generation += 1
        self._head.open(half, self._generation)
        self.half = half

    def _frame(self, half: Half) -> bool:
        """Turn a full half into a frame and free it. False: the disk takes nothing, the rows stay where they are."""
        with self._framing:
            head = self._head
            if not half.queued or head is None:
                return True
            rows = memoryview(half.buffer)
            groups, used = read_rows(rows, self._by_id)
            patience = monotonic() + _HOLE_PATIENCE
            while used < half.at and monotonic() < patience:
                sleep(0.001)
                groups, used = read_rows(rows, self._by_id)
            rows.release()
            if used < half.at:
                self.lost += 1
                self.on_trouble(f"a row of {self.path} was begun and never completed; what came after it is lost")
            # Generation 0: an interrupt came while the half was being cleared, its rows are on the tape
            if groups and half.generation and not self._append_rows(groups, half.generation):
                return False
            head.retire(half, larger=time_ns() - half.opened < _FILLED_FAST)
            return True

    def _append_rows(self, groups: list[Group], generation: int) -> bool:
        points = sum(group.values.size for group in groups)
        try:
            self._append(Kind.ROWS, encode_rows(groups, generation), points)
        except OSError as error:
            self._retry_at = monotonic() + _RETRY
            self.on_trouble(f"cannot write to {self.path}: {error}")
            return False
        if generation == 0 or generation > self._counted:  # an interrupted half is framed twice, and read once
            self._points += points
            self._counted = max(generation, self._counted)
        self._retry_at = 0.0
        return True

    def _append(self, kind: Kind, payload: bytes, points: int = 0) -> None:
        with self._appending:
            if self._file.closed:
                raise OSError("the tape is closed")
            frame = memoryview(pack_frame(kind, self._seq, payload, points=points, time=time_ns()))
            if self._torn:
                self._file.truncate(self._end)
            self._file.seek(self._end)
            self._torn = True
            done = 0
            try:
                while done < len(frame):
                    done += self._file.write(frame[done:]) or 0
            except OSError:
                self._file.truncate(self._end)
                raise
            self._end += len(frame)
            self._torn = False
            self._seq += 1
            self._unsynced = True
            self._last_frame = monotonic()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")
