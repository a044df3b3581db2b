"""JSONLLogger: every line is strict JSON, whatever was written and wherever a crash cuts."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolltape
from full_disk import files_up_to
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers.jsonl_file import JSONLLogger


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").split("\n")
    assert lines.pop() == ""
    return [json.loads(line, parse_constant=refuse) for line in lines]


def write(path: Path, *rows: dict[str, Any]) -> JSONLLogger:
    logger = JSONLLogger(path)
    for row in rows:
        logger.write(row)
    logger.close()
    return logger


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "made" / "log.jsonl"
    logger = write(
        path,
        {"b": 1, "a": 0.1, "ключ": "é\n", "none": None, "yes": np.bool_(True)},
        {"nan": float("nan"), "up": np.float32("inf"), "down": -np.inf},
        {"returns": np.array([1.5, np.nan]), "counts": np.array([[1], [2]], np.int8), "zero": np.array(2)},
    )
    assert logger.path == path
    assert path.read_text("utf-8").split("\n")[0] == '{"b": 1, "a": 0.1, "ключ": "é\\n", "none": null, "yes": true}'
    assert read(path)[1:] == [
        {"nan": "NaN", "up": "Infinity", "down": "-Infinity"},
        {"returns": [1.5, "NaN"], "counts": [[1], [2]], "zero": 2},
    ]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(), max_size=8),  # lone surrogates too
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.text(st.characters(), min_size=1, max_size=5), VALUES, min_size=1), min_size=1))
def test_any_rows_are_read_back(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        write(path, *rows)
        assert read(path) == rows


@pytest.mark.parametrize("cut", [b'{"a": 1}\n{"b": "\xd0', b'{"a": 1}\n{"b":', b'{"a": 1}\n{"b": "\xf0\x9f\x98'])
def test_a_cut_line_is_ended_first(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(cut)
    write(path, {"c": 3})
    first, half, last, end = path.read_text("utf-8").split("\n")
    assert (json.loads(first), json.loads(last), end) == ({"a": 1}, {"c": 3}, "")
    assert half.startswith('{"b":')


def test_an_existing_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, {"a": 1})
    write(path)
    write(path, {"b": 2})
    assert read(path) == [{"a": 1}, {"b": 2}]


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="int"):
        JSONLLogger(5)  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        JSONLLogger(tmp_path)


def test_what_has_no_place_is_told_once_per_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = JSONLLogger(tmp_path / "log.jsonl")
    with pytest.warns(RolltapeWarning) as told:
        for i in range(2):
            logger.write({"i": i, "video": rolltape.Video(np.zeros((2, 2, 2))), "x": {"nested": 1}, "c": b"5"})
    logger.close()
    assert sorted(str(one.message).split(": ", 1)[1][:30] for one in told) == [
        "'c', of type bytes, cannot be ",
        "'x', of type dict, cannot be k",
        "videos are not JSON",
    ]
    assert logger.lost == 4
    assert read(logger.path) == [{"i": 0}, {"i": 1}]


def test_a_full_disk_is_told_once_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = JSONLLogger("/dev/full")
    with pytest.warns(RolltapeWarning, match=r"/dev/full: a row cannot be written: .*No space left") as told:
        logger.write({"a": 1})
        logger.write({"a": 2})
    logger.close()
    assert len(told) == 1
    assert logger.lost == 2
    logger = JSONLLogger(tmp_path / "log.jsonl")
    with pytest.warns(RolltapeWarning), files_up_to(1000):
        for i in range(100):
            logger.write({"i": i, "text": "x" * 33})
    logger.write({"i": 100})
    logger.close()
    assert [row["i"] for row in read(logger.path)] == [*range(100 - logger.lost), 100]


def test_strict_raises(tmp_path: Path) -> None:
    logger = JSONLLogger("/dev/full")
    with pytest.raises(RecordingError, match="No space left"):
        logger.write({"a": 1})
    logger.close()
    logger.close()
    with pytest.raises(RecordingError, match=r"after close\(\)"):
        logger.write({"a": 1})


def test_warnings_as_errors_still_write_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = JSONLLogger(tmp_path / "log.jsonl")
    with pytest.raises(RolltapeWarning):
        logger.write({"video": rolltape.Video(np.zeros((2, 2, 2))), "i": 1})
    logger.close()
    assert read(logger.path) == [{"i": 1}]


KILLED = """
import os
from rolltape.loggers.jsonl_file import JSONLLogger
logger = JSONLLogger(os.environ["WHERE"])
counter = os.open(os.environ["COUNTER"], os.O_RDWR | os.O_CREAT)
i = 0
while True:
    logger.write({"i": i, "text": "é" * 50})
    i += 1
    os.pwrite(counter, i.to_bytes(8, "little"), 0)
"""


def test_kill_9_loses_nothing(script: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(KILLED, WHERE=str(path), COUNTER=str(counter))
    while int.from_bytes(counter.read_bytes(), "little") < 1500:
        assert trainer.process.poll() is None, trainer.wait()
        time.sleep(0.01)
    assert trainer.kill() == -signal.SIGKILL
    written = int.from_bytes(counter.read_bytes(), "little")
    rows = read(path)
    assert len(rows) - written in (0, 1)
    assert [row["i"] for row in rows] == list(range(len(rows)))
