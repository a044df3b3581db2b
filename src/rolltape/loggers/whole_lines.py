"""Appending to a file so that it never holds half a line."""

from __future__ import annotations

import codecs
import io
import os
from contextlib import suppress


def append_whole(file: io.FileIO, data: bytes) -> None:
    """Append all of ``data`` or nothing: the part that a full disk still took is cut off again.

    Raises:
        OSError: it could not be written.
    """
    written = 0
    try:
        while written < len(data):
            written += file.write(data[written:])
    except OSError:
        with suppress(OSError):
            file.truncate(file.seek(0, os.SEEK_END) - written)
            file.seek(0, os.SEEK_END)
        raise


def complete_last_line(file: io.FileIO, closing: bytes = b"") -> None:
    """End the line that a crash cut: without half a character, with ``closing`` and a newline."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4))
    tail = file.read(4)
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    decoder.decode(tail)
    half = len(decoder.getstate()[0])
    if half:
        file.truncate(size - half)
    if closing or not tail.endswith(b"\n"):
        append_whole(file, closing + b"\n")
