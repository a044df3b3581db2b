"""One tape on its way into ClickHouse: what of it is loaded, and the rows of each table that come next."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rolltape.store.clickhouse.native import Given, Repeated, text_bytes
from rolltape.store.clickhouse.rising import MANY, Risen, Rising
from rolltape.store.clickhouse.schema import ENTRIES, EVENTS, METRICS, POINTS, RUNS, Table
from rolltape.tape.frame import HEADER_SIZE
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, FAN
from rolltape.tape.reader import Cursor, TapeReader

FRAMED = 1 << 63  # above it: places of frames, and blocks of frames without a generation
_TENTH = 100_000_000  # ns
_PAUSE = 1.0  # s between two rows of a metric while more frames wait, or that differ by the head alone


class Owner(NamedTuple):
    """Whose points these are, as they are stored."""

    project: bytes
    run: bytes
    writer: bytes


class PointRows(NamedTuple):
    """Points of one metric of one block."""

    owner: Owner
    metric: bytes
    block: int
    place: int
    first_row: int
    points: Columns


class EntryRows(NamedTuple):
    """Entries of one level of one metric."""

    owner: Owner
    metric: bytes
    risen: Risen


@dataclass(slots=True)
class Rows:
    """Rows of all tables that belong together. Points are counted."""

    points: list[PointRows] = field(default_factory=list)
    entries: list[EntryRows] = field(default_factory=list)
    metrics: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.entries or self.metrics or self.runs or self.events)

    def add_points(self, rows: PointRows) -> None:
        """Append points."""
        self.points.append(rows)
        self.count += len(rows.points.step)


class TapeLoad:
    """Follows one tape. Not for several threads at once.

    Args:
        path: the tape.
        identity: of its run, as run.json says it.
        problem: what is wrong with that.
        owner: whose it is.

    Raises:
        TapeError, OSError: as `TapeReader`.
    """

    def __init__(self, path: Path, identity: dict[str, Any], problem: str | None, owner: Owner) -> None:
        self.path = path
        self.owner = owner
        self.reader = TapeReader(path)
        self.opening = opening_of(path)
        self.loaded = 0  # ROWS frames that are stored
        self._identity = identity
        self._problem = problem
        self._risen = 0  # ROWS frames that are in the series
        self._series: dict[str, Rising] = {}
        self._generation = 0  # the highest in these frames
        self._head: dict[int, dict[str, int]] = {}  # by generation: points of each metric that were made rows
        self._head_told: tuple[tuple[int, int], ...] = ()
        self._events = 0
        self._told: dict[str, tuple[int, int]] = {}  # by metric: the points in frames and head of its last row
        self._run_told: tuple[object, ...] = ()
        self._summed = -1  # the frames of which metrics were last told
        self._summed_at = 0.0  # when metrics were last told
        self._width: dict[int, int] = {}
        self._widths_at = -1

    @property
    def ready(self) -> int:
        """ROWS frames on the tape that are not stored."""
        return len(self.reader.rows) - self.loaded

    @property
    def done(self) -> bool:
        """Whether the tape has its end and all is stored."""
        return self.reader.end is not None and not self.ready and self._events == len(self.reader.events)

    def skip_to(self, frame: int) -> None:
        """Take the frames before ``frame`` as stored. Raises TapeError, OSError."""
        self.loaded = frame

    def bytes_of(self, frame: int) -> int:
        """Where ROWS frame number ``frame`` begins, or the tape ends."""
        rows = self.reader.rows
        return rows[frame].payload - HEADER_SIZE if frame < len(rows) else self.reader.size

    def points_of(self, frame: int) -> int:
        """How many points ROWS frame number ``frame`` holds."""
        return sum(rows * self._widths()[schema] for schema, rows in self.reader.rows[frame].groups)

    def _widths(self) -> dict[int, int]:
        """Metrics of each schema."""
        if self._widths_at != self.reader.frames:
            self._width = {one["schema"]: len(one["metrics"]) for one in self.reader.memory()["schemas"]}
            self._widths_at = self.reader.frames
        return self._width

    def frames(self, stop: int, into: Rows) -> None:
        """Make rows of the frames from the first that is not stored up to ``stop``. Raises TapeError, OSError."""
        start = self.loaded
        if self._risen > start:  # what was made is not stored: make it again, from the beginning
            self._series, self._risen, self._generation = {}, 0, 0
        self._rise(start)
        for number, generation, columns in self._frames_from(start, stop):
            place = FRAMED + number
            block = generation or place
            for name, points in columns.items():
                if len(points.step):
                    into.add_points(PointRows(self.owner, text_bytes(name), block, place, 0, points))
            self._raise(columns)
            self._generation = max(self._generation, generation)
            self._risen = number + 1
        for name, one in self._series.items():
            metric = text_bytes(name)
            into.entries += [EntryRows(self.owner, metric, risen) for risen in one.settle()]

    def _rise(self, stop: int) -> None:
        """Bring the series up to frame ``stop`` without rows of any: they are stored."""
        if self._risen >= stop:
            return
        for number, generation, columns in self._frames_from(self._risen, stop):
            self._raise(columns, MANY)
            self._generation = max(self._generation, generation)
            self._risen = number + 1
        self._raise({}, 0)

    def _frames_from(self, start: int, stop: int) -> Iterator[tuple[int, int, dict[str, Columns]]]:
        if start >= stop:
            return
        for number, columns in enumerate(self.reader.whole_frames(start), start):
            yield number, self.reader.rows[number].generation, columns
            if number + 1 >= stop:
                return

    def _raise(self, columns: Mapping[str, Columns], most: int | None = None) -> None:
        """Add to the series. What waits in one beyond ``most`` is settled, and its entries are of no use."""
        for name, points in columns.items():
            one = self._series.get(name)
            if one is None:
                one = self._series[name] = Rising()
            one.add(points)
        if most is not None:
            for one in self._series.values():
                if one.waiting > most:
                    for _ in one.settle():
                        pass

    def head(self, into: Rows) -> bool:
        """Make rows of what is new in the head; whether there was anything. To be called when no frame is ready."""
        _, cursor = self.reader.read("", Cursor(len(self.reader.rows)))
        if cursor.heads == self._head_told:
            return False
        before = into.count
        there: dict[int, dict[str, int]] = {}
        for (generation, _), columns in zip(cursor.heads, self.reader.head_blocks(), strict=True):
            seen = self._head.get(generation, {})
            there[generation] = {name: len(points.step) for name, points in columns.items()}
            for name, points in columns.items():
                first = seen.get(name, 0)
                if len(points.step) > first:
                    new = Columns._make(column[first:] for column in points)
                    into.add_points(PointRows(self.owner, text_bytes(name), generation, generation, first, new))
        self._head, self._head_told = there, cursor.heads
        return into.count > before

    def head_failed(self) -> None:
        """The rows of the head were perhaps not stored: make them again."""
        self._head, self._head_told = {}, ()

    def summaries(self, into: Rows, loaded: int) -> None:
        """Make the rows of metrics and of the run that have changed, as of ``loaded`` frames and the head.

        While much is still to come this does nothing but now and then.
        """
        if loaded < len(self.reader.rows) and time.monotonic() - self._summed_at < _PAUSE:
            return
        self._rise(loaded)
        head: dict[str, list[Columns]] = {}
        if loaded == len(self.reader.rows):
            for columns in self.reader.head_blocks():
                for name, points in columns.items():
                    head.setdefault(name, []).append(points)
        news = loaded != self._summed or self.reader.end is not None or not self.reader.alive
        if not news and time.monotonic() - self._summed_at < _PAUSE:
            self._run(into, loaded)
            return
        self._summed, self._summed_at = loaded, time.monotonic()
        for name in {**dict.fromkeys(self._series), **dict.fromkeys(head)}:
            self._summary(name, head.get(name, []), loaded, into)
        self._run(into, loaded)

    def _summary(self, name: str, head: list[Columns], loaded: int, into: Rows) -> None:
        one = self._series.get(name) or Rising()
        in_head = sum(len(points.step) for points in head)
        points = one.points + in_head
        ver = (loaded << 32) | min(in_head, (1 << 32) - 1)
        if not points or self._told.get(name) == (one.points, in_head):
            return
        self._told[name] = one.points, in_head
        rest = one.rest()
        loose = [part for part in (rest, *head) if len(part.step)]
        value = np.concatenate([part.value for part in loose]) if loose else np.empty(0)
        good = value[np.isfinite(value)]
        steps, times = [*(one.step or ())], [*(one.time or ())]
        for part in loose:
            steps += [int(part.step.min()), int(part.step.max())]
            times += [int(part.time.min()), int(part.time.max())]
        with np.errstate(over="ignore", invalid="ignore"):
            total = one.total + float(good.sum())
        into.metrics.append(
            (
                *self.owner[:2],
                text_bytes(name),
                self.owner.writer,
                points,
                one.points,
                self._generation,
                b"".join(column.tobytes() for column in rest),
                one.nonfinite + len(value) - len(good),
                min(steps),
                max(steps),
                min(times),
                max(times),
                min(one.low, float(good.min(initial=np.inf))),
                max(one.high, float(good.max(initial=-np.inf))),
                total,
                float(head[-1].value[-1]) if in_head else one.last,
                ver,
            )
        )

    def _run(self, into: Rows, loaded: int) -> None:
        reader = self.reader
        for number in range(self._events, len(reader.events)):
            told = json.dumps(reader.events[number]).encode()
            into.events.append((*self.owner, number, told, 0))
        ended = reader.end is not None and loaded == len(reader.rows)
        alive = reader.alive
        tenths = min(max(reader.last_sign - reader.opened, 0) // _TENTH, (1 << 31) - 1)
        state = (loaded, reader.points, reader.frames, ended, alive, reader.lost, tenths // 50, reader.problem)
        if state == self._run_told:
            return
        self._run_told = state
        ver = (loaded << 32) | (ended << 31) | tenths
        facts = facts_of(reader, self._identity, self._problem)
        into.runs.append((*self.owner, self.opening, json.dumps(facts).encode(), loaded, reader.points, ended, ver))

    def stored(self, loaded: int) -> None:
        """What `frames`, `head` and `summaries` made is stored."""
        self.loaded = loaded
        self._events = len(self.reader.events)

    def failed(self) -> None:
        """It perhaps is not: summaries and the head are made again."""
        self.head_failed()
        self._told.clear()
        self._run_told = ()


def facts_of(reader: TapeReader, identity: Mapping[str, Any], problem: str | None) -> dict[str, Any]:
    """What a row of `runs` tells beyond its numbers. ``alive`` is what this machine sees, at ``told`` (ns)."""
    return {
        "identity": identity,
        "problem": problem,
        "facts": reader.facts,
        "opening": reader.opening,
        "end": reader.end,
        "tape_problem": reader.problem,
        "opened": reader.opened,
        "last_sign": reader.last_sign,
        "lost": reader.lost,
        "frames": reader.frames,
        "points": reader.points,
        "alive": reader.alive,
        "told": time.time_ns(),
    }


def opening_of(path: Path) -> bytes:
    """The CRC word of a tape's first frame, in hex: it tells one tape from another of its name. Raises OSError."""
    with path.open("rb") as file:
        return file.read(HEADER_SIZE)[-4:].hex().encode()


def encoded_points(found: list[PointRows]) -> dict[str, tuple[str, Given]]:
    """Points as the columns of one block, in the order of the table's key: a server need not sort them again."""
    found = sorted(found, key=lambda one: (*one.owner[:2], one.metric, one.owner.writer, one.block, one.first_row))
    counts = [len(one.points.step) for one in found]
    given: dict[str, Given] = {
        "project": _runs([one.owner.project for one in found], counts),
        "run": _runs([one.owner.run for one in found], counts),
        "metric": _runs([one.metric for one in found], counts),
        "writer": _runs([one.owner.writer for one in found], counts),
        "block": _runs([one.block for one in found], counts),
        "row": [
            np.arange(one.first_row, one.first_row + n, dtype=np.uint32) for one, n in zip(found, counts, strict=True)
        ],
        "step": [one.points.step for one in found],
        "time": [one.points.time for one in found],
        "value": [one.points.value for one in found],
        "place": _runs([one.place for one in found], counts),
    }
    return _typed(POINTS, given)


def encoded_entries(found: list[EntryRows]) -> tuple[int, dict[str, tuple[str, Given]]]:
    """(rows, entries as the columns of one block), in the order of the table's key."""
    found = sorted(
        found, key=lambda one: (*one.owner[:2], one.metric, one.owner.writer, one.risen.level, one.risen.first)
    )
    counts = [len(one.risen.entries.low) for one in found]
    level = np.repeat(np.array([one.risen.level for one in found], np.uint8), counts)
    names = [(name, name) for name in ("step_low", "step_high", "time_low", "time_high", "finite")]
    names += [(name, name) for name in ("total", "spread", "low", "high")]
    given: dict[str, Given] = {
        "project": _runs([one.owner.project for one in found], counts),
        "run": _runs([one.owner.run for one in found], counts),
        "metric": _runs([one.metric for one in found], counts),
        "writer": _runs([one.owner.writer for one in found], counts),
        "level": level,
        "entry": [np.arange(one.risen.first, one.risen.first + n) for one, n in zip(found, counts, strict=True)],
        "count": BASE * np.power(FAN, level.astype(np.uint64)),
        "ver": np.zeros(len(level), np.uint64),
        **{name: [getattr(one.risen.entries, column) for one in found] for name, column in names},
    }
    return len(level), _typed(ENTRIES, given)


def encoded_rows(table: Table, rows: list[tuple[Any, ...]]) -> dict[str, tuple[str, Given]]:
    """Rows of any other table as the columns of one block."""
    given: dict[str, Given] = {}
    for (name, kind), values in zip(table.columns.items(), zip(*rows, strict=True), strict=True):
        given[name] = list(values) if kind == "String" else np.array(values, _NUMBER[kind])
    return _typed(table, given)


_NUMBER = {"UInt64": np.uint64, "UInt32": np.uint32, "UInt8": np.uint8, "Int64": np.int64, "Float64": np.float64}
OTHERS = {"metrics": METRICS, "events": EVENTS, "runs": RUNS}  # in the order in which they are stored


def _runs(values: Sequence[bytes | int], counts: Sequence[int]) -> Repeated:
    """Each value so often; equal neighbours together."""
    runs: list[tuple[bytes | int, int]] = []
    for value, count in zip(values, counts, strict=True):
        if runs and runs[-1][0] == value:
            runs[-1] = value, runs[-1][1] + count
        else:
            runs.append((value, count))
    return Repeated(runs)


def _typed(table: Table, given: Mapping[str, Given]) -> dict[str, tuple[str, Given]]:
    return {name: (kind, given[name]) for name, kind in table.columns.items()}
