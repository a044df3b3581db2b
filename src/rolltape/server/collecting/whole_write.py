"""Writing bytes at a place of a file, all of them or an error."""

from __future__ import annotations

import os


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write ``data`` from byte ``offset`` on. Raises OSError, with part of it written."""
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done


def open_plain(path: str, flags: int) -> int:
    """A descriptor of a file that is no link. Raises OSError."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
