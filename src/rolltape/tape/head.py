"""The head: the rows since the last frame, in two halves. One is written by `log()`, the other becomes a frame.

On a local disk the head is a mapped file, so that rows outlive a killed process. Elsewhere it is plain memory, framed twice
a second. docs/format.md is the public specification of the file.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rolltape.tape.filesystem import allocate
from rolltape.tape.rows import Group, Schema, read_rows

MAGIC = b"RTHEAD1\n"
HEADER = 16 * 1024  # one page on every system that maps heads
_GRAIN = HEADER
SMALL = 2 * _GRAIN
LARGE = 28 * _GRAIN  # 2 small and 2 large halves and the header: a killed run leaves less than 1 MiB
# The header as 64-bit words: magic, heartbeat (ns), rows lost, then (generation, offset, size) of each half.
_BEAT, _LOST, _HALVES, _WORDS = 1, 2, 4, 10


class Half:
    """A buffer of rows. Whoever moves ``at`` owns the bytes it moved over; ``at`` may not pass ``limit``."""

    __slots__ = ("at", "buffer", "generation", "limit", "number", "opened", "queued")

    def __init__(self, number: int, buffer: mmap.mmap | bytearray) -> None:
        self.number = number
        self.buffer = buffer
        self.limit = len(buffer)
        self.at = 0
        self.generation = 0  # 0: free
        self.opened = 0  # ns
        self.queued = False  # full, waiting to become a frame


def shut_half() -> Half:
    """A half without room: every row that meets it takes the slow path."""
    half = Half(-1, bytearray())
    half.limit = -1
    return half


class Head:
    """The two halves and the header of one writer's head.

    Args:
        path: the file to create, or None for plain memory.

    Raises:
        OSError: the space cannot be allocated.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file = -1
        self._size = HEADER + 2 * SMALL
        if path is None:
            header: mmap.mmap | bytearray = bytearray(HEADER)
            halves: list[mmap.mmap | bytearray] = [bytearray(SMALL), bytearray(SMALL)]
        else:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                allocate(self._file, self._size)
                header = mmap.mmap(self._file, HEADER)
                halves = [mmap.mmap(self._file, SMALL, offset=HEADER + i * SMALL) for i in (0, 1)]
            except OSError:
                self.close()
                raise
        self._header = header
        self._words = memoryview(header)[: 8 * _WORDS].cast("q")
        for i in (0, 1):
            self._place(i, HEADER + i * SMALL, SMALL)
        self.halves = [Half(i, buffer) for i, buffer in enumerate(halves)]
        self.beat(time.time_ns(), 0)
        header[: len(MAGIC)] = MAGIC

    def _place(self, number: int, offset: int, size: int) -> None:
        self._words[_HALVES + 3 * number + 1] = offset
        self._words[_HALVES + 3 * number + 2] = size

    def open(self, half: Half, generation: int) -> None:
        """Let a free half take the rows of ``generation``."""
        half.at = 0
        half.generation = self._words[_HALVES + 3 * half.number] = generation
        half.opened = time.time_ns()

    def retire(self, half: Half) -> None:
        """Free a half whose rows lie in a frame. The generation goes first: it tells a reader to look at the tape."""
        self._words[_HALVES + 3 * half.number] = half.generation = 0
        half.buffer[: half.at] = bytes(half.at)
        half.at = 0
        half.queued = False

    def enlarge(self, half: Half) -> None:
        """Give a free half its full size; where there is no space for that it stays as it is."""
        if half.limit >= LARGE:
            return
        if self.path is None:
            half.buffer = bytearray(LARGE)
        else:
            try:
                allocate(self._file, self._size + LARGE)
                half.buffer = mmap.mmap(self._file, LARGE, offset=self._size)
            except OSError:
                return
            self._place(half.number, self._size, LARGE)
            self._size += LARGE
        half.limit = LARGE

    def beat(self, now: int, lost: int) -> None:
        """Show readers that the writer lives (``now`` in ns) and how many rows it could not record."""
        self._words[_BEAT] = now
        self._words[_LOST] = lost

    def sync(self) -> None:
        """Have the operating system write the halves down."""
        for half in self.halves:
            if isinstance(half.buffer, mmap.mmap):
                half.buffer.flush()

    def close(self, *, unlink: bool = True) -> None:
        """Let go of the file, and remove it unless it still holds rows."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if unlink and self.path is not None:
            self.path.unlink(missing_ok=True)


class HeadRows(NamedTuple):
    """The rows of one half as a reader finds them."""

    generation: int
    groups: list[Group]


class HeadSnapshot(NamedTuple):
    """A head as a reader finds it."""

    heartbeat: int  # ns
    lost: int
    halves: list[HeadRows]  # by generation


def read_head(path: Path, schemas: Mapping[int, Schema]) -> HeadSnapshot | None:
    """What lies in a head, also while it is written; None if there is no head, or none yet.

    The bytes are read twice. How far the rows reach is taken from the first look, what they say from the second, and a
    half that changed its generation in between is left out: its rows are on the tape by then.
    """
    try:
        with path.open("rb", buffering=0) as file:
            looks = []
            for _ in range(2):
                file.seek(0)
                looks.append(file.read())
            file.seek(0)
            words = [np.frombuffer(look, "<i8", _WORDS) for look in (*looks, file.read(HEADER))]
    except (OSError, ValueError):
        return None
    if looks[0][: len(MAGIC)] != MAGIC:
        return None
    halves = []
    for place in (_HALVES, _HALVES + 3):
        generation, offset, size = words[0][place : place + 3].tolist()
        steady = all(np.array_equal(words[0][place : place + 3], later[place : place + 3]) for later in words[1:])
        if generation <= 0 or not steady or not 0 <= offset <= offset + size <= len(looks[1]):
            continue
        _, used = read_rows(memoryview(looks[0])[offset : offset + size], schemas)
        groups, _ = read_rows(memoryview(looks[1])[offset : offset + used], schemas)
        halves.append(HeadRows(generation, groups))
    return HeadSnapshot(int(words[1][_BEAT]), int(words[1][_LOST]), sorted(halves, key=lambda half: half.generation))
