"""What a loader notes, and what the next one reads of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rolltape.store.clickhouse import journal
from rolltape.store.clickhouse.journal import Journal, Piece

_A, _B = Piece("p/r/a.tape", "00", 0, 3), Piece("p/r/b.tape", "11", 2, 9)


def _again(directory: Path) -> Journal:
    found = Journal(directory, "x")
    found.close()
    return found


def test_an_acknowledged_plan_is_reached_and_another_is_pending(tmp_path: Path) -> None:
    first = Journal(tmp_path, "x")
    first.plan([_A])
    first.ok()
    first.finish("p/r/c.tape", "22", 77)
    first.plan([_B])
    first.close()
    found = _again(tmp_path)
    assert found.reached == {("p/r/a.tape", "00"): 3}
    assert found.done == {"p/r/c.tape": ("22", 77)}
    assert found.pending == [_B]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_is_none(tmp_path: Path, cut: int) -> None:
    first = Journal(tmp_path, "x")
    first.plan([_A])
    first.ok()
    first.plan([_B])
    first.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    second = Journal(tmp_path, "x")
    assert second.pending in ([_B], [], [_A]) and second.reached in ({("p/r/a.tape", "00"): 3}, {})
    second.plan([_B])
    second.ok()
    second.close()
    assert _again(tmp_path).reached[_B.tape, _B.opening] == _B.stop


def test_two_at_once_have_a_file_each(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, "x"), Journal(tmp_path, "x")
    first.plan([_A])
    first.ok()
    assert second.reached == {}
    second.close()
    first.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert _again(tmp_path).reached


def test_a_long_one_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_LARGE", 1_000)
    first = Journal(tmp_path, "x")
    for stop in range(1, 100):
        first.plan([Piece("a", "0", stop - 1, stop)])
        first.ok()
    first.finish("b", "1", 5)
    first.plan([_B])
    first.close()
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    for _ in range(2):
        found = _again(tmp_path)
        assert (found.reached["a", "0"], found.done, found.pending) == (99, {"b": ("1", 5)}, [_B])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < size / 10


def test_garbage_and_no_directory_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "x.0.jsonl").write_bytes(b'nonsense\n[1]\n{"plan": [1]}\n{"plan": [["a"]]}\n{"done": 3}\n\xff\n')
    assert _again(tmp_path).reached == {}
    one = Journal(None, "x")
    one.plan([_A])
    one.ok()
    assert one.reached == {(_A.tape, _A.opening): 3}
    if os.geteuid():
        tmp_path.chmod(0o500)
        Journal(tmp_path / "below", "x").plan([_A])
