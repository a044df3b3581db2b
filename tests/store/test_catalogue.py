"""The catalogue: what goes in comes out, and whatever is wrong with the file it only knows less."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import pickle
import random
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rolltape.store import catalogue as catalogue_module
from rolltape.store.cache_directory import cache_directory
from rolltape.store.catalogue import Catalogue, FileStamp, Remembered, RememberedInfo, RememberedSummaries
from rolltape.store.model import MetricSummary, RunInfo
from rolltape.store.run_summaries import RunSummaries

CONFIG = {
    "lr": 3e-4,
    "seed": 1,
    "flag": True,
    "none": None,
    "zero": -0.0,
    "optimizer": {"name": "ädam", "betas": [0.9, 1]},
}


def run(key: str = "p/r", **told: Any) -> Remembered:
    plain: dict[str, Any] = {
        "key": key,
        "id": "r",
        "project": "p",
        "name": "ppo",
        "config": CONFIG,
        "tags": ["sweep", "base line"],
        "status": "finished",
        "error": None,
        "exit_code": 0,
        "started": 1.7e9 + 0.123456789,
        "ended": 1.7e9 + 60,
        "points": 2**40,
        "lost": 3,
        "environment": {"host": "node", "git": {"dirty": False}},
    }
    return Remembered((2**60, 1_700_000_000_123_456_789, 3), None, "", RunInfo(**{**plain, **told}))


STAMPS = (FileStamp("w.head", 81920, 5, "ab12"), FileStamp("w.tape", 3, 6, ""))
RUNS = {
    "p/a": run("p/a"),
    "p/b": run(
        "p/b", config={**CONFIG, "lr": 1, "nan": 1.5}, status="failed", error="it broke\n", exit_code=None, tags=[]
    ),
    "p/\udcff": run("p/\udcff", id="\udcff", name="名", config={}, environment={}),
    "p/k": run("p/k", status="killed")._replace(files=STAMPS, machine="boot/pid"),
    "p/e": run("p/e")._replace(files=()),
}


SUMMARIES = {
    "loss": MetricSummary("loss", 2**40, 3, -(2**63), 2**63 - 1, math.inf, -0.0, 1 / 3, 5e-324),
    "never": MetricSummary("never", 0, 0, None, None, None, None, None, None),
    "ä/nan": MetricSummary("ä/nan", 2, 2, 0, 1, -math.inf, None, None, None),
}


def summaries(one: Remembered, values: dict[str, MetricSummary] | None = None) -> RememberedSummaries:
    return RememberedSummaries.made(one, RunSummaries.of((SUMMARIES if values is None else values).values()))


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "c.sqlite")


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    assert catalogue.save(RUNS, {"p/a": summaries(RUNS["p/a"])})
    return catalogue


def test_what_goes_in_comes_out(filled: Catalogue) -> None:
    loaded = filled.load()
    assert loaded == RUNS
    assert [type(one.info) for one in loaded.values()] == [RememberedInfo] * len(RUNS)
    config = loaded["p/a"].info.config
    assert list(config) == list(CONFIG)
    assert config["flag"] is True
    assert type(loaded["p/b"].info.config["lr"]) is int
    assert math.copysign(1, config["zero"]) == -1
    ((name, found),) = filled.load_summaries().items()
    assert name == "p/a"
    assert found.of(RUNS["p/a"])
    assert not found.of(RUNS["p/k"])
    assert not found.of(RUNS["p/a"]._replace(directory=(2**60, 1_700_000_000_123_456_788, 3)))
    assert list(found.values) == list(SUMMARIES)
    assert dict(found.values) == SUMMARIES
    assert math.copysign(1, float(str(found.values["loss"].min))) == -1


def test_nan_and_infinity_come_out(catalogue: Catalogue) -> None:
    odd = run(config={"x": [math.nan, math.inf, -math.inf]})
    assert catalogue.save(
        {"p/r": odd}, {"p/r": summaries(odd, {"loss": dataclasses.replace(SUMMARIES["loss"], last=math.nan)})}
    )
    assert str(catalogue.load()["p/r"].info.config) == str(odd.info.config)
    assert math.isnan(catalogue.load_summaries()["p/r"].values["loss"].last or 0)


def test_more_is_added_replaced_and_removed(filled: Catalogue) -> None:
    newer = run("p/a", points=5)
    assert filled.save({"p/a": newer, "p/new": run("p/new")}, {"p/new": summaries(newer, {})}, gone=["p/b", "p/never"])
    assert filled.load() == {
        **{name: one for name, one in RUNS.items() if name != "p/b"},
        "p/a": newer,
        "p/new": run("p/new"),
    }
    assert filled.save({}, {}, gone=["p/a", "p/new"])
    assert filled.load_summaries() == {}


def test_an_info_that_is_decoded_late_is_one_like_any(filled: Catalogue) -> None:
    late, plain = filled.load()["p/a"].info, RUNS["p/a"].info
    assert isinstance(late, RunInfo)
    assert (late == plain, plain == late, late != plain, plain != late) == (True, True, False, False)
    other = RUNS["p/b"].info
    assert (late == other, other == late, late == "p/a") == (False, False, False)
    assert late.config is late.config, "what a caller changes stays changed"
    assert copy.copy(filled.load()["p/a"].info) == plain
    assert copy.deepcopy(filled.load()["p/a"].info) == plain
    assert pickle.loads(pickle.dumps(filled.load()["p/a"].info)) == plain
    late = filled.load()["p/a"].info
    assert dataclasses.asdict(late) == dataclasses.asdict(plain)
    late = filled.load()["p/a"].info
    assert dataclasses.replace(late, points=3) == dataclasses.replace(plain, points=3)
    assert "'lr': 0.0003" in repr(filled.load()["p/a"].info)
    assert json.dumps(filled.load()["p/a"].info.config) == json.dumps(plain.config)
    with pytest.raises(AttributeError, match="nothing"):
        late.nothing  # noqa: B018
    with pytest.raises(dataclasses.FrozenInstanceError):
        late.points = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(late)


def test_every_field_is_told(filled: Catalogue) -> None:
    changed = {
        field.name: value
        for field, value in zip(
            dataclasses.fields(RunInfo),
            ["k", "i", "q", "n", {"c": 1}, ["t"], "killed", "e", 7, 1.0, 2.0, 8, 9, {"v": 1}, "a note"],
            strict=True,
        )
    }
    one = Remembered((1, 2, 3), None, "", RunInfo(**changed))
    assert filled.save({"k": one}, {})
    assert filled.load()["k"] == one


def test_it_answers_sql(filled: Catalogue) -> None:
    with closing(sqlite3.connect(filled.file)) as connection:
        asked = connection.execute
        assert asked("SELECT id, status, points, lost, started FROM run_list WHERE directory = 'p/a'").fetchall() == [
            ("r", "finished", 2**40, 3, 1.7e9 + 0.123456789)
        ]
        assert asked("SELECT name, value FROM config WHERE directory = 'p/a'").fetchall() == [
            ("lr", 3e-4),
            ("seed", 1),
            ("flag", 1),
            ("zero", 0.0),
            ("optimizer.name", "ädam"),
            ("optimizer.betas[0]", 0.9),
            ("optimizer.betas[1]", 1),
        ]
        assert asked("SELECT directory FROM config WHERE name = 'lr' AND value = 1").fetchall() == [("p/b",)]
        assert asked("SELECT tag FROM tags WHERE directory = 'p/k'").fetchall() == [("sweep",), ("base line",)]


def test_what_is_no_json_is_left_out(catalogue: Catalogue) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert catalogue.save(
        {"p/a": run("p/a"), "p/deep": run("p/deep", config={"x": deep}), "p/set": run(config={"x": {1}})}, {}
    )
    assert set(catalogue.load()) == {"p/a"}
    while deep:  # piece by piece: the interpreter would recurse
        deep = deep[0]


# Files that are not what they must be


def test_without_a_file_nothing_is_known_and_none_is_made(catalogue: Catalogue) -> None:
    assert catalogue.load() == {}
    assert catalogue.load_summaries() == {}
    assert not catalogue.file.exists()


def test_only_its_owner_may_read_it(filled: Catalogue) -> None:
    assert stat.S_IMODE(filled.file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"not a database, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_foreign_file_is_replaced(catalogue: Catalogue, content: bytes) -> None:
    catalogue.file.write_bytes(content)
    catalogue.file.with_name("c.sqlite-journal").write_bytes(b"rubbish")
    catalogue.file.with_name("c.sqlite-shm").write_bytes(b"rubbish")
    assert catalogue.load() == {}
    assert catalogue.save(RUNS, {})
    assert catalogue.load() == RUNS
    if content:
        assert [file.name for file in catalogue.file.parent.glob("c.sqlite*")] == ["c.sqlite"]


def test_somebody_elses_database_is_replaced(catalogue: Catalogue) -> None:
    with closing(sqlite3.connect(catalogue.file)) as connection:
        connection.execute("CREATE TABLE other (x)")
    assert catalogue.save(RUNS, {})
    with closing(sqlite3.connect(catalogue.file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'other'").fetchall() == []


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 0",
        "DROP VIEW records; DROP TABLE runs",
        "DROP TABLE runs; CREATE TABLE runs (other)",
        "ALTER TABLE runs DROP COLUMN config",
        "DROP TABLE summaries",
        "DROP TABLE metric_names",
    ],
)
def test_another_layout_is_thrown_away(filled: Catalogue, statement: str) -> None:
    with closing(sqlite3.connect(filled.file)) as connection:
        connection.executescript(f"PRAGMA legacy_alter_table = 1; {statement}")
    if "summaries" not in statement and "metric_names" not in statement:
        assert filled.load() == {}
    assert filled.save({"p/new": run("p/new")}, {"p/new": summaries(run(), {})})
    assert filled.load() == {"p/new": run("p/new")}
    assert set(filled.load_summaries()) == {"p/new"}


def test_another_shape_of_run_info_is_another_layout(filled: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < catalogue_module._STAMP < 2**31
    monkeypatch.setattr(catalogue_module, "_STAMP", 77)
    assert filled.load() == {}


@pytest.mark.parametrize("column", ["crc", "record", "config", "environment", "directory"])
def test_a_changed_row_is_not_believed(filled: Catalogue, column: str) -> None:
    changed = {"crc": "crc + 1", "directory": "CAST('p/z' AS BLOB)", "environment": "CAST('{}' AS BLOB)"}
    value = changed.get(column, f"CAST(replace({column}, '1', '2') AS BLOB)")
    with closing(sqlite3.connect(filled.file)) as connection:
        connection.execute(f"UPDATE runs SET {column} = {value} WHERE CAST(directory AS TEXT) = 'p/a'")
        connection.commit()
    assert filled.load() == {name: one for name, one in RUNS.items() if name != "p/a"}


@pytest.mark.parametrize("value", ["NULL", "'text'", "3", "1.5"])
def test_a_value_of_another_kind_is_not_believed(filled: Catalogue, value: str) -> None:
    with closing(sqlite3.connect(filled.file)) as connection:
        connection.execute(f"UPDATE runs SET record = {value} WHERE CAST(directory AS TEXT) = 'p/a'")
        connection.execute(f"INSERT INTO runs VALUES ({value}, {value}, {value}, {value}, {value})")
        connection.commit()
    assert filled.load() == {name: one for name, one in RUNS.items() if name != "p/a"}


def test_whatever_bytes_are_damaged_nothing_false_is_said(tmp_path: Path) -> None:
    many = {f"p/{i}": run(f"p/{i}", points=i, config={**CONFIG, "seed": i}) for i in range(200)}
    whole = Catalogue(tmp_path / "whole.sqlite")
    assert whole.save(many, {})
    content = whole.file.read_bytes()
    rng = random.Random(0)
    knew = 0
    for number in range(150):
        damaged = bytearray(content)
        at = rng.randrange(len(content))
        size = rng.choice([1, 2, 500, 5000])
        damaged[at : at + size] = rng.randbytes(len(damaged[at : at + size]))
        if number % 10 == 0:
            del damaged[at:]
        catalogue = Catalogue(tmp_path / f"{number}.sqlite")
        catalogue.file.write_bytes(damaged)
        loaded = catalogue.load()
        knew += bool(loaded)
        for name, one in loaded.items():
            assert one == many[name]
        catalogue.save({"p/new": run("p/new")}, {})
        for name, one in catalogue.load().items():
            assert one == {**many, "p/new": run("p/new")}[name]
        catalogue.file.unlink(missing_ok=True)
    assert knew > 20, "most of a file that is damaged in one place is still good"


def test_a_locked_file_is_waited_for_briefly(filled: Catalogue) -> None:
    with closing(sqlite3.connect(filled.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert filled.load() == {}
        assert filled.load_summaries() == {}
        assert not filled.save({"p/new": run("p/new")}, {})
        assert 0.2 < time.monotonic() - began < 10
        other.execute("ROLLBACK")
    assert filled.load() == RUNS, "and it is not thrown away"


def test_a_writer_that_is_soon_done_is_waited_for(filled: Catalogue) -> None:
    locked, done = threading.Event(), []

    def write() -> None:
        with closing(sqlite3.connect(filled.file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            locked.set()
            time.sleep(0.1)
            other.execute("COMMIT")
            done.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    locked.wait()
    assert filled.load() == RUNS
    thread.join()


def test_where_nothing_can_be_written_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "d.sqlite").mkdir()
    for file in (tmp_path / "file" / "c.sqlite", tmp_path / "no" / "no" / "c.sqlite", tmp_path / "d.sqlite"):
        catalogue = Catalogue(file)
        assert catalogue.load() == {}
        assert not catalogue.save(RUNS, {})
    assert (tmp_path / "d.sqlite").is_dir()


def test_a_file_that_another_process_has_made_anew_is_not_removed(filled: Catalogue, tmp_path: Path) -> None:
    late = Catalogue(filled.file)
    late.load()
    (tmp_path / "other").write_bytes(filled.file.read_bytes())
    (tmp_path / "other").replace(filled.file)
    late._discard()
    assert filled.load() == RUNS


def test_the_journal_is_right_on_a_network_file_system(filled: Catalogue) -> None:
    with closing(sqlite3.connect(filled.file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [file.name for file in filled.file.parent.iterdir() if file.name.startswith("c.sqlite")] == ["c.sqlite"]


def test_long_forgotten_catalogues_are_removed(tmp_path: Path) -> None:
    tail = "-0123456789abcdef.sqlite"
    old, used, others = (
        tmp_path / f"old{tail}",
        tmp_path / f"used{tail}",
        [tmp_path / "old.sqlite", tmp_path / "old.txt"],
    )
    for file in (old, used, *others):
        file.write_bytes(b"")
        os.utime(file, None if file == used else (1, 1))
    fresh = Catalogue(tmp_path / f"fresh{tail}")
    assert fresh.save(RUNS, {})
    assert (old.exists(), used.exists(), [file.exists() for file in others]) == (False, True, [True, True])
    os.utime(fresh.file, (1, 1))
    assert fresh.load() == RUNS
    assert time.time() - fresh.file.stat().st_mtime < 3600, "reading it is using it"


def test_two_processes_write_at_once(tmp_path: Path, script: Any) -> None:
    code = """
        import os
        from pathlib import Path
        from rolltape.store.catalogue import Catalogue, Remembered
        from rolltape.store.model import RunInfo
        catalogue = Catalogue(Path(os.environ['FILE']))
        who = os.environ['WHO']
        print('ready'); input()
        for i in range(50):
            name = f'p/{who}{i}'
            info = RunInfo(name, 'i', 'p', 'n', {'x': i}, [], 'finished', None, 0, 1.0, 2.0, 3, 0, {})
            while not catalogue.save({name: Remembered((1, 2, 3), None, '', info)}, {}):
                pass
            catalogue.load()
        print('done')
    """
    file = tmp_path / "c.sqlite"
    both = [script(code, FILE=str(file), WHO=who) for who in "ab"]
    for one in both:
        assert one.line() == "ready"
    for one in both:
        one.process.stdin.write("\n")
        one.process.stdin.flush()
    for one in both:
        status, out, err = one.wait()
        assert (status, out, err) == (0, "done\n", "")
    assert len(Catalogue(file).load()) == 100


# Where it lies


@pytest.fixture
def no_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    for name in ("ROLLTAPE_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_cache_directory(no_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_directory() == no_places / ".cache" / "rolltape"
    assert stat.S_IMODE((no_places / ".cache" / "rolltape").stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_CACHE_HOME", str(no_places / "xdg"))
    assert cache_directory() == no_places / "xdg" / "rolltape"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == no_places / ".cache" / "rolltape"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_directory() == no_places / "Library" / "Caches" / "rolltape"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(no_places / "local"))
    assert cache_directory() == no_places / "local" / "rolltape"
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", "~/mine")
    assert cache_directory() == no_places / "mine"


def test_a_cache_directory_that_cannot_be(no_places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_places.write_text("a file in its place")
    assert cache_directory() is None
    assert Catalogue.of(Path("/")) is None
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(no_places))
    assert cache_directory() is None
    monkeypatch.delenv("ROLLTAPE_CACHE_DIR")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache_directory() is None


def test_each_store_has_a_catalogue_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "cache"))

    def file(root: str) -> Path:
        catalogue = Catalogue.of(Path(root))
        assert catalogue is not None
        return catalogue.file

    assert file("/data/my tapes").parent == tmp_path / "cache" / "catalogues"
    assert file("/data/my tapes").name.startswith("data-my-tapes-")
    assert file("/data/my tapes") == file("/data/my tapes") != file("/data/my-tapes")
    assert len(file("/" + "x" * 250 + "/" + "y" * 250).name) < 100
    here = file("/data/tapes")
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    assert file("/data/tapes") != here, "the same path is another place on another machine"
    monkeypatch.setattr(catalogue_module, "is_network", lambda _: True)
    shared = file("/data/tapes")
    monkeypatch.setattr("socket.gethostname", lambda: "a third")
    assert file("/data/tapes") == shared
