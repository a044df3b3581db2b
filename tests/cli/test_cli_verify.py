"""`rolltape verify`: what it says of sound, killed, cut, damaged and foreign files, and its exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rolltape
from rolltape.cli import main
from rolltape.store.verify import TapeCheck, verify
from rolltape.tape.frame import HEADER_SIZE, Frame, Kind, pack_frame, read_frame

KILLED = """
    import rolltape, time
    run = rolltape.init(project="p", id="one")
    for i in range(2000): run.log({"x": i, "y": -i})
    run.log_batch({"z": [1.0] * 10_000})
    for i in range(5): run.log({"x": i, "y": -i})
    print("ready"); time.sleep(60)
"""


def tsv(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def record(id: str = "one", project: str = "p") -> Path:
    """Some frames; returns the tape."""
    with rolltape.init(project=project, id=id) as run:
        for i in range(4):
            run.log_batch({"x": range(i, i + 1000), "y": [1.5] * 1000})
        run.log({"note": "text"})
    return tape_of(run.directory)


def tape_of(run: Path) -> Path:
    (tape,) = run.glob("*.tape")
    return tape


def frames(tape: Path) -> list[Frame]:
    found: list[Frame] = []
    with tape.open("rb") as file:
        while isinstance(frame := read_frame(file, found[-1].end if found else 0, len(found)), Frame):
            found.append(frame)
    return found


def only(path: Path) -> TapeCheck:
    (check,) = verify(path).tapes
    return check


def flip(path: Path, at: int, bit: int = 4) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= bit
    path.write_bytes(data)


@pytest.fixture
def killed(script: Callable[..., Any], tapes: Path) -> Path:
    """The tape of a run that was killed: frames, and rows that are only in the head."""
    recording = script(KILLED)
    recording.line()
    recording.kill()
    return tape_of(tapes / "p" / "one")


def test_a_sound_store(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = record()
    record("two")
    assert main(["verify"]) == 0
    header, row, _ = tsv(capsys.readouterr().out)
    cells = dict(zip(header, row, strict=True))
    size = str(tape.stat().st_size)
    assert cells == {
        "path": str(tape),
        "status": "ended",
        "frames": str(len(frames(tape))),
        "points": "8000",
        "readable_bytes": size,
        "size": size,
        "head_rows": "0",
        "hidden_frames": "0",
        "problems": "",
        "notes": "",
    }


def test_a_store_a_project_a_run_and_a_tape(tapes: Path) -> None:
    tape = record()
    record("two", project="q")
    counts = [(len(r.tapes), r.runs) for r in map(verify, (tapes, tapes / "p", tape.parent, tape))]
    assert counts == [(2, 2), (1, 1), (1, 1), (1, 0)]


def test_an_empty_store(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    assert main(["verify"]) == 0
    assert capsys.readouterr().err == f"There are no tapes in {tapes} yet.\n"


def test_nothing_there_is_wrong_usage(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 2
    assert capsys.readouterr().err == f"rolltape: there is nothing at {tapes}\n"


def test_a_live_run(tapes: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        for i in range(10):
            run.log({"x": i})
        check = only(tapes)
    assert (check.status, check.points, check.head_rows, check.problems, check.notes) == ("live", 10, 10, [], [])


def test_a_killed_run_is_sound(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = only(killed)
    assert (check.status, check.points, check.head_rows, check.problems) == ("killed", 14_010, 5, [])
    assert check.notes == ["its last 5 rows can be read from the head"]
    assert main(["verify"]) == 0


def test_a_frame_that_the_kill_cut(script: Callable[..., Any], tapes: Path) -> None:
    """The frame of a half whose rows still lie in the head: nothing can be missing."""
    recording = script("import rolltape, time; run = rolltape.init(project='p', id='one'); run.log({'x': 1});"
                       "print('ready'); time.sleep(60)")  # fmt: skip
    recording.line()
    recording.kill()
    tape = tape_of(tapes / "p" / "one")
    whole = only(tape)
    with rolltape.init(project="p", id="two") as run:
        run.log({"x": 1})
    rows = next(frame for frame in frames(tape_of(run.directory)) if frame.kind == Kind.ROWS)
    data = tape_of(run.directory).read_bytes()
    assert int.from_bytes(rows.payload[:8], "little") == 1, "the first half, as in the killed run's head"
    start = whole.readable_bytes
    tape.write_bytes(tape.read_bytes() + data[rows.offset : rows.end - 5])
    check = only(tape)
    assert (check.status, check.points, check.head_rows, check.problems) == ("killed", 1, 1, [])
    told = f"the frame at byte {start} was cut while it was written ({rows.end - 5 - rows.offset} bytes of it): "
    assert check.notes[-1] == told + "nothing that log() had returned is missing"
    assert main(["verify", str(tapes / "p" / "one")]) == 0


def test_a_cut_that_may_have_come_later_is_not_called_harmless(killed: Path) -> None:
    """The batch had returned, and rows came after it: only a head that still holds a frame's rows proves anything."""
    batch = next(frame for frame in frames(killed) if frame.points == 10_000)
    killed.write_bytes(killed.read_bytes()[: batch.offset + HEADER_SIZE + 20])
    check = only(killed)
    assert check.points == 4010
    assert check.notes[-1].endswith(": if the kill cut it, nothing that log() had returned is missing")


def test_a_row_that_the_kill_cut(killed: Path) -> None:
    head = killed.with_suffix(".head")
    data = bytearray(head.read_bytes())
    schemas = [json.loads(f.payload) for f in frames(killed) if f.kind == Kind.SCHEMA]
    schema = next(s for s in schemas if s["metrics"] == ["x", "y"])["schema"]
    row = schema.to_bytes(8, "little")
    whole = row + bytes(8)
    last = data.rindex(row)  # the last word of the last whole row
    data[last + 8 : last + 8 + len(whole)] = row + (77).to_bytes(8, "little")
    head.write_bytes(data)
    check = only(killed)
    assert check.head_rows == 5
    assert check.problems == []
    assert "the kill cut a row in the head: its log() had not returned" in check.notes


def test_rows_behind_a_hole_in_the_head(killed: Path) -> None:
    head = killed.with_suffix(".head")
    data = bytearray(head.read_bytes())
    schemas = [json.loads(f.payload) for f in frames(killed) if f.kind == Kind.SCHEMA]
    schema = next(s for s in schemas if s["metrics"] == ["x", "y"])["schema"]
    last = data.rindex(schema.to_bytes(8, "little"))
    start = last + 8 - 2 * 6 * 8  # the last but one of rows of six words
    data[start : start + 48] = bytes(48)
    head.write_bytes(data)
    check = only(killed)
    assert check.head_rows == 3
    assert check.problems == [f"behind byte {start} of the head lie bytes that are no whole row and cannot be read"]


@pytest.mark.parametrize("field", [HEADER_SIZE + 30, 10], ids=["payload", "length"])
def test_a_flipped_bit_in_the_middle(field: int, tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = record()
    every = frames(tape)
    middle = next(frame for frame in every[3:] if frame.kind == Kind.ROWS)
    flip(tape, middle.offset + field)
    assert main(["verify", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (check,) = told["tapes"]
    hidden = len(every) - middle.seq - 1
    assert hidden >= 2
    assert (check["frames"], check["hidden_frames"], check["readable_bytes"]) == (middle.seq, hidden, middle.offset)
    assert check["points"] == sum(frame.points for frame in every[: middle.seq])
    (problem,) = check["problems"]
    assert problem.startswith(f"the frame at byte {middle.offset} is ")
    assert problem.endswith(
        f"{tape.stat().st_size - middle.offset:,} bytes from there on cannot be read; "
        f"{hidden} whole frames behind it cannot be reached"
    )
    assert told["sound"] is False


def test_what_verify_counts_is_what_a_store_reads(tapes: Path) -> None:
    tape = record()
    flip(tape, frames(tape)[4].offset + 3)
    assert only(tape).points == rolltape.open().run("one").points > 0


@pytest.mark.parametrize("cut", [1, 70])
def test_an_ended_tape_that_was_cut(cut: int, tapes: Path) -> None:
    tape = record()
    tape.write_bytes(tape.read_bytes()[:-cut])
    check = only(tape)
    assert check.status == "unknown"
    (problem,) = check.problems
    assert problem.startswith("there is neither an end nor a head")
    assert problem.endswith(f"what came after byte {check.readable_bytes} cannot be read")
    assert main(["verify"]) == 1


def test_frames_missing_between_tape_and_head(killed: Path) -> None:
    half = next(frame for frame in frames(killed) if frame.kind == Kind.ROWS)
    killed.write_bytes(killed.read_bytes()[: half.offset])
    check = only(killed)
    assert check.head_rows == 5
    (problem,) = check.problems
    assert problem.startswith(f"the tape was cut at or before byte {half.offset}: ")


def test_a_head_that_is_gone_cut_or_overwritten(killed: Path) -> None:
    head = killed.with_suffix(".head")
    data = head.read_bytes()
    head.write_bytes(data[:100])
    assert only(killed).problems[0] == "the head is cut: the rows of one of its halves cannot be read"
    head.write_bytes(bytes(len(data)))
    assert only(killed).problems == ["the head is damaged: rows since the last frame cannot be read"]
    head.write_bytes(b"")
    assert only(killed).problems[0].startswith("the head cannot be read")
    head.unlink()
    assert only(killed).problems[0].startswith("there is neither an end nor a head")


def test_bytes_behind_the_end(tapes: Path) -> None:
    tape = record()
    end = tape.stat().st_size
    tape.write_bytes(tape.read_bytes() + b"x" * 40)
    check = only(tape)
    assert check.status == "ended"
    assert check.problems == [
        f"behind its end: no frame begins at byte {end}: 40 bytes from there on cannot be read",
    ]


@pytest.mark.parametrize(("content", "why"), [(b"", "is empty"), (b"hello", "is not a tape"), (b"RTF1abc", "cut")])
def test_files_that_are_no_tapes(content: bytes, why: str, tapes: Path) -> None:
    record().write_bytes(content)
    check = only(tapes)
    assert (check.frames, check.points) == (0, 0)
    assert why in check.problems[0]
    assert main(["verify"]) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="file kinds of POSIX")
def test_files_that_cannot_be_read(tapes: Path) -> None:
    run = record().parent
    (run / "a.tape").mkdir()
    os.mkfifo(run / "b.tape")
    (run / "c.tape").symlink_to("nowhere")
    told = {check.path.name: check.problems for check in verify(tapes).tapes if check.problems}
    assert told["a.tape"] == told["b.tape"] == ["cannot be read: not a regular file"]
    assert told["c.tape"] == ["cannot be read: No such file or directory"]


def test_what_lies_beside_the_tapes(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (record("broken").parent / "run.json").write_text("{nope")
    (record("missing").parent / "run.json").unlink()
    (record("odd").parent / "run.json").write_text('{"started": "now"}')
    orphan = record("orphan")
    orphan.rename(orphan.with_suffix(".head"))
    (tapes / "stray.tape").write_bytes(record("sound").read_bytes())
    report = verify(tapes)
    told = {str(check.path.relative_to(tapes)): [*check.problems, *check.notes] for check in report.files}
    assert told["p/broken/run.json"][0].startswith("cannot be read: ")
    assert told["p/missing/run.json"][0].startswith("there is no run.json")
    assert told["p/odd/run.json"][0].startswith("is incomplete: id, project, name, config, tags, started, environ")
    assert told[f"p/orphan/{orphan.stem}.head"] == ["a head without its tape: the rows in it cannot be read"]
    assert told["p/orphan"][0].startswith("a run without a tape")
    assert len(told) == 5
    (stray,) = (check for check in report.tapes if check.problems)
    assert stray.path.name == "stray.tape"
    assert main(["verify"]) == 1


def test_media_that_are_gone(tapes: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log({"frame": rolltape.Image([[[0, 0, 0]]])})
    assert verify(tapes).sound
    (medium,) = (run.directory / "media").iterdir()
    medium.unlink()
    (check,) = verify(tapes).files
    assert check.path == medium
    assert check.problems == ["a tape names this medium, but it is not there"]


def test_a_column_that_cannot_be_decoded(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame with a sound CRC around nonsense: told, and the frames after it are counted."""
    from rolltape.tape.columns import RowsFrame

    tape = record()
    taken = RowsFrame.values

    def spoiled(self: RowsFrame, payload: bytes, group: Any, metric: int) -> Any:
        if payload == first.payload:
            raise ValueError("nonsense")
        return taken(self, payload, group, metric)

    first = next(frame for frame in frames(tape) if frame.kind == Kind.ROWS)
    monkeypatch.setattr(RowsFrame, "values", spoiled)
    check = only(tape)
    assert check.status == "ended"
    assert check.points == 8000 - first.points
    assert check.problems == [
        f"the frame at byte {first.offset} cannot be decoded: ValueError('nonsense'); "
        f"its {first.points} points are lost"
    ]


def test_progress_ends_with_everything(tapes: Path) -> None:
    sizes = [record().stat().st_size, record("two").stat().st_size]
    seen: list[tuple[int, int]] = []
    verify(tapes, lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (sum(sizes), sum(sizes))


def test_on_a_terminal(tapes: Path, terminal: Callable[..., str]) -> None:
    record("sound")
    tape = record("[red]evil[/]")
    flip(tape, frames(tape)[4].offset + 3)
    (tape.parent / "x\x1b[2J.tape").write_bytes(b"nonsense")
    out = terminal("verify", code=1)
    assert "\x1b[2J" not in out
    assert "x\\x1b[2J.tape" in out
    assert "✓" in out
    assert "cannot be reached" in out
    assert "2 files damaged or not readable" in out


def test_a_live_run_is_never_called_damaged(script: Callable[..., Any], tapes: Path) -> None:
    """While a process writes as fast as it can, ends, and the next one begins."""
    recording = script(
        """
        import rolltape, sys
        for i in range(6):
            with rolltape.init(project="p", id=f"run{i}") as run:
                print("ready")
                for step in range(40_000): run.log({"x": step, "y": 1.0})
        """
    )
    recording.line()
    looks = 0
    while recording.process.poll() is None:
        report = verify(tapes)
        assert [check.problems for check in report.tapes if check.problems] == []
        looks += 1
    assert recording.wait()[0] == 0
    assert looks > 3
    assert {check.status for check in verify(tapes).tapes} == {"ended"}


def test_a_run_that_begins_while_directories_are_listed(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rolltape.store import verify as module

    rolltape.init(project="p", id="one").close()
    taken = module._run_directories

    def early(path: Path) -> list[Path]:
        found = taken(path)
        rolltape.init(project="p", id="two").close()
        return found

    monkeypatch.setattr(module, "_run_directories", early)
    assert [check.problems for check in verify(tapes).tapes] == [[]]


def test_a_run_that_ends_between_two_looks(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tape is read, then the run ends and takes its head away: that is no head that is gone."""
    from rolltape.store import verify as module

    run = rolltape.init(project="p", id="one")
    run.log({"x": 1.0})
    taken = module.read_head

    def late(*arguments: Any) -> Any:
        run.close()
        return taken(*arguments)

    monkeypatch.setattr(module, "read_head", late)
    check = only(tapes)
    assert (check.status, check.points, check.problems) == ("ended", 1, [])


def test_a_half_that_is_on_the_tape_twice_counts_once(killed: Path) -> None:
    every = frames(killed)
    half = next(frame for frame in every if frame.kind == Kind.ROWS and frame.points < 10_000)
    again = pack_frame(Kind.ROWS, len(every), half.payload, points=half.points, time=half.time)
    killed.write_bytes(killed.read_bytes() + again)
    check = only(killed)
    assert check.frames == len(every) + 1
    assert check.points == 14_010 == rolltape.open().run("one").points


def test_rows_behind_a_row_that_is_not_whole(killed: Path) -> None:
    head = killed.with_suffix(".head")
    data = bytearray(head.read_bytes())
    schemas = [json.loads(frame.payload) for frame in frames(killed) if frame.kind == Kind.SCHEMA]
    schema = next(s for s in schemas if s["metrics"] == ["x", "y"])["schema"]
    last = data.rindex(schema.to_bytes(8, "little"))
    broken = last - 6 * 8  # the last word of the last but one of rows of six words
    data[broken : broken + 8] = bytes(8)
    head.write_bytes(data)
    check = only(killed)
    assert check.head_rows == 3
    (problem,) = check.problems
    assert problem.endswith("of the head lie bytes that are no whole row and cannot be read")
