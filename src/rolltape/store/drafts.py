"""Files that appear whole or not at all: written under another name beside their own, and renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def draft(path: Path, check: Callable[[], None] = lambda: None) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of ``path`` at the end of the ``with`` block.

    On any exception it is removed, and what was there stays. A link is replaced, not followed.

    Args:
        path: in a directory that is there.
        check: called right before the renaming; raises what is to prevent it.

    Raises:
        OSError: it cannot be written.
    """
    unfinished = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        check()
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have the file system keep the names in a directory as they are now, where it can be asked to."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return
