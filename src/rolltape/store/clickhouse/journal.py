"""What a loader has sent, as lines that are only ever appended: it makes the same inserts again after its own death.

    {"plan": [[tape, opening, first frame, frame after the last], …]}   before an insert
    {"ok": 1}                                                           after it was acknowledged
    {"done": tape, "opening": …, "size": bytes}                         a tape that ended and is stored whole

Losing the file loses a moment: the rows in the database tell as much.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

_LARGE = 4 << 20  # bytes from which a journal is written anew when it is opened


class Piece(NamedTuple):
    """Frames ``first`` to ``stop`` of a tape."""

    tape: str
    opening: str
    first: int
    stop: int


class Journal:
    """The journal of one shard's loader.

    Args:
        directory: where it lies; None: there is nowhere to write, and nothing is remembered.
        name: of the file, without its number: a second loader of the same takes the next.
    """

    def __init__(self, directory: Path | None, name: str) -> None:
        self.reached: dict[tuple[str, str], int] = {}  # (tape, opening) -> frames stored
        self.done: dict[str, tuple[str, int]] = {}  # tape -> (opening, size)
        self.pending: list[Piece] = []  # a plan without its acknowledgement
        self._plan: list[Piece] = []
        self._file: int | None = None
        if directory is not None:
            with contextlib.suppress(OSError):
                self._open(directory, name)

    def plan(self, pieces: list[Piece]) -> None:
        """Note what is about to be inserted."""
        self._plan = pieces
        self._append({"plan": pieces})

    def ok(self) -> None:
        """Note that it was."""
        for piece in self._plan:
            self.reached[piece.tape, piece.opening] = piece.stop
        self._plan = []
        self.pending = []
        self._append({"ok": 1})

    def finish(self, tape: str, opening: str, size: int) -> None:
        """Note that a tape is stored whole."""
        self.done[tape] = opening, size
        self._append({"done": tape, "opening": opening, "size": size})

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk: it is only a shortcut
                os.write(self._file, json.dumps(line).encode() + b"\n")

    def _open(self, directory: Path, name: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(64):
            path = directory / f"{name}.{number}.jsonl"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
            if _lock(file):
                break
            os.close(file)
        else:
            return
        self._file = file
        size = os.fstat(file).st_size
        data = path.read_bytes()
        for line in data.split(b"\n")[:-1]:  # what follows the last newline was cut
            try:
                self._take(json.loads(line))
            except (ValueError, LookupError, TypeError, AttributeError):
                continue
        self.pending, self._plan = self._plan, []
        if data and not data.endswith(b"\n"):
            os.write(file, b"\n")
        if size > _LARGE:
            self._rewrite()

    def _take(self, line: dict[str, Any]) -> None:
        if "plan" in line:
            self._plan = [Piece(str(one[0]), str(one[1]), int(one[2]), int(one[3])) for one in line["plan"]]
        elif "ok" in line:
            for piece in self._plan:
                self.reached[piece.tape, piece.opening] = piece.stop
            self._plan = []
        elif "done" in line:
            self.done[str(line["done"])] = str(line["opening"]), int(line["size"])

    def _rewrite(self) -> None:
        """In place: whoever dies in between has lost a shortcut."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        lines = [{"plan": [(tape, opening, 0, stop)]} for (tape, opening), stop in self.reached.items()]
        text = b"".join(json.dumps(line).encode() + b'\n{"ok": 1}\n' for line in lines)
        for tape, (opening, size) in self.done.items():
            text += json.dumps({"done": tape, "opening": opening, "size": size}).encode() + b"\n"
        os.write(self._file, text)
        if self.pending:
            self._append({"plan": self.pending})


def _lock(file: int) -> bool:
    """Whether nobody else has it. The system lets go of it when this process ends, however it does."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
