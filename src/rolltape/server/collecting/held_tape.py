"""One tape as the collector holds it: a prefix, byte for byte, of the tape that its writer keeps elsewhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rolltape.server.collecting.head_mirror import HeadMirror
from rolltape.server.collecting.own_tapes import is_own, make_own
from rolltape.server.collecting.tape_scan import Held, scan
from rolltape.server.collecting.trouble import PartError
from rolltape.server.collecting.whole_write import open_plain, write_at
from rolltape.store.drafts import sync_directory
from rolltape.tape.frame import Kind
from rolltape.tape.frame_walk import Span

_PIECE = 1 << 20


class HeldTape:
    """A tape and its head. Whoever uses it has its ``lock`` and has called `look` first.

    Args:
        directory: of the run.
        writer: the name of the tape.
        synced: whether what is written is synced to disk before it counts.
    """

    __slots__ = ("_directory", "_file", "_own", "_path", "_synced", "_writer", "head", "held", "lock", "users")

    def __init__(self, directory: str, writer: str, *, synced: bool) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.held = Held()
        self.head = HeadMirror(f"{directory}/{writer}.head", synced=synced)
        self._directory = directory
        self._writer = writer
        self._path = f"{directory}/{writer}.tape"
        self._synced = synced
        self._own = False
        self._file: tuple[int, int, int] | None = None  # device, inode and size as they were left; None: no file

    def look(self, opening: int) -> None:
        """See whether the file is as it was left; where it is not, what it holds now.

        Args:
            opening: the CRC word of frame 0 of the tape that is asked about.

        Raises:
            PartError: it is another tape. OSError.
        """
        if _stamp(self._path) != self._file or self._file is None:
            self._read()
        if self.held.opening not in (None, opening):
            raise PartError(f"{self._writer}: there is another tape of that name here", 409)

    def append(self, data: memoryview, spans: Sequence[Span]) -> None:
        """Take those of the frames in ``data`` that are new; nothing if one before them is missing.

        Raises:
            PartError: the tape is not the collector's. OSError: nothing is taken.
        """
        new = [span for span in spans if span.seq >= self.held.next]
        if not new or new[0].seq > self.held.next:
            return
        if self._file is None:
            make_own(self._directory, self._writer, synced=self._synced)
            self._own = True
        if not self._own:
            raise PartError(f"{self._writer}: the tape of that name here was not collected, so it is not touched", 409)
        self._write(data[new[0].start : new[-1].end])
        last = new[-1]
        self.held = Held(
            last.seq + 1,
            self.held.size + last.end - new[0].start,
            new[0].crc if self.held.opening is None else self.held.opening,
            max(self.held.framed, *(span.generation for span in new), 0),
            self.held.ended or any(span.kind == Kind.END for span in new),
        )
        self.head.retire(self.held.framed, ended=self.held.ended)

    def forget(self) -> None:
        """Look at the files anew the next time."""
        self._file = None
        self.head.forget()

    def may_write(self) -> bool:
        """Whether the files are the collector's."""
        return self._own

    def _write(self, frames: memoryview) -> None:
        creating = os.O_CREAT | os.O_EXCL if self._file is None else 0
        descriptor = open_plain(self._path, os.O_WRONLY | creating)
        try:
            try:
                write_at(descriptor, frames, self.held.size)
                if self._synced:
                    os.fsync(descriptor)
            except BaseException:
                self.forget()  # the cut is made at the next look, should it fail here
                os.ftruncate(descriptor, self.held.size)
                raise
            found = os.fstat(descriptor)
            self._file = found.st_dev, found.st_ino, found.st_size
        finally:
            os.close(descriptor)
        if creating and self._synced:
            sync_directory(Path(self._directory))

    def _read(self) -> None:
        """Scan the file, and cut off what an append left behind that was not finished."""
        self.head.forget()
        self.held, self._file = Held(), None
        try:
            descriptor = open_plain(self._path, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            self._own = is_own(self._directory, self._writer)
            held = scan(descriptor)
            size = os.fstat(descriptor).st_size
            if self._own and size > held.size:
                if not held.torn:
                    self._put_aside(descriptor, held.size, size)
                os.ftruncate(descriptor, held.size)
            found = os.fstat(descriptor)
            self.held, self._file = held, (found.st_dev, found.st_ino, found.st_size)
        finally:
            os.close(descriptor)
        if self._own:
            self.head.retire(held.framed, ended=held.ended)

    def _put_aside(self, descriptor: int, start: int, end: int) -> None:
        """Keep bytes that no append of ours leaves: the disk was damaged, and frames may lie behind the damage."""
        aside = f"{self._directory}/.{self._writer}.{time.time_ns() // 1_000_000:x}.cut"
        copy = open_plain(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            for at in range(start, end, _PIECE):
                write_at(copy, os.pread(descriptor, min(_PIECE, end - at), at), at - start)
            os.fsync(copy)
        finally:
            os.close(copy)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size
