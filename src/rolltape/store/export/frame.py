"""Points as one long table that pandas, polars, DuckDB and everything else that speaks Arrow can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rolltape.store.export.extras import load
from rolltape.store.export.selection import Selection
from rolltape.store.model import Store

if TYPE_CHECKING:
    import pyarrow as pa


class Frame:
    """One row per point: project, run, metric (texts), step (int64), time (timestamp, ns, UTC), value (float64).

    ``run`` is `RunInfo.key`, which names one run only. A series' points come in the order in which they were logged,
    bit for bit, and so do the series: run after run, metric after metric.

    It is an Arrow stream, read from the tapes as the reader asks for it, and may be read more than once::

        pandas.DataFrame.from_arrow(frame)     pyarrow.table(frame)
        polars.DataFrame(frame)                duckdb.sql("select avg(value) from frame")
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._arrow = load("rolltape.store.export.arrow", "parquet")

    def reader(self) -> pa.RecordBatchReader:
        """A new reader of all batches. While it is read it raises what `Selection.blocks` does."""
        arrow = self._arrow
        return arrow.pa.RecordBatchReader.from_batches(arrow.SCHEMA, arrow.batches(self._selection))

    def __arrow_c_schema__(self) -> object:
        return self._arrow.SCHEMA.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        runs = len({series.run.key for series in self._selection.series})
        return f"<Frame of {len(self._selection.series)} series of {runs} runs>"


def frame(store: Store, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Frame:
    """The points of runs as one table. Nothing is read from the tapes yet.

    Args:
        store: where the runs are.
        runs: ids, ``project/id`` or keys; None: all, newest first.
        metrics: names; None: all. A run that lacks one is left out of it.

    Raises:
        RunNotFound, MetricNotFound: no such run; none of the runs has the metric.
        StoreError: pyarrow is not installed.
        TypeError: a string where there should be a list of them.
    """
    return Frame(Selection(store, runs, metrics))
