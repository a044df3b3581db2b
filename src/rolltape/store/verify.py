"""What of a store, project, run or tape can be read, and what not. Every frame is decoded, nothing is repaired."""

from __future__ import annotations

import json
import stat
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from rolltape.errors import StoreError
from rolltape.store.identity import read_identity
from rolltape.store.trash import TRASH
from rolltape.tape.columns import RowsFrame, ZstdError
from rolltape.tape.frame import HEADER_SIZE, MAGIC, Frame, Kind, read_frame, whole_frames_after
from rolltape.tape.head import HeadRows, read_head
from rolltape.tape.life import is_alive
from rolltape.tape.rows import Schema

TapeStatus = Literal["ended", "live", "killed", "unknown", "unreadable"]  # unknown: no end, and no head either

_LOOKS = 20  # at a live tape, until tape and head are seen at one moment
_PAUSE = 0.02  # s between two looks
_START = struct.Struct("<4sHHI24xQ")  # of a frame: magic, kind, flags, payload bytes; generation of its rows
_HEAD = struct.Struct("<8s9q")  # magic, heartbeat, lost, 0, then (generation, offset, size) of two halves
_UNDECODABLE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error, ZstdError)


@dataclass(slots=True)
class FileCheck:
    """A file that there is something to say about. It is sound where ``problems`` is empty; ``notes`` are to know."""

    path: Path
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TapeCheck(FileCheck):
    """One tape with its head."""

    status: TapeStatus = "unreadable"
    frames: int = 0  # whole ones from the start on, all of which a reader gets
    points: int = 0  # that can be read, those in the head included
    readable_bytes: int = 0
    size: int = 0
    head_rows: int = 0  # rows that are only in the head
    hidden_frames: int = 0  # whole ones behind damage, where no reader gets


@dataclass(slots=True)
class Report:
    """What `verify` found."""

    path: Path
    runs: int
    tapes: list[TapeCheck]
    files: list[FileCheck]  # run.json, a head without a tape, a missing medium: what there is something to say about

    @property
    def checks(self) -> list[FileCheck]:
        """Tapes and other files."""
        return [*self.tapes, *self.files]

    @property
    def sound(self) -> bool:
        """Whether everything is whole and can be read."""
        return not any(check.problems for check in self.checks)


def verify(path: Path, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Report:
    """Check a store directory, a project, a run directory or one tape.

    Args:
        path: what to check.
        progress: called with (bytes of tapes checked, bytes of tapes in all).

    Raises:
        StoreError: there is nothing at ``path``.
        OSError: a directory cannot be listed.
    """
    if not path.exists():
        raise StoreError(f"there is nothing at {path}")
    # Tapes first: a run that begins meanwhile must not have a tape that lies in no run
    below = [tape for tape in path.rglob("*.tape") if TRASH not in tape.relative_to(path).parts]
    runs = _run_directories(path) if path.is_dir() else []
    tapes = sorted({*below, *(tape for run in runs for tape in run.glob("*.tape"))})
    if not path.is_dir():
        tapes = [path]
    total = sum(map(_size, tapes))
    report = Report(path, len(runs), [], [])
    done = 0
    for tape in tapes:
        check, media = _check_tape(tape, lambda read, before=done: progress(before + read, total))  # type: ignore[misc]
        done += _size(tape)
        progress(done, total)
        if runs and tape.parent not in runs:
            check.problems.append("lies where no store looks: tapes belong into <project>/<run>/")
        report.tapes.append(check)
        report.files += _check_media(tape.parent, media)
    for run in runs:
        report.files += _check_run(run)
    return report


def _run_directories(path: Path) -> list[Path]:
    """The run directories in ``path``, which may be one itself, a project, or a store."""
    for pattern in ("*/*/run.json", "*/run.json", "run.json", "*/*/*.tape", "*/*.tape", "*.tape"):
        if next(path.glob(pattern), None) is not None:
            depth = pattern.count("/")
            levels = "/".join("*" * depth)
            found = [path] if not depth else list(path.glob(levels))
            return sorted(run for run in found if _is_run(run))
    return []


def _is_run(path: Path) -> bool:
    return path.is_dir() and any(next(path.glob(name), None) for name in ("run.json", "*.tape", "*.head"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# What belongs to a run beside its tapes


def _check_run(run: Path) -> Iterator[FileCheck]:
    _, problem = read_identity(run / "run.json")
    if problem:
        yield FileCheck(run / "run.json", [problem])
    heads = sorted(run.glob("*.head"))  # before the tapes: a tape comes before its head
    tapes = {tape.stem for tape in run.glob("*.tape")}
    for head in heads:
        if head.stem not in tapes:
            yield FileCheck(head, ["a head without its tape: the rows in it cannot be read"])
    if not tapes:
        yield FileCheck(run, notes=["a run without a tape: nothing was recorded, or its tapes are elsewhere"])


def _check_media(run: Path, media: list[object]) -> Iterator[FileCheck]:
    for name in media:
        if not isinstance(name, str) or not name or Path(name).name != name:
            yield FileCheck(run / "media", [f"a tape names a medium {name!r}, which cannot be a file there"])
        elif not (run / "media" / name).is_file():
            yield FileCheck(run / "media" / name, ["a tape names this medium, but it is not there"])


# One tape


class _Walk:
    """Goes through a tape's frames as readers do, and decodes every column too."""

    def __init__(self, path: Path, progress: Callable[[int], None]) -> None:
        self.path = path
        self.progress = progress
        self.frames = 0
        self.points = 0
        self.end = 0  # the byte behind the last whole frame
        self.stop = ""  # in words: why there is no frame; empty: the file ends there
        self.strange = 0  # the byte behind a whole frame that says what no writer writes
        self.schemas: dict[int, Schema] = {}
        self.opening: dict[str, Any] = {}
        self.ended = False
        self.framed = 0  # the highest generation that is a frame
        self.last_sign = 0
        self.media: list[object] = []
        self.undecodable: list[str] = []

    def go(self) -> None:
        """Read on from the last whole frame. Raises OSError."""
        with self.path.open("rb") as file:
            while not self.strange:
                frame = read_frame(file, self.end, self.frames)
                if isinstance(frame, str):
                    self.stop = frame
                    return
                try:
                    self._take(frame)
                except _UNDECODABLE as error:
                    self.stop = f"the frame at byte {frame.offset} says what no writer writes: {error!r}"
                    self.strange = frame.end
                    return
                self.frames += 1
                self.end = frame.end
                self.last_sign = frame.time
                self.progress(self.end)

    def alive(self) -> bool:
        try:
            return not self.ended and bool(self.opening) and is_alive(self.opening, self.last_sign)
        except _UNDECODABLE:
            return False

    def _take(self, frame: Frame) -> None:
        if frame.kind == Kind.ROWS:
            self._take_rows(frame)
        elif frame.kind in set(Kind):
            told = json.loads(frame.payload)
            if frame.kind == Kind.SCHEMA:
                schema = Schema(int(told["schema"]), tuple(told["metrics"]))
                self.schemas[schema.id] = schema
            elif frame.kind == Kind.OPEN:
                self.opening = dict(told)
            elif frame.kind == Kind.EVENT and "file" in told:
                self.media.append(told["file"])
            elif frame.kind == Kind.END:
                self.ended = told["status"] is not None and told["lost"] is not None

    def _take_rows(self, frame: Frame) -> None:
        rows = RowsFrame(frame.payload)
        if 0 < rows.generation <= self.framed:  # written twice: readers skip it
            return
        self.framed = max(self.framed, rows.generation)
        try:
            found = 0
            for group in rows.groups:
                metrics = len(self.schemas[group.schema].metrics)
                rows.order(frame.payload, group)
                rows.step(frame.payload, group)
                rows.time(frame.payload, group)
                found += sum(len(rows.values(frame.payload, group, metric)) for metric in range(metrics))
            self.points += found
        except _UNDECODABLE as error:
            self.undecodable.append(
                f"the frame at byte {frame.offset} cannot be decoded: {error!r}; its {frame.points} points are lost"
            )


def _check_tape(path: Path, progress: Callable[[int], None]) -> tuple[TapeCheck, list[object]]:
    """One tape, and the names of media in it."""
    check = TapeCheck(path, size=_size(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("not a regular file")
        start = _magic(path)
        if start != MAGIC[: len(start)]:
            check.problems.append(f"is not a tape: it does not begin with {MAGIC.decode()}")
            return check, []
        if not start:
            check.problems.append("is empty: its writer was killed before it wrote anything, or its content is gone")
            return check, []
        walk = _Walk(path, progress)
        alive, halves = _look(walk)
        _describe(check, walk, alive, halves)
    except OSError as error:
        check.status = "unreadable"
        check.problems.append(f"cannot be read: {error.strerror or error}")
        return check, []
    return check, walk.media


def _magic(path: Path) -> bytes:
    """The first bytes of a file; it is looked at twice if it is empty, as a tape is for a moment."""
    for look in range(2):
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start:
            break
        if not look:
            time.sleep(_PAUSE)
    return start


def _describe(check: TapeCheck, walk: _Walk, alive: bool, halves: list[HeadRows] | None) -> None:
    """Say what was found in a tape and its head."""
    check.size = max(_size(check.path), walk.end)
    check.status = "ended" if walk.ended else "live" if alive else "killed"
    check.frames, check.readable_bytes = walk.frames, walk.end
    check.head_rows = sum(half.rows for half in halves or ())
    check.points = walk.points + sum(group.values.size for half in halves or () for group in half.groups)
    check.problems += walk.undecodable
    if walk.stop:
        check.hidden_frames = whole_frames_after(walk.path, walk.strange or walk.end)
    cut = None if check.hidden_frames or walk.ended or not walk.frames else _cut_frame(walk)
    damaged = bool(walk.stop) and cut is None
    head_sound = False
    if walk.opening.get("mapped") and (check.status == "killed" or (check.status == "live" and halves is None)):
        head_sound = _check_head(check, walk, halves, damaged)
    elif check.status == "killed":
        check.notes.append("recorded without a head: rows of the last half second before the kill may be missing")
    if check.head_rows and not alive:
        check.notes.append(f"its last {_number(check.head_rows, 'row')} can be read from the head")
    rest = _number(check.size - walk.end, "byte")
    if cut is not None and check.status == "live":
        check.notes.append(f"a frame is being written at byte {walk.end}")
    elif cut is not None and check.status == "killed":
        missing = "whether rows are missing cannot be known"
        if head_sound and halves and halves[0].generation == walk.framed + 1:
            in_head = cut == walk.framed + 1
            missing = f"{'' if in_head else 'if the kill cut it, '}nothing that log() had returned is missing"
        check.notes.append(f"the frame at byte {walk.end} was cut while it was written ({rest} of it): {missing}")
    elif damaged:
        hidden = _number(check.hidden_frames, "whole frame") + " behind it cannot be reached"
        place = "behind its end: " if walk.ended else ""
        more = f"; {hidden}" if check.hidden_frames else ""
        check.problems.append(f"{place}{walk.stop}: {rest} from there on cannot be read{more}")


def _look(walk: _Walk) -> tuple[bool, list[HeadRows] | None]:
    """Read tape and head, of a live writer until both are of one moment: (is it alive, halves that are no frame)."""
    walk.go()
    for look in range(_LOOKS):
        alive = walk.alive()
        walk.go()
        head = read_head(walk.path.with_suffix(".head"), walk.schemas)
        halves = None if head is None else [half for half in head.halves if half.generation > walk.framed]
        if head is not None:
            walk.last_sign = max(walk.last_sign, head.heartbeat)
        mapped = bool(walk.opening.get("mapped"))
        at_one = not walk.stop and (not mapped or bool(halves and halves[0].generation == walk.framed + 1))
        if walk.ended or not alive or at_one:
            break
        if look < _LOOKS - 1:
            time.sleep(_PAUSE)
    return alive, halves


def _check_head(check: TapeCheck, walk: _Walk, halves: list[HeadRows] | None, damaged: bool) -> bool:
    """The head of a writer that is gone without an end. Whether it is known to hold every row since the last frame."""
    path = walk.path.with_suffix(".head")
    before = len(check.problems)
    try:
        with path.open("rb") as file:
            magic, _, _, _, *places = _HEAD.unpack(file.read(_HEAD.size))
            for generation, offset, length in (places[:3], places[3:]):
                if generation > 0 and not 0 <= offset <= offset + length <= _size(path):
                    check.problems.append("the head is cut: the rows of one of its halves cannot be read")
                for half in halves or ():
                    if half.generation == generation and half.end >= 0:
                        _check_end_of_half(check, walk, file, half.end, offset + length)
        if (not halves or magic != b"RTHEAD1\n") and walk.frames > 1 and len(check.problems) == before:
            check.problems.append("the head is damaged: rows since the last frame cannot be read")
    except FileNotFoundError:
        if walk.frames > 1 or walk.stop:  # otherwise its writer was killed before it had one
            check.status = "unknown"
            if not damaged:
                check.problems.append(
                    "there is neither an end nor a head: the tape was cut later or its head was removed, and what "
                    f"came after byte {walk.end} cannot be read"
                )
    except (OSError, struct.error) as error:
        check.problems.append(f"the head cannot be read: {error}")
    gap = halves[0].generation - walk.framed - 1 if halves else 0
    if gap > 0 and len(check.problems) == before and not damaged:
        missing = f"{_number(gap, 'frame')} between it and the head {'is' if gap == 1 else 'are'} missing"
        check.problems.append(f"the tape was cut at or before byte {check.size}: {missing}")
    return len(check.problems) == before


def _check_end_of_half(check: TapeCheck, walk: _Walk, file: BinaryIO, start: int, end: int) -> None:
    """What lies behind the last whole row of a half: nothing, a row that the kill cut, or more."""
    file.seek(start)
    rest = file.read(max(0, end - start)).rstrip(b"\0")
    if not rest:
        return
    schema = walk.schemas.get(int.from_bytes(rest[:8].ljust(8, b"\0"), "little"))
    if schema is not None and len(rest) <= schema.size:
        check.notes.append("the kill cut a row in the head: its log() had not returned")
    else:
        check.problems.append(f"behind byte {start} of the head lie bytes that are no whole row and cannot be read")


def _cut_frame(walk: _Walk) -> int | None:
    """Of the beginning of a frame that goes on behind the file's end: the generation of its rows, 0 if it has none.

    None if there is no such frame behind the last whole one.
    """
    with walk.path.open("rb") as file:
        file.seek(walk.end)
        start = file.read(_START.size)
    if not start or walk.strange or start[: len(MAGIC)] != MAGIC[: len(start)]:
        return None
    if len(start) < _START.size:
        return 0
    _, kind, _, length, generation = _START.unpack(start)
    if _size(walk.path) >= walk.end + HEADER_SIZE + length:
        return None
    return int(generation) if kind == Kind.ROWS else 0


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
