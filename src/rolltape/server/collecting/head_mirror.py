"""The head of a tape as the collector keeps it: an ordinary head file, with the rows that its writer's head holds.

A half of the mirror holds rows of the same generation as its writer's, and has the same bytes from its start on, so
what is written twice is written the same. Every write leaves a state that a reader understands (docs/format.md).
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rolltape.server.collecting.trouble import PartError
from rolltape.server.collecting.whole_write import open_plain, write_at
from rolltape.store.drafts import sync_directory
from rolltape.tape.head import HEADER, LARGE, MAGIC, SMALL
from rolltape.tape.shipment import HalfHeld, HalfPiece

_WORDS = struct.Struct("<8s9q")  # magic, heartbeat (ns), lost, 0, then (generation, offset, size) of each half
_BEAT = struct.Struct("<qq")
_HALF = struct.Struct("<qqq")
_BEAT_AT = 8
_HALVES_AT = 32
_ZEROS = bytes(64 << 10)


class _Slot:
    """A place for a half. ``have``: bytes of rows that are surely those of ``generation``."""

    __slots__ = ("generation", "have", "offset", "size", "used")

    def __init__(self, generation: int, offset: int, size: int, used: int) -> None:
        self.generation = generation  # 0: free
        self.offset = offset
        self.size = size
        self.have = 0
        self.used = used  # bytes from the start on that may not be zero


class HeadMirror:
    """A head file; used under the lock of its tape.

    Args:
        path: of the file, which may not be there.
        synced: whether what is written is synced to disk before it counts.
    """

    __slots__ = ("_beat", "_gone", "_known", "_lost", "_path", "_size", "_slots", "_synced", "_there")

    def __init__(self, path: str, *, synced: bool) -> None:
        self._path = path
        self._synced = synced
        self.forget()

    def forget(self) -> None:
        """Look at the file anew the next time. What it holds is then not counted on, but stays where it is."""
        self._known = self._there = self._gone = False
        self._slots: tuple[_Slot, ...] = ()
        self._size = self._beat = self._lost = 0

    def take(
        self, halves: Sequence[HalfPiece], age: int, lost: int, framed: int, *, gone: bool = False
    ) -> list[HalfHeld]:
        """Take rows, and a sign of life that is ``age`` ns old; how much is held of each of these generations now.

        Args:
            halves: rows that follow those that are held; others are left out.
            framed: the highest generation that is on the tape.
            gone: whether the writer removed its head.

        Raises:
            PartError: a half is larger than there are. OSError.
        """
        for half in halves:
            if half.start + len(half.data) > LARGE:
                raise PartError(f"a half of a head must not be longer than {LARGE} bytes", 413)
        try:
            return self._take(halves, age, lost, framed, gone)
        except OSError:
            self.forget()
            raise

    def retire(self, framed: int, *, ended: bool) -> None:
        """Drop rows that lie in frames now; the file too if the tape has ended. Raises OSError."""
        try:
            self._load()
            if not self._there:
                return
            if ended:
                self._remove()
                return
            old = [number for number, slot in enumerate(self._slots) if 0 < slot.generation <= framed]
            if old:
                with self._opened() as descriptor:
                    for number in old:
                        self._free(descriptor, number)
            if self._gone and not any(slot.generation for slot in self._slots):
                self._remove()
        except OSError:
            self.forget()
            raise

    def _take(self, halves: Sequence[HalfPiece], age: int, lost: int, framed: int, gone: bool) -> list[HalfHeld]:
        self._load()
        held: list[HalfHeld] = []
        if not self._there and not gone:
            self._create()
        if self._there:
            with self._opened() as descriptor:
                in_order = sorted(halves, key=lambda half: half.generation)
                held = [HalfHeld(half.generation, self._take_half(descriptor, half, framed)) for half in in_order]
                # In the clock of this machine: those of others may be hours off
                self._beat = max(self._beat, time.time_ns() - age)
                self._lost = max(self._lost, lost)
                write_at(descriptor, _BEAT.pack(self._beat, self._lost), _BEAT_AT)
                if self._synced:
                    os.fsync(descriptor)
            self._gone = gone
            if gone and not any(slot.generation > framed for slot in self._slots):
                self._remove()
        return held

    def _take_half(self, descriptor: int, half: HalfPiece, framed: int) -> int:
        end = half.start + len(half.data)
        if half.generation <= framed:
            return end
        number = next((i for i, slot in enumerate(self._slots) if slot.generation == half.generation), None)
        if number is None:
            if half.start or not half.data:
                return 0
            number = next((i for i, slot in enumerate(self._slots) if slot.generation == 0), None)
            if number is None:  # a frame of one of the two others is still to come
                return 0
            self._open_half(descriptor, number, half.generation)
        slot = self._slots[number]
        if half.start <= slot.have < end:
            if end > slot.size:
                self._enlarge(descriptor, number)
            slot.used = max(slot.used, end)
            write_at(descriptor, memoryview(half.data)[slot.have - half.start :], slot.offset + slot.have)
            slot.have = end
        return slot.have

    def _open_half(self, descriptor: int, number: int, generation: int) -> None:
        slot = self._slots[number]
        self._clear(descriptor, slot)
        slot.generation, slot.have = generation, 0
        self._write_place(descriptor, number)

    def _free(self, descriptor: int, number: int) -> None:
        """The generation goes first: it tells a reader to look at the tape."""
        slot = self._slots[number]
        slot.generation = slot.have = 0
        self._write_place(descriptor, number)
        self._clear(descriptor, slot)

    def _enlarge(self, descriptor: int, number: int) -> None:
        """Move a half to a place at the end of the file where the largest one fits."""
        slot = self._slots[number]
        os.ftruncate(descriptor, self._size + LARGE)
        write_at(descriptor, os.pread(descriptor, slot.size, slot.offset), self._size)
        slot.offset, slot.size = self._size, LARGE
        self._size += LARGE
        self._write_place(descriptor, number)

    def _clear(self, descriptor: int, slot: _Slot) -> None:
        for at in range(0, slot.used, len(_ZEROS)):
            write_at(descriptor, _ZEROS[: slot.used - at], slot.offset + at)
        slot.used = 0

    def _write_place(self, descriptor: int, number: int) -> None:
        slot = self._slots[number]
        place = _HALF.pack(slot.generation, slot.offset, slot.size)
        write_at(descriptor, place, _HALVES_AT + number * _HALF.size)

    def _opened(self) -> contextlib.AbstractContextManager[int]:
        return _closing(open_plain(self._path, os.O_RDWR))

    def _create(self) -> None:
        """The header is written last, and at once: without it there is no head yet."""
        slots = [_Slot(0, HEADER + i * SMALL, SMALL, 0) for i in (0, 1)]
        with _closing(open_plain(self._path, os.O_RDWR | os.O_CREAT)) as descriptor:
            os.ftruncate(descriptor, 0)
            self._size = HEADER + 2 * SMALL
            os.ftruncate(descriptor, self._size)
            places = [word for slot in slots for word in (0, slot.offset, slot.size)]
            write_at(descriptor, _WORDS.pack(MAGIC, 0, 0, 0, *places), 0)
        if self._synced:
            sync_directory(Path(self._path).parent)
        self._slots = tuple(slots)
        self._there = True

    def _load(self) -> None:
        if self._known:
            return
        self.forget()
        try:
            with self._opened() as descriptor:
                header = os.pread(descriptor, _WORDS.size, 0)
                size = os.fstat(descriptor).st_size
        except FileNotFoundError:
            self._known = True
            return
        self._known = True
        if len(header) < _WORDS.size or header[: len(MAGIC)] != MAGIC:
            return  # its making was cut short: it is made again
        _, self._beat, self._lost, _, *places = _WORDS.unpack(header)
        slots = tuple(_Slot(places[i], places[i + 1], places[i + 2], used=places[i + 2]) for i in (0, 3))
        if all(HEADER <= slot.offset <= slot.offset + slot.size <= size for slot in slots):
            self._slots, self._size, self._there = slots, size, True

    def _remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)  # noqa: PTH108
        self.forget()


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
