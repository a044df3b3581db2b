"""The answers of a store as blocks, made one after the other so that none is in memory as a whole."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import StoreError
from rolltape.server.query import MOST_VALUES, Refused
from rolltape.server.reading.questions import CurvesAsked, PointsAsked
from rolltape.store import Curve, Points
from rolltape.store.model import Resumed, Store
from rolltape.store.remote.records import in_lists, told
from rolltape.store.remote.wire import encode
from rolltape.store.run_series import AXES

ROWS = 1 << 16  # points of a block: 2 MiB
_RUNS, _EVENTS, _NAMES = 200, 100, 5000  # of a block

_COLUMNS = ("count", "mean", "min", "max", "std", "nonfinite")


class Source(Store, Protocol):
    """A store that answers about several metrics in the same buckets, too."""

    def curves(
        self,
        metrics: Sequence[str],
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Resumed = "all",
    ) -> dict[str, Curve]: ...


def runs(store: Store, project: str | None, where: str | None) -> Iterator[bytes]:
    """`Store.runs`"""
    infos = store.runs(project, where)
    yield from map(encode, in_lists("runs", map(told, infos), _RUNS))


def part_of_run(store: Store, run: str, part: str) -> Iterator[bytes]:
    """`Store.run`, `Store.metrics`, `Store.writers` or `Store.events`"""
    if part == "info":
        yield encode({part: [told(store.run(run))]})
    elif part == "metrics":
        yield from map(encode, in_lists(part, store.metrics(run), _NAMES))
    elif part == "writers":
        yield from map(encode, in_lists(part, map(told, store.writers(run)), _RUNS))
    else:
        yield from map(encode, in_lists(part, store.events(run), _EVENTS))


def summaries(store: Store, run: str) -> Iterator[bytes]:
    """`Store.summaries`"""
    yield from map(encode, in_lists("summaries", map(told, store.summaries(run)), _NAMES))


def points(store: Store, asked: PointsAsked) -> Iterator[bytes]:
    """`Store.scan`; without x where that is the step."""
    blocks = store.scan(asked.run, asked.metric, asked.x, asked.window, asked.resumed)
    for x, (step, time, value) in _evened(blocks):
        columns = {"step": step, "time": time, "value": value}
        yield encode({}, columns if asked.x == "step" else {"x": x, **columns})


def curves(store: Source, asked: CurvesAsked) -> Iterator[bytes]:
    """`Store.curves`: the edges, then a block for each metric and run.

    An answer that is too large is made in pieces of some metrics and runs, all in the same buckets.
    """
    names = list(asked.runs) if asked.runs is not None else None
    many = len(names) if names is not None else len(store.runs())
    if many * len(asked.metrics) > MOST_VALUES:
        raise Refused(f"runs times metrics may be {MOST_VALUES} at most, not {many * len(asked.metrics)}")
    if asked.fits(many):
        how = (names, asked.x, asked.window, asked.buckets, asked.exact, asked.resumed)
        if asked.alone:
            yield from _told({asked.metrics[0]: store.curve(asked.metrics[0], *how)})
        else:
            yield from _told(store.curves(asked.metrics, *how))
        return
    # From the first x to the last; and it tells whether there are such runs, metrics and x at all
    whole = store.curves(asked.metrics, names, asked.x, asked.window, 1, asked.exact, asked.resumed)
    if not whole:
        if asked.alone:
            store.curve(asked.metrics[0], names, asked.x, asked.window, 1, asked.exact, asked.resumed)
        return
    edges = next(iter(whole.values())).edges
    window = (float(edges[0]), float(edges[-1]))
    witness = _witness(store, whole, asked.x)
    first = True
    for metrics in _pieces(list(whole), MOST_VALUES // asked.buckets):
        holding = list(dict.fromkeys(key for metric in metrics for key in whole[metric].runs))
        for keys in _pieces(holding, MOST_VALUES // (asked.buckets * len(metrics))):
            found = store.curves(
                list(dict.fromkeys((*metrics, *witness.metrics))),
                list(dict.fromkeys((*keys, *witness.runs))),
                asked.x,
                window,
                asked.buckets,
                asked.exact,
                asked.resumed,
            )
            yield from _told({metric: found[metric] for metric in metrics if metric in found}, keys, with_edges=first)
            first = False


def _told(curves: dict[str, Curve], runs: Container[str] | None = None, with_edges: bool = True) -> Iterator[bytes]:
    for curve in curves.values():
        if with_edges:
            yield encode({"x": curve.x}, {"edges": curve.edges})
            with_edges = False
        for key, buckets in curve.runs.items():
            if runs is not None and key not in runs:
                continue
            facts = {"metric": curve.metric, "run": key, "gaps": [list(gap) for gap in curve.gaps.get(key, [])]}
            yield encode(facts, {name: getattr(buckets, name) for name in _COLUMNS})


class _Witness(NamedTuple):
    """A run that has x, and a metric that it has: a store takes x for an error where all runs lack it."""

    runs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def _witness(store: Store, curves: dict[str, Curve], x: str) -> _Witness:
    """What is asked about beside each piece, so that the store knows x as it does for the whole; often nothing."""
    if x in AXES:
        return _Witness()
    for run, metric in {key: metric for metric, curve in curves.items() for key in curve.runs}.items():
        try:
            if x in store.metrics(run):
                return _Witness((run,), (metric,))
        except (StoreError, OSError):  # it is gone
            continue
    return _Witness()


def _pieces(those: Sequence[str], most: int) -> Iterator[list[str]]:
    size = max(1, most)
    for first in range(0, len(those), size):
        yield list(those[first : first + size])


def _evened(
    blocks: Iterable[tuple[NDArray[np.float64], Points]],
) -> Iterator[tuple[NDArray[np.float64], Points]]:
    """The same points in blocks of ROWS, the last one of fewer."""
    gathered: list[tuple[NDArray[np.float64], Points]] = []
    rows = 0
    for x, points in blocks:
        start = 0
        while start < len(x):
            cut = slice(start, start + ROWS - rows)
            gathered.append((x[cut], Points(points.step[cut], points.time[cut], points.value[cut])))
            rows += len(gathered[-1][0])
            start = cut.stop
            if rows == ROWS:
                yield _joined(gathered)
                gathered, rows = [], 0
    if gathered:
        yield _joined(gathered)


def _joined(parts: list[tuple[NDArray[np.float64], Points]]) -> tuple[NDArray[np.float64], Points]:
    if len(parts) == 1:
        return parts[0]
    columns = [np.concatenate(column) for column in zip(*(points for _, points in parts), strict=True)]
    return np.concatenate([x for x, _ in parts]), Points(*columns)
