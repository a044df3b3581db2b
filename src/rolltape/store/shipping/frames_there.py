"""What lies at a place of a tape where the next frame should begin: whole frames, part of one, or damage."""

from __future__ import annotations

import struct

from rolltape.tape.frame import HEADER_SIZE, MAGIC, Kind, last_frame
from rolltape.tape.frame_walk import Span, opening_of, walk_frames

_FIELDS = struct.Struct("<4sHHIQIqI")
_LOOKED = 16 << 20  # bytes in which a damaged frame is looked at
_BEHIND = 64 << 20  # bytes in which frames behind damage are looked for
_LAST = 64 << 10  # bytes in which an END frame behind damage is looked for


def length_there(path: str, at: int, first: int) -> int:
    """How many bytes the frame at byte ``at`` needs; 0: it is damaged."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            file.seek(at)
            return whole_frames(file.read(_LOOKED), first)[1]
    except OSError:
        return 1 << 62


def hides_frames(path: str, at: int, first: int) -> bool:
    """Whether later frames lie behind one at byte ``at`` that is cut: then it is damaged."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            file.seek(at)
            rest = file.read(_BEHIND)
    except OSError:
        return False
    at = rest.find(MAGIC, 1)
    while at >= 0 and len(rest) - at >= HEADER_SIZE:
        seq = _FIELDS.unpack_from(rest, at)[4]
        if first < seq < first + (1 << 20):
            return True
        at = rest.find(MAGIC, at + 1)
    return False


def has_end(path: str, size: int) -> bool:
    """Whether a tape of ``size`` bytes ends with an END frame, which may lie behind damage."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            start = max(0, size - _LAST)
            file.seek(start)
            last = last_frame(file.read(_LAST), start)
    except OSError:
        return False
    return last is not None and last.kind == Kind.END


def whole_frames(data: bytes, first: int) -> tuple[list[Span], int]:
    """The whole frames that ``data`` begins with, and how many bytes the next one needs: 0 if it is damaged."""
    spans: list[Span] = []
    try:
        for span in walk_frames(memoryview(data), first):
            spans.append(span)  # noqa: PERF402 (what comes before an error is kept)
    except ValueError:
        at = spans[-1].end if spans else 0
        if len(data) - at < HEADER_SIZE:
            return spans, len(data) - at + 1 if data[at : at + 4] == MAGIC[: len(data) - at] else 0
        magic, _, _, length, *_ = _FIELDS.unpack_from(data, at)
        needs = HEADER_SIZE + length
        return spans, needs if magic == MAGIC and needs > len(data) - at else 0
    return spans, 0


def opening_of_or_none(start: bytes) -> int | None:
    """The CRC word of a tape's first frame; None: it is no tape."""
    try:
        return opening_of(start)
    except ValueError:
        return None
