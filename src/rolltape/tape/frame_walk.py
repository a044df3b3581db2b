"""Whole frames that lie one after the other in memory, each checked: what a shipment brings."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from rolltape.tape.frame import HEADER_SIZE, MAGIC, Kind

_FIELDS = struct.Struct("<4sHHIQIqI")  # the header, with its CRC
_COVERED = HEADER_SIZE - 4  # bytes of it that the CRC covers
_GENERATION = struct.Struct("<Q")
assert _FIELDS.size == HEADER_SIZE


class Span(NamedTuple):
    """Where one frame lies, and what its header says."""

    start: int  # byte
    end: int
    seq: int
    kind: int
    points: int
    generation: int  # of the half that a ROWS frame's rows came from; 0: none
    crc: int


def walk_frames(data: bytes | memoryview, first: int) -> Iterator[Span]:
    """The frames that ``data`` consists of, numbered from ``first`` on.

    Raises:
        ValueError: something in it is not a whole, undamaged frame of the number that belongs there. What was yielded
            before that is.
    """
    at, seq, size = 0, first, len(data)
    while at < size:
        if size - at < HEADER_SIZE:
            raise ValueError(f"frame {seq} is cut: {size - at} bytes of a frame header at byte {at}")
        magic, kind, _, length, found, points, _, crc = _FIELDS.unpack_from(data, at)
        if magic != MAGIC:
            raise ValueError(f"no frame begins at byte {at}, where number {seq} belongs")
        body, end = at + HEADER_SIZE, at + HEADER_SIZE + length
        if end > size:
            raise ValueError(f"frame {seq} is cut: {size - body} of {length} payload bytes")
        if zlib.crc32(data[body:end], zlib.crc32(data[at : at + _COVERED])) != crc:
            raise ValueError(f"frame {seq} is damaged (CRC)")
        if found != seq:
            raise ValueError(f"the frame at byte {at} is number {found} where {seq} belongs")
        generation = _GENERATION.unpack_from(data, body)[0] if kind == Kind.ROWS and length >= 8 else 0
        yield Span(at, end, seq, kind, points, generation, crc)
        at, seq = end, seq + 1


def opening_of(frame: bytes | memoryview) -> int:
    """The CRC word of a tape's first frame, which tells one tape from another of the same name.

    Raises:
        ValueError: these are not the first bytes of a tape.
    """
    if len(frame) < HEADER_SIZE or bytes(frame[: len(MAGIC)]) != MAGIC:
        raise ValueError("these are not the first bytes of a tape")
    crc: int = _FIELDS.unpack_from(frame)[-1]
    return crc
