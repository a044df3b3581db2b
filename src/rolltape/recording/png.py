"""Arrays to PNG, and to animated PNG for videos: what every browser shows and zlib alone can write.

Source: PNG specification, third edition (W3C, 2025), which includes the animation chunks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG colour type


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _pixels(frame: NDArray[np.uint8]) -> bytes:
    """Scan lines with filter 2 (difference to the line above), deflated."""
    lines = frame.reshape(len(frame), -1)
    above = np.vstack((np.zeros_like(lines[:1]), lines[:-1]))
    filtered = np.empty((len(lines), lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[:, 1:] = lines - above
    return zlib.compress(filtered.tobytes(), 3)


def encode_png(frames: NDArray[np.uint8], fps: float) -> Iterator[bytes]:
    """The pieces of a PNG of frames[t, height, width, channels]; animated, in an endless loop, if t > 1."""
    count, height, width, channels = frames.shape
    yield _SIGNATURE
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0))
    if count == 1:
        yield _chunk(b"IDAT", _pixels(frames[0]))
    else:
        yield _chunk(b"acTL", struct.pack(">II", count, 0))
        sequence = 0
        for i, frame in enumerate(frames):
            control = struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, 1000, round(fps * 1000) & 0xFFFF, 0, 0)
            yield _chunk(b"fcTL", control)
            sequence += 1
            if i == 0:
                yield _chunk(b"IDAT", _pixels(frame))
            else:
                yield _chunk(b"fdAT", struct.pack(">I", sequence) + _pixels(frame))
                sequence += 1
    yield _chunk(b"IEND", b"")
