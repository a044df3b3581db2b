"""The collector: what it does with each part of a shipment. Everything here may be done twice, and by many at once."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import assert_never

from rolltape.errors import StoreError
from rolltape.server.collecting.held_tapes import HeldTapes
from rolltape.server.collecting.media_file import store_piece
from rolltape.server.collecting.places import checked_file, checked_writer, is_there, make_directory, run_directory
from rolltape.server.collecting.run_file import store_run
from rolltape.server.collecting.trouble import DiskFull, PartError, is_full
from rolltape.store.drafts import sync_directory
from rolltape.tape.frame import HEADER_SIZE, Kind
from rolltape.tape.frame_walk import Span, walk_frames
from rolltape.tape.shipment import (
    Answer,
    FileHeld,
    FilePart,
    FramesPart,
    FramesWanted,
    HalfHeld,
    HeadHeld,
    HeadPart,
    Malformed,
    Part,
    PartRefused,
    RunPart,
    RunStored,
)

_LOCK = ".collector.lock"
_FILE_LOCKS = 64


class Collector:
    """Writes what shipments bring below a directory. Its methods may be called from any thread.

    Args:
        root: the directory of the tapes, which is there.
        synced: whether everything is synced to disk before it is acknowledged; otherwise it outlives the death of this
            process, not that of the machine.

    Raises:
        StoreError: another collector writes there, or this system cannot do it.
    """

    def __init__(self, root: Path, *, synced: bool = False) -> None:
        if os.name != "posix":
            raise StoreError("tapes are collected on POSIX systems only; others record and ship them")
        self._root = os.fspath(root.resolve())
        self._synced = synced
        self._tapes = HeldTapes(synced=synced)
        self._file_locks = [threading.Lock() for _ in range(_FILE_LOCKS)]
        self._lock = _lock_directory(self._root)

    def close(self) -> None:
        """Let another collector have the directory."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def take(self, parts: Sequence[Part | Malformed], may_write: Callable[[str], bool]) -> list[Answer]:
        """Write what is new in these parts; an answer for each.

        Args:
            parts: of one shipment, in order.
            may_write: whether who sent them may write into a project.

        Raises:
            DiskFull: not all of them could be written; those that could are.
        """
        return [self._answer(part, may_write) for part in parts]

    def _answer(self, part: Part | Malformed, may_write: Callable[[str], bool]) -> Answer:
        if isinstance(part, Malformed):
            return PartRefused(part.sentence, 400)
        try:
            directory = run_directory(self._root, part.project, part.run)
            if not may_write(part.project):
                raise PartError(f"the token may not write into the project {part.project!a}", 403)
            return self._take(part, directory)
        except PartError as error:
            return PartRefused(error.sentence, error.status)
        except OSError as error:
            if is_full(error):
                raise DiskFull(error.strerror) from error
            return PartRefused(f"the server cannot write this: {error.strerror or error}", 500)

    def _take(self, part: Part, directory: str) -> Answer:
        match part:
            case RunPart():
                make_directory(self._root, directory)
                stored = store_run(directory, part.project, part.run, memoryview(part.data))
                if stored and self._synced:
                    self._sync(directory)
                return RunStored(stored)
            case FramesPart():
                return self._take_frames(part, directory)
            case HeadPart():
                return self._take_head(part, directory)
            case FilePart():
                return self._take_piece(part, directory)
        assert_never(part)

    def _take_frames(self, part: FramesPart, directory: str) -> FramesWanted:
        writer, data = checked_writer(part.writer), memoryview(part.data)
        try:
            spans = list(walk_frames(data, part.first))
        except ValueError as error:
            raise PartError(f"{writer}: {error}") from None
        if spans and part.first == 0:
            _check_opening(part, data, spans[0])
        if spans:
            make_directory(self._root, directory)
        elif not is_there(self._root, directory):
            return FramesWanted(0)
        with self._tapes.using(directory, writer) as tape:
            tape.look(part.opening)
            if spans:
                tape.append(data, spans)
            return FramesWanted(tape.held.next)

    def _take_head(self, part: HeadPart, directory: str) -> HeadHeld:
        writer = checked_writer(part.writer)
        nothing = tuple(HalfHeld(half.generation, 0) for half in part.halves)
        if not is_there(self._root, directory):
            return HeadHeld(0, nothing)
        with self._tapes.using(directory, writer) as tape:
            tape.look(part.opening)
            held = tape.held
            if held.next == 0:  # a head belongs to a tape
                return HeadHeld(0, nothing)
            if held.ended or not tape.may_write():  # all of it is on the tape, or in the head of a writer that is here
                ends = tuple(HalfHeld(half.generation, half.start + len(half.data)) for half in part.halves)
                return HeadHeld(held.next, ends)
            halves = tape.head.take(part.halves, part.age, part.lost, held.framed, gone=part.gone)
            return HeadHeld(held.next, tuple(halves))

    def _take_piece(self, part: FilePart, directory: str) -> FileHeld:
        name, media = checked_file(part.name), f"{directory}/media"
        make_directory(self._root, media)
        with self._file_locks[hash((directory, name)) % _FILE_LOCKS]:
            held = store_piece(media, part)
        if held.whole and self._synced:
            self._sync(media)
        return held

    def _sync(self, directory: str) -> None:
        """Have the names down to a directory synced."""
        while len(directory) >= len(self._root):
            sync_directory(Path(directory))
            directory = directory.rpartition("/")[0]


def _check_opening(part: FramesPart, data: memoryview, span: Span) -> None:
    """Raises PartError where frame 0 is not the one of a tape of that run."""
    if span.crc != part.opening:
        raise PartError(f"{part.writer}: opening must be the CRC word of frame 0")
    if span.kind != Kind.OPEN:
        raise PartError(f"{part.writer}: frame 0 must be an OPEN frame")
    try:
        said = json.loads(bytes(data[HEADER_SIZE : span.end]).decode("utf-8"))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise PartError(f"{part.writer}: frame 0 does not say whose tape it is")
    for name, wanted in (("project", part.project), ("run", part.run)):
        if said.get(name) != wanted:
            told = ascii(said.get(name))[:100]
            raise PartError(f"{part.writer}: the tape is of {name} {told}, it was sent for {wanted!a}")


def _lock_directory(root: str) -> int:
    """A descriptor that holds the lock of the directory; -1 where the file system has none.

    Raises:
        StoreError: another collector has it, or it cannot be written there.
    """
    import fcntl

    try:
        descriptor = os.open(f"{root}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StoreError(f"cannot collect tapes in {root}: {error.strerror or error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StoreError(f"another rolltape serve collects tapes in {root}") from error
    except OSError:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        return -1
    return descriptor
