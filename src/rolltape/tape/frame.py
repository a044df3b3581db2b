"""Frames: the CRC-checked records that a tape is made of.

A frame is a 36-byte little-endian header and a payload. The CRC covers both, so a frame is either whole or not there.
docs/format.md is the public specification of these bytes.
"""

from __future__ import annotations

import struct
import zlib
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"RTF1"
_FIELDS = struct.Struct("<4sHHIQIq")
_CRC = struct.Struct("<I")
HEADER_SIZE = _FIELDS.size + _CRC.size
_PIECE = 64 * 1024  # bytes that are checked at a time


class Kind(IntEnum):
    """What a frame's payload is. Readers skip kinds that they do not know."""

    OPEN = 1  # JSON: who writes this tape; always the first frame
    SCHEMA = 2  # JSON: the metrics of the rows that carry this schema's id
    ROWS = 3  # columns of points (columns.py)
    EVENT = 4  # JSON: a text, or the name of a file in media/
    END = 5  # JSON: a clean end, with its status
    HEARTBEAT = 6  # JSON: a sign of life where there is no head
    META = 7  # JSON: facts of the run that came after run.json was written


class Frame(NamedTuple):
    """One whole frame: its place in the file, its header, its payload."""

    offset: int
    kind: int
    seq: int
    points: int
    time: int  # ns since 1970, when the frame was made
    payload: bytes

    @property
    def end(self) -> int:
        return self.offset + HEADER_SIZE + len(self.payload)


def pack_frame(kind: Kind, seq: int, payload: bytes, *, points: int = 0, time: int = 0) -> bytes:
    """The bytes of a frame. ``points`` is how many points a ROWS frame holds; ``time`` is in ns."""
    fields = _FIELDS.pack(MAGIC, kind, 0, len(payload), seq, points, time)
    return fields + _CRC.pack(zlib.crc32(payload, zlib.crc32(fields))) + payload


def read_frame(file: BinaryIO, offset: int, seq: int) -> Frame | str:
    """The frame at ``offset``, which must carry the number ``seq``; or, in words, why there is none.

    An empty string means a clean end: no byte lies at or after ``offset``. No length in the file is believed before
    the CRC has been checked.
    """
    file.seek(offset)
    header = file.read(HEADER_SIZE)
    if not header:
        return ""
    if len(header) < HEADER_SIZE:
        return f"{len(header)} bytes of a cut frame header at byte {offset}"
    magic, kind, _, length, found, points, time = _FIELDS.unpack_from(header)
    if magic != MAGIC:
        return f"no frame begins at byte {offset}"
    payload = file.read(length)
    if len(payload) < length:
        return f"the frame at byte {offset} is cut: {len(payload)} of {length} payload bytes"
    (crc,) = _CRC.unpack_from(header, _FIELDS.size)
    if zlib.crc32(payload, zlib.crc32(header[: _FIELDS.size])) != crc:
        return f"the frame at byte {offset} is damaged (CRC)"
    if found != seq:
        return f"the frame at byte {offset} is number {found} where {seq} belongs"
    return Frame(offset, kind, found, points, time, payload)


def last_frame(data: bytes, start: int) -> Frame | None:
    """The whole frame with which ``data`` ends, the last bytes of a file, from ``start`` on; None: there is none."""
    at = data.rfind(MAGIC)
    while at >= 0:
        if len(data) - at >= HEADER_SIZE:
            _, kind, _, length, seq, points, time = _FIELDS.unpack_from(data, at)
            payload = data[at + HEADER_SIZE :]
            (crc,) = _CRC.unpack_from(data, at + _FIELDS.size)
            if len(payload) == length and zlib.crc32(payload, zlib.crc32(data[at : at + _FIELDS.size])) == crc:
                return Frame(start + at, kind, seq, points, time, payload)
        at = data.rfind(MAGIC, 0, at)
    return None


def take_payload(file: BinaryIO, start: int, length: int) -> bytes:
    """The payload that lies at byte ``start``; less of it where the file ends."""
    file.seek(start)
    return file.read(length)


class PayloadInFile:
    """A payload that stays where it is: only slices of it are read, which are shorter where the file ends."""

    __slots__ = ("_file", "_length", "_start")

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self._length = length

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self._length)
        self._file.seek(self._start + begin)
        return self._file.read(max(end - begin, 0))

    def __len__(self) -> int:
        return self._length


def check_payload(file: BinaryIO, start: int, payload: bytes | PayloadInFile) -> None:
    """Raises ValueError if the payload that lies at byte ``start`` is not what its frame's CRC says."""
    file.seek(start - HEADER_SIZE)
    header = file.read(HEADER_SIZE)
    crc = zlib.crc32(header[: _FIELDS.size])
    for at in range(0, len(payload), _PIECE):
        crc = zlib.crc32(payload[at : at + _PIECE], crc)
    if len(header) < HEADER_SIZE or header[_FIELDS.size :] != _CRC.pack(crc):
        raise ValueError("the frame is damaged (CRC)")


def whole_frames_after(path: Path, offset: int) -> int:
    """How many whole frames lie somewhere at or after ``offset``: what damage hides from a reader."""
    data = path.read_bytes()
    found = 0
    at = data.find(MAGIC, offset)
    while at >= 0:
        size = 0
        if len(data) - at >= HEADER_SIZE:
            _, _, _, length, *_ = _FIELDS.unpack_from(data, at)
            body = data[at + HEADER_SIZE : at + HEADER_SIZE + length]
            (crc,) = _CRC.unpack_from(data, at + _FIELDS.size)
            if len(body) == length and zlib.crc32(body, zlib.crc32(data[at : at + _FIELDS.size])) == crc:
                size = HEADER_SIZE + length
        found += size > 0
        at = data.find(MAGIC, at + max(size, 1))
    return found
