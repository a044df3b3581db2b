"""Points as Parquet: the same bits back, few bytes, and what the runs were."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rolltape
from rolltape.store.export.parquet import write_parquet
from rolltape.store.export.selection import Selection
from rolltape.store.notes import change_notes

BITS = [0x7FF8000000000001, 0xFFF8DEADBEEF0001, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1]
VALUES = np.array(BITS, np.uint64).view(np.float64)
STEPS = np.array([2**63 - 1, -(2**63), 0, 5, 5, -1], np.int64)
TIMES = np.array([-(2**62), 2**62, 0, 1, 1_700_000_000_123_456_789, 1], np.int64)
EVIL = "l'oss \"x\",\n'; drop table points; -- 名前"


def written(path: Path, **chosen: list[str]) -> tuple[Path, int, list[int]]:
    seen: list[int] = []
    with path.open("wb") as file:
        points = write_parquet(Selection(rolltape.open(), **chosen), file, seen.append)
        assert not file.closed
    return path, points, seen


def record_many(points: int, metrics: int) -> None:
    """The mix that the size of the format was measured with: float32 noise, whole numbers, constants, curves, noise."""
    chance = np.random.default_rng(0)
    rows = points // metrics
    step = np.arange(rows)
    kinds = [
        lambda: chance.normal(size=rows).astype(np.float32).astype(np.float64),
        lambda: chance.normal(size=rows).astype(np.float32).astype(np.float64),
        lambda: chance.integers(0, 500, rows).astype(np.float64),
        lambda: np.full(rows, 3.5),
        lambda: chance.normal(size=rows),
    ]
    with rolltape.init(project="p", id="many") as run:
        values = {f"m{i:02d}": kinds[i % len(kinds)]() for i in range(metrics)}
        run.log_batch(values, step=step, time=1_700_000_000_000_000_000 + step * 1_000_000)


def test_the_same_bits(tmp_path: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({EVIL: VALUES}, step=STEPS, time=TIMES)
    path, points, seen = written(tmp_path / "x.parquet")
    assert (points, seen) == (6, [6])
    table = pq.read_table(path)
    assert table["metric"].to_pylist() == [EVIL] * 6
    assert table["step"].to_pylist() == STEPS.tolist()
    assert table["time"].cast(pa.int64()).to_pylist() == TIMES.tolist()
    assert table["value"].to_numpy().view(np.uint64).tolist() == BITS


def test_half_a_million_points(tmp_path: Path) -> None:
    record_many(500_000, 25)
    path, points, seen = written(tmp_path / "x.parquet")
    assert points == seen[-1] == 500_000
    assert seen == sorted(seen)
    table = pq.read_table(path)
    store = rolltape.open()
    at = 0
    for metric in store.metrics("many"):
        expected = store.points("many", metric)
        part = table.slice(at, len(expected.step))
        assert set(part["metric"].to_pylist()) == {metric}
        assert np.array_equal(part["step"].to_numpy(), expected.step)
        assert np.array_equal(part["time"].cast(pa.int64()).to_numpy(), expected.time)
        assert np.array_equal(part["value"].to_numpy().view(np.int64), expected.value.view(np.int64))
        at += part.num_rows
    assert at == table.num_rows
    assert path.stat().st_size / points < 4.0, "bytes per point; the defaults of the format need three times as many"


def test_encodings_and_row_groups(tmp_path: Path) -> None:
    record_many(300_000, 3)
    about = pq.ParquetFile(written(tmp_path / "x.parquet")[0]).metadata
    assert [about.row_group(i).num_rows for i in range(about.num_row_groups)] == [131_072, 131_072, 37_856]
    columns = {about.row_group(0).column(i).path_in_schema: about.row_group(0).column(i) for i in range(6)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    for name, encoding in (
        ("step", "DELTA_BINARY_PACKED"),
        ("time", "DELTA_BINARY_PACKED"),
        ("value", "BYTE_STREAM_S"),
    ):
        assert [kind for kind in columns[name].encodings if kind.startswith(encoding)], name
        assert not [kind for kind in columns[name].encodings if "DICTIONARY" in kind], name
    for name in ("project", "run", "metric"):
        assert "RLE_DICTIONARY" in columns[name].encodings, name
    assert columns["metric"].statistics.min == "m00", "so that readers can skip row groups"


def test_other_readers(tmp_path: Path) -> None:
    record_many(3000, 3)
    path = str(written(tmp_path / "x.parquet")[0])
    table = pl.read_parquet(path)
    assert table.shape == (3000, 6)
    assert table["time"].dtype == pl.Datetime("ns", "UTC")
    with duckdb.connect() as connection:
        query = f"select metric, count(*), max(epoch_ns(time)) from '{path}' group by all order by 1"
        last = 1_700_000_000_000_000_000 + 999 * 1_000_000
        assert connection.sql(query).fetchall() == [(f"m{i:02d}", 1000, last) for i in range(3)]


def test_what_the_runs_were(tmp_path: Path) -> None:
    with rolltape.init(project="p", id="one", name=EVIL, config={"lr": 0.1, "net": {"n": 1}}, tags=["a"]) as run:
        run.log({"x": 1.0})
    rolltape.init(project="q", id="without").close()
    change_notes(rolltape.open().root / "p" / "one", ["a"], note="so be it")
    about = pq.read_schema(written(tmp_path / "x.parquet")[0]).metadata
    assert about[b"rolltape.version"].decode() == rolltape.__version__
    without, one = json.loads(about[b"rolltape.runs"], parse_constant=pytest.fail)
    assert (without["key"], without["config"]) == ("q/without", {})
    info = rolltape.open().run("one")
    told = ("key", "id", "project", "name", "config", "tags", "note", "status", "started")
    assert {name: one[name] for name in told} == {
        "key": "p/one",
        "id": "one",
        "project": "p",
        "name": EVIL,
        "config": {"lr": 0.1, "net": {"n": 1}},
        "tags": ["a"],
        "note": "so be it",
        "status": "finished",
        "started": info.started,
    }
    assert "environment" not in one, "a file that is handed on tells nothing of the machine"


def test_no_points(tapes: Path, tmp_path: Path) -> None:
    tapes.mkdir()
    path, points, seen = written(tmp_path / "x.parquet")
    assert (points, seen) == (0, [])
    assert pq.read_table(path).schema.names == ["project", "run", "metric", "step", "time", "value"]


def test_a_part_of_it(tmp_path: Path) -> None:
    record_many(300, 3)
    path, points, _ = written(tmp_path / "x.parquet", metrics=["m01"])
    assert points == 100
    assert set(pq.read_table(path)["metric"].to_pylist()) == {"m01"}


def test_a_full_disk_is_an_os_error() -> None:
    record_many(300, 3)

    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_parquet(Selection(rolltape.open()), Full())
