"""An index file gives back to the bit what went in, or says that it is unusable: whatever byte of it is damaged."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rolltape.tape.series
from rolltape.tape import index_file
from rolltape.tape.index_file import IndexFile, IndexUnusable, write_index
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, Entries
from rolltape.tape.series import Series

HEADER = {"stamp": ["a", "b"], "covered": 7, "memory": {"size": 2**40, "facts": {"\ud800": [None, 1.5]}}}
FRAMES = struct.pack("<4q", 1, 2, 3, 4), struct.pack("<2q", -5, 2**62)
LEAST, MOST = -(2**63), 2**63 - 1


@pytest.fixture(autouse=True)
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolltape.tape.series.TALL", 8)
    monkeypatch.setattr("rolltape.tape.index_file._CHUNK", 1000)
    monkeypatch.setattr("rolltape.tape.index_file._WHOLE", -1)  # what a file says, not what was kept of it


def some_series(seed: int = 0) -> dict[str, Series]:
    """Every kind of column, and several levels."""
    rng = np.random.default_rng(seed)
    count = BASE * 45 + 17
    straight, noise = np.arange(count), rng.normal(size=count)
    wild = noise.copy()
    wild[rng.random(count) < 0.3] = np.nan
    given = {
        "in order": (straight, np.cumsum(rng.integers(0, 2000, count)), noise),
        "beside it": (straight, np.cumsum(rng.integers(0, 2000, count)), wild),
        "back": (-7 * straight, -straight * 10**9, noise.astype(np.float32).astype(np.float64)),
        "at random": (rng.integers(0, 10**6, count), rng.integers(LEAST, MOST, count), 1e9 + noise),
        "constant": (np.full(count, 3), np.full(count, LEAST), np.full(count, -0.0)),
        "extremes": (rng.choice(np.array([LEAST, MOST]), count), straight, np.full(count, np.nan)),
        "\ud800 few": (straight[:5], straight[:5], np.array([np.inf, -np.inf, np.nan, -0.0, 5e-324])),
    }
    found = {}
    for name, columns in given.items():
        found[name] = Series()
        found[name].add(Columns(*columns))
    return found


Answers = dict[str, Any]


def answers(file: IndexFile) -> Answers:
    """Everything that can be read, as bytes."""
    series = file.series()
    found: Answers = {"header": repr(file.header), "frames": file.frames, "names": list(series)}
    with file.open():
        for name, one in series.items():
            found[name] = (one.points, list(one.counts), one.first, repr(one.last), [c.tobytes() for c in one.rest()])
            for level, count in enumerate(one.counts):
                columns = one.entries(level, 0, count)
                found[f"{name} {level}"] = [column.tobytes() for column in columns]
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_index(tmp_path / "a.index", HEADER, FRAMES, some_series())
    return tmp_path / "a.index"


def test_everything_comes_back(path: Path) -> None:
    file = IndexFile(path)
    expected, found = some_series(), file.series()
    assert {name: value for name, value in file.header.items() if name != "metrics"} == HEADER
    assert file.frames == [*FRAMES] or tuple(file.frames) == FRAMES
    assert list(found) == list(expected)
    with file.open():
        for name, one in expected.items():
            one.settle()
            other = found[name]
            assert (other.points, other.counts, other.first) == (one.points, one.counts, one.first)
            assert struct.pack("<qqd", *(other.last or ())) == struct.pack("<qqd", *(one.last or ()))
            for column, expected_column in zip(other.rest(), one.rest(), strict=True):
                assert column.tobytes() == expected_column.tobytes()
            for level, count in enumerate(one.counts):
                for field in Entries._fields:
                    a, b = other.column(level, field, 0, count), one.column(level, field, 0, count)
                    assert a.dtype == b.dtype
                    following = one.column(level, field.replace("high", "low"), 1, count)
                    if field.endswith("_high") and (following >= b[:-1]).all():  # an axis in order: bounds may widen
                        assert a[:-1].tolist() in (b[:-1].tolist(), following.tolist())
                        assert a[-1:].tolist() == b[-1:].tolist()
                    else:
                        assert a.tobytes() == b.tobytes(), f"{field} of {name}"
    with file.open():
        other = next(iter(file.series().values()))
        assert other.nbytes == 0, "entries stay in the file"


def test_any_stretch_of_every_column(path: Path) -> None:
    whole = answers(IndexFile(path))
    rng = random.Random(0)
    file = IndexFile(path)  # nothing of it checked so far
    series = file.series()
    for _ in range(500):
        name = rng.choice([*series])
        level = rng.randrange(len(series[name].counts))
        start, stop = sorted(rng.randint(0, series[name].counts[level]) for _ in range(2))
        if start == stop:
            continue
        with file.open():
            found = series[name].entries(level, start, stop)
            for column, data in zip(found, whole[f"{name} {level}"], strict=True):
                assert column.tobytes() == data[8 * start : 8 * stop]


integers = st.lists(
    st.one_of(st.integers(LEAST, MOST), st.sampled_from([LEAST, LEAST + 1, -1, 0, 1, MOST])), max_size=30
)
lines = st.tuples(st.integers(LEAST, MOST), st.integers(-(2**63), 2**63), st.integers(0, 20)).map(
    lambda line: [x for i in range(line[2]) if LEAST <= (x := line[0] + i * line[1]) <= MOST]
)
near = st.tuples(st.integers(LEAST, MOST - 2**33), st.lists(st.integers(0, 2**32 + 1), max_size=20)).map(
    lambda given: [given[0] + offset for offset in given[1]]
)
specials = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 5e-324, 1e308, 2.0**127, 2.0**-149, 1e-46, 0.1]
floats = st.lists(st.one_of(st.floats(width=64), st.floats(width=32), st.sampled_from(specials)), max_size=30)
axis_columns = st.one_of(integers, lines, near, integers.map(sorted)).map(lambda column: np.array(column, np.int64))
value_columns = st.one_of(
    floats.map(lambda column: np.array(column, np.float64)),
    st.floats(width=64).map(lambda value: np.full(9, value)),
    st.floats(width=32).map(lambda value: np.array([value, 1.0, value])),
)


class Given:
    """A series of which only columns matter."""

    def __init__(self, given: list[list[NDArray[Any]]]) -> None:
        self._given = given
        self.counts = [len(level[0]) for level in given]
        self.points = BASE * self.counts[0]
        self.first, self.last = (0, 0), (LEAST, MOST, -0.0)

    def settle(self) -> None:
        pass

    def rest(self) -> Columns:
        return Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def column(self, level: int, name: str, start: int, stop: int) -> NDArray[Any]:
        return self._given[level][Entries._fields.index(name)][start:stop]


def resized(column: NDArray[Any], count: int) -> NDArray[Any]:
    return np.resize(column, count) if len(column) else np.zeros(count, column.dtype)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 30),
    st.lists(axis_columns, min_size=5, max_size=5),
    st.lists(value_columns, min_size=4, max_size=4),
)
def test_every_encoding(tmp_path: Path, count: int, axes: list[NDArray[Any]], values: list[NDArray[Any]]) -> None:
    """Of axes the upper bound may be that where the next entry begins, if that loses no order."""
    given = [resized(column, count) for column in (*axes, *values)]
    write_index(tmp_path / "one.index", {}, (b"", b""), {"y": Given([given]), "z": Given([given])})  # type: ignore[dict-item]
    file = IndexFile(tmp_path / "one.index")
    for one in file.series().values():
        with file.open():
            for number, (name, expected) in enumerate(zip(Entries._fields, given, strict=True)):
                found = one.column(0, name, 0, count)
                if name.endswith("_high") and count and (given[number - 1][1:] >= expected[:-1]).all():
                    assert found.tolist() == [*given[number - 1][1:].tolist(), int(expected[-1])]
                else:
                    assert found.tobytes() == expected.tobytes()
                for start in range(0, count, 7):
                    assert one.column(0, name, start, start + 1).tobytes() == found[start : start + 1].tobytes()


def unusable_or_same(path: Path, expected: Answers) -> bool:
    """Whether it was found unusable; a wrong answer fails."""
    try:
        file = IndexFile(path)
        found = answers(file)
    except IndexUnusable:
        return True
    assert found == expected
    return False


def test_any_byte_flipped(path: Path) -> None:
    expected = answers(IndexFile(path))
    data = bytearray(path.read_bytes())
    rng = random.Random(0)
    places = {*range(64), *range(len(data) - 64, len(data)), *rng.sample(range(len(data)), min(len(data), 1500))}
    usable = []
    for at in sorted(places):
        bits = rng.randrange(1, 256) if at >= 28 else 1 << rng.randrange(8)
        data[at] ^= bits
        path.write_bytes(data)
        data[at] ^= bits
        if not unusable_or_same(path, expected):
            usable.append(at)
    assert not usable, "every byte is covered by a CRC"


@pytest.mark.parametrize("field", ["offset", "size"])
@pytest.mark.parametrize("value", [0, 1, 2**31, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1])
def test_lengths_are_not_trusted(path: Path, field: str, value: int) -> None:
    data = bytearray(path.read_bytes())
    at = {"offset": 8, "size": 16}[field]
    data[at : at + 8] = struct.pack("<Q", value)
    path.write_bytes(data)
    with pytest.raises(IndexUnusable):
        IndexFile(path)


def test_cut_anywhere(path: Path) -> None:
    expected = answers(IndexFile(path))
    data = path.read_bytes()
    step = max(1, len(data) // 1500)
    for size in (*range(100), *range(100, len(data), step), *range(len(data) - 50, len(data))):
        path.write_bytes(data[:size])
        assert unusable_or_same(path, expected), f"cut to {size} bytes"


@pytest.mark.parametrize("content", [b"", b"RTINDEX1", b"\0" * 500, b"RTF1" * 100, os.urandom(5000)])
def test_a_foreign_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.index").write_bytes(content)
    with pytest.raises(IndexUnusable, match=r"a\.index"):
        IndexFile(tmp_path / "a.index")


def test_missing_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(IndexUnusable):
        IndexFile(tmp_path / "a.index")
    with pytest.raises(IndexUnusable):
        IndexFile(tmp_path)


def test_another_version(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for version in b"0", b"2":
        data[7:8] = version
        path.write_bytes(data)
        with pytest.raises(IndexUnusable, match="version"):
            IndexFile(path)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"metrics": 5}', b"null", b"\xff", b'{"metrics": [{}]}'])
def test_a_header_that_no_writer_writes(path: Path, content: bytes) -> None:
    """The CRC is right, the content is not: what is raised then is what `IndexedTape` takes for unusable."""
    packed = index_file.compress(index_file._pack_parts([content, *[b""] * 7]))
    front = index_file._FRONT.pack(index_file.MAGIC, 28, len(packed), zlib.crc32(packed))
    path.write_bytes(front + packed)
    with pytest.raises((IndexUnusable, LookupError, TypeError, ValueError)):
        IndexFile(path).series()


def replace_by_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("change", [Path.unlink, replace_by_copy, append, lambda path: os.utime(path, ns=(5, 5))])
def test_changed_between_two_looks(path: Path, change: Callable[[Path], None]) -> None:
    file = IndexFile(path)
    series = file.series()
    with file.open():
        series["at random"].entries(0, 0, 1)
    change(path)
    with pytest.raises(IndexUnusable), file.open():
        series["at random"].entries(0, 0, 1)


@pytest.mark.parametrize("change", [Path.unlink, replace_by_copy])
def test_columns_that_were_kept_are_those_of_the_file_that_was_opened(
    path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "_WHOLE", 10**6)
    file = IndexFile(path)
    expected = answers(file)
    assert answers(file) == expected
    change(path)
    with contextlib.suppress(IndexUnusable):
        assert answers(file) == expected
    write_index(path, HEADER, FRAMES, some_series(1))
    with contextlib.suppress(IndexUnusable):
        assert answers(file) == expected
    fresh = some_series(1)
    for one in fresh.values():
        one.settle()
    new = IndexFile(path)
    series = new.series()
    with new.open():
        for name in ("at random", "in order"):
            found, made = series[name].entries(0, 0, 45), fresh[name].entries(0, 0, 45)
            assert found.total.tobytes() == made.total.tobytes()


def test_what_is_kept_cannot_be_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column is handed to whoever asks: nobody may change it for the others."""
    monkeypatch.setattr(index_file, "_WHOLE", 10**6)
    file = IndexFile(path)
    series = file.series()
    with file.open():
        for one in series.values():
            for level, count in enumerate(one.counts):
                for column in one.entries(level, 0, count):
                    assert not len(column) or not column.flags.writeable


def test_replaced_while_it_is_open(path: Path) -> None:
    """What was opened is what is read to the end."""
    expected = answers(IndexFile(path))
    file = IndexFile(path)
    series = file.series()
    with file.open():
        series["at random"].entries(0, 0, 1)
        write_index(path.with_name("other"), {}, FRAMES, some_series(1))
        path.with_name("other").replace(path)
        found = {
            f"{name} {level}": [column.tobytes() for column in one.entries(level, 0, count)]
            for name, one in series.items()
            for level, count in enumerate(one.counts)
        }
    assert found == {name: columns for name, columns in expected.items() if name in found}
    with pytest.raises(IndexUnusable), file.open():
        series["at random"].entries(0, 0, 1)


def test_cut_while_it_is_open(path: Path) -> None:
    file = IndexFile(path)
    series = file.series()
    with file.open():
        os.truncate(path, 30)
        with pytest.raises(IndexUnusable):
            for one in series.values():
                for level, count in enumerate(one.counts):
                    one.entries(level, 0, count)


def test_it_must_be_open(path: Path) -> None:
    series = IndexFile(path).series()
    with pytest.raises((IndexUnusable, RuntimeError)):
        for one in series.values():
            for level, count in enumerate(one.counts):
                one.entries(level, 0, count)


def test_opened_twice_at_once(path: Path) -> None:
    file = IndexFile(path)
    expected = answers(IndexFile(path))
    with file.open():
        with file.open():
            pass
        assert answers(file) == expected
    assert answers(file) == expected


def test_no_series_and_series_of_few_points(tmp_path: Path) -> None:
    write_index(tmp_path / "a.index", {}, (b"", b""), {})
    assert IndexFile(tmp_path / "a.index").series() == {}
    one = Series()
    one.add(Columns(np.array([LEAST]), np.array([MOST]), np.array([np.nan])))
    write_index(tmp_path / "a.index", {}, (b"", b""), {"y": one})
    found = IndexFile(tmp_path / "a.index").series()["y"]
    assert (found.points, found.counts, found.first) == (1, [0], (LEAST, MOST))


def test_equal_columns_are_stored_once(tmp_path: Path) -> None:
    def size_of(names: list[str]) -> int:
        one = some_series()["at random"]
        write_index(tmp_path / "a.index", {}, (b"", b""), dict.fromkeys(names, one))
        return (tmp_path / "a.index").stat().st_size

    assert size_of(["a", "b", "c"]) < 1.5 * size_of(["a"])


def test_a_write_that_fails_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_file._Data, "add", fail)
        with pytest.raises(OSError, match="No space"):
            write_index(path, HEADER, FRAMES, some_series(1))
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_leftover_of_a_killed_process_is_in_nobodys_way(path: Path) -> None:
    for name in (f"{path.name}.{os.getpid()}.tmp", f"{path.name}.1.tmp"):
        path.with_name(name).write_bytes(b"half an index")
    write_index(path, HEADER, FRAMES, some_series(1))
    assert answers(IndexFile(path))["names"] == [*some_series()]


def write_often(path: Path, seed: int, times: int) -> None:
    index_file._CHUNK, index_file._WHOLE, rolltape.tape.series.TALL = 1000, -1, 8  # as `low`, also in another process
    series = some_series(seed)
    for _ in range(times):
        write_index(path, {"seed": seed}, FRAMES, series)


def read_meanwhile(path: Path, expected: Mapping[int, Answers], working: Callable[[], bool]) -> int:
    """How often an index was read to the end; each is one of those that are written."""
    read = 0
    while working():
        with contextlib.suppress(IndexUnusable):  # replaced between two looks
            file = IndexFile(path)
            found = answers(file)
            assert found == expected[file.header["seed"]]
            read += 1
    return read


def expected_of(path: Path, seeds: range) -> dict[int, Answers]:
    found = {}
    for seed in seeds:
        write_often(path, seed, 1)
        found[seed] = answers(IndexFile(path))
    return found


def test_two_processes_write_the_same_index(tmp_path: Path) -> None:
    path = tmp_path / "a.index"
    expected = expected_of(path, range(2))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(path, seed, 60)) for seed in (0, 1)]
    for writer in writers:
        writer.start()
    assert read_meanwhile(path, expected, lambda: any(writer.is_alive() for writer in writers)) > 3
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [other.name for other in tmp_path.iterdir()] == ["a.index"]


def test_two_threads_write_the_same_index(tmp_path: Path) -> None:
    """Two stores of one process: a server and a script in a notebook."""
    path = tmp_path / "a.index"
    expected = expected_of(path, range(2))
    troubles: list[BaseException] = []

    def write(seed: int) -> None:
        try:
            write_often(path, seed, 40)
        except BaseException as error:
            troubles.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (0, 1)]
    for writer in writers:
        writer.start()
    read_meanwhile(path, expected, lambda: any(writer.is_alive() for writer in writers))
    assert not troubles
    file = IndexFile(path)
    assert answers(file) == expected[file.header["seed"]]
