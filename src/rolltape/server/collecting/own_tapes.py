"""Which tapes of a run were written by a collector: only those may it write to.

Beside them there may be tapes that processes of this machine write themselves, into the same directory. A file in the
run's directory lists the collector's; a tape is put on it before it is made.
"""

from __future__ import annotations

import os

from rolltape.server.collecting.whole_write import open_plain

LIST = ".collected"


def is_own(directory: str, writer: str) -> bool:
    """Whether a tape is on the list."""
    try:
        descriptor = open_plain(f"{directory}/{LIST}", os.O_RDONLY)
    except FileNotFoundError:
        return False
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        return writer in file.read().split("\n")


def make_own(directory: str, writer: str, *, synced: bool) -> None:
    """Put a tape on the list. Raises OSError."""
    descriptor = open_plain(f"{directory}/{LIST}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        line = f"\n{writer}\n".encode("ascii")
        while line:  # one that a full disk cuts is ended by the next
            line = line[os.write(descriptor, line) :]
        if synced:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
