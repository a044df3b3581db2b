"""Cut, flipped, foreign and empty files: what is whole is read, what is not is told, nothing wrong is ever returned."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

import rolltape
from rolltape.errors import TapeError
from rolltape.store.directory import DirectoryStore
from rolltape.tape.frame import whole_frames_after
from rolltape.tape.reader import TapeReader

FRAMES, ROWS = 4, 50


@pytest.fixture
def tape(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tape of OPEN, SCHEMA, four ROWS frames of fifty rows, END."""
    monkeypatch.setattr("rolltape.recording.init.git_dirty", lambda _: None)  # no META frame in between
    run = rolltape.init(project="p", id="r")
    for i in range(FRAMES * ROWS):
        run.log({"a": float(i), "b": -0.1 * i}, i)
        if i % ROWS == ROWS - 1:
            run._writer.flush()
    run.close()
    return run._writer.path


def frame_starts(path: Path) -> list[int]:
    data, starts, at = path.read_bytes(), [], 0
    while at < len(data):
        starts.append(at)
        at += 36 + int.from_bytes(data[at + 8 : at + 12], "little")
    return starts


def rows_of(path: Path) -> int:
    """How many rows can be read; what is read must be right."""
    reader = TapeReader(path)
    points, _ = reader.read("a")
    assert np.array_equal(points.value, np.arange(float(len(points.value))))
    b, _ = reader.read("b")
    assert np.array_equal(b.value, -0.1 * np.arange(len(b.value)))
    return len(points.value)


def test_cut_at_every_byte_of_the_last_two_frames(tape: Path, tmp_path: Path) -> None:
    data, starts = tape.read_bytes(), frame_starts(tape)
    rows, end = starts[-2], starts[-1]
    cut = tmp_path / "cut.tape"
    for size in range(rows, len(data)):
        cut.write_bytes(data[:size])
        reader = TapeReader(cut)
        assert rows_of(cut) == (FRAMES - 1) * ROWS + (ROWS if size >= end else 0)
        assert reader.end is None
        assert (reader.problem is None) == (size in (rows, end))
        if reader.problem:
            assert str(rows if size < end else end) in reader.problem


def test_a_flipped_bit_anywhere(tape: Path, tmp_path: Path) -> None:
    data, starts = bytearray(tape.read_bytes()), [*frame_starts(tape), len(tape.read_bytes())]
    flipped = tmp_path / "flipped.tape"
    places = sorted(
        {*random.Random(0).sample(range(len(data)), 400), *starts[:-1], *(start + 35 for start in starts[:-1])}
    )
    for at in places:
        data[at] ^= 1 << (at % 8)
        flipped.write_bytes(data)
        data[at] ^= 1 << (at % 8)
        hit = max(i for i, start in enumerate(starts) if start <= at)
        whole = max(0, min(FRAMES, hit - 2)) * ROWS  # after OPEN and SCHEMA
        if hit == 0 and at < 4:
            with pytest.raises(TapeError, match=r"flipped\.tape"):
                TapeReader(flipped)
            continue
        reader = TapeReader(flipped)
        assert rows_of(flipped) == whole, f"bit flipped at byte {at}"
        assert reader.problem is not None
        assert reader.frames == hit
        assert reader.end is None
        hidden = whole_frames_after(flipped, reader.size)
        assert hidden == len(starts) - 2 - hit


@pytest.mark.parametrize("content", [b"", b"R", b"RTF"])
def test_a_tape_that_was_only_begun_holds_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "begun.tape"
    path.write_bytes(content)
    assert TapeReader(path).metrics() == []
    assert TapeReader(path).frames == 0


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"\x00" * 500, b"step,value\n1,2\n", b"RTF2" + b"\x00" * 90])
def test_a_foreign_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.tape"
    path.write_bytes(content)
    with pytest.raises(TapeError, match=r"foreign\.tape is not a tape"):
        TapeReader(path)


def test_a_foreign_file_beside_a_tape_does_not_hide_it(tape: Path, tapes: Path) -> None:
    (tape.parent / "foreign.tape").write_text("hello")
    store = DirectoryStore(tapes)
    assert len(store.points("r", "a")) == 3
    assert len(store.points("r", "a").step) == FRAMES * ROWS
    assert [writer.problem for writer in store.writers("r")][1].endswith("it does not begin with RTF1")


@pytest.mark.parametrize("content", ["", '{"id": "r", "proj', "[1]", "\udcff"])
def test_a_run_json_half_written(tape: Path, tapes: Path, content: str) -> None:
    (tape.parent / "run.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    (info,) = DirectoryStore(tapes).runs()
    assert "run.json" in (info.error or "")
    assert (info.id, info.project, info.points) == ("r", "p", 2 * FRAMES * ROWS)


def test_a_frame_that_no_writer_writes(tape: Path, tmp_path: Path) -> None:
    """The CRC is right, the content is nonsense: told, not raised."""
    from rolltape.tape.frame import Kind, pack_frame

    data, starts = tape.read_bytes(), frame_starts(tape)
    for kind, payload in ((Kind.ROWS, b"\xff" * 60), (Kind.SCHEMA, b"{}"), (Kind.SCHEMA, b"\xff"), (Kind.ROWS, b"")):
        path = tmp_path / "odd.tape"
        path.write_bytes(data[: starts[-1]] + pack_frame(kind, len(starts) - 1, payload))
        reader = TapeReader(path)
        assert rows_of(path) == FRAMES * ROWS
        assert "no writer writes" in (reader.problem or "")


def test_unknown_kinds_are_skipped(tape: Path, tmp_path: Path) -> None:
    from rolltape.tape.frame import pack_frame

    data, starts = tape.read_bytes(), frame_starts(tape)
    path = tmp_path / "new.tape"
    path.write_bytes(data[: starts[-1]] + pack_frame(99, len(starts) - 1, b"from the future"))  # type: ignore[arg-type]
    reader = TapeReader(path)
    assert (reader.problem, reader.frames, rows_of(path)) == (None, len(starts), FRAMES * ROWS)


def test_a_row_that_a_kill_cut_is_dropped(tapes: Path) -> None:
    """Every way of cutting the last row of a head: all rows before it are read, none of it."""
    run = rolltape.init(project="p", id="r")
    for i in range(10):
        run.log({"a": float(i + 1), "b": 1.0}, i)
    half = run._writer.half
    path = run._writer.path
    row = bytes(half.buffer[half.at - 48 : half.at])
    for cut in range(41):  # the last word is small: with its first byte the row is whole
        half.buffer[half.at - 48 : half.at] = row[:cut] + bytes(48 - cut)
        points, _ = TapeReader(path).read("a")
        assert points.value.tolist() == [i + 1.0 for i in range(9)], f"cut after {cut} bytes"
    half.buffer[half.at - 48 : half.at] = row
    points, _ = TapeReader(path).read("a")
    assert len(points.value) == 10


def test_a_shrunk_or_vanished_head_is_no_error(tapes: Path, tmp_path: Path) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"a": 1.0})
    path = run._writer.path
    for size in (0, 5, 79, 80, 16_384, 20_000):
        copy = tmp_path / "copy.tape"
        shutil.copy(path, copy)
        copy.with_suffix(".head").write_bytes(path.with_suffix(".head").read_bytes()[:size])
        points, _ = TapeReader(copy).read("a")
        assert len(points.value) in (0, 1)


def test_a_half_that_is_on_the_tape_already_counts_once(tapes: Path) -> None:
    """A kill between writing the frame and clearing the half leaves both."""
    run = rolltape.init(project="p", id="r")
    for i in range(100):
        run.log({"a": float(i)}, i)
    path = run._writer.path
    head = path.with_suffix(".head")
    before = head.read_bytes()
    reader = TapeReader(path)
    first, cursor = reader.read("a")
    run._writer.flush()
    both = path.parent / "both.tape"
    shutil.copy(path, both)
    both.with_suffix(".head").write_bytes(before)
    points, _ = TapeReader(both).read("a")
    assert points.value.tolist() == list(map(float, range(100)))
    head.write_bytes(before)
    reader.refresh()
    again, _ = reader.read("a", cursor)
    assert (len(first.value), len(again.value)) == (100, 0)
