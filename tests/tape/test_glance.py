"""What an ended tape says of itself in its first and last frame, and that a list reads no more than that."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

import rolltape
from rolltape.tape.glance import glance
from rolltape.tape.reader import TapeReader


def record(rows: int = 100) -> Path:
    with rolltape.init(project="p", id="r", config={"lr": 0.1, "note": "x" * 70_000}, tags=["a"]) as run:
        for i in range(rows):
            run.log({"loss": i, "RTF1": 1.0}, i)
        run.describe(config={"late": 1}, tags=["b"], name="renamed")
        run.log({"text": "RTF1 in a text"})
    return Path(run._writer.path)


def test_it_says_what_a_reader_finds(tapes: Path) -> None:
    tape = record()
    seen, reader = glance(tape), TapeReader(tape)
    assert seen is not None
    assert seen.points == reader.points == 200
    for name in ("path", "opening", "end", "facts", "opened", "last_sign", "lost", "alive", "file", "size"):
        assert getattr(seen, name) == getattr(reader, name), name


def test_a_list_tells_what_one_run_tells_and_opens_no_tape(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record()
    (whole,) = [rolltape.open().run("r")]
    assert (whole.config["late"], whole.tags, whole.name, whole.points) == (1, ["a", "b"], "renamed", 200)

    def refuse(*_: object) -> None:
        raise AssertionError("a tape was opened")

    monkeypatch.setattr("rolltape.store.run_files.IndexedTape", refuse)
    (listed,) = rolltape.open().runs()
    assert asdict(listed) == asdict(whole)


def test_one_that_has_not_ended_is_not_told_of(tapes: Path) -> None:
    with rolltape.init() as run:
        run.log({"loss": 1.0})
        assert glance(Path(run._writer.path)) is None


@pytest.mark.parametrize("spoil", [b"", b"RTF1", b"\0" * 100])
def test_what_comes_behind_the_end_is_not_ignored(spoil: bytes, tapes: Path) -> None:
    tape = record()
    data = tape.read_bytes()
    tape.write_bytes(data[:-1] if not spoil else data + spoil)
    assert glance(tape) is None
    tape.write_bytes(b"")
    assert glance(tape) is None


def test_a_run_is_the_same_version_when_more_is_asked_of_it(tapes: Path) -> None:
    record()
    (files,) = rolltape.open().run_files()
    version = files.refresh()
    files.metrics()
    assert files.refresh() == version
