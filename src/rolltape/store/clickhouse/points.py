"""Points as they are stored, back in the order of their tapes.

A point may be there more than once: sent again, or from the head and in its frame. Its key (block, row) says which
place it has, so that every copy falls on the same one, and the server need not merge anything first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import StoreError
from rolltape.store.clickhouse.questions import Ask, Named, Parameters, condition, places
from rolltape.store.clickhouse.tape_load import FRAMED
from rolltape.tape.metric_columns import AxisColumn, Columns

Ints = NDArray[np.int64]
Key = tuple[str, str, str]  # run, metric, writer

_TOGETHER = 256 * 1024  # points that are asked for at once
_NAMED = 1000  # blocks that a question names


class Blocks(NamedTuple):
    """What holds the framed points of a metric of one writer, in the order of the tape."""

    number: NDArray[np.uint64]  # [n]: ``block`` of `points`
    ends: Ints  # [n]: points in all blocks up to each


def in_order(found: Mapping[str, Any]) -> Columns:
    """Points of one metric of one writer, of which all from the first of each block on are there, in tape order.

    found: block[n], row[n], place[n], and those of step[n], time[n], value[n] that are needed.
    """
    if not len(found["block"]):
        return Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    blocks, at = np.unique(found["block"], return_inverse=True)
    counts = np.zeros(len(blocks), np.int64)
    np.maximum.at(counts, at, found["row"].astype(np.int64) + 1)
    place = np.zeros(len(blocks), np.uint64)
    np.maximum.at(place, at, found["place"])
    order = np.lexsort((place, place < np.uint64(FRAMED)))  # the frames of a tape, then its head
    starts = np.empty(len(blocks), np.int64)
    starts[order] = counts[order].cumsum() - counts[order]
    return _placed(found, starts[at] + found["row"], int(counts.sum()))


def _placed(found: Mapping[str, Any], at: Ints, count: int) -> Columns:
    """The columns of ``found``, each row at its place."""
    there = np.zeros(count, bool)
    there[at] = True
    if not there.all():
        raise StoreError(
            f"{count - int(there.sum()):,} points of a metric are missing in ClickHouse: load its tape again"
        )
    columns: list[Any] = []
    for name, kind in (("step", np.int64), ("time", np.int64), ("value", np.float64)):
        if name not in found:
            columns.append(np.broadcast_to(np.int64(0), count))
            continue
        column = np.empty(count, kind)
        column[at] = found[name]
        columns.append(column)
    return Columns(*columns)


def whole_series(ask: Ask, named: Named, wanted: Iterable[Key]) -> dict[Key, Columns]:
    """All points of some short series, those of their heads among them, with one question."""
    return _by_series(ask, named, wanted, "")


def heads(ask: Ask, project: str, wanted: Mapping[Key, int]) -> dict[Key, Columns]:
    """The points that are only in the heads of writers.

    wanted: the highest generation that is framed, by series.
    """
    runs, metrics, writers = (tuple(dict.fromkeys(part)) for part in zip(*wanted, strict=True))
    lowest = min(wanted.values())
    named = Named(project, runs, metrics, writers)
    more = f" AND block > {lowest} AND block < {FRAMED}"
    if len(set(wanted.values())) == 1:
        return _by_series(ask, named, wanted, more)
    parameters = Parameters()
    each = [
        f"(run = {parameters.add(run)} AND metric = {parameters.add(metric)} AND writer = {parameters.add(writer)}"
        f" AND block > {above} AND block < {FRAMED})"
        for (run, metric, writer), above in wanted.items()
    ]
    return _by_series(ask, named, wanted, f"{more} AND ({' OR '.join(each)})", parameters)


def _by_series(
    ask: Ask, named: Named, wanted: Iterable[Key], more: str, parameters: Parameters | None = None
) -> dict[Key, Columns]:
    parameters = Parameters() if parameters is None else parameters
    found = ask(
        f"SELECT {places(named, parameters)}, block, row, place, step, time, value FROM points"
        f" WHERE {condition(named, parameters)}{more}",
        parameters,
    )
    answers: dict[Key, Columns] = {}
    if found:
        for key, rows in by_series(found, named, ("block", "row", "place", "step", "time", "value")):
            answers[key] = in_order(rows)
    nothing = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return {key: answers.get(key, nothing) for key in wanted}


def by_series(
    found: Mapping[str, Any], named: Named, columns: Sequence[str]
) -> Iterator[tuple[Key, dict[str, NDArray[Any]]]]:
    """The rows of each series that an answer with `places` holds."""
    at = found["run_at"].astype(np.int64)
    at = (at * (len(named.metrics) + 1) + found["metric_at"]) * (len(named.writers) + 1) + found["writer_at"]
    if not len(at):
        return
    if (at == at[0]).all():
        groups = [(0, len(at))]
        rows = {name: found[name] for name in columns}
    else:
        order = at.argsort(kind="stable")
        rows = {name: found[name][order] for name in columns}
        at = at[order]
        cuts = [0, *(np.flatnonzero(np.diff(at)) + 1).tolist(), len(at)]
        groups = list(pairwise(cuts))
    for start, stop in groups:
        rest, writer = divmod(int(at[start]), len(named.writers) + 1)
        run, metric = divmod(rest, len(named.metrics) + 1)
        if run and metric and writer:
            key = named.runs[run - 1], named.metrics[metric - 1], named.writers[writer - 1]
            yield key, {name: column[start:stop] for name, column in rows.items()}


def blocks_of(ask: Ask, named: Named) -> Blocks:
    """The blocks of frames of one series."""
    parameters = Parameters()
    found = ask(
        "SELECT block, max(place) AS last, max(row) AS most FROM points"
        f" WHERE {condition(named, parameters)} GROUP BY block HAVING last >= {FRAMED} ORDER BY last",
        parameters,
    )
    if not found:
        return Blocks(np.empty(0, np.uint64), np.empty(0, np.int64))
    return Blocks(found["block"], (found["most"].astype(np.int64) + 1).cumsum())


def stretches(
    ask: Ask, named: Named, blocks: Blocks, starts: Ints, stops: Ints, only: AxisColumn | None
) -> Iterator[tuple[int, Columns]]:
    """Of each few blocks that hold points starts[i] to stops[i] of a series: how many points come before, and the
    points from the first to the last of them.

    starts, stops: in order, and apart from each other.
    """
    begins = blocks.ends - np.diff(blocks.ends, prepend=0)
    nearest = stops.searchsorted(begins, "right")
    first = np.append(starts, np.iinfo(np.int64).max)[nearest]
    held = (first < blocks.ends).nonzero()[0]
    at = 0
    while at < len(held):
        stop = at + 1  # neighbours, of which there are not too many points
        while (
            stop < len(held)
            and held[stop] == held[stop - 1] + 1
            and stop - at < _NAMED
            and blocks.ends[held[stop]] - begins[held[at]] <= _TOGETHER
        ):
            stop += 1
        low = max(int(first[held[at]]), int(begins[held[at]]))
        high = min(
            int(stops[starts.searchsorted(blocks.ends[held[stop - 1]], "left") - 1]), int(blocks.ends[held[stop - 1]])
        )
        yield low, _stretch(ask, named, blocks, held[at:stop], begins, low, high, only)
        at = stop


def _stretch(
    ask: Ask,
    named: Named,
    blocks: Blocks,
    held: NDArray[np.intp],
    begins: Ints,
    low: int,
    high: int,
    only: AxisColumn | None,
) -> Columns:
    """The points number ``low`` to ``high``, which lie in neighbouring blocks."""
    axes = ["step", "time"] if only is None else [only]
    parameters = Parameters()
    numbers = blocks.number[held]
    where = f"block IN ({parameters.every(numbers.tolist())})"
    if len(held) == 1:
        begin = int(begins[held[0]])
        where += f" AND row >= {low - begin} AND row < {high - begin}"
    found = ask(
        f"SELECT block, row, {', '.join(axes)}, value FROM points WHERE {condition(named, parameters)} AND {where}",
        parameters,
    )
    if not found:
        found = {name: np.empty(0, np.int64) for name in ("block", "row", *axes, "value")}
    order = numbers.argsort()
    of = order[numbers[order].searchsorted(found["block"])]
    at = begins[held][of] + found["row"] - low
    kept = (at >= 0) & (at < high - low)
    return _placed({name: found[name][kept] for name in (*axes, "value")}, at[kept], high - low)
