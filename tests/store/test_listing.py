"""The list of runs: never a run opened that cannot have changed, never an old answer for one that may have."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rolltape
from rolltape.store import catalogue as catalogue_module
from rolltape.store import listing as listing_module
from rolltape.store import run_directories
from rolltape.store.catalogue import Catalogue
from rolltape.store.listing import Listing, Seen
from rolltape.store.model import MetricSummary, RunInfo
from rolltape.store.run_files import RunFiles
from rolltape.store.run_summaries import RunSummaries
from rolltape.store.where import compile_where

OLD = 1_600_000_000  # unix seconds: long before any test


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and nothing is too little to be remembered."""
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(listing_module, "_WORTH", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every directory changed long enough ago."""
    monkeypatch.setattr(run_directories, "_SETTLED", 0)


class Looked:
    """A listing of a directory, and what it looked at."""

    def __init__(self, root: Path, remember: bool = True) -> None:
        self.root = root.resolve()
        self.looks: list[str] = []
        self.summarized: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None
        self.listing = Listing(self.root, self.look, self.summarize, Catalogue.of(self.root) if remember else None)

    def look(self, directory: Path) -> Seen:
        name = f"{directory.parent.name}/{directory.name}"
        self.looks.append(name)
        self.before(name)
        seen = look(directory)
        self.after(name)
        return seen

    def summarize(self, directory: Path) -> RunSummaries:
        self.summarized.append(directory.name)
        last = float(RunFiles(directory).points("loss").value[-1])
        return RunSummaries.of([MetricSummary("loss", 1, 0, 0, 0, last, last, last, last)])

    def infos(self) -> list[RunInfo]:
        """What the listing says, which must be what the files say; `looks` are those of this call."""
        self.looks.clear()
        found = self.listing.infos()
        looked = list(self.looks)
        truth = [RunFiles(path.parent).info() for path in self.root.glob("*/*/run.json")]
        assert _plain(found) == _plain(sorted(truth, key=lambda info: (-info.started, info.key)))
        self.looks = looked
        return found

    def looked(self) -> set[str]:
        """The runs that one more call looks at."""
        self.infos()
        return set(self.looks)


def _plain(infos: list[RunInfo]) -> list[RunInfo]:
    """A run that has just begun still finds out whether the git tree is dirty."""
    return [replace(info, environment={}) if info.status == "running" else info for info in infos]


def look(directory: Path) -> Seen:
    files = RunFiles(directory)
    info = files.info()
    readers = [tape.reader for tape in files._tapes.values()]
    if files._foreign or files._problem:
        return Seen(info, "open")
    if all(reader.end is not None and reader.problem is None for reader in readers):
        return Seen(info, "ended")
    return Seen(info, "open" if info.status == "running" or any(r.alive for r in readers) else "silent")


def record(id: str, project: str = "p", values: int = 3, **told: Any) -> None:
    with rolltape.init(project=project, id=id, **told) as run:
        for i in range(values):
            run.log({"loss": float(i)})


# What need not be opened


def test_ended_runs_are_looked_at_once(tapes: Path, settled: None) -> None:
    for i in range(5):
        record(f"r{i}", f"p{i % 2}", i, config={"i": i}, tags=[f"t{i}"])
    first = Looked(tapes)
    assert len(first.infos()) == 5
    assert sorted(first.looks) == ["p0/r0", "p0/r2", "p0/r4", "p1/r1", "p1/r3"]
    assert first.looked() == set()
    fresh = Looked(tapes)
    assert fresh.looked() == set(), "another process knows them from the catalogue"
    assert fresh.infos() == first.infos()
    assert Looked(tapes, remember=False).looked() == {info.key for info in first.infos()}


def test_the_newest_run_comes_first(tapes: Path, settled: None) -> None:
    for id in "bca":
        record(id)
    (tapes / "q" / "x").mkdir(parents=True)
    (tapes / "q" / "x" / "run.json").write_text((tapes / "p" / "c" / "run.json").read_text())
    listed = Looked(tapes)
    assert [info.key for info in listed.infos()] == ["p/a", "p/c", "q/x", "p/b"]
    assert [info.key for info in Looked(tapes).infos()] == ["p/a", "p/c", "q/x", "p/b"]


def test_keys_are_those_of_the_runs(tapes: Path, settled: None) -> None:
    listed = Looked(tapes)
    for project, id in (("b", "1"), ("a", "2"), ("a.b", "1"), ("a", "10")):
        record(id, project)
    (tapes / "a" / "no run").mkdir()
    expected = sorted(path.parent for path in listed.root.glob("*/*/run.json"))
    assert [listed.root / key for key in listed.listing.run_keys()] == expected
    listed.infos()
    assert [listed.root / key for key in listed.listing.run_keys()] == expected
    (tapes / "a" / "2" / "run.json").unlink()
    shutil.rmtree(tapes / "b")
    assert listed.listing.run_keys() == ["a/10", "a.b/1"]


# What may have changed


def test_a_running_run_is_always_looked_at(tapes: Path, settled: None) -> None:
    record("ended")
    run = rolltape.init(project="p", id="r")
    listed = Looked(tapes)
    for i in range(3):
        run.log({"loss": 1.0})
        assert listed.looked() == ({"p/r"} if i else {"p/r", "p/ended"})
    run.close()
    assert listed.looked() == {"p/r"}, "its end is seen"
    assert listed.looked() == set()
    assert Looked(tapes).looked() == set()


def test_a_resumed_run_is_looked_at(tapes: Path, settled: None) -> None:
    record("r")
    record("other")
    listed = Looked(tapes)
    listed.infos()
    run = rolltape.init(project="p", id="r", config={"lr": 1}, tags=["again"])
    assert listed.looked() == {"p/r"}
    run.log({"loss": 1.0})
    assert Looked(tapes).looked() == {"p/r"}
    run.close()
    assert listed.looked() == {"p/r"}
    assert listed.looked() == set()
    assert next(info for info in listed.infos() if info.id == "r").tags == ["again"]


def test_runs_come_and_go(tapes: Path, settled: None) -> None:
    listed = Looked(tapes)
    tapes.mkdir()
    assert listed.infos() == []
    record("a")
    record("b")
    assert listed.looked() == {"p/a", "p/b"}
    shutil.rmtree(tapes / "p" / "a")
    assert [info.id for info in listed.infos()] == ["b"]
    record("a", values=7)
    record("c")
    assert listed.looked() == {"p/a", "p/c"}
    assert Looked(tapes).looked() == set()
    shutil.rmtree(tapes / "p")
    fresh = Looked(tapes)
    assert fresh.infos() == []
    record("d")
    fresh.infos()
    assert set(Catalogue.of(tapes.resolve()).load()) == {"p/d"}, "what is gone is taken out"  # type: ignore[union-attr]
    shutil.rmtree(tapes)
    assert fresh.listing.infos() == []
    assert fresh.listing.run_keys() == []


def test_a_run_without_run_json_is_none_yet(tapes: Path, settled: None) -> None:
    record("r")
    (tapes / "p" / "r" / "run.json").rename(tapes / "run.json")
    listed = Looked(tapes)
    assert listed.looked() == set()
    (tapes / "run.json").rename(tapes / "p" / "r" / "run.json")
    assert listed.looked() == {"p/r"}
    (tapes / "p" / "r" / "run.json").unlink()
    assert listed.infos() == []


def test_a_run_that_takes_the_place_of_another_is_looked_at(tapes: Path, settled: None) -> None:
    record("a", values=1)
    record("b", values=2)
    for id in "ab":
        os.utime(tapes / "p" / id, (OLD, OLD))
    listed = Looked(tapes)
    listed.infos()
    (tapes / "p" / "a").rename(tapes / "p" / "x")
    (tapes / "p" / "b").rename(tapes / "p" / "a")
    (tapes / "p" / "x").rename(tapes / "p" / "b")
    assert listed.looked() == {"p/a", "p/b"}
    assert Looked(tapes).looked() == set()


def test_times_that_were_set_back_hide_nothing(tapes: Path, settled: None) -> None:
    record("r")
    os.utime(tapes / "p" / "r", (OLD, OLD))
    listed = Looked(tapes)
    listed.infos()
    record("r", values=5)
    os.utime(tapes / "p" / "r", (OLD, OLD))
    assert listed.looked() == {"p/r"}


def test_what_cannot_be_read_is_looked_at_every_time(tapes: Path, settled: None) -> None:
    record("foreign")
    (tapes / "p" / "foreign" / "x.tape").write_bytes(b"not a tape")
    record("incomplete")
    (tapes / "p" / "incomplete" / "run.json").write_text('{"id": "incomplete"}')
    listed = Looked(tapes)
    for _ in range(2):
        assert listed.looked() == {"p/foreign", "p/incomplete"}
    assert Looked(tapes).looked() == {"p/foreign", "p/incomplete"}


def test_a_run_that_turns_unreadable_is_forgotten(tapes: Path, settled: None) -> None:
    record("r")
    listed = Looked(tapes)
    listed.infos()
    (tapes / "p" / "r" / "x.tape").write_bytes(b"not a tape")
    record("other")
    assert listed.looked() == {"p/r", "p/other"}
    assert set(Catalogue.of(tapes.resolve()).load()) == {"p/other"}  # type: ignore[union-attr]


def test_what_comes_during_a_look_is_seen_at_the_next(tapes: Path, settled: None) -> None:
    record("r")
    listed = Looked(tapes)
    added = []

    def after(name: str) -> None:
        if not added:
            added.append(name)
            record("r", values=4)

    listed.after = after
    listed.listing.infos()
    assert listed.looked() == {"p/r"}
    assert listed.looked() == set()


# Directories that have only just changed


def test_a_change_in_the_same_tick_of_the_clock_is_not_missed(tapes: Path) -> None:
    record("r")
    directory = (tapes / "p" / "r").resolve()
    listed = Looked(tapes)
    stamp, real = directory.stat(), os.stat

    def frozen(path: Any, *args: Any, **more: Any) -> os.stat_result:
        return (
            stamp if isinstance(path, str | Path) and os.fspath(path) == str(directory) else real(path, *args, **more)
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing_module.os, "stat", frozen)
        for values in (4, 5):
            listed.infos()
            record("r", values=values)  # and the directory's stamps stay as they were
        assert listed.looked() == {"p/r"}
        assert Looked(tapes).looked() == {"p/r"}


@pytest.mark.parametrize(
    ("age", "known"), [(0.0, False), (2.0, False), (2.9, False), (3.1, True), (1e6, True), (-60, False)]
)
def test_how_old_a_change_must_be(tapes: Path, monkeypatch: pytest.MonkeyPatch, age: float, known: bool) -> None:
    record("r")
    changed = (tapes / "p" / "r").stat().st_ctime_ns
    monkeypatch.setattr(listing_module.time, "time_ns", lambda: changed + int(age * 1e9))
    listed = Looked(tapes)
    listed.infos()
    assert listed.looked() == (set() if known else {"p/r"})
    assert Looked(tapes).looked() == (set() if known else {"p/r"})


@pytest.mark.parametrize(
    ("later", "ahead", "known"),
    [(10, 0, True), (10, -10, False), (10, -6, True), (-500, 1000, True), (-999, 1000, False)],
)
def test_a_server_has_a_clock_of_its_own(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, later: int, ahead: int, known: bool
) -> None:
    """Looked at ``later`` than the change by our clock, while the server's, which stamps it, is so far ``ahead``."""
    record("r")
    changed = (tapes / "p" / "r").stat().st_ctime_ns
    now = changed + later * 1_000_000_000
    monkeypatch.setattr(run_directories, "is_network", lambda _: True)
    monkeypatch.setattr(catalogue_module, "is_network", lambda _: True)
    monkeypatch.setattr(listing_module.time, "time_ns", lambda: now)
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        told = real(descriptor)
        if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(tapes.resolve()):
            return _With(told, st_mtime_ns=now + ahead * 1_000_000_000)
        return told

    monkeypatch.setattr(listing_module.os, "fstat", fstat)
    listed = Looked(tapes)
    listed.infos()
    assert listed.looked() == (set() if known else {"p/r"})
    assert [path.name for path in tapes.iterdir()] == ["p"], "nothing is left of the look at its clock"


def test_times_that_were_just_set_back_are_no_old_times(tapes: Path) -> None:
    record("r")
    os.utime(tapes / "p" / "r", (OLD, OLD))
    listed = Looked(tapes)
    listed.infos()
    assert listed.looked() == {"p/r"}


class _With:
    def __init__(self, told: os.stat_result, **other: int) -> None:
        self.__dict__.update(other)
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._told, name)


def test_where_the_clock_of_a_server_cannot_be_seen_a_day_must_pass(
    tapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("r")
    monkeypatch.setattr(run_directories, "is_network", lambda _: True)

    def refuse(**_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(run_directories.tempfile, "TemporaryFile", refuse)
    changed = (tapes / "p" / "r").stat().st_ctime_ns
    for age, known in ((86_400, False), (86_404, True)):
        monkeypatch.setattr(listing_module.time, "time_ns", lambda age=age: changed + age * 1_000_000_000)
        listed = Looked(tapes, remember=False)
        listed.infos()
        assert listed.looked() == (set() if known else {"p/r"})


# Runs without an end

KILLED = """
    import rolltape, time
    run = rolltape.init(project="p", id="k")
    for i in range(10):
        run.log({"loss": float(i)})
    print("logged")
    time.sleep(100)
"""


@pytest.fixture
def killed(tapes: Path, script: Callable[..., Any]) -> Path:
    """The directory of a killed run: ten rows, all in its head."""
    recording = script(KILLED)
    assert recording.line() == "logged"
    recording.kill()
    return tapes.resolve() / "p" / "k"


def test_a_killed_run_is_known_by_its_files(killed: Path, tapes: Path, settled: None) -> None:
    listed = Looked(tapes)
    (info,) = listed.infos()
    assert (info.status, info.points) == ("killed", 10)
    assert listed.looks == ["p/k", "p/k"], "stamps are taken between two looks"
    assert listed.looked() == set()
    assert Looked(tapes).looked() == set()


def test_a_killed_run_is_known_only_where_it_was_looked_at(
    killed: Path, tapes: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Looked(tapes).infos()
    monkeypatch.setattr(listing_module, "machine", lambda: "another")
    assert Looked(tapes).looked() == {"p/k"}, "there its writer may be known to live"
    record("e")
    listed = Looked(tapes)
    listed.infos()
    monkeypatch.undo()
    assert listed.looked() >= {"p/k"}


@pytest.mark.parametrize("what", ["tape", "beat", "row", "size", "gone"])
def test_a_silent_writer_that_goes_on_is_seen(killed: Path, tapes: Path, settled: None, what: str) -> None:
    listed = Looked(tapes)
    listed.infos()
    (tape,), (head,) = killed.glob("*.tape"), killed.glob("*.head")
    before = killed.stat()
    if what == "tape":  # a frame more, and the time of the file set back
        times = tape.stat()
        with tape.open("ab") as file:
            file.write(b"RTF1")
        os.utime(tape, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif what == "beat":  # a mapped file's time need not change
        times = head.stat()
        content = bytearray(head.read_bytes())
        content[8:16] = time.time_ns().to_bytes(8, "little")
        with head.open("r+b") as file:
            file.write(content)
        os.utime(head, ns=(times.st_atime_ns, times.st_mtime_ns))
    elif what == "row":
        os.utime(head)
    elif what == "size":
        with head.open("ab") as file:
            file.write(b"\0")
    else:
        head.unlink()
    if what != "gone":
        after = killed.stat()
        assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns), (
            "the directory is silent"
        )
    listed.looks.clear()
    listed.listing.infos()
    assert set(listed.looks) == {"p/k"}


def test_an_end_that_comes_between_look_and_stamps_is_seen(tapes: Path, settled: None) -> None:
    """A writer that ends after its tape was read and before it was asked whether it lives looks as if it was killed."""
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 1.0})
    listed = Looked(tapes)
    first = []

    def late(directory: Path) -> Seen:
        seen = look(directory)
        if first:
            return seen
        first.append(1)
        run.close()
        return Seen(seen.info, "silent")

    listed.listing._look = late
    listed.listing.infos()
    known = Catalogue.of(tapes.resolve()).load()  # type: ignore[union-attr]
    assert [one.files for one in known.values()] == [None], "an ended run needs no stamps of its files"
    assert [info.status for info in listed.infos()] == ["finished"]


def test_what_comes_between_the_stamps_and_the_second_look_is_no_loss(tapes: Path, killed: Path, settled: None) -> None:
    listed = Looked(tapes)
    looks = []

    def before(name: str) -> None:
        looks.append(name)
        if len(looks) == 2:
            record("k", values=2)

    listed.before = before
    listed.listing.infos()
    assert listed.looked() == {"p/k"}


def test_a_run_that_lives_again_at_the_second_look_is_not_remembered(tapes: Path, killed: Path, settled: None) -> None:
    listed = Looked(tapes)
    states = iter(["silent", "open", "open", "open"])
    listed.listing._look = lambda directory: Seen(look(directory).info, next(states))  # type: ignore[arg-type]
    listed.listing.infos()
    listed.listing.infos()
    assert next(states) == "open"
    assert Catalogue.of(tapes.resolve()).load() == {}  # type: ignore[union-attr]


# Directories as people have them


def test_links_and_other_things_in_the_store(tapes: Path, settled: None, tmp_path: Path) -> None:
    record("a")
    record("b", "elsewhere")
    shutil.move(tapes / "elsewhere", tmp_path / "far")
    (tapes / "linked").symlink_to(tmp_path / "far")
    (tapes / "p" / "run link").symlink_to(tmp_path / "far" / "b")
    (tapes / "p" / "nowhere").symlink_to(tmp_path / "nothing")
    (tapes / "p" / "loop").symlink_to(tapes / "p" / "loop")
    (tapes / "p" / "file").write_text("")
    (tapes / "file").write_text("")
    (tapes / "run.json").write_text("{}")
    (tapes / "p" / "run.json").write_text("{}")
    (tapes / ".hidden" / ".run").mkdir(parents=True)
    (tapes / ".hidden" / ".run" / "run.json").write_text("{}")
    (tapes / "p" / "broken").mkdir()
    (tapes / "p" / "broken" / "run.json").symlink_to(tmp_path / "nothing")
    (tapes / "p" / "odd").mkdir()
    (tapes / "p" / "odd" / "run.json").mkdir()
    record("deep")
    shutil.copytree(tapes / "p" / "deep", tapes / "p" / "deep" / "inner")
    listed = Looked(tapes)
    keys = {info.key for info in listed.infos()}
    assert keys == {"p/a", "p/deep", "linked/b", "p/run link", ".hidden/.run", "p/odd"}
    assert listed.looked() == {".hidden/.run", "p/odd"}
    (tapes / "linked").unlink()
    shutil.move(tmp_path / "far", tmp_path / "farther")
    assert {info.key for info in listed.infos()} == {"p/a", "p/deep", ".hidden/.run", "p/odd"}


def test_names_that_are_no_unicode(tapes: Path, settled: None) -> None:
    record("r")
    (tapes / "p" / "r").rename(tapes / "p" / os.fsdecode(b"\xff"))
    listed = Looked(tapes)
    listed.infos()
    assert Looked(tapes).looked() == set()


def test_a_directory_that_cannot_be_read_is_passed_over(
    tapes: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("a", "open")
    record("b", "closed")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if os.fspath(path).endswith("closed"):
            raise PermissionError
        return real(path)

    listed = Looked(tapes)
    with monkeypatch.context() as patch:
        patch.setattr(listing_module.os, "scandir", scandir)
        assert [info.id for info in listed.listing.infos()] == ["a"]
        assert listed.listing.run_keys() == ["open/a"]
    assert listed.looked() == {"closed/b"}


def test_an_unreadable_file_of_a_silent_run_is_not_trusted(
    tapes: Path, killed: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Looked(tapes)
    real = os.open

    def refuse(path: Any, *args: Any, **more: Any) -> int:
        if os.fspath(path).endswith(".head"):
            raise PermissionError
        return real(path, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(listing_module.os, "open", refuse)
        listed.listing.infos()
        listed.looks.clear()
        listed.listing.infos()
        assert set(listed.looks) == {"p/k"}


# Without a catalogue, and with one that is not what it must be


@pytest.mark.parametrize("damage", ["none", "garbage", "directory", "locked", "missing", "file"])
def test_everything_works_whatever_the_catalogue_is(tapes: Path, settled: None, cache: Path, damage: str) -> None:
    for id in "abc":
        record(id)
    expected = Looked(tapes).infos()
    catalogue = Catalogue.of(tapes.resolve())
    assert catalogue is not None
    other: sqlite3.Connection | None = None
    if damage == "garbage":
        catalogue.file.write_bytes(os.urandom(5000))
    elif damage == "directory":
        catalogue.file.unlink()
        catalogue.file.mkdir()
    elif damage == "locked":
        other = sqlite3.connect(catalogue.file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
    elif damage == "missing":
        shutil.rmtree(cache)
    elif damage == "file":
        shutil.rmtree(cache)
        cache.write_text("in its place")
        assert Catalogue.of(tapes.resolve()) is None
    listed = Looked(tapes)
    assert listed.infos() == expected
    assert set(listed.looks) == (set() if damage == "none" else {"p/a", "p/b", "p/c"})
    assert listed.looked() == set()
    if other is not None:
        other.close()
    knows = damage in ("none", "garbage", "missing", "locked")
    assert Looked(tapes).looked() == (set() if knows else {"p/a", "p/b", "p/c"})


def test_a_locked_catalogue_is_tried_again_later(tapes: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    record("a")
    listed = Looked(tapes)
    saves: list[set[str]] = []
    works = [False]
    catalogue = listed.listing._catalogue
    assert catalogue is not None

    def save(runs: Mapping[str, Any], *_: Any) -> bool:
        saves.append(set(runs))
        return works[0]

    monkeypatch.setattr(catalogue, "save", save)
    now = [100.0]
    monkeypatch.setattr(listing_module.time, "monotonic", lambda: now[0])
    listed.infos()
    listed.infos()
    assert saves == [{"p/a"}], "not at every list"
    now[0] += 61
    works[0] = True
    record("b")
    listed.infos()
    assert saves[1:] == [{"p/a", "p/b"}]
    record("c")
    listed.infos()
    assert saves[2:] == [{"p/c"}]


def test_what_waits_to_be_written_may_go_and_come_back(
    tapes: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in "abc":
        record(id)
    Looked(tapes).infos()
    monkeypatch.setattr(listing_module, "_WORTH", 1e9)
    listed = Looked(tapes)
    record("new")
    record("back", values=1)
    listed.infos()
    shutil.rmtree(tapes / "p" / "new")
    shutil.move(tapes / "p" / "a", tapes.parent / "a")
    listed.infos()
    shutil.move(tapes.parent / "a", tapes / "p" / "a")
    listed.infos()
    monkeypatch.setattr(listing_module, "_WORTH", 0.0)
    shutil.rmtree(tapes / "p" / "c")
    listed.infos()
    assert set(Catalogue.of(tapes.resolve()).load()) == {"p/a", "p/b", "p/back"}  # type: ignore[union-attr]
    assert Looked(tapes).looked() == set()


def test_little_is_not_worth_a_catalogue(
    tapes: Path, settled: None, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_module, "_WORTH", 1e9)
    record("a")
    listed = Looked(tapes)
    listed.infos()
    assert listed.looked() == set()
    assert not list(cache.rglob("*.sqlite"))


def test_nothing_is_written_beside_the_tapes(tapes: Path, settled: None) -> None:
    record("a")
    before = {path: path.stat().st_mtime_ns for path in [tapes, *tapes.rglob("*")]}
    Looked(tapes).infos()
    assert {path: path.stat().st_mtime_ns for path in [tapes, *tapes.rglob("*")]} == before


def test_two_threads_and_two_processes_list_at_once(tapes: Path, settled: None, script: Callable[..., Any]) -> None:
    for i in range(20):
        record(f"r{i}")
    code = """
        import os
        from pathlib import Path
        from rolltape.store import listing, run_directories
        from rolltape.store.catalogue import Catalogue
        from rolltape.store.run_files import RunFiles
        listing._WORTH, run_directories._SETTLED = 0.0, 0
        root = Path(os.environ["ROLLTAPE_DIR"]).resolve()
        print("ready"); input()
        for _ in range(20):
            one = listing.Listing(
                root, lambda d: listing.Seen(RunFiles(d).info(), "ended"), None, Catalogue.of(root)
            )
            infos = one.infos()
            assert [info.id for info in infos] == [f"r{i}" for i in reversed(range(20))], infos
            assert all(info.points == 3 and info.status == "finished" for info in infos)
            if _ % 5 == 4:
                one._catalogue._discard()
        print("done")
    """
    both = [script(code) for _ in range(2)]
    for one in both:
        assert one.line() == "ready"
    for one in both:
        one.process.stdin.write("\n")
        one.process.stdin.flush()
    shared = Looked(tapes)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(len(shared.listing.infos()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [20] * 4
    assert len(shared.looks) <= 20
    for one in both:
        assert one.wait() == (0, "done\n", "")


# Last values


def test_last_values_of_ended_runs_are_read_once(tapes: Path, settled: None) -> None:
    record("a", values=2)
    record("b", values=5)
    run = rolltape.init(project="p", id="live")
    run.log({"loss": 9.0})
    listed = Looked(tapes)
    where = compile_where("last.loss >= 4")
    assert [info.id for info in listed.listing.chosen(listed.infos(), where)] == ["live", "b"]
    assert sorted(listed.summarized) == ["a", "b", "live"]
    run.log({"loss": 0.0})
    assert [info.id for info in listed.listing.chosen(listed.infos(), where)] == ["b"]
    assert sorted(listed.summarized) == ["a", "b", "live", "live"]
    fresh = Looked(tapes)
    assert [info.id for info in fresh.listing.chosen(fresh.infos(), where)] == ["b"]
    assert fresh.summarized == ["live"], "the others are in the catalogue"
    record("b", values=2)
    assert fresh.listing.chosen(fresh.infos(), where) == []
    assert fresh.summarized == ["live", "live", "b"]
    assert fresh.listing.chosen(fresh.infos(), compile_where("id = 'a'"))[0].id == "a"
    assert fresh.summarized == ["live", "live", "b"], "nobody asked for them"


def test_last_values_of_a_killed_run_are_read_once(tapes: Path, killed: Path, settled: None) -> None:
    listed = Looked(tapes)
    listed.infos()
    assert listed.listing.last("p/k") == {"loss": 9.0}
    assert listed.listing.last("p/k") == {"loss": 9.0}
    assert listed.summarized == ["k"]
    listed.listing.save()
    fresh = Looked(tapes)
    fresh.infos()
    assert fresh.listing.last("p/k") == {"loss": 9.0}
    os.utime(next(killed.glob("*.head")))
    fresh.infos()
    assert fresh.listing.last("p/k") == {"loss": 9.0}
    assert fresh.summarized == ["k"], "it went on, it seems"


def test_last_values_do_not_outlive_an_end_that_leaves_the_directory_as_it_was(tapes: Path, settled: None) -> None:
    """On a network file system there is no head whose removal would show."""
    record("r", values=4)
    listed = Looked(tapes)
    states: list[Any] = ["ended", "silent", "silent"]
    listed.listing._look = lambda directory: Seen(look(directory).info, states.pop())
    listed.listing.infos()
    assert listed.listing.last("p/r") == {"loss": 3.0}
    with next((tapes / "p" / "r").glob("*.tape")).open("ab") as file:
        file.write(b"R")
    listed.listing.infos()
    assert not states
    listed.listing.last("p/r")
    assert listed.summarized == ["r", "r"]


@pytest.fixture(autouse=True)
def no_collector_left_off() -> Iterator[None]:
    import gc

    yield
    assert gc.isenabled()


def test_an_answer_that_lies_in_memory_is_a_list_of_its_own(tapes: Path, settled: None) -> None:
    record("a")
    listed = Looked(tapes)
    listed.infos().clear()
    assert len(listed.infos()) == 1


def test_a_fresh_connection_is_closed(tapes: Path, settled: None) -> None:
    record("a")
    Looked(tapes).infos()
    catalogue = Catalogue.of(tapes.resolve())
    assert catalogue is not None
    with closing(sqlite3.connect(catalogue.file, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
