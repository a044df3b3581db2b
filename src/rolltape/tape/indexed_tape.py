"""A tape with its index: what is in the index file, what came after it, and what is still in the head."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.frame import HEADER_SIZE
from rolltape.tape.frame_table import FrameTable
from rolltape.tape.index_file import IndexFile, IndexUnusable, write_index
from rolltape.tape.metric_columns import AxisColumn, Columns, Part, concatenate
from rolltape.tape.pyramid import BASE
from rolltape.tape.reader import TapeReader
from rolltape.tape.series import Series

Progress = Callable[[int, int], None]

# Bytes of tape that are worth an index: an ended one, and one that has grown so much since its last
_ENDED, _GROWN = 64 << 10, 1 << 20
_LARGE = 32 << 20  # bytes of entries in memory that are put aside while an index is made


def nowhere(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class IndexedTape:
    """Follows one tape. Not for several threads at once.

    Args:
        path: the tape.
        places: where its index may lie, in the order in which they are tried. None that can be read: the index is
            made from the tape. None that can be written: it is kept in memory.

    Raises:
        TapeError, OSError: as `TapeReader`.
    """

    def __init__(self, path: Path, places: Sequence[Path] = ()) -> None:
        self.path = path
        self.era = 0  # grows when everything read before is void
        self._places = list(places)
        self.reader: TapeReader
        self._file: IndexFile | None = None
        self._series: dict[str, Series] = {}
        self._counted: dict[frozenset[int], NDArray[np.int64]] = {}
        self._covered = 0  # ROWS frames in the series
        self._torn = False  # whether a frame may be in the series in part: something came in between
        self._saved_size = 0  # bytes of the tape that the file covers
        self._loose_bytes = 0
        self._begin()

    def refresh(self) -> int:
        """Look for new frames and rows; returns a number that differs from the last one if there were any.

        Raises:
            TapeError, OSError: as `TapeReader`.
        """
        version = self.reader.refresh()
        if self.reader.replaced:
            self.era += 1
            self._begin()
            version = self.reader.version
        return version + (self.era << 32)

    def update(self, progress: Progress = nowhere) -> None:
        """Bring the index up to the last frame. Raises TapeError, OSError.

        progress: is told how many bytes of the tape are done, and how many there are.
        """
        if self._torn:
            self.era += 1
            self._begin()
        rows = self.reader.rows
        if self._covered == len(rows):
            return
        for columns in self.reader.whole_frames(self._covered):
            self._torn = True
            with self.reading():  # what is left over of each level may still be in the file
                for name, points in columns.items():
                    if name not in self._series:
                        self._series[name] = Series()
                    self._series[name].add(points)
            self._covered += 1
            self._torn = False
            self._loose_bytes += sum(len(points.step) for points in columns.values())
            if self._loose_bytes > _LARGE:  # a point is about a byte of entries
                self._save()
            frame = rows[self._covered - 1]
            progress(frame.payload + frame.length, self.reader.size)
        new = self.reader.size - self._saved_size
        if new >= max(_GROWN, self._saved_size // 4) or (self.reader.end is not None and new >= _ENDED):
            self._save()

    def series(self, metric: str) -> Series | None:
        """The pyramid of a metric as of the last `update`; None if no frame has it."""
        found = self._series.get(metric)
        if found is not None:
            self._torn = True
            found.settle()
            self._torn = False
        return found

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """While columns of `series` are read. Raises IndexUnusable if the index on disk is no longer what it was."""
        with self._file.open() if self._file is not None else contextlib.nullcontext():
            yield

    def forget(self) -> None:
        """Read the tape again: its index is not usable. Raises TapeError, OSError."""
        if self._file is not None and self._file.is_current:  # else another one lies there, which may be whole
            try:
                self._file.path.unlink(missing_ok=True)
            except OSError:  # not ours to remove
                self._places.remove(self._file.path)
        self.era += 1
        self._begin()

    def points(self, metric: str, start: int, stop: int, only: AxisColumn | None = None) -> Iterator[Columns]:
        """The points number start to stop of a metric's frames, frame by frame.

        only: the axis that is needed; None: both are. The other may be zeros.

        They are those of the tape as it is now, also if it is another one when they are read.

        Raises:
            TapeError, OSError: while they are read.
        """
        return (points for _, points in self._parts_with(metric, np.array([start]), np.array([stop]), only))

    def points_of(self, metric: str, entries: NDArray[np.int64], only: AxisColumn | None = None) -> Iterator[Columns]:
        """The points of some entries of level 0, which must be in order; else as `points`."""
        if len(entries) and entries[-1] - entries[0] == len(entries) - 1:  # no gaps: slices instead of copies
            return self.points(metric, BASE * int(entries[0]), BASE * (int(entries[-1]) + 1), only)
        starts = BASE * entries

        def picked(before: int, points: Columns) -> Columns:
            after = before + len(points.step)
            begin, end = starts.searchsorted([before - BASE + 1, after]).tolist()
            places = (starts[begin:end, None] + np.arange(BASE)).ravel() - before
            places = places[(places >= 0) & (places < after - before)]
            return Columns._make(column[places] for column in points)

        return (picked(before, points) for before, points in self._parts_with(metric, starts, starts + BASE, only))

    def _parts_with(
        self, metric: str, starts: NDArray[np.int64], stops: NDArray[np.int64], only: AxisColumn | None
    ) -> Iterator[tuple[int, Columns]]:
        """Of each frame that holds points start to stop of a metric those from the first to the last of them, and how
        many points come before these.
        """
        if not len(starts):
            return iter(())
        ends = self._ends(metric)
        begins = ends - np.diff(ends, prepend=0)
        # The first range that ends behind a frame's begin must begin before the frame's end
        nearest = stops.searchsorted(begins, "right")
        first = np.append(starts, np.iinfo(np.int64).max)[nearest]
        numbers = ((first < ends) & (begins < ends)).nonzero()[0]
        begins, ends = begins[numbers], ends[numbers]
        lows = np.maximum(first[numbers], begins)
        highs = np.minimum(stops[starts.searchsorted(ends, "left") - 1], ends)  # of the last range that begins before
        parts = map(Part, numbers.tolist(), (lows - begins).tolist(), (highs - begins).tolist())
        return zip(lows.tolist(), self.reader.parts_of(metric, parts, only), strict=True)

    def loose(self, metric: str) -> Columns:
        """The points behind the last entry, those in the head among them."""
        series = self._series.get(metric)
        head = self.reader.head_points(metric)
        return head if series is None else concatenate([series.rest(), head])

    def first_step(self) -> int | None:
        """The smallest step that any metric begins with; None if there are no points."""
        steps = [one.first[0] for one in self._series.values() if one.first is not None]
        new = [self.reader.head_points(name).step for name in self.reader.metrics() if name not in self._series]
        steps += [int(step[0]) for step in new if len(step)]
        return min(steps, default=None)

    def _ends(self, metric: str) -> NDArray[np.int64]:
        """[frames]: how many points of the metric lie in the frames up to each."""
        key = self.reader.schemas_of(metric)  # metrics that are logged together share it
        found = self._counted.get(key)
        if found is None or len(found) != len(self.reader.rows):
            found = self._counted[key] = self.reader.counts(metric).cumsum()
        return found

    def _begin(self) -> None:
        self._file = None
        self._series = {}
        self._counted = {}
        self._covered = self._saved_size = self._loose_bytes = 0
        self._torn = False
        found = [file for place in self._places if (file := self._index_at(place)) is not None]
        if not found:
            self.reader = TapeReader(self.path)
            return
        furthest = max(found, key=lambda file: int(file.header["memory"]["size"]))
        self.reader = TapeReader(self.path, furthest.header["memory"], FrameTable(*furthest.frames))
        self._go_on_from(furthest)

    def _index_at(self, place: Path) -> IndexFile | None:
        """The index there, if it was made from this tape."""
        try:
            file = IndexFile(place)
            return file if file.header["stamp"] == self._stamp(file.header["memory"]) else None
        except (IndexUnusable, LookupError, TypeError, ValueError):
            return None

    def _go_on_from(self, file: IndexFile) -> None:
        self._file = file
        self._series = file.series()
        self._covered = file.header["covered"]
        last = self.reader.rows[self._covered - 1] if self._covered else None
        self._saved_size = last.payload + last.length if last is not None else 0
        self._loose_bytes = 0

    def _stamp(self, memory: dict[str, Any]) -> list[str]:
        """The headers of the first and last frame that a reader with this memory has seen: they hold CRCs."""
        with self.path.open("rb") as file:
            first = file.read(HEADER_SIZE)
            file.seek(memory["last_frame"])
            return [first.hex(), file.read(HEADER_SIZE).hex()]

    def _save(self) -> None:
        """Put the index where it can be written. Raises IndexUnusable if the one that it goes on from is gone."""
        if not self._places:
            return
        memory = self.reader.memory()
        header = {"stamp": self._stamp(memory), "covered": self._covered, "memory": memory}
        while self._places:
            place = self._places[0]
            try:
                if place.parent != self.path.parent:  # which may be gone, and shall stay so
                    place.parent.mkdir(parents=True, exist_ok=True)
                write_index(place, header, self.reader.rows.to_bytes(), self._series, self.reading())
                file = IndexFile(place)
                if (file.header["stamp"], file.header["covered"]) != (header["stamp"], self._covered):
                    raise IndexUnusable(f"{place} was replaced at this moment")
                self._go_on_from(file)
                return
            except OSError as error:
                if os.name == "nt" and isinstance(error, PermissionError):
                    return  # somebody has it open; the next time perhaps nobody does
                self._places.pop(0)  # cannot be written
