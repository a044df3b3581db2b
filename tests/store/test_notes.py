"""notes.json and .trash: what people say of runs later, and where deleted runs go."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import rolltape
from rolltape.errors import RunNotFound, StoreError
from rolltape.store import DirectoryStore
from rolltape.store.notes import MOST_TAGS, Notes, change_notes, read_notes
from rolltape.store.run_files import RunFiles
from rolltape.store.trash import move_to_trash
from rolltape.store.verify import verify


def record(root: Path, id: str = "r", **told: Any) -> Path:
    with rolltape.init(project="p", id=id, dir=root, tags=["old", "base"], **told) as run:
        run.log({"loss": 1.0})
    return root / "p" / id


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def make_old(directory: Path) -> None:
    """As if nothing had changed in it for a minute: only then do lists trust its times."""
    when = time.time_ns() - 60 * 10**9
    os.utime(directory, ns=(when, when))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == Notes()
    change_notes(tmp_path, ["old"], add=["good", "good"], note='a "note"\nof two lines, ünïcödë 🎲')
    notes = read_notes(tmp_path)
    assert notes == Notes(("good",), (), 'a "note"\nof two lines, ünïcödë 🎲')
    change_notes(tmp_path, ["old", "good"], add=["best"], remove=["good", "old"])
    assert read_notes(tmp_path) == Notes(("best",), ("old",), notes.note)
    change_notes(tmp_path, ["best"], add=["old"], note="")
    assert read_notes(tmp_path) == Notes(("best", "old"), (), "")
    assert json.loads((tmp_path / "notes.json").read_text()) == {
        "tags_added": ["best", "old"],
        "tags_removed": [],
        "note": "",
    }
    assert names_in(tmp_path) == ["notes.json"], "no draft is left"
    before = (tmp_path / "notes.json").open("rb")
    change_notes(tmp_path, [], note="new")
    with before:
        assert json.loads(before.read())["note"] == "", "who reads meanwhile has the whole old one"


def test_effective_tags() -> None:
    notes = Notes(("new", "base"), ("old",))
    assert notes.tags(["old", "base", "x"]) == ["base", "x", "new"]
    assert notes.tags([]) == ["new", "base"]
    assert Notes().tags(["a", 3]) == ["a", 3]


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    change_notes(tmp_path, ["old"], add=["old"], remove=["never"], note="")
    assert names_in(tmp_path) == []
    change_notes(tmp_path, [], note="x")
    before = (tmp_path / "notes.json").stat().st_ino
    change_notes(tmp_path, [], note="x")
    assert (tmp_path / "notes.json").stat().st_ino == before


STRANGE = [
    "",
    "{",
    "[]",
    "null",
    '{"note": 3}',
    '{"tags_added": "a"}',
    '{"tags_added": [1]}',
    '{"tags_removed": {}}',
    "[" * 100_000,
    '{"note": "\xff',
]


@pytest.mark.parametrize("content", STRANGE)
def test_strange_content_counts_as_none_and_is_kept(tmp_path: Path, content: str) -> None:
    directory = record(tmp_path)
    (directory / "notes.json").write_bytes(content.encode("latin-1"))
    assert read_notes(directory) == Notes()
    (info,) = DirectoryStore(tmp_path).runs()
    assert (info.tags, info.note, info.error) == (["old", "base"], "", None)
    with pytest.raises(StoreError, match="move it away"):
        change_notes(directory, [], note="x")
    assert (directory / "notes.json").read_bytes() == content.encode("latin-1")


def test_what_is_no_file_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "notes.json")
    (tmp_path / "directory" / "notes.json").mkdir(parents=True)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "notes.json").symlink_to("notes.json")
    for name in ("pipe", "directory", "loop"):
        assert read_notes(tmp_path / name) == Notes()
        with pytest.raises((StoreError, OSError)):
            change_notes(tmp_path / name, [], note="x")


def test_what_others_wrote_beside_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"note": "x", "stars": 5}')
    change_notes(tmp_path, [], add=["t"])
    assert json.loads((tmp_path / "notes.json").read_text())["stars"] == 5


def test_too_many_tags(tmp_path: Path) -> None:
    change_notes(tmp_path, [], add=[f"t{i}" for i in range(MOST_TAGS)])
    with pytest.raises(StoreError, match=str(MOST_TAGS)):
        change_notes(tmp_path, [], add=["one more"])
    assert len(read_notes(tmp_path).added) == MOST_TAGS


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_notes(tmp_path, [], note="old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        change_notes(tmp_path, [], note="new")
    assert read_notes(tmp_path).note == "old"
    assert names_in(tmp_path) == ["notes.json"]


def test_every_way_to_a_run_tells_them(tmp_path: Path) -> None:
    directory = record(tmp_path)
    change_notes(directory, ["old", "base"], add=["new"], remove=["old"], note="seems stuck")
    store = DirectoryStore(tmp_path)
    told = (["base", "new"], "seems stuck")
    assert [(info.tags, info.note) for info in store.runs()] == [told], "at a glance"
    info = store.run("r")
    assert (info.tags, info.note) == told, "in full"
    assert [(info.tags, info.note) for info in store.runs()] == [told]
    for where, n in [
        ("'new' in tags", 1),
        ("'old' in tags", 0),
        ("note contains 'stuck'", 1),
        ("note = ''", 0),
        ("note like 'SEEMS%'", 1),
    ]:
        assert len(store.runs(where=where)) == n, where
    assert json.loads((directory / "run.json").read_text())["tags"] == ["old", "base"], "what was recorded stays"


def test_a_list_that_remembers_notices_a_change(tmp_path: Path) -> None:
    directories = [record(tmp_path, f"r{i}") for i in range(30)]
    for directory in directories:
        make_old(directory)
    store = DirectoryStore(tmp_path)
    assert {info.note for info in store.runs()} == {""}
    assert {info.note for info in store.runs()} == {""}
    change_notes(directories[3], ["old"], remove=["old"], note="one")
    for fresh in (store, DirectoryStore(tmp_path)):
        assert {info.id: info.note for info in fresh.runs() if info.note} == {"r3": "one"}
        assert [info.id for info in fresh.runs(where="not 'old' in tags")] == ["r3"]
    make_old(directories[3])
    change_notes(directories[3], [], add=["old"], note="two")
    for fresh in (store, DirectoryStore(tmp_path)):
        assert {info.id: info.note for info in fresh.runs() if info.note} == {"r3": "two"}


def test_who_follows_a_run_notices_a_change(tmp_path: Path) -> None:
    directory = record(tmp_path)
    make_old(directory)
    files = RunFiles(directory)
    before = files.refresh()
    assert files.refresh() == before
    change_notes(directory, [], note="one")
    after = files.refresh()
    assert after > before
    assert files.refresh() == after
    assert files.at_a_glance().note == "one"
    change_notes(directory, [], note="two")
    change_notes(directory, [], note="six")  # within a tick of the clock
    assert files.refresh() > after
    assert files.at_a_glance().note == "six"
    (directory / "notes.json").unlink()
    files.refresh()
    assert files.at_a_glance().note == ""


def test_a_running_run(tmp_path: Path) -> None:
    run = rolltape.init(project="p", id="r", dir=tmp_path, tags=["old"])
    run.log({"loss": 1.0})
    files = RunFiles(tmp_path / "p" / "r")
    before = files.refresh()
    change_notes(tmp_path / "p" / "r", ["old"], add=["look"], note="live")
    assert files.refresh() > before
    run.log({"loss": 2.0})
    run.close()
    info = files.info()
    assert (info.tags, info.note, info.points, info.status) == (["old", "look"], "live", 2, "finished")


# The trash


def test_what_is_in_the_trash_is_whole_and_no_list_shows_it(tmp_path: Path) -> None:
    directory, other = record(tmp_path), record(tmp_path, "other")
    store = DirectoryStore(tmp_path)
    assert len(store.runs()) == len(store.run_files()) == 2
    names = names_in(directory)
    moved = move_to_trash(store.root, "p/r")
    assert moved.parent == store.root / ".trash" / "p"
    assert moved.name.startswith("r-20")
    assert names_in(moved) == names
    assert not directory.exists()
    for fresh in (store, DirectoryStore(tmp_path)):
        assert [info.id for info in fresh.runs()] == ["other"]
        assert [files.key for files in fresh.run_files()] == ["p/other"]
        with pytest.raises(RunNotFound):
            fresh.run("r")
    report = verify(tmp_path)
    assert report.sound, [check.problems for check in report.checks]
    assert report.runs == 1
    moved.rename(directory)
    assert store.points("r", "loss").value.tolist() == [1.0], "it can be moved back"
    assert other.exists()


def test_a_trash_that_looks_like_a_project_is_not_listed(tmp_path: Path) -> None:
    directory = record(tmp_path)
    (tmp_path / ".trash").mkdir()
    directory.rename(tmp_path / ".trash" / "r")  # by hand, one level too high
    store = DirectoryStore(tmp_path)
    assert store.runs() == []
    assert store.run_files() == []


def test_runs_of_one_name_are_all_kept(tmp_path: Path) -> None:
    places = []
    for _ in range(3):
        record(tmp_path)
        places.append(move_to_trash(tmp_path.resolve(), "p/r"))
    assert len(set(places)) == 3
    assert all((place / "run.json").exists() for place in places)


def test_what_lies_behind_a_link_is_not_moved(tmp_path: Path) -> None:
    root, outside = tmp_path.resolve() / "store", tmp_path.resolve() / "outside"
    root.mkdir()
    record(outside)
    (root / "p").symlink_to(outside / "p")
    (root / "q").mkdir()
    (root / "q" / "r").symlink_to(outside / "p" / "r")
    for key in ("p/r", "q/r", "../outside/p/r"):
        with pytest.raises(StoreError, match="behind a link"):
            move_to_trash(root, key)
    assert (outside / "p" / "r" / "run.json").exists()
    assert not (root / ".trash").exists()
    (root / "q" / "own").mkdir()
    (root / ".trash").symlink_to(outside)
    with pytest.raises(StoreError, match="the trash lies behind a link"):
        move_to_trash(root, "q/own")
    assert (root / "q" / "own").exists()
