"""A file of media/ on its way: pieces of it, one after the other."""

from __future__ import annotations

import zlib

from rolltape.tape.shipment import Answer, FileHeld, FilePart, PartRefused

PIECE = 4 << 20  # bytes that go at a time
_READ = 1 << 20


class MediaFile:
    """One file. ``done``: it is there whole, or there is nothing to send; ``told``: what is wrong, if something is."""

    def __init__(self, directory: str, project: str, run: str, name: str) -> None:
        self.name = name
        self.done = False
        self.refused: str | None = None
        self.paused = 0.0  # monotonic s until which it waits
        self._path = f"{directory}/media/{name}"
        self._of = project, run
        self._size = self._crc = -1
        self._have = 0

    @property
    def waiting(self) -> int:
        """Bytes that are still to go, as far as known."""
        return 0 if self.done else max(1, self._size - self._have)

    def part(self, budget: int) -> FilePart | None:
        """The next piece, of at most ``budget`` bytes; None: there is no such file."""
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123
                if self._size < 0:
                    self._size = self._crc = 0
                    while data := file.read(_READ):
                        self._size += len(data)
                        self._crc = zlib.crc32(data, self._crc)
                file.seek(self._have)
                piece = file.read(min(budget, PIECE, self._size - self._have))
        except OSError as error:
            self.done, self.refused = True, f"{self._path} cannot be read: {error.strerror or error}"
            return None
        return FilePart(*self._of, self.name, self._size, self._have, self._crc, piece)

    def take(self, answer: Answer) -> None:
        """What the server said to the last piece."""
        if isinstance(answer, FileHeld):
            self.refused = None
            self._have = min(answer.have, self._size)
            self.done = answer.whole
        elif isinstance(answer, PartRefused):
            self.refused = f"{self._path}: {answer.error}"
            self._size, self._have = -1, 0
