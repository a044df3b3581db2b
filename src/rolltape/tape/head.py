"""The head: the rows since the last frame, in two halves. One is written by `log()`, the other becomes a frame.

On a local disk the head is a mapped file, so that rows outlive a killed process. Elsewhere it is plain memory, framed
twice a second. docs/format.md is the public specification of the file.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rolltape.tape.filesystem import allocate
from rolltape.tape.rows import Group, Schema, Walked, read_rows, walk

MAGIC = b"RTHEAD1\n"
HEADER = 16 * 1024  # one page on every system that maps heads
_GRAIN = HEADER
SMALL = 2 * _GRAIN
LARGE = 28 * _GRAIN  # 2 small and 2 large halves and the header: a killed run leaves less than 1 MiB
# The header as 64-bit words: magic, heartbeat (ns), rows lost, then (generation, offset, size) of each half.
_BEAT, _LOST, _HALVES, _WORDS = 1, 2, 4, 10
_HEADER = struct.Struct(f"<{_WORDS}q")
_NEXT = 4096  # bytes in which the rows since the last look are looked for first


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

    def retire(self, half: Half, *, larger: bool = False) -> None:
        """Free a half whose rows lie in a frame; if it filled fast, it comes back ``larger``.

        The generation goes first: it tells a reader to look at the tape. ``queued`` goes last: from then on the
        recording side may open the half.
        """
        self._words[_HALVES + 3 * half.number] = half.generation = 0
        half.buffer[: half.at] = bytes(half.at)
        half.at = 0
        if larger:
            self.enlarge(half)
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


class HeadRows:
    """The rows of one half as a reader finds them; they are made into columns when they are asked for.

    Args:
        generation: of the half.
        data: the bytes of all whole rows.
        walked: what they are.
        schemas: of the tape.
        unknown: whether rows of a schema follow that is not known yet.
        end: the byte of the file at which the next row would begin; -1 if there is no room for one.
    """

    __slots__ = ("_groups", "_parts", "_schemas", "end", "generation", "points", "rows", "times", "unknown")

    def __init__(
        self,
        generation: int,
        data: tuple[bytes, ...],
        walked: Walked,
        schemas: Mapping[int, Schema],
        unknown: bool,
        end: int,
    ) -> None:
        self.generation = generation
        self.rows, self.points, self.times = walked.rows, walked.points, walked.times
        self.unknown = unknown
        self.end = end
        self._parts = data
        self._schemas = schemas
        self._groups: list[Group] | None = None

    @property
    def groups(self) -> list[Group]:
        """The rows by schema."""
        if self._groups is None:
            self._groups, _ = read_rows(b"".join(self._parts), self._schemas)
        return self._groups

    def then(self, data: bytes, walked: Walked, unknown: bool, end: int) -> HeadRows:
        """These rows and more that follow them."""
        times = {**self.times, **walked.times}
        for schema in self.times.keys() & walked.times.keys():
            times[schema] = max(self.times[schema], walked.times[schema])
        together = Walked(self.rows + walked.rows, self.points + walked.points, times, walked.used)
        return HeadRows(self.generation, (*self._parts, data), together, self._schemas, unknown, end)


class HeadSnapshot(NamedTuple):
    """A head as a reader finds it."""

    heartbeat: int  # ns
    lost: int
    halves: list[HeadRows]  # by generation
    places: bytes  # the header's words on the halves
    whole: bool = True  # whether no half came or went while it was read


def read_head(
    path: str | os.PathLike[str], schemas: Mapping[int, Schema], last: HeadSnapshot | None = None
) -> HeadSnapshot | None:
    """What lies in a head, also while it is written; None if there is no head, or none yet.

    The bytes are read twice. How far the rows reach is taken from the first look, what they say from the second, and a
    half that changed its generation in between is left out: its rows are on the tape by then. Where the halves are
    still those of ``last``, only what came after its rows is read.
    """
    try:
        with io.FileIO(path) as file:  # open() takes twice as long
            header = file.read(_HEADER.size)
            if header[: len(MAGIC)] != MAGIC or len(header) < _HEADER.size:
                return None
            if last is not None and header[8 * _HALVES :] == last.places:
                followed = _follow(file, header, schemas, last)
                if followed is not None:
                    return followed
            looks = []
            for _ in range(2):
                file.seek(0)
                looks.append(file.read())
            file.seek(0)
            after = file.read(_HEADER.size)
    except OSError:
        return None
    if any(len(look) < _HEADER.size for look in (*looks, after)):
        return None
    words = [_HEADER.unpack_from(look) for look in (*looks, after)]
    halves = []
    for place in (_HALVES, _HALVES + 3):
        generation, offset, size = words[0][place : place + 3]
        steady = all(words[0][place : place + 3] == later[place : place + 3] for later in words[1:])
        if generation <= 0 or not steady or not 0 <= offset <= offset + size <= len(looks[1]) or size % 8:
            continue
        walked = walk(memoryview(looks[0])[offset : offset + size], schemas)
        data = looks[1][offset : offset + walked.used]
        unknown = _is_unknown(looks[1][offset + walked.used : offset + min(walked.used + 8, size)], schemas)
        end = offset + walked.used if walked.used < size else -1
        halves.append(HeadRows(generation, (data,), walked, schemas, unknown, end))
    halves.sort(key=lambda half: half.generation)
    whole = words[0][_HALVES:] == words[1][_HALVES:] == words[2][_HALVES:]
    places = after[8 * _HALVES :] if halves and whole else b""
    return HeadSnapshot(words[2][_BEAT], words[2][_LOST], halves, places, whole)


def _follow(file: io.FileIO, header: bytes, schemas: Mapping[int, Schema], last: HeadSnapshot) -> HeadSnapshot | None:
    """``last`` with what came after it; None if the halves changed meanwhile."""
    ends = {offset: offset + size for offset, size in _ranges(header)}
    halves = []
    for half in last.halves:
        if half.end >= 0:
            limit = min((end for offset, end in ends.items() if offset <= half.end < end), default=half.end)
            more = _rows_after(file, half.end, limit, schemas)
            if more is not None:
                data, walked, unknown = more
                end = half.end + walked.used
                half = half.then(data, walked, unknown, end if end < limit else -1)
        halves.append(half)
    file.seek(0)
    header = file.read(_HEADER.size)
    if header[8 * _HALVES :] != last.places:
        return None
    words = _HEADER.unpack(header)
    return HeadSnapshot(words[_BEAT], words[_LOST], halves, last.places)


def _ranges(header: bytes) -> list[tuple[int, int]]:
    words = _HEADER.unpack(header)
    return [(words[place + 1], words[place + 2]) for place in (_HALVES, _HALVES + 3)]


def _rows_after(
    file: io.FileIO, start: int, limit: int, schemas: Mapping[int, Schema]
) -> tuple[bytes, Walked, bool] | None:
    """The rows from byte ``start`` on, and whether some of an unknown schema follow; None if nothing does."""
    for size in (min(_NEXT, limit - start), limit - start):
        looks = []
        for _ in range(2):
            file.seek(start)
            looks.append(file.read(size))
            if not any(looks[0][:8]):
                return None
        walked = walk(looks[0], schemas)
        rest = looks[1][walked.used : walked.used + 8]
        if size == limit - start or (len(rest) == 8 and not any(rest)):
            break  # all that there is
    return looks[1][: walked.used], walked, _is_unknown(rest, schemas)


def _is_unknown(following: bytes, schemas: Mapping[int, Schema]) -> bool:
    schema = int.from_bytes(following, "little")
    return schema != 0 and schema not in schemas
