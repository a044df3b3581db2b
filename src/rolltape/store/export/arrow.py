"""Points as Arrow record batches. Loads pyarrow: import this through `rolltape.store.export.extras`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rolltape.store.export.selection import Selection, Series
from rolltape.store.model import Points

ROWS = 131_072  # in each batch but the last
_NAME = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("project", _NAME, nullable=False),
        pa.field("run", _NAME, nullable=False),
        pa.field("metric", _NAME, nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


def utf8(text: str) -> str:
    """``text`` as Arrow can hold it: a lone surrogate is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def batches(selection: Selection, series: Iterable[Series] | None = None) -> Iterator[pa.RecordBatch]:
    """The points of some series (None: all of the selection) in batches of ROWS rows, the last one of fewer.

    All batches share their dictionaries. A batch within one block of the store shares its memory; one that spans
    several is a copy.

    Raises:
        RunNotFound, MetricNotFound, TapeError, OSError: as `Selection.blocks`.
    """
    projects = _Names(series.run.project for series in selection.series)
    runs = _Names(series.run.key for series in selection.series)
    metrics = _Names(series.metric for series in selection.series)
    for parts in _packed(selection.blocks(series)):
        lengths = [len(points.step) for _, points in parts]
        step, time, value = (
            columns[0] if len(columns) == 1 else np.concatenate(columns)
            for columns in zip(*(points for _, points in parts), strict=True)
        )
        yield pa.RecordBatch.from_arrays(
            [
                projects.column([series.run.project for series, _ in parts], lengths),
                runs.column([series.run.key for series, _ in parts], lengths),
                metrics.column([series.metric for series, _ in parts], lengths),
                _column(step, pa.int64()),
                _column(time, pa.timestamp("ns", "UTC")),
                _column(value, pa.float64()),
            ],
            schema=SCHEMA,
        )


class _Names:
    """A dictionary of texts and the code of each."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        self._dictionary = pa.array([utf8(text) for text in self._codes], pa.string())

    def column(self, texts: list[str], lengths: list[int]) -> pa.DictionaryArray:
        """Each text as often as its length says."""
        codes = np.repeat(np.array([self._codes[text] for text in texts], np.int32), lengths)
        return pa.DictionaryArray.from_arrays(pa.array(codes), self._dictionary)


def _packed(blocks: Iterable[tuple[Series, Points]]) -> Iterator[list[tuple[Series, Points]]]:
    """The blocks cut and gathered into lists of ROWS points, the last one of fewer."""
    gathered: list[tuple[Series, Points]] = []
    room = ROWS
    for series, points in blocks:
        start = 0
        while start < len(points.step):
            cut = slice(start, start + room)
            part = Points(points.step[cut], points.time[cut], points.value[cut])
            gathered.append((series, part))
            start += len(part.step)
            room -= len(part.step)
            if not room:
                yield gathered
                gathered, room = [], ROWS
    if gathered:
        yield gathered


def _column(values: NDArray[np.int64] | NDArray[np.float64], kind: pa.DataType) -> pa.Array:
    """The array's own memory as an Arrow array of a type of 8 bytes."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
