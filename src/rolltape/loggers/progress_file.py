"""The tab-separated progress.txt that Spinning Up's plotter reads."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

from rolltape.loggers.whole_lines import append_whole


class ProgressFile:
    """A header and one line a row, in UTF-8. A column that comes later is added to every line.

    A file that lies there already is kept beside the new one as ``<name>.1``, ``.2`` and so on. The file is opened for
    each row, so that there is nothing to close and a row is with the operating system when `write` returns. One that
    somebody removes begins again with its header.

    Raises:
        OSError: the file cannot be written; also from `write`, which then leaves no half row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._columns = 0
        if path.exists() and path.stat().st_size:
            taken = 1
            while (older := path.with_name(f"{path.name}.{taken}")).exists():
                taken += 1
            path.rename(older)
        path.write_text("")

    def write(self, header: Sequence[str], row: Sequence[str]) -> None:
        """Append a row; ``header`` names all columns so far, the new ones last."""
        if not self.path.exists() or not self.path.stat().st_size:
            self._columns = 0
            self._append(header)
        elif self._columns < len(header):
            self._widen(header)
        self._columns = len(header)
        self._append(row)

    def _append(self, cells: Sequence[str]) -> None:
        with io.FileIO(self.path, "a") as file:
            append_whole(file, _line(cells))

    def _widen(self, header: Sequence[str]) -> None:
        """Write the file anew with the columns of ``header``, empty in the rows so far."""
        empty = b"\t" * (len(header) - self._columns)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with self.path.open("rb") as old, draft.open("wb") as new:
            new.write(_line(header))
            next(old, None)
            new.writelines(line.rstrip(b"\n") + empty + b"\n" for line in old)
        draft.replace(self.path)


def _line(cells: Sequence[str]) -> bytes:
    return ("\t".join(cells) + "\n").encode("utf-8", "backslashreplace")
