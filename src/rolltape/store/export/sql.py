"""A store as a DuckDB database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rolltape.store.export.extras import load
from rolltape.store.export.selection import Selection
from rolltape.store.export.tables import table_of_configs, table_of_metrics, table_of_runs
from rolltape.store.model import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def connect(store: Store) -> DuckDBPyConnection:
    """A database in memory with the views ``runs``, ``config``, ``metrics`` and ``points`` of the runs there are now.

    ``points`` has the columns project, run, metric, step, time (timestamp with time zone, µs), time_ns and value. It is
    read from the tapes when a query asks for it, and only those runs and metrics that its conditions leave. The other
    views are those of `tables`; all have a column ``run`` to join by. Nothing can change the tapes.

    Raises:
        StoreError: DuckDB or pyarrow is not installed.
    """
    duckdb = load("duckdb", "sql")
    dataset = load("rolltape.store.export.points_dataset", "sql")
    selection = Selection(store)
    connection: DuckDBPyConnection = duckdb.connect()
    connection.execute("set python_enable_replacements = false")  # a wrong name must not find a variable of ours
    connection.execute("set autoinstall_known_extensions = false")  # nothing is downloaded that nobody asked for
    connection.register("runs", table_of_runs(selection))
    connection.register("config", table_of_configs(selection))
    connection.register("metrics", table_of_metrics(selection))
    connection.register("points", dataset.PointsDataset(selection))
    return connection
