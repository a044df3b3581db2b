"""Pyramid entries of stored series: those of the fitting level come for many series at once, others when needed.

To the descent (store/descent.py) a series looks like one of a local tape (tape/series.py). Whole entries never change,
so copies of one are equal: each falls on its number, and the server need not merge them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import StoreError
from rolltape.store.clickhouse.points import Key, by_series
from rolltape.store.clickhouse.questions import Ask, Named, Parameters, condition, places
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, FAN, NOTHING, TALL, Entries

Ints = NDArray[np.int64]

_PARTS = {
    "step": ("step_low", "step_high"),
    "time": ("time_low", "time_high"),
    "value": ("finite", "total", "spread", "low", "high"),
}
_PART_OF = {column: part for part, columns in _PARTS.items() for column in columns}
_KINDS = {name: column.dtype for name, column in zip(Entries._fields, NOTHING, strict=True)}
_FEW = 2048  # entries that are asked for although perhaps not all are needed
_RANGES = 200  # that a question names


class Window(NamedTuple):
    """What is going to be looked at."""

    axis: str  # ``step`` or ``time``
    low: float
    high: float
    span: float  # what the longest series reaches over


Fetch = Callable[[int, Sequence[tuple[int, int]], Sequence[str]], Mapping[str, Any]]


def counts_of(framed: int) -> list[int]:
    """How many entries each level has of so many points, as `tape.series.Series` has them."""
    counts = [framed // BASE]
    while counts[-1] >= TALL:
        counts.append(counts[-1] // FAN)
    return counts


class StoredSeries:
    """Whole entries of a metric of one writer.

    Args:
        framed: points in frames.
        fetch: asks for entries [start, stop) of a level; gives ``entry`` and the columns of the parts that are named.
        ends: gives (step, time, value) of its first and its last point.
    """

    def __init__(self, framed: int, fetch: Fetch, ends: Callable[[int], Columns]) -> None:
        self.points = framed
        self.counts = counts_of(framed)
        self._fetch = fetch
        self._ends = ends
        self._columns: dict[tuple[int, str], NDArray[Any]] = {}
        self._there: dict[tuple[int, str], NDArray[np.bool_]] = {}
        self._loose: StoredLoose | None = None

    @property
    def first(self) -> tuple[int, int] | None:
        """(step, time) of the first point."""
        point = self._ends(0)
        return int(point.step[0]), int(point.time[0])

    @property
    def last(self) -> tuple[int, int, float] | None:
        """(step, time, value) of the last one."""
        point = self._ends(self.points - 1)
        return int(point.step[0]), int(point.time[0]), float(point.value[0])

    def column(self, level: int, name: str, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop of a column of a level's `Entries`."""
        if start >= stop:
            return getattr(NOTHING, name)  # type: ignore[no-any-return]
        there = self._held(level, _PART_OF[name])[start:stop]
        if not there.all() and stop - start - int(there.sum()) > _FEW:
            # Perhaps few of them are needed: it is seen when they are
            return Waiting(self, level, name, start, stop)  # type: ignore[return-value]
        self.need(level, name, np.arange(start, stop))
        return self._columns[level, name][start:stop]

    def bounds(self, level: int, axis: str, start: int, stop: int) -> tuple[Ints, Ints]:
        """Between which ``step`` or ``time`` the points of rows start to stop of a level lie."""
        return self.column(level, f"{axis}_low", start, stop), self.column(level, f"{axis}_high", start, stop)

    def loose(self) -> StoredLoose:
        """What the top level does not stand for: up to three entries of each level below it."""
        if self._loose is None:
            self._loose = StoredLoose(self)
        return self._loose

    def loose_column(self, name: str) -> NDArray[Any]:
        """A column of `loose`."""
        parts = [np.asarray(self.column(level, name, *ends)) for level, *ends in self.loose_ranges()]
        return np.concatenate([np.empty(0, _KINDS[name]), *parts])

    def loose_is_here(self, part: str) -> bool:
        """Whether these columns of `loose` need not be asked for."""
        return all(self._held(level, part)[start:stop].all() for level, start, stop in self.loose_ranges())

    def loose_ranges(self) -> list[tuple[int, int, int]]:
        """(level, start, stop) of what no entry above stands for."""
        found = [(level, FAN * above, self.counts[level]) for level, above in enumerate(self.counts[1:])]
        return [one for one in found if one[1] < one[2]]

    def need(self, level: int, name: str, numbers: Ints) -> None:
        """Have a column of some entries here. Raises StoreError if one of them is not stored."""
        part = _PART_OF[name]
        there = self._held(level, part)
        missing = numbers[~there[numbers]]
        if not len(missing):
            return
        parts = [part] if part == "value" else [part, "value"]
        self.put(self._fetch(level, _ranges(missing), parts), level)
        if not there[numbers].all():
            raise StoreError("entries of a metric are missing in ClickHouse: load its tape again")

    def put(self, found: Mapping[str, Any], level: int) -> None:
        """Keep entries of one level: ``entry`` and columns; what is more than `counts` is left out."""
        if not found or not len(found["entry"]):
            return
        at = found["entry"].astype(np.int64)
        kept = at < self.counts[level]
        for part, names in _PARTS.items():
            if names[0] in found:
                self._held(level, part)[at[kept]] = True
                for name in names:
                    self._columns[level, name][at[kept]] = found[name][kept]

    def held(self, level: int, name: str, numbers: Ints) -> NDArray[Any]:
        """A column of some entries, which are here."""
        return self._columns[level, name][numbers]

    def _held(self, level: int, part: str) -> NDArray[np.bool_]:
        if (level, part) not in self._there:
            count = self.counts[level]
            for name in _PARTS[part]:
                self._columns[level, name] = np.empty(count, _KINDS[name])
            self._there[level, part] = np.zeros(count, bool)
        return self._there[level, part]


class StoredLoose:
    """As `tape.series.Loose`; of an axis that nobody looks at nothing is asked."""

    def __init__(self, series: StoredSeries) -> None:
        self._series = series
        ranges = series.loose_ranges()
        none = np.empty(0, np.int64)
        self.level = np.concatenate([none, *(np.full(stop - start, level) for level, start, stop in ranges)])
        self.number = np.concatenate([none, *(np.arange(start, stop) for _, start, stop in ranges)])

    @property
    def entries(self) -> Entries:
        """What they come to; their bounds are told by `bounds`."""
        kept = {name: self._series.loose_column(name) for name in _PARTS["value"]}
        return Entries(*(self.level,) * 4, **kept)

    def bounds(self, axis: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Between which ``step`` or ``time`` the points of each lie."""
        names = _PARTS[axis]
        if self._series.loose_is_here(axis):
            low, high = (self._series.loose_column(name) for name in names)
            return low, high
        later = [Later(partial(self._series.loose_column, name)) for name in names]
        return later[0], later[1]  # type: ignore[return-value]


class Later:
    """An array that is asked for when it is looked at."""

    def __init__(self, make: Callable[[], NDArray[Any]]) -> None:
        self._make = make

    def __len__(self) -> int:
        return len(self._make())

    def __getitem__(self, chosen: Any) -> NDArray[Any]:
        return self._make()[chosen]  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._make(), dtype)

    def __truediv__(self, other: Any) -> NDArray[Any]:
        return self._make() / other  # type: ignore[no-any-return]

    def __lt__(self, other: Any) -> NDArray[np.bool_]:
        return self._make() < other  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> NDArray[np.bool_]:
        return self._make() >= other  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> NDArray[Any]:
        """As of an array."""
        return self._make().astype(dtype)


class Waiting:
    """A long column of a level that is asked for where it is looked at: an array to those who take parts of it."""

    def __init__(self, series: StoredSeries, level: int, name: str, start: int, stop: int) -> None:
        self._of = series, level, name
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, chosen: Any) -> NDArray[Any]:
        series, level, name = self._of
        numbers = np.arange(self._start, self._stop)[chosen]
        series.need(level, name, np.atleast_1d(numbers))
        return series.held(level, name, numbers)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def __truediv__(self, other: Any) -> NDArray[Any]:
        return self[:] / other  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> NDArray[Any]:
        """As of an array."""
        return self[:].astype(dtype)

    def reshape(self, *shape: int) -> NDArray[Any]:
        """As of an array."""
        return self[:].reshape(*shape)


def fetch_of(ask: Ask, named: Named) -> Fetch:
    """Asks for entries of one series."""

    def fetch(level: int, ranges: Sequence[tuple[int, int]], parts: Sequence[str]) -> Mapping[str, Any]:
        parameters = Parameters()
        columns = [name for part in parts for name in _PARTS[part]]
        within = " OR ".join(f"entry BETWEEN {start} AND {stop - 1}" for start, stop in ranges)
        return ask(
            f"SELECT entry, {', '.join(columns)} FROM entries"
            f" WHERE {condition(named, parameters)} AND level = {level} AND ({within})",
            parameters,
        )

    return fetch


def prefetch(
    ask: Ask,
    project: str,
    wanted: Mapping[Key, StoredSeries],
    level: int,
    parts: Sequence[str],
    window: Window | None = None,
) -> None:
    """Ask once for the entries of many series from ``level`` up, and for those that no entry above stands for.

    Args:
        wanted: by their keys; all have the same top level.
        parts: ``step`` or ``time`` or both, and ``value``.
        window: what entries below the top must reach into; None: all are wanted.
    """
    top = len(next(iter(wanted.values())).counts) - 1
    parameters = Parameters()
    which = [f"level BETWEEN {level} AND {top}"]
    if window is not None:
        which = [f"level = {top}"]
        for lower in range(level, top):
            # Where an entry reaches over an end of the window, all that it is made of is looked at
            margin = 2 * window.span / min(series.counts[lower + 1] for series in wanted.values())
            low, high = _whole(window.low - margin), _whole(window.high + margin)
            which.append(f"(level = {lower} AND {window.axis}_high >= {low} AND {window.axis}_low <= {high})")
    which += _loose(wanted, parameters)
    _put_all(ask, project, wanted, parts, f"({' OR '.join(which)})", parameters)


def _loose(wanted: Mapping[Key, StoredSeries], parameters: Parameters) -> list[str]:
    """Conditions for what no entry above stands for."""
    if len({tuple(series.counts) for series in wanted.values()}) == 1:
        ranges = next(iter(wanted.values())).loose_ranges()
        return [f"(level = {level} AND entry >= {start} AND entry < {stop})" for level, start, stop in ranges]
    keys = [
        f"({parameters.add(run)}, {parameters.add(metric)}, {parameters.add(writer)}, {level}, {entry})"
        for (run, metric, writer), series in wanted.items()
        for level, start, stop in series.loose_ranges()
        for entry in range(start, stop)
    ]
    return [f"((run, metric, writer, level, entry) IN ({', '.join(keys)}))"] if keys else []


def _put_all(
    ask: Ask,
    project: str,
    wanted: Mapping[Key, StoredSeries],
    parts: Sequence[str],
    which: str,
    parameters: Parameters,
) -> None:
    """Ask for the entries of which a condition is true, and hand them to their series."""
    runs, metrics, writers = (tuple(dict.fromkeys(part)) for part in zip(*wanted, strict=True))
    named = Named(project, runs, metrics, writers)
    columns = [name for part in parts for name in _PARTS[part]]
    found = ask(
        f"SELECT {places(named, parameters)}, level, entry, {', '.join(columns)} FROM entries"
        f" WHERE {condition(named, parameters)} AND {which}",
        parameters,
    )
    if not found:
        return
    for key, rows in by_series(found, named, ("level", "entry", *columns)):
        one = wanted.get(key)
        if one is not None:
            for level in np.unique(rows["level"]).tolist():
                if level < len(one.counts):
                    of_level = rows["level"] == level
                    one.put({name: column[of_level] for name, column in rows.items() if name != "level"}, level)


def fitting_level(counts: Sequence[int], span: float, width: float) -> int:
    """The highest level whose entries are as narrow as a bucket, if they are equally wide; 0 if none is."""
    for level in range(len(counts) - 1, 0, -1):
        if span <= width * counts[level]:
            return level
    return 0


def _whole(bound: float) -> int:
    return int(min(max(bound, -(2.0**63)), 2.0**63 - 1024))


def _ranges(numbers: Iterable[int] | Ints) -> list[tuple[int, int]]:
    """[start, stop) that hold all of these; small holes are filled, and more where there would be too many."""
    at = np.unique(np.asarray(numbers))
    hole = 16
    while True:
        cuts = np.flatnonzero(np.diff(at) > hole) + 1
        if len(cuts) < _RANGES:
            break
        hole *= 4
    starts, stops = at[np.concatenate(([0], cuts))], at[np.concatenate((cuts - 1, [len(at) - 1]))] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
