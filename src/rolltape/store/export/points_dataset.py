"""Points as a pyarrow dataset that decodes only what a filter can hit. Loads pyarrow: import through `extras`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from rolltape.store.export.arrow import SCHEMA, batches, utf8
from rolltape.store.export.selection import Selection, Series

_COLUMNS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("project", "run", "metric")),
        SCHEMA.field("step"),
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("time_ns", pa.int64(), nullable=False),
        SCHEMA.field("value"),
    ]
)


class PointsDataset(ds.InMemoryDataset):  # type: ignore[misc]  # pyarrow has no types
    """For DuckDB, which asks a registered dataset for a `scanner` with the columns and the filter of the query.

    Columns: those of `Frame`, but ``time`` in µs (DuckDB's own type of times) and exact in ``time_ns``, and
    the names as plain texts: on dictionaries DuckDB uses no filter unless pyarrow is new.
    """

    def __init__(self, selection: Selection) -> None:
        super().__init__(_COLUMNS.empty_table())  # so that what is not overridden finds nothing, instead of crashing
        self._selection = selection
        self._parts = _parts(selection.series)

    def scanner(self, columns: list[str] | None = None, filter: Any = None, **_options: Any) -> PointsScanner:
        """What reads the points of the series that the filter can hit, and of these the ones that it does."""
        series = self._selection.series
        if filter is not None:
            hit = sorted(int(part.path) for part in self._parts.get_fragments(filter))
            series = [series[i] for i in hit]
        return PointsScanner(self._rows(series), columns, filter)

    def _rows(self, series: list[Series]) -> Iterator[pa.RecordBatch]:
        for batch in batches(self._selection, series):
            *names, step, time, value = batch.columns
            texts = [name.dictionary_decode() for name in names]
            rounded = pc.cast(time, _COLUMNS.field("time").type, safe=False)
            columns = [*texts, step, rounded, time.view(pa.int64()), value]
            yield pa.RecordBatch.from_arrays(columns, schema=_COLUMNS)


class PointsScanner:
    """As much of a pyarrow Scanner as DuckDB uses.

    A real one reads ahead in threads, which go on when nobody wants more, and crash Python when it ends meanwhile.
    """

    def __init__(self, rows: Iterator[pa.RecordBatch], columns: list[str] | None, filter: Any) -> None:
        self._rows = rows
        self._filter = filter
        self.projected_schema = _COLUMNS if columns is None else pa.schema([_COLUMNS.field(name) for name in columns])

    def to_reader(self) -> pa.RecordBatchReader:
        """The rows, made when they are asked for."""
        return pa.RecordBatchReader.from_batches(self.projected_schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._rows:
            table = pa.Table.from_batches([batch])
            hit = table if self._filter is None else table.filter(self._filter)
            yield from hit.select(self.projected_schema.names).to_batches()


def _parts(series: list[Series]) -> ds.FileSystemDataset:
    """A dataset of files that do not exist, named 0, 1, …, one per series.

    Each is said to hold one project, run and metric, so pyarrow can tell which of them a filter may hit.
    """
    names = ("project", "run", "metric")
    known: dict[tuple[str, str], ds.Expression] = {}
    claims = []
    for one in series:
        texts = zip(names, (one.run.project, one.run.key, one.metric), strict=True)
        project, run, metric = (known.setdefault(pair, ds.field(pair[0]) == utf8(pair[1])) for pair in texts)
        claims.append(project & run & metric)
    return ds.FileSystemDataset.from_paths(
        [str(i) for i in range(len(series))],
        schema=_COLUMNS,
        format=ds.IpcFileFormat(),
        filesystem=LocalFileSystem(),
        partitions=claims,
    )
