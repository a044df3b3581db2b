"""Points as a table: what pandas, polars, DuckDB and pyarrow take from it, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rolltape
from rolltape.errors import MetricNotFound, RunNotFound, StoreError, TapeError
from rolltape.store import DirectoryStore
from rolltape.store.export import arrow
from rolltape.store.export.frame import frame
from rolltape.store.export.selection import Selection
from rolltape.store.export.tables import config_table, runs_table
from rolltape.store.notes import change_notes

INTS = np.array([0, 1, -1, 2**63 - 1, -(2**63), 7, 7, 5], np.int64)
TIMES = np.array([0, 1, -1, 1_700_000_000_123_456_789, 2**62, -(2**62), 999, 1001], np.int64)
BITS = [0x7FF8000000000001, 0xFFF8DEADBEEF0001, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1]
VALUES = np.array([*BITS, 0x3FB999999999999A, 0x7FEFFFFFFFFFFFFF], np.uint64).view(np.float64)
EVIL = "l'oss \"x\",\n'; drop table points; -- 名前 \x00 \x1b[31m"


def record_extremes(metric: str = EVIL, id: str = "one", project: str = EVIL) -> str:
    with rolltape.init(project=project, id=id, config={"seed": 1}) as run:
        run.log_batch({metric: VALUES}, step=INTS, time=TIMES)
    return next(info.key for info in rolltape.open().runs() if info.id == id)


def record(id: str, metrics: dict[str, int], project: str = "p", **options: Any) -> None:
    with rolltape.init(project=project, id=id, **options) as run:
        for number, (metric, points) in enumerate(metrics.items()):
            run.log_batch({metric: np.arange(points) + number / 8}, step=np.arange(points))


def bits(values: object) -> list[int]:
    return np.asarray(values, np.float64).view(np.int64).tolist()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(arrow, "ROWS", 1000)
    return 1000


def test_pyarrow() -> None:
    key = record_extremes()
    table = pa.table(frame(rolltape.open()))
    name = pa.dictionary(pa.int32(), pa.string())
    assert table.schema.names == ["project", "run", "metric", "step", "time", "value"]
    assert table.schema.types == [name] * 3 + [pa.int64(), pa.timestamp("ns", "UTC"), pa.float64()]
    assert table["project"].to_pylist() == [EVIL] * 8
    assert table["run"].to_pylist() == [key] * 8
    assert table["metric"].to_pylist() == [EVIL] * 8
    assert table["step"].to_pylist() == INTS.tolist()
    assert table["time"].cast(pa.int64()).to_pylist() == TIMES.tolist()
    assert bits(table["value"].to_numpy()) == bits(VALUES)


def test_pandas() -> None:
    record_extremes()
    table = pd.DataFrame.from_arrow(frame(rolltape.open()))
    assert table["metric"].tolist() == [EVIL] * 8
    assert table["step"].tolist() == INTS.tolist()
    assert str(table["time"].dtype) == "datetime64[ns, UTC]"
    assert table["time"].astype("int64").tolist() == TIMES.tolist()
    assert bits(table["value"].to_numpy()) == bits(VALUES)


def test_polars() -> None:
    record_extremes()
    table = pl.DataFrame(frame(rolltape.open()))
    assert table["metric"].cast(pl.String).to_list() == [EVIL] * 8
    assert table["step"].to_list() == INTS.tolist()
    assert table["time"].dtype == pl.Datetime("ns", "UTC")
    assert table["time"].to_physical().to_list() == TIMES.tolist()
    assert bits(table["value"].to_numpy()) == bits(VALUES)


def test_duckdb() -> None:
    record_extremes()
    points = frame(rolltape.open())
    with duckdb.connect() as connection:
        connection.register("points", points)
        rows = connection.sql("select metric, step, epoch_ns(time), value from points").fetchall()
        assert [row[:3] for row in rows] == [(EVIL, *pair) for pair in zip(INTS.tolist(), TIMES.tolist(), strict=True)]
        assert bits([row[3] for row in rows]) == bits(VALUES)
        assert connection.sql("select count(*) from points").fetchall() == [(8,)], "a second time"


def test_series_come_one_after_the_other_and_in_whole_batches(store_of_three: DirectoryStore) -> None:
    table = pa.table(frame(store_of_three))
    expected: list[tuple[str, str, int, float]] = []
    for info in store_of_three.runs():
        for metric in store_of_three.metrics(info.key):
            points = store_of_three.points(info.key, metric)
            pairs = zip(points.step.tolist(), points.value.tolist(), strict=True)
            expected += [(info.key, metric, step, value) for step, value in pairs]
    columns = [table[name].to_pylist() for name in ("run", "metric", "step", "value")]
    assert list(zip(*columns, strict=True)) == expected
    lengths = [batch.num_rows for batch in table.to_batches()]
    assert lengths == [1000] * (len(expected) // 1000) + [len(expected) % 1000]


@pytest.fixture
def store_of_three(small_batches: int) -> DirectoryStore:
    record("one", {"a": 2500, "b": 10, "c": 1})
    record("two", {"a": 999})
    record("three", {"b": 3000, "z": 1000}, project="q")
    return rolltape.open()


def test_all_batches_share_their_dictionaries(store_of_three: DirectoryStore) -> None:
    batches = list(frame(store_of_three).reader())
    assert len(batches) > 3
    for name in ("project", "run", "metric"):
        assert len({batch[name].dictionary.buffers()[2].address for batch in batches}) == 1, name


def test_a_long_block_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    record("one", {"a": 300_000})
    store = rolltape.open()
    points = store.points("one", "a")
    monkeypatch.setattr(store, "scan", lambda *_: iter([(points.step, points)]))
    first, second, _ = frame(store).reader()
    assert first.num_rows == 131_072
    for name, column in points._asdict().items():
        assert first[name].buffers()[1].address == column.ctypes.data, name
        assert second[name].buffers()[1].address == column.ctypes.data + 131_072 * 8, name


def test_it_is_read_bit_by_bit_and_no_further_than_asked(
    store_of_three: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[str] = []
    taken = DirectoryStore.scan

    def scan(self: DirectoryStore, run: str, metric: str, *rest: Any) -> Iterator[Any]:
        scanned.append(metric)
        return taken(self, run, metric, *rest)

    monkeypatch.setattr(DirectoryStore, "scan", scan)
    points = frame(store_of_three)
    assert scanned == []
    reader = points.reader()
    reader.read_next_batch()
    assert len(scanned) == 1


def test_which_runs_and_metrics(store_of_three: DirectoryStore) -> None:
    def told(points: Any) -> list[tuple[str, str]]:
        table = pa.table(points)
        return list(dict.fromkeys(zip(table["run"].to_pylist(), table["metric"].to_pylist(), strict=True)))

    assert told(frame(store_of_three, ["one", "q/three", "p/one"])) == [
        ("p/one", "a"),
        ("p/one", "b"),
        ("p/one", "c"),
        ("q/three", "b"),
        ("q/three", "z"),
    ]
    assert told(frame(store_of_three, metrics=["b", "z"])) == [("q/three", "b"), ("q/three", "z"), ("p/one", "b")]
    assert pa.table(frame(store_of_three, ["one", "p/one"], ["b"])).num_rows == 10, "each run once"
    assert told(frame(store_of_three, [], None)) == []
    with pytest.raises(RunNotFound, match="nope"):
        frame(store_of_three, ["nope"])
    with pytest.raises(MetricNotFound, match="none of the runs has a metric 'z'"):
        frame(store_of_three, ["one"], ["a", "z"])
    for wrong in ({"runs": "one"}, {"metrics": "a"}):
        with pytest.raises(TypeError, match="must be a list of strings"):
            frame(store_of_three, **wrong)  # type: ignore[arg-type]


def test_two_projects_may_have_the_same_run_id() -> None:
    record("same", {"a": 1}, project="p")
    record("same", {"a": 2}, project="q")
    assert sorted(pa.table(frame(rolltape.open()))["run"].to_pylist()) == ["p/same", "q/same", "q/same"]


def test_an_empty_store_and_a_run_without_points(tapes: Path) -> None:
    tapes.mkdir()
    empty = pa.table(frame(rolltape.open()))
    assert (empty.num_rows, empty.schema.names[0]) == (0, "project")
    rolltape.init(project="p", id="none").close()
    assert pl.DataFrame(frame(rolltape.open())).shape == (0, 6)
    assert runs_table(rolltape.open())["points"].to_pylist() == [0]


def test_points_that_are_logged_later_are_there_when_it_is_read_again() -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log({"a": 1.0})
        points = frame(rolltape.open())
        assert pa.table(points)["value"].to_pylist() == [1.0]
        run.log({"a": 2.0})
        assert pa.table(points)["value"].to_pylist() == [1.0, 2.0]


def test_half_a_character_in_a_name(tapes: Path) -> None:
    record("one", {"a\ud800b": 1}, name="\udfff")
    assert pa.table(frame(rolltape.open()))["metric"].to_pylist() == ["a\\ud800b"]
    assert runs_table(rolltape.open())["name"].to_pylist() == ["\\udfff"]


def test_the_schema_and_a_schema_that_is_asked_for() -> None:
    record_extremes()
    points = frame(rolltape.open())
    assert pa.schema(points) == pa.table(points).schema
    asked = pa.schema([field.with_type(pa.string()) if i < 3 else field for i, field in enumerate(pa.schema(points))])
    stream = points.__arrow_c_stream__(asked.__arrow_c_schema__())
    assert pa.RecordBatchReader._import_from_c_capsule(stream).read_all().schema == asked


def test_a_tape_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    record("one", {"a": 1})
    store = rolltape.open()

    def scan(*_: Any) -> Iterator[Any]:
        raise TapeError("the tape is broken")
        yield

    monkeypatch.setattr(store, "scan", scan)
    with pytest.raises(pa.ArrowException, match="the tape is broken"):
        pa.table(frame(store))


def test_runs_table() -> None:
    record("one", {"a": 3, "b": 2}, name=EVIL, tags=["x", EVIL])
    record("two", {}, project="q")
    store = rolltape.open()
    change_notes(store.root / "p" / "one", [], note=EVIL)
    table = runs_table(store)
    names = ["run", "project", "id", "name", "status", "started", "ended", "points", "lost", "tags"]
    names += ["error", "note"]
    assert table.schema.names == names
    two, one = table.to_pylist()
    info = store.run("one")
    assert [one[name] for name in names[:5]] == ["p/one", "p", "one", EVIL, "finished"]
    assert one["started"].timestamp() == pytest.approx(info.started, abs=2e-6)
    assert one["ended"].timestamp() == pytest.approx(info.ended, abs=2e-6)
    assert str(table.schema.field("ended").type) == "timestamp[us, tz=UTC]"
    assert [one[name] for name in names[7:]] == [5, 0, ["x", EVIL], None, EVIL]
    assert (two["run"], two["points"], two["tags"]) == ("q/two", 0, [])


def test_a_run_that_runs_has_no_end_and_one_that_failed_an_error() -> None:
    with pytest.raises(ZeroDivisionError), rolltape.init(project="p", id="bad"):
        raise ZeroDivisionError("oh")
    run = rolltape.init(project="p", id="live")
    live, bad = runs_table(rolltape.open()).to_pylist()
    run.close()
    assert (live["status"], live["ended"], live["error"]) == ("running", None, None)
    assert bad["status"] == "failed"
    assert "oh" in bad["error"]


def test_a_start_that_is_no_time(tapes: Path) -> None:
    record("one", {"a": 1})
    path = tapes / "p" / "one" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "started": 1e300}))
    assert runs_table(rolltape.open())["started"].to_pylist() == [None]


def test_config_table() -> None:
    config = {
        "lr": 3e-4,
        "net": {"sizes": [64, 64], "act": {"name": "relu\n"}},
        "on": True,
        "none": None,
        "empty": {},
        "huge": 10**400,
    }
    record("one", {}, config=config)
    record("two", {}, config={"lr": 1})
    rows = [(row["run"], row["key"], row["value"], row["number"]) for row in config_table(rolltape.open()).to_pylist()]
    assert rows[0] == ("p/two", "lr", "1", 1.0)
    told = {key: (value, number) for _, key, value, number in rows[1:]}
    assert told["lr"] == ("0.0003", 0.0003)
    assert told["net.sizes"] == ("[64,64]", None)
    assert told["net.act.name"] == ('"relu\\n"', None)
    assert told["on"] == ("true", None)
    assert told["none"] == ("null", None)
    assert told["empty"] == ("{}", None)
    assert told["huge"][1] is None


def test_a_config_with_what_json_lacks(tapes: Path) -> None:
    record("one", {})
    path = tapes / "p" / "one" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "config": {"lr": float("nan"), "l": [float("inf")]}}))
    rows = config_table(rolltape.open()).to_pylist()
    assert [row["value"] for row in rows] == ["null", "[null]"]


def test_without_pyarrow_the_extra_is_named(tapes: Path) -> None:
    record("one", {"a": 1})
    code = (
        "import sys; sys.modules['pyarrow'] = None; import rolltape;"
        "from rolltape.store.export.frame import frame; frame(rolltape.open())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("rolltape.errors.StoreError: this needs pyarrow (")
    assert last.endswith("): pip install 'rolltape[parquet]'")


def test_reading_a_store_loads_no_heavy_package(tapes: Path) -> None:
    record("one", {"a": 1})
    code = (
        "import sys, rolltape; s = rolltape.open(); s.points('one', 'a'); import rolltape.store.export.frame,"
        "rolltape.store.export.tables, rolltape.store.export.parquet, rolltape.store.export.lines;"
        "import rolltape.store.export.sql;"
        "print([m for m in ('pyarrow', 'duckdb', 'pandas', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_run_that_is_gone_is_an_error(tapes: Path) -> None:
    record("one", {"a": 1})
    selection = Selection(rolltape.open())
    (tapes / "p" / "one").rename(tapes / "moved")
    with pytest.raises(StoreError):
        list(selection.blocks())
