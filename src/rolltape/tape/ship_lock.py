"""One shipper for a directory of tapes and a machine: a file that says which process that is.

The recording side, which starts shippers, looks whether there is one; the shipper holds the lock. The file holds
`pid began`.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from rolltape.tape.life import process_start

_CLAIM = ".starting"  # suffix of the file beside it by which one of many says that it is about to start a shipper
_STARTING = 15.0  # s in which a process that was started must have taken its lock


class Lock:
    """Not taken yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def take(self) -> bool:
        """Whether this process is the one from now on; False: another one is."""
        if self._file >= 0:
            return True
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError:
            return True  # better twice than not at all
        if not _lock(file, self._path):
            os.close(file)
            self.unclaim()
            return False
        self._file = file
        self.belongs_to(os.getpid())
        self.unclaim()
        return True

    def belongs_to(self, pid: int) -> None:
        """Say that a process has it: this one, or a child that was forked meanwhile and holds it too."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{pid} {process_start(pid)}\n".encode(), 0)

    def is_held(self) -> bool:
        """Whether a living process has it."""
        try:
            pid, began = map(int, self._path.read_text().split())
        except (OSError, ValueError):
            return False
        return process_start(pid) == began

    def claim(self) -> bool:
        """Whether this process is to start the one that takes the lock: of many that begin together, one."""
        claim = self._path.with_name(self._path.name + _CLAIM)
        for _ in range(2):
            try:
                claim.parent.mkdir(mode=0o700, exist_ok=True)
                os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                return True
            except FileExistsError:
                with contextlib.suppress(OSError):
                    if abs(time.time() - claim.stat().st_mtime) < _STARTING:
                        return False
                    claim.unlink()
            except OSError:
                return True
        return False

    def release(self) -> None:
        """Let another process be the one."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def unclaim(self) -> None:
        """The process was started, or could not be."""
        with contextlib.suppress(OSError):
            self._path.with_name(self._path.name + _CLAIM).unlink(missing_ok=True)


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
