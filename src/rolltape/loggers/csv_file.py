"""A table for spreadsheets and pandas, whose columns grow with the keys."""

from __future__ import annotations

import csv
import io
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from rolltape.loggers.plain import Plain, json_text
from rolltape.loggers.sink import NoPlace, Sink
from rolltape.loggers.whole_lines import append_whole, complete_last_line
from rolltape.recording.media import File, Image, Video

_PAUSE = 60.0  # seconds between attempts to rewrite a file: each may copy gigabytes


class CSVLogger(Sink):
    """Appends each row to a CSV file in UTF-8, with a header of all keys in the order of their first appearance.

    A key that first appears late gets its column: the file is rewritten beside itself, older rows get an empty cell,
    and the new file takes the old one's place in one step. A row is in the file when `write` returns, so ``kill -9``
    loses nothing (power loss may).

    A missing key or None is an empty cell. Floats are written so that reading gives the same float, NaN as ``nan``;
    arrays of any shape are JSON lists. Images, videos and files have no place. Device values are waited for.

    A file that is there is continued; a last line that a crash cut is ended first. One file has one writer.

    Args:
        path: the file; directories on the way are made.

    Raises:
        TypeError: ``path`` is not a path.
        ValueError: what is there is not a file with a CSV header.
        OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().resolve()
        super().__init__(f"the CSV file {self.path}")
        if self.path.exists() and not self.path.is_file():
            raise ValueError(f"{self.path} is not a regular file")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._columns = dict.fromkeys(_header(self.path) if self.path.exists() else ())
        self._file = io.FileIO(self.path, "a+")
        self._next_attempt, self._why_not = 0.0, ""  # of adding columns
        if self._columns:
            complete_last_line(self._file, b'"' if _ends_in_quotes(self.path) else b"")

    def _put(self, row: dict[str, Plain]) -> None:
        cells = self._each(row, _cell)
        late = [key for key in cells if key not in self._columns]
        if late and not self._columns:
            append_whole(self._file, _line(late) + _line(cells.values()))
            self._columns = dict.fromkeys(late)
            return
        if late and time.monotonic() >= self._next_attempt:
            try:
                self._add_columns(late)
            except OSError as error:
                self._next_attempt, self._why_not = time.monotonic() + _PAUSE, str(error)
        for key in late:
            if key not in self._columns:
                self._lose(f"column {key}", f"{key!r} cannot get a column: {self._why_not}")
                del cells[key]
        if cells:
            append_whole(self._file, _line(cells.get(column, "") for column in self._columns))

    def _add_columns(self, late: list[str]) -> None:
        """Rewrite the file with more columns.

        Raises:
            OSError: that cannot be done; the file stays as it was.
        """
        beside = self.path.with_name(f".{self.path.name}.rolltape-new")
        try:
            with self.path.open("rb") as old, beside.open("wb") as new:
                records = _records(old)
                next(records, b"")
                new.write(_line([*self._columns, *late]))
                for record in records:
                    new.write(record.rstrip(b"\r\n") + b"," * len(late) + b"\n")
                new.flush()
                os.fsync(new.fileno())  # or power loss could take the old rows too
            shutil.copymode(self.path, beside)
            self._file.close()  # Windows replaces no open file
            try:
                beside.replace(self.path)
            finally:
                self._file = io.FileIO(self.path, "a+")
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise
        self._columns |= dict.fromkeys(late)

    def _end(self) -> None:
        self._file.close()


def _cell(_key: str, value: Plain) -> str:
    if value is None:
        return ""
    if isinstance(value, File | Image | Video):
        raise NoPlace(f"{value.kind}s do not fit into a cell")
    return json_text(value) if isinstance(value, np.ndarray) else str(value)


def _line(cells: Iterable[str], quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\r\n").writerow(cells)  # type: ignore[arg-type]
    return text.getvalue()[:-2].encode("utf-8", "backslashreplace") + b"\n"  # \r\n above so that both are quoted


def _records(file: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, joined where a newline lies in quotes. Not csv.reader, which has a limit of 128 KiB a cell."""
    record, quotes = b"", 0
    for line in file:
        record += line
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield record
            record = b""
    if record:
        yield record


def _header(path: Path) -> list[str]:
    """The columns of a file; none if it is empty.

    Raises:
        ValueError: its first record is not a header that a CSV writer wrote.
    """
    with path.open("rb") as file:
        record = next(_records(file), b"")
    if not record:
        return []
    try:
        text = record.decode("utf-8-sig").rstrip("\r\n")
        (names,) = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} does not begin with a CSV header: {error}") from error
    written = [_line(names, quoting) for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)]
    if "" in names or len(set(names)) < len(names) or text.encode() + b"\n" not in written:
        raise ValueError(f"{path} does not begin with a CSV header: {text[:100]!r}")
    return names


def _ends_in_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return sum(chunk.count(b'"') for chunk in iter(lambda: file.read(1 << 20), b"")) % 2 == 1
