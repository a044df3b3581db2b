"""What a tape that is already there holds: looked at once, after a start of the collector."""

from __future__ import annotations

import os
import struct
import zlib
from typing import NamedTuple

from rolltape.tape.frame import HEADER_SIZE, MAGIC, Kind

_FIELDS = struct.Struct("<4sHHIQIqI")
_LOOK = HEADER_SIZE + 8  # the header and a ROWS frame's generation
_CHECKED = 64 << 20  # bytes at the end of the tape whose CRC is checked: more than one shipment brings
_PIECE = 1 << 20


class Held(NamedTuple):
    """The whole frames of a tape."""

    next: int = 0  # the number of the frame that would come next
    size: int = 0  # bytes
    opening: int | None = None  # the CRC word of frame 0; None: there is none
    framed: int = 0  # the highest generation among its frames
    ended: bool = False
    torn: bool = False  # what follows is the beginning of the next frame: an append that was not finished


def scan(descriptor: int) -> Held:
    """The whole frames that the file begins with. Raises OSError."""
    file_size = os.fstat(descriptor).st_size
    held = Held()
    while held.size < file_size:
        look = os.pread(descriptor, _LOOK, held.size)
        if len(look) < HEADER_SIZE:
            return held._replace(torn=True)
        magic, kind, _, length, seq, _, _, crc = _FIELDS.unpack_from(look)
        end = held.size + HEADER_SIZE + length
        if magic != MAGIC or seq != held.next:
            return held
        if end > file_size:
            return held._replace(torn=True)
        if end > file_size - _CHECKED and _crc(descriptor, held.size, look[: HEADER_SIZE - 4], end) != crc:
            return held
        generation = int.from_bytes(look[HEADER_SIZE:], "little") if kind == Kind.ROWS and length >= 8 else 0
        held = Held(
            seq + 1,
            end,
            crc if seq == 0 else held.opening,
            max(held.framed, generation),
            held.ended or kind == Kind.END,
        )
    return held


def _crc(descriptor: int, start: int, covered: bytes, end: int) -> int:
    crc = zlib.crc32(covered)
    at = start + HEADER_SIZE
    while at < end:
        piece = os.pread(descriptor, min(_PIECE, end - at), at)
        if not piece:
            break
        crc = zlib.crc32(piece, crc)
        at += len(piece)
    return crc
