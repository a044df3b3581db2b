"""The peer of many runs: DuckDB over Parquet files tuned for such points, asked for the same buckets in SQL.

It runs in whichever environment has it: the one that measures, else the peers' own. Nothing here needs rolltape.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.peers.venv import HERE, PYTHON

PACKAGES = ("duckdb", "pyarrow", "numpy")
ROW_GROUP = 128 * 1024
BUCKETS = 1000


def interpreter(install: bool) -> str | None:
    """A Python that has DuckDB and pyarrow; None: there is none, and they may not or cannot be installed."""
    for python in (sys.executable, str(PYTHON)):
        if _has_them(python):
            return python
    if not install:
        return None
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HERE)], check=True, capture_output=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    subprocess.run(command, capture_output=True, timeout=1200, check=False)
    return str(PYTHON) if _has_them(str(PYTHON)) else None


def _has_them(python: str) -> bool:
    if not Path(python).exists():
        return False
    code = f"import {', '.join(PACKAGES)}"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def query(directory: Path, arrays: str, tries: int) -> dict[str, Any]:
    """In the child: ms of the median of the faster way to keep the runs, and how it was done.

    The steps are DELTA_BINARY_PACKED, the values BYTE_STREAM_SPLIT, all of it zstd 3 in row groups of 128k; the runs
    are numbers, and there is no column that is not asked for, which is kind to DuckDB.
    """
    import duckdb

    points = _write(directory, Path(arrays))
    low, wide = 0, points - 1
    ways = {"one file": "one.parquet", "a file per run": "each/*.parquet"}
    times: dict[str, list[float]] = {way: [] for way in ways}
    with duckdb.connect() as connection:
        for attempt in range(tries + 1):
            for way, pattern in ways.items():
                statement = (
                    f"select run, least((step - {low}) * {BUCKETS} // {wide}, {BUCKETS - 1}) as bucket,"
                    f" count(*), avg(value), min(value), max(value) from '{directory / pattern}' group by run, bucket"
                )
                began = perf_counter()
                found = connection.execute(statement).fetchnumpy()
                if attempt:  # the first one reads the files into memory
                    times[way].append((perf_counter() - began) * 1e3)
        threads = connection.execute("select current_setting('threads')").fetchone()
    medians = {way: median(each) for way, each in times.items()}
    best = min(medians, key=medians.__getitem__)
    return {
        "ms": medians[best],
        "way": best,
        "ways_ms": times,
        "version": duckdb.__version__,
        "threads": threads[0] if threads else None,
        "buckets": len(found["run"]),
    }


def _write(directory: Path, arrays: Path) -> int:
    """Both ways to keep the runs, from the scan's own files; how many points a run has."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("run", pa.int32()), ("step", pa.int64()), ("value", pa.float64())])
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": False,
        "column_encoding": {"run": "DELTA_BINARY_PACKED", "step": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT"},
    }
    (directory / "each").mkdir()
    points = 0
    with pq.ParquetWriter(directory / "one.parquet", schema, **options) as one:
        for number, path in enumerate(sorted(arrays.glob("value-*.npy"))):
            value = np.load(path)
            points = len(value)
            columns = [np.full(points, number, np.int32), np.arange(points), value]
            table = pa.table(columns, schema=schema)
            one.write_table(table, row_group_size=ROW_GROUP)
            pq.write_table(table, directory / "each" / f"{number:03d}.parquet", row_group_size=ROW_GROUP, **options)
    return points
