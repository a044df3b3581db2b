"""The tab-separated progress.txt that Spinning Up's plotter reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ProgressFile:
    """A header and one line a row, values as ``str`` gives them. A column that comes later is added to every line.

    A file that lies there already is kept beside the new one as ``<name>.1``, ``.2`` and so on. The file is opened for
    each row, so that there is nothing to close and a row is with the operating system when `write` returns.

    Raises:
        OSError: the file cannot be written; also from `write`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns = 0
        if path.exists() and path.stat().st_size:
            taken = 1
            while (older := path.with_name(f"{path.name}.{taken}")).exists():
                taken += 1
            path.rename(older)
        path.write_text("")

    def write(self, header: Sequence[str], row: Sequence[Any]) -> None:
        """Append a row; ``header`` names all columns so far, the new ones last."""
        if self._columns < len(header):
            self._widen(header)
        with self.path.open("a") as file:
            file.write("\t".join(map(str, row)) + "\n")

    def _widen(self, header: Sequence[str]) -> None:
        """Write the file anew with the columns of ``header``, empty in the rows so far."""
        empty = "\t" * (len(header) - self._columns)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with self.path.open() as old, draft.open("w") as new:
            new.write("\t".join(header) + "\n")
            next(old, None)
            new.writelines(line.rstrip("\n") + empty + "\n" for line in old)
        draft.replace(self.path)
        self._columns = len(header)
