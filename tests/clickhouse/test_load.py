"""Tapes into three real shards: every point once, whatever dies in between."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cluster import Cluster

import rolltape
from rolltape.errors import StoreError
from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.address import parse_address
from rolltape.store.clickhouse.client import Unreachable, clients
from rolltape.store.clickhouse.counts import compare
from rolltape.store.clickhouse.load import Loader
from rolltape.store.clickhouse.tape_load import Rows
from rolltape.tape.pyramid import BASE
from rolltape.tape.reader import TapeReader
from rolltape.tape.series import Series

Stored = Callable[[str, str], list[list[str]]]
_STRANGE = "'; DROP TABLE points; -- \\' \\\\ \" ` {x:String} {project} \t\n \x01 ü 世"


def _record(tapes: Path, run: str, rows: int, project: str = "p", batch: int = 2_000, seed: int = 0) -> None:
    """Frames without a generation and rows through the head, in turns; NaN and infinities among the values."""
    rng = np.random.default_rng([seed, *run.encode()])
    with rolltape.init(project, dir=tapes, id=run) as one:
        for start in range(0, rows, batch):
            step = np.arange(start, min(start + batch, rows))
            noise = rng.normal(size=len(step))
            noise[rng.integers(0, len(step), 3)] = [np.nan, np.inf, -np.inf]
            one.log_batch({"loss": noise, "train/return": rng.normal(size=len(step)).astype(np.float32)}, step=step)
            for _ in range(7):
                one.log({"loss": float(rng.normal()), "eval": 1.5}, step=int(step[-1]))


def _load(tapes: Path, address: str, **options: Any) -> Loader:
    loader = Loader(tapes, address, **options)
    try:
        loader.load(patience=20)
    finally:
        loader.close()
    return loader


def _assert_equal(tapes: Path, address: str) -> None:
    found = compare(tapes, address)
    assert found.writers
    assert [(one.problem, one.verdict) for one in found.writers if one.verdict != "equal"] == []


def _without_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / name))


def test_every_point_is_stored_exactly(tapes: Path, address: str) -> None:
    for number in range(8):
        _record(tapes, f"run{number}", 5_000 + number, seed=number)
    loader = _load(tapes, address, batch=7_000)
    assert loader.problems == []
    _assert_equal(tapes, address)

    where = parse_address(address)
    shards = clients(where)
    used = set()
    for path in sorted(tapes.rglob("*.tape")):
        reader, run = TapeReader(path), path.parent.name
        used.add(where.shard_of("p", run))
        client = shards[where.shard_of("p", run)]
        for metric in ("loss", "train/return", "eval"):
            expected, _ = reader.read(metric)
            order = "ORDER BY place < 9223372036854775808, place, row"
            sql = f"SELECT step, time, value FROM points FINAL WHERE run = {{run}} AND metric = {{metric}} {order}"
            found = client.columns(sql, {"run": run, "metric": metric})
            assert np.array_equal(found["step"], expected.step)
            assert np.array_equal(found["time"], expected.time)
            assert np.array_equal(found["value"].view(np.int64), expected.value.view(np.int64))
    assert used == {0, 1, 2}


def test_entries_rest_and_summaries_are_those_of_the_tape(tapes: Path, address: str) -> None:
    _record(tapes, "run", 70_000)
    _load(tapes, address, batch=9_000)
    (path,) = tapes.rglob("*.tape")
    where = parse_address(address)
    client = clients(where)[where.shard_of("p", "run")]
    for metric in ("loss", "train/return", "eval"):
        points, _ = TapeReader(path).read(metric)
        series = Series()
        series.add(points)
        series.settle()
        for level, count in enumerate(series.counts):
            sql = "SELECT * FROM entries FINAL WHERE metric = {metric} AND level = {level} ORDER BY entry"
            found = client.columns(sql, {"metric": metric, "level": level})
            expected = series.entries(level, 0, count)
            assert len(found.get("entry", [])) == count
            for name in expected._fields if count else ():
                assert np.array_equal(found[name], getattr(expected, name)), (metric, level, name)
        row = client.columns("SELECT * FROM metrics FINAL WHERE metric = {metric}", {"metric": metric})
        n = len(points.step)
        good = points.value[np.isfinite(points.value)]
        assert (row["points"][0], row["framed"][0], row["nonfinite"][0]) == (n, n, n - len(good))
        assert (row["low"][0], row["high"][0]) == (good.min(), good.max())
        assert row["total"][0] == pytest.approx(good.sum())
        rest = n % BASE
        kept = np.frombuffer(row["rest"][0], np.int64).reshape(3, rest)
        assert np.array_equal(kept[0], points.step[n - rest :])
        assert np.array_equal(kept[1], points.time[n - rest :])
        assert np.array_equal(kept[2], points.value[n - rest :].view(np.int64))


def test_the_same_again_in_other_pieces_converges(
    tapes: Path, address: str, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        _record(tapes, f"run{number}", 6_000, seed=number)
    _load(tapes, address)
    asked = [
        f"SELECT * FROM {table} FINAL ORDER BY {', '.join(key)}"
        for table, key in ((one.name, one.key) for one in (schema.POINTS, schema.ENTRIES, schema.METRICS))
    ]
    before = [stored(address, sql) for sql in asked]
    for number, batch in enumerate((1, 3_001, 1 << 20)):
        _without_memory(monkeypatch, tmp_path, f"memory{number}")
        for client in clients(parse_address(address)):
            client.execute("DROP TABLE runs")  # or the loader would see that all is there
            client.execute(schema.statement(client, schema.RUNS))
        assert _load(tapes, address, batch=batch).points > 0
    assert [stored(address, sql) for sql in asked] == before
    _assert_equal(tapes, address)


def test_a_loader_that_lost_its_journal_goes_on_from_what_the_store_says(
    tapes: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record(tapes, "run", 6_000)
    first = _load(tapes, address)
    assert first.points == sum(one.tape for one in compare(tapes, address).writers)
    assert _load(tapes, address).points == 0
    _without_memory(monkeypatch, tmp_path, "other")
    assert _load(tapes, address).points == 0
    _record(tapes, "run", 1_000, seed=5)
    assert _load(tapes, address).points == 1_000 * 2 + 7 * 2
    _assert_equal(tapes, address)


def test_another_database_of_the_same_name_is_loaded_anew(tapes: Path, address: str, cluster: Cluster) -> None:
    _record(tapes, "run", 3_000)
    points = _load(tapes, address).points
    for shard in range(3):
        cluster.ask(shard, f"DROP DATABASE {parse_address(address).database}")
    assert _load(tapes, address).points == points
    _assert_equal(tapes, address)


def test_rows_of_a_live_head_and_then_their_frame_converge(tapes: Path, address: str, stored: Stored) -> None:
    run = rolltape.init("p", dir=tapes, id="live")
    loader = Loader(tapes, address)
    counted = "SELECT metric, count() AS n, uniqExact(row, block), max(place >= 9223372036854775808) FROM points FINAL"
    for number in range(10):
        run.log({"loss": number * 0.5, "b": 1.0}, step=number)
        if number in (3, 9):
            loader.load(patience=20)
            assert stored(address, f"{counted} GROUP BY metric") == [
                ["b", str(number + 1), str(number + 1), "0"],
                ["loss", str(number + 1), str(number + 1), "0"],
            ]
            time.sleep(1.1)
            loader.load(patience=20)
            assert {one[0] for one in stored(address, "SELECT points FROM metrics FINAL")} == {str(number + 1)}
    assert stored(address, "SELECT ended, points FROM runs FINAL") == [["0", "20"]]
    slow = Loader(tapes, address)
    shard = next(one for one in slow._shards if one._tapes.look())
    shard._refresh()
    late = Rows()
    assert next(iter(shard._loads.values())).head(late)
    run.close()
    loader.load(until_ended=True, patience=20)
    loader.close()
    shard._store(late, None)  # rows of the head that come after their frame
    slow.close()
    assert stored(address, f"{counted} GROUP BY metric") == [["b", "10", "10", "1"], ["loss", "10", "10", "1"]]
    assert stored(address, "SELECT ended, points, frames FROM runs FINAL") == [["1", "20", "1"]]
    asked = "SELECT points, framed, low, high, generation FROM metrics FINAL WHERE metric = 'loss'"
    ((generation,),) = stored(address, "SELECT DISTINCT block FROM points")
    assert stored(address, asked) == [["10", "10", "0", "4.5", generation]]
    assert 0 < int(generation) < 1 << 63
    _assert_equal(tapes, address)


def test_a_slow_loader_that_dies_does_not_bring_old_rows_back(
    tapes: Path, address: str, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record(tapes, "run", 20_000)
    sql = "SELECT metric, points, framed, ver FROM metrics FINAL"
    runs = "SELECT run, frames, points, ended, ver FROM runs FINAL"
    _load(tapes, address)
    before = stored(address, sql), stored(address, runs)
    _without_memory(monkeypatch, tmp_path, "other")
    slow = Loader(tapes, address, batch=1)
    shard = next(one for one in slow._shards if one._tapes.look())
    shard._stored = {}
    shard._refresh()
    shard._send_pieces(shard._next_pieces())
    slow.close()
    assert shard.points > 0
    assert (stored(address, sql), stored(address, runs)) == before


def test_two_loaders_at_once(tapes: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        _record(tapes, f"run{number}", 12_000, seed=number)
    loaders = [Loader(tapes, address, batch=4_000), Loader(tapes, address, batch=9_000)]
    threads = [threading.Thread(target=loader.load, args=(False, 20)) for loader in loaders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for loader in loaders:
        loader.close()
    _assert_equal(tapes, address)


def test_a_shard_killed_in_mid_load(tapes: Path, address: str, cluster: Cluster) -> None:
    for number in range(6):
        _record(tapes, f"run{number}", 60_000, seed=number)
    told: list[str] = []
    loader = Loader(tapes, address, batch=5_000, tell=told.append)
    thread = threading.Thread(target=loader.load)
    thread.start()
    _wait_for(lambda: loader.points > 60_000)
    cluster.kill(1)
    time.sleep(0.7)
    cluster.start(1)
    thread.join(60)
    assert not thread.is_alive()
    loader.close()
    assert any("does not answer" in one for one in told)
    _assert_equal(tapes, address)


def test_a_loader_killed_in_mid_load(tapes: Path, address: str, stored: Stored) -> None:
    for number in range(6):
        _record(tapes, f"run{number}", 60_000, seed=number)
    code = "import sys; from pathlib import Path; from rolltape.store.clickhouse.load import Loader; "
    code += "loader = Loader(Path(sys.argv[1]), sys.argv[2], batch=5_000); print('made', flush=True); loader.load()"
    for wait in (0.15, 0.35, 0.6):
        process = subprocess.Popen([sys.executable, "-c", code, str(tapes), address], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
    held = int(sum(int(one[0]) for one in stored(address, "SELECT count() FROM points FINAL")))
    assert held > 0
    loader = _load(tapes, address)
    assert loader.points < sum(one.tape for one in compare(tapes, address).writers)  # it went on
    _assert_equal(tapes, address)


def test_zookeeper_away_in_mid_load(tapes: Path, replicated: str, cluster: Cluster) -> None:
    for number in range(3):
        _record(tapes, f"run{number}", 30_000, seed=number)
    told: list[str] = []
    loader = Loader(tapes, replicated, batch=5_000, tell=told.append)
    thread = threading.Thread(target=loader.load)
    thread.start()
    _wait_for(lambda: loader.points > 10_000)
    cluster.kill_zookeeper()
    time.sleep(1.5)
    cluster.start_zookeeper()
    thread.join(90)
    assert not thread.is_alive()
    loader.close()
    _assert_equal(tapes, replicated)


def test_names_that_look_like_sql_are_data(tapes: Path, address: str, stored: Stored) -> None:
    with rolltape.init(_STRANGE, dir=tapes, id="it's") as run:
        run.log({"a'; --\\": 1.0, "{metric}": 2.0}, step=1)
    _load(tapes, address)
    _assert_equal(tapes, address)
    where = parse_address(address)
    client = clients(where)[where.shard_of(_STRANGE, "it's")]
    sql = "SELECT project, metric FROM points FINAL WHERE project = {p} AND metric = {m}"
    for metric in ("a'; --\\", "{metric}"):
        found = client.columns(sql, {"p": _STRANGE, "m": metric})
        assert (found["project"], found["metric"]) == ([_STRANGE.encode()], [metric.encode()])


def test_a_tape_that_is_none_hides_no_other(tapes: Path, address: str) -> None:
    _record(tapes, "good", 2_000)
    broken = tapes / "p" / "bad" / "w.tape"
    broken.parent.mkdir()
    shutil.copy(tapes / "p" / "good" / "run.json", broken.parent)
    broken.write_bytes(b"no tape at all")
    told: list[str] = []
    loader = _load(tapes, address, tell=told.append)
    assert len(loader.problems) == 1 and "is not a tape" in loader.problems[0]
    assert len(told) == 1
    verdicts = {one.path.parent.name: one.verdict for one in compare(tapes, address).writers}
    assert verdicts == {"good": "equal", "bad": "unreadable"}


def test_one_run_or_project_may_be_loaded_alone(tapes: Path, address: str, stored: Stored) -> None:
    for project, run in (("p", "one"), ("p", "two"), ("q", "three")):
        _record(tapes, run, 500, project)
    _load(tapes / "p" / "one", address)
    assert {one[0] for one in stored(address, "SELECT run FROM runs FINAL")} == {"one"}
    _load(tapes / "p", address)
    assert {one[0] for one in stored(address, "SELECT run FROM runs FINAL")} == {"one", "two"}
    _load(tapes, address)
    assert {one[0] for one in stored(address, "SELECT run FROM runs FINAL")} == {"one", "two", "three"}
    _assert_equal(tapes, address)


def test_progress_ends_where_all_is_stored(tapes: Path, address: str) -> None:
    _record(tapes, "run", 20_000)
    seen: list[tuple[int, int]] = []
    _load(tapes, address, batch=5_000, progress=lambda done, total: seen.append((done, total)))
    size = sum(path.stat().st_size for path in tapes.rglob("*.tape"))
    assert seen[-1] == (size, size)
    assert len({done for done, _ in seen}) > 3
    assert all(0 <= done <= total for done, total in seen)


def test_a_server_that_is_away_is_told_in_a_sentence(tapes: Path, cluster: Cluster) -> None:
    with pytest.raises(Unreachable, match=r"ClickHouse at 127.0.0.1:1 does not answer: .*refused"):
        Loader(tapes, "clickhouse://127.0.0.1:1/db")
    with pytest.raises(Unreachable, match="does not answer"):
        Loader(tapes, f"clickhouse://127.0.0.1:{cluster.http[0]},127.0.0.1:1/nowhere")
    with pytest.raises(StoreError, match=r"is not ClickHouse's HTTP port|does not answer"):
        Loader(tapes, f"clickhouse://127.0.0.1:{cluster.zookeeper_port}/db")


def test_a_wrong_password_and_a_reader_are_refused(tapes: Path, cluster: Cluster) -> None:
    url = f"127.0.0.1:{cluster.http[0]}/db"
    with pytest.raises(StoreError, match="does not let the user 'reader' in"):
        Loader(tapes, f"clickhouse://reader:wrong@{url}")
    with pytest.raises(StoreError, match="readonly"):
        Loader(tapes, f"clickhouse://reader:secret@{url}")


def test_more_points_than_the_tape_holds_are_told(tapes: Path, address: str, cluster: Cluster) -> None:
    _record(tapes, "run", 500)
    _load(tapes, address)
    where = parse_address(address)
    shard, database = where.shard_of("p", "run"), where.database
    copied = "project, run, metric, writer, block + 77, row, step, time, value, place"
    cluster.ask(shard, f"INSERT INTO points SELECT {copied} FROM points WHERE row = 3 AND metric = 'loss'", database)
    (one,) = compare(tapes, address).writers
    assert (one.verdict, one.stored - one.tape) == ("more", 2)
    cluster.ask(shard, "DROP TABLE points", database)
    with pytest.raises(StoreError, match="its table points is missing"):
        compare(tapes, address)


def _wait_for(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
