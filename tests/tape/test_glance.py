"""What an ended tape says of itself in its first and last frame, and that a list reads no more than that."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest

import rolltape
from rolltape.tape.frame import Kind, pack_frame
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


@pytest.mark.parametrize(
    "end",
    [
        {},
        [],
        {"status": "done", "lost": 0, "points": 1, "facts": {}},
        {"status": "finished", "lost": "x", "points": 1, "facts": {}},
        {"status": "finished", "lost": math.inf, "points": 1, "facts": {}},
        {"status": "finished", "lost": -1, "points": 1, "facts": {}},
        {"status": "finished", "lost": 0, "points": -5, "facts": {}},
        {"status": "finished", "lost": 0, "points": True, "facts": {}},
        {"status": "finished", "lost": 0, "points": 1, "facts": []},
        {"status": "finished", "points": 1, "facts": {}},
    ],
)
def test_a_strange_end_hides_no_other_run(end: object, tapes: Path) -> None:
    tape = record()
    with rolltape.init(project="p", id="other") as run:
        run.log({"loss": 1.0})
    last = TapeReader(tape)
    spoiled = pack_frame(Kind.END, last.frames - 1, json.dumps(end).encode(), time=1)
    tape.write_bytes(tape.read_bytes()[: last.last_frame] + spoiled)
    assert glance(tape) is None
    assert {info.id for info in rolltape.open().runs()} == {"r", "other"}
    assert "says what no writer writes" in (TapeReader(tape).problem or "")


def test_an_end_that_says_less_is_read_as_before(tapes: Path) -> None:
    tape = record()
    last = TapeReader(tape)
    older = pack_frame(Kind.END, last.frames - 1, b'{"status": "finished", "lost": 3}', time=1)
    tape.write_bytes(tape.read_bytes()[: last.last_frame] + older)
    assert glance(tape) is None
    (info,) = rolltape.open().runs()
    assert (info.points, info.lost, info.status) == (200, 3, "finished")


def test_a_half_that_was_framed_twice_is_counted_once(tapes: Path) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 1.0})
    writer = run._writer
    retire = writer._head.retire

    def interrupted(*_: object, **__: object) -> None:
        writer._head.retire = retire
        raise KeyboardInterrupt

    writer._head.retire = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    run.close()
    seen = glance(Path(writer.path))
    assert seen is not None
    assert seen.points == TapeReader(Path(writer.path)).points == 1


def test_ctrl_c_while_a_frame_is_taken_counts_it_once(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rolltape.init(project="p", id="r")
    run.log_batch({"loss": [1.0] * 1000}, step=range(1000))
    store = rolltape.open()
    assert store.curve("loss").runs["p/r"].count.sum() == 1000
    run.log_batch({"loss": [1.0] * 1000}, step=range(1000))
    take = TapeReader._take

    def interrupted(self: TapeReader, *frame: object) -> None:
        take(self, *frame)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(TapeReader, "_take", interrupted)
        store.curve("loss")
    assert store.curve("loss").runs["p/r"].count.sum() == 2000
    assert len(store.points("r", "loss").step) == store.run("r").points == 2000
