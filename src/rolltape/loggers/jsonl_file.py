"""One JSON object a line: what every other program can read, also while it is written."""

from __future__ import annotations

import io
import os
from pathlib import Path

from rolltape.loggers.plain import Plain, json_text
from rolltape.loggers.sink import NoPlace, Sink
from rolltape.loggers.whole_lines import append_whole, complete_last_line
from rolltape.recording.media import File, Image, Video


class JSONLLogger(Sink):
    """Appends each row to a file as one line of strict JSON, in UTF-8.

    A row is in the file when `write` returns, so ``kill -9`` loses nothing (power loss may). NaN and infinities are the
    strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, arrays of any shape are lists, None is null. Images, videos
    and files have no place. Device values are waited for.

    A file that is there is continued; a last line that a crash cut is ended first. One file has one writer.

    Args:
        path: the file; directories on the way are made.

    Raises:
        TypeError: ``path`` is not a path. OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().resolve()
        super().__init__(f"the JSONL file {self.path}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = self.path.stat().st_size if self.path.exists() else 0
        self._file = io.FileIO(self.path, "a+" if size else "a")
        if size:
            complete_last_line(self._file)

    def _put(self, row: dict[str, Plain]) -> None:
        cells = self._each(row, _cell)
        if cells:
            line = "{" + ", ".join(f"{json_text(key)}: {cell}" for key, cell in cells.items()) + "}\n"
            append_whole(self._file, line.encode("utf-8", "backslashreplace"))  # \ud800 is its JSON escape too

    def _end(self) -> None:
        self._file.close()


def _cell(_key: str, value: Plain) -> str:
    if isinstance(value, File | Image | Video):
        raise NoPlace(f"{value.kind}s are not JSON")
    return json_text(value)
