"""A reader that follows a head sees what one that has just come sees, however many rows came between two looks."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.tape import head as head_module
from rolltape.tape import rows as rows_module
from rolltape.tape.head import read_head
from rolltape.tape.reader import TapeReader

METRICS = ({"loss": 1.0}, {"loss": 2.0, "kl": 3.0}, {f"m{i}": float(i) for i in range(60)}, {"kl": 4.0})


def points(reader: TapeReader) -> dict[str, list[list[float]]]:
    return {name: [column.tolist() for column in reader.read(name)[0]] for name in reader.metrics()}


@pytest.mark.parametrize("seed", range(6))
def test_following_is_as_good_as_reading_anew(tapes: Path, seed: int) -> None:
    chance = random.Random(seed)
    kinds = METRICS[: 1 + seed % len(METRICS)]
    with rolltape.init(project="p", id="r") as run:
        path = next((tapes / "p" / "r").glob("*.tape"))
        reader = TapeReader(path)
        total = 0
        for look in range(40):
            count = chance.choice([0, 1, 2, 15, 16, 17, 60, 300])
            for _ in range(count):
                metrics = chance.choice(kinds)
                run.log(metrics, step=look)
                total += len(metrics)
            before = reader.version
            reader.refresh()
            assert reader.points == total
            assert reader.version != before or count == 0
            assert all(half.rows == sum(len(group.step) for group in half.groups) for half in reader._head)
            if look % 5 == 0:
                fresh = TapeReader(path)
                assert points(reader) == points(fresh)
                reader.refresh()
                assert reader.last_sign >= fresh.last_sign
    reader.refresh()
    assert reader.points == total
    assert points(reader) == points(TapeReader(path))


def test_what_came_since_is_all_that_is_read(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rolltape.init(project="p", id="r") as run:
        for i in range(200):
            run.log({"loss": float(i)})
        reader = TapeReader(next((tapes / "p" / "r").glob("*.tape")))
        walked: list[int] = []
        walk = rows_module.walk

        def noted(data: bytes, *more: object) -> rows_module.Walked:
            found = walk(data, *more)  # type: ignore[arg-type]
            walked.append(found.rows)
            return found

        monkeypatch.setattr(head_module, "walk", noted)
        reader.refresh()
        assert walked == []
        run.log({"loss": 1.0})
        run.log({"loss": 2.0})
        reader.refresh()
        assert walked == [2]
        assert reader.read("loss")[0].value[-3:].tolist() == [199.0, 1.0, 2.0]


def test_a_half_that_is_freed_while_it_is_followed_is_read_anew(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes may be those of other rows by then."""
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 0.0})
    path = next((tapes / "p" / "r").glob("*.tape"))
    reader = TapeReader(path)
    run.log({"loss": 1.0})
    head = path.with_suffix(".head")
    last = read_head(head, reader._schemas)
    assert last is not None
    run.log({"loss": 2.0})
    content = head.read_bytes()
    walk = rows_module.walk
    freed = []

    def free_meanwhile(data: bytes, *more: object) -> rows_module.Walked:
        found = walk(data, *more)  # type: ignore[arg-type]
        if not freed:
            freed.append(1)
            words = np.frombuffer(content, np.int64).copy()
            words[4] += 2  # the generation of the first half
            with head.open("r+b") as file:
                file.write(words.tobytes())
        return found

    monkeypatch.setattr(head_module, "walk", free_meanwhile)
    found = read_head(head, reader._schemas, last)
    assert found is not None
    assert freed
    assert [half.generation for half in found.halves] != [half.generation for half in last.halves]
    with head.open("r+b") as file:
        file.write(content)
    run.close()


def test_rows_of_a_schema_that_is_not_known_yet_follow_later(tapes: Path) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 0.0})
    path = next((tapes / "p" / "r").glob("*.tape"))
    head = path.with_suffix(".head")
    schemas = dict(TapeReader(path)._schemas)
    last = read_head(head, schemas)
    assert last is not None
    run.log({"loss": 1.0})
    run.log({"other": 2.0})
    unknown = read_head(head, schemas, last)
    assert unknown is not None
    assert [(half.rows, half.unknown) for half in unknown.halves] == [(2, True)]
    schemas.update(TapeReader(path)._schemas)
    known = read_head(head, schemas, unknown)
    assert known is not None
    assert [(half.rows, half.unknown) for half in known.halves] == [(3, False)]
    assert {group.schema.metrics: group.values.tolist() for group in known.halves[0].groups} == {
        ("loss",): [[0.0, 1.0]],
        ("other",): [[2.0]],
    }
    run.close()


class ReadFile(io.FileIO):
    """A head that tells before each time it is read."""

    before: Callable[[int], None]
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:  # type: ignore[override]
        ReadFile.before(ReadFile.reads)
        ReadFile.reads += 1
        return super().read(-1 if size is None else size) or b""


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("rows", [0, 3])
def test_rows_that_become_a_frame_while_the_head_is_read_are_not_missed(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, number: int, rows: int
) -> None:
    """At the end of a run there is no other half whose generation would tell."""
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 0.0})
    path = next((tapes / "p" / "r").glob("*.tape"))
    reader = TapeReader(path)
    assert reader.points == 1
    for _ in range(rows):
        run.log({"loss": 1.0})
    writer = run._writer  # its head is emptied, and not yet removed

    def flush_meanwhile(reads: int) -> None:
        if reads == number:
            assert writer.flush()
            half = writer.half
            writer._head._words[4 + 3 * half.number] = 0  # type: ignore[union-attr]  # as at the end

    monkeypatch.setattr(ReadFile, "before", staticmethod(flush_meanwhile), raising=False)
    monkeypatch.setattr(ReadFile, "reads", 0)
    monkeypatch.setattr(head_module.io, "FileIO", ReadFile)
    reader.refresh()
    assert reader.points == 1 + rows


def test_a_tape_that_was_being_written_to_is_looked_at_again(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"loss": 0.0})
    path = next((tapes / "p" / "r").glob("*.tape"))
    reader = TapeReader(path)
    before = path.read_bytes()
    assert run._writer.flush()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(before) + 50])
    read = head_module.read_head

    def grow_meanwhile(*args: Any) -> Any:
        path.write_bytes(whole)
        return read(*args)

    monkeypatch.setattr("rolltape.tape.reader.read_head", grow_meanwhile)
    reader.refresh()
    assert (reader.points, reader.problem) == (1, None)
