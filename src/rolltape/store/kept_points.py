"""Points of short series kept in memory, so that a curve that is asked for again and again decodes only what is new.

While a run is young its buckets are narrower than 64 points, and each curve is made of all its points.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.byte_cache import ByteCache
from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.metric_columns import AxisColumn, Columns, concatenate
from rolltape.tape.pyramid import BASE
from rolltape.tape.reader import TapeReader
from rolltape.tape.series import Series

_LONGEST = 64 * 1024  # points of a series that is kept
_kept = ByteCache(256 << 20)
_numbers = itertools.count()
_readers: WeakKeyDictionary[TapeReader, int] = WeakKeyDictionary()  # a tape that is another one has another reader
_lock = threading.Lock()


def points_of(
    tape: IndexedTape, metric: str, series: Series, entries: NDArray[np.int64], only: AxisColumn | None = None
) -> Iterator[Columns]:
    """`IndexedTape.points_of`, from memory where they are there.

    Raises:
        TapeError, OSError: the tape cannot be read.
    """
    if not len(entries) or series.points > _LONGEST:
        return tape.points_of(metric, entries, only)
    every = _all_points(tape, metric, BASE * series.counts[0])
    first, last = int(entries[0]), int(entries[-1])
    if last - first == len(entries) - 1:
        chosen: slice | NDArray[np.int64] = slice(BASE * first, BASE * (last + 1))
    else:
        chosen = (BASE * entries[:, None] + np.arange(BASE)).ravel()
    return iter([Columns._make(column[chosen] for column in every)])


def _all_points(tape: IndexedTape, metric: str, count: int) -> Columns:
    """The first ``count`` points of a metric's frames. Metrics that are logged together share steps and times."""
    with _lock:
        number = _readers.get(tape.reader)
        if number is None:
            number = _readers[tape.reader] = next(_numbers)
    together = tape.reader.schemas_of(metric)
    keys = (number, together, "step"), (number, together, "time"), (number, metric, "value")
    kept: list[NDArray[Any] | None] = [_kept.get(key) for key in keys]
    start = min(0 if column is None else len(column) for column in kept)
    if start >= count:
        return Columns._make(column[:count] for column in kept if column is not None)
    new = concatenate(list(tape.points(metric, start, count)))
    columns = []
    for key, before, after in zip(keys, kept, new, strict=True):
        if before is None or not len(before):
            before = np.array(after)  # not a view, which would keep all of a frame
        elif len(before) < count:
            before = np.concatenate([before, after[len(before) - start :]])
        _kept.put(key, before)
        columns.append(before[:count])
    return Columns._make(columns)
