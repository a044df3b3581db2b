"""One shipper for a directory of tapes and a machine: a file that says which process that is.

The file is named by who starts it (`rolltape.recording.shipping`), who also reads it. It holds `pid began`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rolltape.tape.life import process_start

CLAIM = ".starting"  # suffix of the file beside it by which one of many says that it is about to start a shipper


class Lock:
    """Not taken yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def take(self) -> bool:
        """Whether this process is the one from now on; False: another one is."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return True  # better twice than not at all
        if not _lock(file, self._path):
            os.close(file)
            self._unclaim()
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()} {process_start(os.getpid())}\n".encode(), 0)
        self._file = file
        self._unclaim()
        return True

    def release(self) -> None:
        """Let another process be the one."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def _unclaim(self) -> None:
        self._path.with_name(self._path.name + CLAIM).unlink(missing_ok=True)


def _lock(file: int, path: Path) -> bool:
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # a file system without locks: what the file says must do
        with contextlib.suppress(OSError, ValueError):
            pid, began = path.read_text().split()
            return process_start(int(pid)) != int(began)
    return True
