"""CSVLogger: what was written is what `csv` reads, whatever keys come late and wherever a crash cuts."""

from __future__ import annotations

import csv
import os
import signal
import sys
import tempfile
import threading
import time
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rolltape
from full_disk import files_up_to
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers import csv_file
from rolltape.loggers.csv_file import CSVLogger


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, *rows: dict[str, Any]) -> CSVLogger:
    logger = CSVLogger(path)
    for row in rows:
        logger.write(row)
    logger.close()
    return logger


class Phase(str, Enum):  # noqa: UP042 (what users have)
    TRAIN = "train"


def test_rows_in_the_order_of_the_first_keys(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "log.csv"
    logger = write(path, {"b": 1, "a": 0.1}, {"a": None, "b": True}, {"a": 2})
    assert path.read_bytes() == b"b,a\n1,0.1\nTrue,\n,2\n"
    assert logger.path == path
    assert logger.lost == 0


def test_a_late_key_gets_its_column_and_older_rows_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write(path, {"a": 1}, {"a": 2, "note": 'two\nlines, "quoted"'}, {"c": 3, "d": 4}, {"a": 5})
    assert path.read_text() == 'a,note,c,d\n1,,,\n2,"two\nlines, ""quoted""",,\n,,3,4\n5,,,\n'
    assert os.listdir(tmp_path) == ["log.csv"]  # noqa: PTH208 (nothing is left beside it)


def test_a_rewritten_file_keeps_its_mode_and_a_link_its_target(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write(path, {"a": 1})
    path.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    write(link, {"b": 2})
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert read(path) == [{"a": "1", "b": ""}, {"a": "", "b": "2"}]


def test_the_file_may_be_named_relative_to_a_directory_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = CSVLogger("log.csv")
    logger.write({"a": 1})
    monkeypatch.chdir("/")
    logger.write({"late": 1})
    logger.close()
    assert len(read(tmp_path / "log.csv")) == 2


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.1 + 0.2, "0.30000000000000004"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float32(0.1), "0.10000000149011612"),
        (np.float16(0.5), "0.5"),
        (np.longdouble(0.5), "0.5"),
        (np.int64(-3), "-3"),
        (np.uint8(255), "255"),
        (np.bool_(True), "True"),
        (2**80, str(2**80)),
        (np.array(1.5), "1.5"),
        (np.array([1, 2]), "[1, 2]"),
        (np.array([1.5, np.nan, np.inf]), '[1.5, "NaN", "Infinity"]'),
        (np.zeros((2, 1), bool), "[[false], [false]]"),
        ([1, 2.5], "[1.0, 2.5]"),
        (Decimal("1.5"), "1.5"),
        (Fraction(1, 2), "0.5"),
        ("", ""),
        (" é, \r x", " é, \r x"),
        (np.str_("text"), "text"),
        (Phase.TRAIN, "train"),
        ("\ud800", r"\ud800"),
    ],
)
def test_cells(tmp_path: Path, value: Any, cell: str) -> None:
    path = tmp_path / "log.csv"
    write(path, {"x": value, "y": 1})
    assert read(path) == [{"x": cell, "y": "1"}]


class Late:
    """What JAX's array on a device does: it is not ready when it is logged, and waits when it is read."""

    copied = False

    def is_ready(self) -> bool:
        return False

    def copy_to_host_async(self) -> None:
        self.copied = True

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        assert self.copied
        return np.array([1, 2], dtype)


def test_a_device_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(Array=Late, core=SimpleNamespace(Tracer=())))
    write(tmp_path / "log.csv", {"x": Late()})
    assert read(tmp_path / "log.csv") == [{"x": "[1.0, 2.0]"}]


KEYS = st.text(min_size=1, max_size=5)
CELLS = st.one_of(
    st.none(), st.text(max_size=8), st.floats(), st.integers(), st.booleans(), st.lists(st.floats(width=32), max_size=3)
)
RAGGED = st.lists(st.dictionaries(KEYS, CELLS, min_size=1, max_size=4), min_size=1, max_size=6)


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return csv_file.json_text(np.array(value, np.float64))
    return str(value)


@settings(max_examples=300, deadline=None)
@given(rows=RAGGED, reopen=st.booleans())
def test_any_ragged_rows_are_read_back(rows: list[dict[str, Any]], reopen: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        logger = CSVLogger(path)
        for row in rows:
            logger.write(row)
            if reopen:
                logger.close()
                logger = CSVLogger(path)
        logger.close()
        columns = list(dict.fromkeys(key for row in rows for key in row))
        expected = [{column: cell(row.get(column)) for column in columns} for row in rows]
        assert read(path) == expected


@settings(max_examples=200, deadline=None)
@given(rows=RAGGED, data=st.data())
def test_wherever_a_crash_cuts_only_the_cut_row_suffers(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        columns = dict.fromkeys(key for row in rows for key in row)
        ends = []
        for row in (columns, *rows):
            write(path, row)
            ends.append(path.stat().st_size)
        cut = data.draw(st.integers(ends[0], ends[-1]))
        os.truncate(path, cut)
        write(path, {"after the crash": 1})
        back = read(path)
        whole = sum(end <= cut for end in ends)
        expected = [{column: cell(row.get(column)) for column in columns} for row in (columns, *rows)]
        assert back[:whole] == [{**row, "after the crash": ""} for row in expected[:whole]]
        assert back[-1] == {**dict.fromkeys(columns, ""), "after the crash": "1"}
        assert len(back) - whole == 1 + (cut not in ends)


def test_a_cut_line_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for cut, row in (
        (b"a,b\n1,2", {"a": "1", "b": "2"}),
        (b"a,b\n1,", {"a": "1", "b": ""}),
        (b'a,b\n1,"open\n', {"a": "1", "b": "open\n"}),
        (b'a,b\n1,"open ""', {"a": "1", "b": 'open "'}),
        (b"a,b\n1,\xc3", {"a": "1", "b": ""}),
        (b'a,b\n1,"\xf0\x9f\x98', {"a": "1", "b": ""}),
    ):
        path.write_bytes(cut)
        write(path, {"a": 3, "b": 4})
        assert read(path) == [row, {"a": "3", "b": "4"}], cut


def test_an_existing_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")  # as a spreadsheet saves it
    write(path, {"b": 3})
    write(path, {"c": 4, "a": 5})
    with path.open(newline="", encoding="utf-8-sig") as file:
        assert list(csv.reader(file)) == [["a", "b", "c"], ["1", "2", ""], ["", "3", ""], ["5", "", "4"]]


@pytest.mark.parametrize("quoted", [b'"a","b"\n1,2\n', b"a,b\n", b"a,b"])
def test_headers_of_other_writers(tmp_path: Path, quoted: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(quoted)
    write(path, {"a": 3})
    assert read(path)[-1] == {"a": "3", "b": ""}


@pytest.mark.parametrize(
    "content",
    [
        b"\x93NUMPY\x01\x00v\x00",
        b'{"a": 1, "b": 2}\n',
        b"a,a\n1,2\n",
        b"a,,b\n1,2,3\n",
        b"\n1,2\n",
        b"a\rb\r",
        b'"open,b\n1,2\n',
        "a,b".encode("utf-16"),
    ],
)
def test_a_foreign_file_is_refused_and_left_as_it_was(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"log\.csv does not begin with a CSV header"):
        CSVLogger(path)
    assert path.read_bytes() == content


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="int"):
        CSVLogger(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{tmp_path} is not a regular file"):
        CSVLogger(tmp_path)
    with pytest.raises(ValueError, match="/dev/full is not a regular file"):
        CSVLogger("/dev/full")
    logger = CSVLogger(tmp_path / "log.csv")
    with pytest.raises(TypeError, match="values must be a mapping"):
        logger.write([1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a key must be a string, not int: 5"):
        logger.write({5: 1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="a key must not be empty"):
        logger.write({"": 1})
    logger.write({})
    logger.close()
    assert (tmp_path / "log.csv").read_bytes() == b""


class Strange:
    def __float__(self) -> float:
        raise ZeroDivisionError("no")


def test_what_has_no_place_is_told_once_per_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = CSVLogger(tmp_path / "log.csv")
    image = rolltape.Image(np.zeros((2, 2)))
    with pytest.warns(RolltapeWarning, match=r"log\.csv has no place for 'frame': images") as told:
        logger.write({"frame": image})
        logger.write({"a": 1, "frame": image})
        logger.write({"a": 2, "frame": image})
    assert len(told) == 1
    assert told[0].filename == __file__
    with pytest.warns(RolltapeWarning, match="'x', of type Strange, cannot be kept: no") as told:
        logger.write({"a": 3, "x": Strange()})
        logger.write({"a": 4, "x": Strange()})
    assert len(told) == 1
    logger.close()
    assert logger.lost == 2
    assert read(logger.path) == [{"a": str(i)} for i in (1, 2, 3, 4)]


def test_strict_raises_once_the_rest_is_written(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    for _ in range(2):
        with pytest.raises(RecordingError, match="'x', of type Strange"):
            logger.write({"x": Strange(), "a": 1})
    logger.close()
    logger.close()
    with pytest.raises(RecordingError, match=r"written after close\(\) is lost"):
        logger.write({"a": 2})
    assert read(logger.path) == [{"a": "1"}] * 2
    assert logger.lost == 3


def test_written_after_close_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = write(tmp_path / "log.csv", {"a": 1})
    with pytest.warns(RolltapeWarning, match="after close") as told:
        logger.write({"a": 2})
        logger.write({"a": 2})
    assert len(told) == 1
    assert logger.lost == 2


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = CSVLogger(tmp_path / "log.csv")
    with (
        pytest.warns(RolltapeWarning, match=r"log\.csv: a row cannot be written: .*too large") as told,
        files_up_to(1000),
    ):
        for i in range(100):
            logger.write({"number": i, "text": "x" * 30})
    logger.write({"number": 100, "text": ""})
    logger.close()
    assert len(told) == 1
    assert logger.lost > 50
    rows = read(logger.path)
    assert [row["number"] for row in rows] == [*map(str, range(100 - logger.lost)), "100"]
    assert all(row["text"] == "x" * 30 for row in rows[:-1])


def test_no_space_for_more_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old columns go on; the rewriting, which may copy gigabytes, is not tried again at once."""
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = CSVLogger(tmp_path / "log.csv")
    for i in range(10):
        logger.write({"a": i})
    before = logger.path.read_bytes()
    attempts = []
    add_columns = logger._add_columns
    monkeypatch.setattr(logger, "_add_columns", lambda late: (attempts.append(late), add_columns(late)))
    full = files_up_to(len(before) + 10)
    with pytest.warns(RolltapeWarning, match="'late' cannot get a column: .*too large") as told, full:
        logger.write({"a": 10, "late": 1})
        logger.write({"late": 2})
        logger.write({"a": 11, "late": 3})
    assert len(told) == 1
    assert attempts == [["late"]]
    assert logger.path.read_bytes() == before + b"10\n11\n"
    assert logger.lost == 3
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
    logger._next_attempt = 0.0
    logger.write({"a": 12, "late": 4})
    logger.close()
    assert read(logger.path)[-2:] == [{"a": "11", "late": ""}, {"a": "12", "late": "4"}]


KILLED = """
import os
from rolltape.loggers.csv_file import CSVLogger
logger = CSVLogger(os.environ["WHERE"])
counter = os.open(os.environ["COUNTER"], os.O_RDWR | os.O_CREAT)
i = 0
while True:
    logger.write({"i": i, "text": "x" * 50, **({f"late {i}": i} if i % 200 == 199 else {})})
    i += 1
    os.pwrite(counter, i.to_bytes(8, "little"), 0)
"""


def test_kill_9_loses_nothing(script: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(KILLED, WHERE=str(path), COUNTER=str(counter))
    while int.from_bytes(counter.read_bytes(), "little") < 1500:
        assert trainer.process.poll() is None, trainer.wait()
        time.sleep(0.01)
    assert trainer.kill() == -signal.SIGKILL
    written = int.from_bytes(counter.read_bytes(), "little")
    write(path, {"i": "after"})
    rows = read(path)
    assert [row["i"] for row in rows[:written]] == [str(i) for i in range(written)]
    assert rows[-1]["i"] == "after"
    assert len(rows) - written in (1, 2)
    assert rows[199]["late 199"] == "199"
    assert len(rows[0]) >= 2 + 1500 // 200


def test_from_many_threads(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")

    def work(me: int) -> None:
        for i in range(100):
            logger.write({"thread": me, "i": i, f"late {me} {i // 25}": 1})

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.close()
    rows = read(logger.path)
    for me in range(4):
        mine = [row for row in rows if row["thread"] == str(me)]
        assert [row["i"] for row in mine] == [str(i) for i in range(100)]
        assert all(row[f"late {me} {int(row['i']) // 25}"] == "1" for row in mine)


def test_a_cell_may_be_longer_than_the_csv_module_reads(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    many = np.arange(100_000)
    write(path, {"many": many}, {"late": 1})
    old = csv.field_size_limit(10_000_000)
    try:
        rows = read(path)
    finally:
        csv.field_size_limit(old)
    assert [row["late"] for row in rows] == ["", "1"]
    assert rows[0]["many"] == str(many.tolist())
