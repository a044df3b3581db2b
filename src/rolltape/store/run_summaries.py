"""The metrics of one run in numbers, kept as columns: a table of many runs holds half a million of them.

Packed, a column that says the same of every metric (how many points, which steps) takes one value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from rolltape.store.model import MetricSummary

_KINDS = {
    "points": "q",
    "nonfinite": "q",
    "first_step": "q",
    "last_step": "q",
    "last": "d",
    "min": "d",
    "mean": "d",
    "max": "d",
}
_FIELDS = tuple(_KINDS)
_WORD = 8  # bytes of a value
_POINTS, _NONFINITE = 0, 1


class MetricNames:
    """The names of a run's metrics, which many runs share."""

    __slots__ = ("__weakref__", "names", "places")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.places = {name: place for place, name in enumerate(names)}


_shared: WeakValueDictionary[tuple[str, ...], MetricNames] = WeakValueDictionary()


def metric_names(names: Iterable[str]) -> MetricNames:
    """These names; the same object for the same names."""
    key = tuple(names)
    found = _shared.get(key)
    if found is None:
        found = _shared[key] = MetricNames(key)
    return found


class RunSummaries(Mapping[str, MetricSummary]):
    """Each metric of a run by name, in the order of the names. Nothing is decoded before it is asked for.

    Args:
        names: of the metrics.
        packed: what `pack` gave for as many.
    """

    __slots__ = ("_columns", "packed", "shared")

    def __init__(self, names: MetricNames, packed: bytes) -> None:
        self.shared = names
        self.packed = packed
        self._columns: list[tuple[Any, ...]] | None = None

    @classmethod
    def of(cls, summaries: Iterable[MetricSummary]) -> RunSummaries:
        """These, which are in the order of their names."""
        every = list(summaries)
        return cls(metric_names(one.metric for one in every), pack(every))

    def __getitem__(self, metric: str) -> MetricSummary:
        place = self.shared.places[metric]
        return _summary(metric, *(column[place] for column in self._decoded()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.shared.names)

    def __len__(self) -> int:
        return len(self.shared.names)

    def __contains__(self, metric: object) -> bool:
        return metric in self.shared.places

    def __repr__(self) -> str:
        return f"RunSummaries({dict(self)!r})"

    @property
    def last_step(self) -> int | None:
        """The largest step of any metric; None without a point."""
        columns = self._decoded()
        steps = [step for step, points in zip(columns[3], columns[_POINTS], strict=True) if points]
        return max(steps, default=None)

    def last_values(self) -> dict[str, float]:
        """The value logged last of each metric that has points."""
        columns = self._decoded()
        named = zip(self.shared.names, columns[4], columns[_POINTS], strict=True)
        return {name: last for name, last, points in named if points}

    def _decoded(self) -> list[tuple[Any, ...]]:
        if self._columns is None:
            self._columns = list(_unpack(self.packed, len(self.shared.names)))
        return self._columns


def pack(summaries: Iterable[MetricSummary]) -> bytes:
    """Summaries without their names: which columns are one value (a bit each), then the columns."""
    every = list(summaries)
    if not every:
        return b""
    same, columns = 0, []
    for bit, (field, kind) in enumerate(_KINDS.items()):
        values = [getattr(one, field) for one in every]
        data = struct.pack(f"<{len(every)}{kind}", *[0 if value is None else value for value in values])
        if data == data[:_WORD] * len(every):
            same |= 1 << bit
            data = data[:_WORD]
        columns.append(data)
    return bytes([same]) + b"".join(columns)


def _unpack(packed: bytes, count: int) -> Iterator[tuple[Any, ...]]:
    if not count:
        yield from [()] * len(_FIELDS)
        return
    same, at = packed[0], 1
    for bit, kind in enumerate(_KINDS.values()):
        stored = 1 if same >> bit & 1 else count
        values = struct.unpack_from(f"<{stored}{kind}", packed, at)
        at += _WORD * stored
        yield values * count if stored < count else values


def _summary(
    metric: str,
    points: int,
    nonfinite: int,
    first_step: int,
    last_step: int,
    last: float,
    low: float,
    mean: float,
    high: float,
) -> MetricSummary:
    if not points:
        return MetricSummary(metric, 0, nonfinite, None, None, None, None, None, None)
    if points == nonfinite:
        return MetricSummary(metric, points, nonfinite, first_step, last_step, last, None, None, None)
    return MetricSummary(metric, points, nonfinite, first_step, last_step, last, low, mean, high)


NO_SUMMARIES = RunSummaries.of([])
