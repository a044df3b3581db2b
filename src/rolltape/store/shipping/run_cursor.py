"""How far one run has been delivered: its run.json, its tapes, and the media that they tell of."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from rolltape.store.run_directories import Stamp, stamp_of
from rolltape.store.shipping.media_file import MediaFile
from rolltape.store.shipping.state_file import Delivered
from rolltape.store.shipping.tape_cursor import TapeCursor
from rolltape.tape.shipment import LARGEST_RUN, Answer, PartRefused, RunPart

Chosen = Callable[[dict[str, Any]], bool]


class RunCursor:
    """One run.

    Args:
        path: its directory.
        chosen: whether a tape is to be sent, by what its first frame says.
        delivered: tapes of which it is known that they are held whole.
    """

    def __init__(self, path: str, chosen: Chosen, delivered: Delivered) -> None:
        self.path = path
        self.tapes: dict[str, TapeCursor] = {}
        self.files: dict[str, MediaFile] = {}
        self.said: RunFile = RunFile(path)
        self._others: set[str] = set()  # tapes that are not sent, or were sent before
        self._noted: set[str] = set()
        self._chosen = chosen
        self._delivered = delivered
        self._stamp: Stamp | None = None
        self._settled = False

    @property
    def open(self) -> bool:
        """Whether something is still to be sent, or may come."""
        return any(not tape.done for tape in self.tapes.values()) or self.unsent

    @property
    def unsent(self) -> bool:
        """Whether run.json or a file of media/ is still to be sent."""
        return self.said.named is not None and (
            not self.said.done or any(not file.done for file in self.files.values())
        )

    def scan(self, is_settled: Callable[[Stamp], bool]) -> bool:
        """Look for new tapes. False: the directory is gone."""
        stamp = stamp_of(self.path)
        if stamp is None:
            return False
        if stamp == self._stamp and self._settled:
            return True
        self._stamp, self._settled = stamp, is_settled(stamp)
        try:
            names = [name for name in os.listdir(self.path) if name.endswith(".tape") and not name.startswith(".")]  # noqa: PTH208
        except OSError:
            return True
        for name in sorted(names):
            path = f"{self.path}/{name}"
            if name not in self.tapes and name not in self._others:
                if self._delivered.has(path):
                    self._others.add(name)
                else:
                    self.tapes[name] = TapeCursor(path)
        return True

    def look(self, *, all_of_them: bool) -> Iterator[str]:
        """Look at the tapes that may have news; yields what is to be told, again and again.

        all_of_them: also those whose writers were taken for dead.
        """
        for name, tape in list(self.tapes.items()):
            if tape.closed:
                if name not in self._noted and tape.refused is None and not self.unsent:
                    self._noted.add(name)
                    self._delivered.add(tape.path)
                continue
            if tape.done and not all_of_them:
                continue
            unknown = tape.opening is None
            told = tape.look()
            for sentence in (told, tape.refused):
                if sentence is not None:
                    yield sentence
            if unknown and tape.opening is not None and not self._chosen(tape.opening):
                del self.tapes[name]
                self._others.add(name)
                continue
            self.said.named = self.said.named or _named(tape)

    def collect_files(self) -> None:
        """Take the files that delivered frames told of."""
        for tape in self.tapes.values():
            if tape.files and tape.opening is not None:
                project, run = tape.opening["project"], tape.opening["run"]
                for name in tape.files:
                    self.files.setdefault(name, MediaFile(self.path, project, run, name))
                tape.files.clear()


def _named(tape: TapeCursor) -> tuple[str, str] | None:
    return None if tape.opening is None else (tape.opening["project"], tape.opening["run"])


class RunFile:
    """run.json on its way."""

    def __init__(self, directory: str) -> None:
        self.done = False
        self.refused: str | None = None
        self.paused = 0.0
        self.named: tuple[str, str] | None = None  # project and run, as a tape says them
        self._path = f"{directory}/run.json"

    def part(self) -> RunPart | None:
        """The part that carries it; None: not now."""
        if self.done or self.named is None:
            return None
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123
                data = file.read(LARGEST_RUN + 1)
            if len(data) > LARGEST_RUN:
                self.refused = f"{self._path} cannot be sent: it is longer than {LARGEST_RUN} bytes"
                return None
            said = json.loads(data)
            if not isinstance(said, dict):
                raise ValueError("it is no JSON object")
        except (OSError, ValueError, RecursionError) as error:
            self.refused = f"{self._path} cannot be sent: {error}"
            return None
        return RunPart(*self.named, data)

    def take(self, answer: Answer) -> None:
        """What the server said to it."""
        self.done = not isinstance(answer, PartRefused)
        self.refused = f"{self._path}: {answer.error}" if isinstance(answer, PartRefused) else None
