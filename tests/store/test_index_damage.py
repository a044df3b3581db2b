"""Whatever happens to tapes and indexes while a store has them open: the right answer or a clear refusal."""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_every_bucket import check_exact, check_snapped, low_pyramids  # noqa: F401

import rolltape
from rolltape.store.directory import DirectoryStore
from rolltape.tape import indexed_tape
from rolltape.tape.index_file import IndexUnusable
from rolltape.tape.reader import TapeReader

Floats = NDArray[np.float64]
START = 1_700_000_000_000_000_000


def log(run: rolltape.Run, start: int, stop: int, **others: Floats) -> None:
    """Points start to stop: the value and the time tell of the step."""
    step = np.arange(start, stop)
    run.log_batch({"y": np.sin(step) + step * 0.001, **others}, step=step, time=START + step * 1_000_000)


def record(name: str, count: int, project: str = "p", frames: int = 5) -> Path:
    """An ended run in several frames; its tape."""
    with rolltape.init(project=project, id=name) as run:
        for i in range(frames):
            log(run, count * i // frames, count * (i + 1) // frames)
    return run._writer.path


def check(store: DirectoryStore, run: str, count: int, start: int = 0) -> None:
    """That the run holds points ``start`` to ``count``: in full view and in windows, exact and snapped."""
    step = np.arange(start, count)
    value = np.sin(step) + step * 0.001
    x = step.astype(np.float64)
    windows = [None, (start + (count - start) * 0.2, start + (count - start) * 0.7)]
    for window in windows:
        for exact in (False, True):
            curve = store.curve("y", runs=[run], buckets=7, window=window, exact=exact)
            (buckets,) = curve.runs.values()
            if exact:
                check_exact(buckets, curve.edges, x, value)
            else:
                check_snapped(buckets, curve.edges, x, value, whole=window is None)
        found = [columns.value for _, columns in store.scan(run, "y", window=window)]
        inside = (x >= window[0]) & (x <= window[1]) if window else slice(None)
        assert np.concatenate(found).tobytes() == value[inside].tobytes()
    assert np.array_equal(store.points(run, "y").step, step)


def index_of(tape: Path) -> Path:
    return tape.with_suffix(".index")


def damage(path: Path, seed: int = 0) -> None:
    """Flip bytes here and there, everywhere but in the header at its end."""
    data = bytearray(path.read_bytes())
    offset = int.from_bytes(data[8:16], "little")
    for at in random.Random(seed).sample(range(28, offset), min(20, offset - 28)):
        data[at] ^= 0x5A
    path.write_bytes(data)


def damage_front(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20] ^= 0xFF  # of the header's size
    path.write_bytes(data)


def damage_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


def other_version(path: Path) -> None:
    path.write_bytes(b"RTINDEX9" + path.read_bytes()[8:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def directory_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


CHANGES = [Path.unlink, damage, damage_front, damage_header, other_version, cut, empty, directory_instead]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From which frame on tapes were read into indexes."""
    starts: list[int] = []
    original = TapeReader.whole_frames

    def whole_frames(self: TapeReader, start: int) -> Iterator[Any]:
        starts.append(start)
        return original(self, start)

    monkeypatch.setattr(TapeReader, "whole_frames", whole_frames)
    return starts


# The index


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("same_store", [True, False])
def test_an_index_changed_between_two_questions(tapes: Path, change: Callable[[Path], None], same_store: bool) -> None:
    tape = record("r", 3000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    assert index_of(tape).is_file()
    change(index_of(tape))
    if not same_store:
        store = rolltape.open(tapes)
    check(store, "r", 3000)
    check(rolltape.open(tapes), "r", 3000)
    if change is not directory_instead:
        assert index_of(tape).read_bytes()[:8] == b"RTINDEX1", "made again in its place"


@pytest.mark.parametrize("change", [Path.unlink, damage, damage_header])
def test_an_index_changed_between_two_questions_of_a_live_run(tapes: Path, change: Callable[[Path], None]) -> None:
    with rolltape.init(project="p", id="r") as run:
        store = rolltape.open(tapes)
        for i in range(12):
            log(run, 1000 * i, 1000 * i + 1000)
            check(store, "r", 1000 * i + 1000)
            if i % 4 == 1:
                assert index_of(run._writer.path).is_file()
                change(index_of(run._writer.path))
    check(store, "r", 12_000)
    assert index_of(run._writer.path).is_file(), "still made where it was"


def test_an_index_that_is_whole_is_not_made_again(tapes: Path, decoded: list[int]) -> None:
    record("r", 3000)
    check(rolltape.open(tapes), "r", 3000)
    assert decoded == [0]
    check(rolltape.open(tapes), "r", 3000)
    assert decoded == [0]


def test_an_index_grows_with_its_run(tapes: Path, decoded: list[int]) -> None:
    """Frames are read into it once, however often one looks."""
    with rolltape.init(project="p", id="r") as run:
        store = rolltape.open(tapes)
        for i in range(8):
            log(run, 1000 * i, 1000 * i + 1000)
            check(store, "r", 1000 * i + 1000)
    assert len(decoded) > 5
    assert decoded == sorted(set(decoded))


def test_two_stores_follow_one_run(tapes: Path, decoded: list[int]) -> None:
    """A page and a notebook: neither destroys what the other made, and both are right."""
    with rolltape.init(project="p", id="r") as run:
        stores = [rolltape.open(tapes), rolltape.open(tapes)]
        for i in range(8):
            log(run, 1000 * i, 1000 * i + 1000)
            for store in stores:
                check(store, "r", 1000 * i + 1000)
    assert decoded.count(0) <= 2, "nobody begins from the start again"


def test_another_process_puts_its_index_there_at_the_same_moment(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone on from is one's own index, not what lies there by then: that may know less, or more."""
    original = indexed_tape.write_index
    for known, mine in ((3, 6), (6, 3)):
        name = f"r{known}"
        run = rolltape.init(project="p", id=name)
        path = run._writer.path
        kept = path.with_name("kept")

        def write_and_be_overtaken(place: Path, *rest: Any, kept: Path = kept) -> None:
            original(place, *rest)
            if kept.exists():
                kept.replace(place)

        copy = tapes / "p" / f"copy of {name}"
        copy.mkdir()
        for i in range(1, 7):
            log(run, 1000 * i - 1000, 1000 * i)
            if i == mine:
                shutil.copy(path, copy / path.name)
            if i == known:
                check(rolltape.open(tapes), name, 1000 * i)
                shutil.copy(index_of(path), kept)
                index_of(path).unlink()
        run.close()
        # A store that sees `mine` frames, while the other one has seen `known`
        shutil.copy(path.with_name("run.json"), copy)
        reader = indexed_tape.IndexedTape(copy / path.name, [index_of(copy / path.name)])
        with monkeypatch.context() as patch:
            patch.setattr(indexed_tape, "write_index", write_and_be_overtaken)
            for _ in range(3):  # as a store does
                try:
                    reader.update()
                    break
                except IndexUnusable:
                    reader.forget()
        series = reader.series("y")
        assert series is not None
        assert series.points + len(reader.reader.head_points("y").step) == 1000 * mine


def test_the_index_of_another_run(tapes: Path) -> None:
    first, second = record("a", 3000), record("b", 5000, frames=4)
    third = record("c", 3000)
    store = rolltape.open(tapes)
    for name, count in (("a", 3000), ("b", 5000), ("c", 3000)):
        check(store, name, count)
    shutil.copy(index_of(first), index_of(second))
    shutil.copy(index_of(third), index_of(first))
    for one in (store, rolltape.open(tapes)):
        for name, count in (("a", 3000), ("b", 5000), ("c", 3000)):
            check(one, name, count)


def test_an_index_that_cannot_be_removed(tapes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Damaged, on tapes that are read-only: it is passed over."""
    tape = record("r", 3000)
    check(rolltape.open(tapes), "r", 3000)
    damage(index_of(tape))

    original = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if tapes in self.parents:
            raise OSError(errno.EROFS, "Read-only file system", str(self))
        original(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(indexed_tape, "write_index", read_only(tapes, indexed_tape.write_index))
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    check(store, "r", 3000)
    check(rolltape.open(tapes), "r", 3000)


def read_only(place: Path, write: Callable[..., None]) -> Callable[..., None]:
    """A `write_index` that cannot write under ``place``."""

    def refuse(path: Path, *rest: Any) -> None:
        if place in path.parents:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        write(path, *rest)

    return refuse


def test_read_only_tapes(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]) -> None:
    tape = record("r", 3000)
    monkeypatch.setattr(indexed_tape, "write_index", read_only(tapes, indexed_tape.write_index))
    check(rolltape.open(tapes), "r", 3000)
    assert not index_of(tape).exists()
    (kept,) = (tmp_path / "cache").rglob("*.index")
    assert decoded == [0]
    check(rolltape.open(tapes), "r", 3000)
    assert decoded == [0], "it is found in the cache directory"
    damage(kept)
    check(rolltape.open(tapes), "r", 3000)
    kept.unlink(missing_ok=True)
    check(rolltape.open(tapes), "r", 3000)


def test_of_two_indexes_the_one_that_reaches_further(
    tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    """Beside the tape lies an old one; since then the tapes are read-only."""
    with rolltape.init(project="p", id="r") as run:
        log(run, 0, 1000)
        check(rolltape.open(tapes), "r", 1000)
        assert index_of(run._writer.path).is_file()
        log(run, 1000, 5000)
    monkeypatch.setattr(indexed_tape, "write_index", read_only(tapes, indexed_tape.write_index))
    check(rolltape.open(tapes), "r", 5000)
    assert len([*(tmp_path / "cache").rglob("*.index")]) == 1
    decoded.clear()
    check(rolltape.open(tapes), "r", 5000)
    assert decoded == []


def test_neither_can_be_written(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(cache))
        name = f"r{len(cache.parts)}"
        tape = record(name, 3000)
        monkeypatch.setattr(indexed_tape, "write_index", read_only(tapes, indexed_tape.write_index))
        store = rolltape.open(tapes)
        check(store, name, 3000)
        check(store, name, 3000)
        assert not index_of(tape).exists()


def test_a_full_disk(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index half written is not left behind."""
    tape = record("r", 3000)
    before = {path.name for path in tape.parent.iterdir()}
    from rolltape.tape import index_file

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_file._Data, "add", fail)
        check(rolltape.open(tapes), "r", 3000)
    assert {path.name for path in tape.parent.iterdir()} == before


def test_interrupted_while_an_index_is_made(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a notebook, anywhere: the next answer counts every point once."""
    from rolltape.tape.series import Series

    original = Series.settle
    for after in range(1, 14, 3):
        name = f"r{after}"
        with rolltape.init(project="p", id=name) as run:
            for i in range(6):
                log(run, 500 * i, 500 * i + 500, z=np.arange(500.0), other=np.ones(500))
        calls = 0

        def settle(self: Series, after: int = after) -> None:
            nonlocal calls
            calls += 1
            if calls == after:
                raise KeyboardInterrupt
            original(self)

        store = rolltape.open(tapes)
        with monkeypatch.context() as patch:
            patch.setattr(Series, "settle", settle)
            with pytest.raises(KeyboardInterrupt):
                for _ in range(10):
                    store.curve("y", runs=[name])
        check(store, name, 3000)
        check(rolltape.open(tapes), name, 3000)
        for metric in ("z", "other"):
            assert store.curve(metric, runs=[name]).runs[f"p/{name}"].count.sum() == 3000


def test_progress_that_raises(tapes: Path) -> None:
    record("r", 3000)
    store = rolltape.open(tapes)

    def progress(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.index(progress=progress)
    check(store, "r", 3000)


@pytest.mark.parametrize("change", CHANGES)
def test_indexes_are_brought_up_to_date_by_hand(tapes: Path, change: Callable[[Path], None]) -> None:
    tape = record("r", 3000)
    store = rolltape.open(tapes)
    told: list[tuple[int, int]] = []
    store.index(progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] <= told[-1][1] == tape.stat().st_size
    assert told == sorted(told)
    change(index_of(tape))
    store.index()
    check(store, "r", 3000)


def test_a_tape_so_long_that_its_index_is_put_aside_in_between(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    monkeypatch.setattr(indexed_tape, "_LARGE", 1500)
    record("r", 10_000, frames=9)
    check(rolltape.open(tapes), "r", 10_000)
    assert decoded[0] == 0
    decoded.clear()
    check(rolltape.open(tapes), "r", 10_000)
    assert decoded == [], "the whole of it lies in the file in the end"


# The tape


def frames_of(tape: Path) -> list[int]:
    """Where each frame begins."""
    data, starts, at = tape.read_bytes(), [], 0
    while at < len(data):
        starts.append(at)
        at += 36 + int.from_bytes(data[at + 8 : at + 12], "little")
    return starts


@pytest.mark.parametrize("reopened", [True, False])
@pytest.mark.parametrize("extra", [0, 1, 35, 36, 40, -1])
def test_a_tape_that_shrank(tapes: Path, reopened: bool, extra: int) -> None:
    """To whole frames, or within a header or a payload: what is whole then is what there is, and it is said."""
    tape = record("r", 3000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    starts = [start for start in frames_of(tape) if tape.read_bytes()[start + 4] == 3]
    size = starts[4] + extra if extra >= 0 else frames_of(tape)[-1] + 50  # -1: in END
    os.truncate(tape, size)
    expected = 3000 if extra < 0 else 2400
    without_index = TapeReader(tape)
    if reopened:
        store = rolltape.open(tapes)
    check(store, "r", expected)
    (writer,) = store.writers("r")
    problem = None if without_index.alive else without_index.problem
    assert (writer.points, writer.problem) == (without_index.points, problem)
    version = store.files("r").refresh()
    assert store.files("r").refresh() == version, "nothing is new if nothing happens"


@pytest.mark.parametrize("reopened", [True, False])
def test_a_tape_of_which_nothing_is_left(tapes: Path, reopened: bool) -> None:
    tape = record("r", 3000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    os.truncate(tape, 0)
    if reopened:
        store = rolltape.open(tapes)
    with pytest.raises(rolltape.MetricNotFound):
        store.curve("y", runs=["r"])
    with pytest.raises(rolltape.MetricNotFound):
        store.points("r", "y")


@pytest.mark.parametrize("reopened", [True, False])
def test_a_foreign_file_in_the_place_of_a_tape(tapes: Path, reopened: bool) -> None:
    """It is told among the writers; another run's curve is not touched by it."""
    tape, _ = record("r", 3000), record("other", 1000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    tape.write_bytes(b"hello, this is no tape" * 10_000)
    if reopened:
        store = rolltape.open(tapes)
    check(store, "other", 1000)
    assert set(store.curve("y").runs) == {"p/other"}
    with pytest.raises(rolltape.MetricNotFound):
        store.curve("y", runs=["r"])
    (writer,) = store.writers("r")
    assert "is not a tape" in (writer.problem or "")


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("reopened", [True, False])
@pytest.mark.parametrize("count", [1000, 2999, 3000, 9000])
def test_a_tape_replaced_by_another(tapes: Path, in_place: bool, reopened: bool, count: int) -> None:
    tape = record("r", 3000)
    other = record("other", count)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    if in_place:
        tape.write_bytes(other.read_bytes())
    else:
        shutil.copy(other, tape.with_name("new"))
        tape.with_name("new").replace(tape)
    if reopened:
        store = rolltape.open(tapes)
    check(store, "r", count)
    check(rolltape.open(tapes), "r", count)


def test_a_tape_that_grew_after_another_process_made_its_index(tapes: Path, decoded: list[int]) -> None:
    run = rolltape.init(project="p", id="r")
    log(run, 0, 2000)
    early = rolltape.open(tapes)
    check(early, "r", 2000)
    log(run, 2000, 2700)
    log(run, 2700, 5000)
    check(rolltape.open(tapes), "r", 5000)
    assert max(decoded) > 0, "it goes on from where the index ends"
    run.log({"y": np.sin(5000) + 5.0}, 5000)
    check(early, "r", 5001)
    check(rolltape.open(tapes), "r", 5001)
    run.close()
    check(early, "r", 5001)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_frame_in_the_middle(tapes: Path, indexed: bool) -> None:
    """With an index or without: what is whole before it, or an error that names the tape; never anything else."""
    tape = record("r", 3000)
    if indexed:
        check(rolltape.open(tapes), "r", 3000)
    starts = [start for start in frames_of(tape) if tape.read_bytes()[start + 4] == 3]
    data = bytearray(tape.read_bytes())
    data[starts[2] + 200] ^= 1
    tape.write_bytes(data)
    store = rolltape.open(tapes)
    for ask in (
        lambda: store.points("r", "y").step,
        lambda: np.concatenate([points.step for _, points in store.scan("r", "y")]),
        lambda: np.concatenate([points.step for _, points in store.scan("r", "y", window=(0, 3000))]),
    ):
        try:
            step = ask()
        except rolltape.RolltapeError as error:
            assert tape.name in str(error)
        else:
            assert step.tolist() == list(range(1200))
    for exact in (True, False):
        try:
            curve = store.curve("y", buckets=50, window=(0, 3000), exact=exact)
        except rolltape.RolltapeError as error:
            assert tape.name in str(error)
        else:
            assert curve.runs["p/r"].count.sum() in (1200, 3000)


# Deleted


def test_a_tape_deleted_under_a_store(tapes: Path) -> None:
    """As `rm` does on its way through a run's directory."""
    tape = record("r", 3000)
    record("other", 1000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    tape.unlink()
    with pytest.raises(rolltape.MetricNotFound):
        store.points("r", "y")
    with pytest.raises(rolltape.MetricNotFound):
        store.curve("y", runs=["r"])
    assert set(store.curve("y").runs) == {"p/other"}
    assert store.run("r").points == 0


def test_one_of_two_tapes_deleted(tapes: Path) -> None:
    gone = record("r", 3000)
    with rolltape.init(project="p", id="r") as run:
        log(run, 3000, 5000)
    store = rolltape.open(tapes)
    check(store, "r", 5000)
    gone.unlink()
    check(store, "r", 5000, start=3000)


def test_a_run_deleted_and_recorded_again(tapes: Path) -> None:
    """Under the same id, between two questions: nothing of the old one is left."""
    record("r", 3000)
    store = rolltape.open(tapes)
    check(store, "r", 3000)
    shutil.rmtree(tapes / "p" / "r")
    with rolltape.init(project="p", id="r", name="again", config={"lr": 2}) as run:
        log(run, 500, 2000)
    check(store, "r", 2000, start=500)
    info = store.run("r")
    assert (info.name, info.config, info.points) == ("again", {"lr": 2}, 1500)


@pytest.mark.parametrize("writers", [1, 2])
@pytest.mark.parametrize("window", [None, (0, 10_000)])
def test_a_run_deleted_while_it_is_scanned(tapes: Path, writers: int, window: tuple[float, float] | None) -> None:
    """What was told before is right; what comes after is right too or a clear error."""
    for i in range(writers):
        with rolltape.init(project="p", id="r") as run:
            for j in range(5):
                log(run, 5000 * i + 1000 * j, 5000 * i + 1000 * j + 1000)
    blocks = rolltape.open(tapes).scan("r", "y", window=window)
    found = [next(blocks)[1].step]
    shutil.rmtree(tapes / "p" / "r")
    try:
        found += [points.step for _, points in blocks]
        assert len(np.concatenate(found)) == 5000 * writers
    except (rolltape.RolltapeError, FileNotFoundError) as error:
        assert "p/r" in str(error)
    steps = np.concatenate(found)
    assert np.array_equal(steps, np.arange(len(steps)))


def test_runs_deleted_while_curves_are_drawn(tapes: Path) -> None:
    names = [f"r{i}" for i in range(12)]
    for name in names:
        record(name, 2000)
    store = rolltape.open(tapes)

    def delete() -> None:
        for name in names[1:]:
            while (tapes / "p" / name).exists():  # an index may be written there at this moment
                shutil.rmtree(tapes / "p" / name, ignore_errors=True)

    deleting = threading.Thread(target=delete)
    deleting.start()
    while deleting.is_alive():
        curve = store.curve("y", buckets=10, exact=True)
        for buckets in curve.runs.values():
            assert buckets.count.sum() == 2000
    deleting.join()
    assert set(store.curve("y").runs) == {"p/r0"}


def test_a_run_without_tapes(tapes: Path) -> None:
    """As it is for a moment when a run begins: on every axis it is a run without the metric."""
    tape = record("r", 1000)
    shutil.copytree(tape.parent, tapes / "p" / "bare", ignore=shutil.ignore_patterns("*.tape", "*.index"))
    store = rolltape.open(tapes)
    for x in ("step", "time", "relative", "process", "y"):
        assert set(store.curve("y", x=x).runs) == {"p/r"}


# Many, late, killed, forked, interleaved


def test_hundreds_of_metrics(tapes: Path) -> None:
    metrics = 300
    values = np.random.default_rng(0).normal(size=(metrics, 700))
    with rolltape.init(project="p", id="r") as run:
        for start in range(0, 700, 100):
            part = slice(start, start + 100)
            run.log_batch({f"m{i}": values[i, part] for i in range(metrics)}, step=np.arange(start, start + 100))
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        for i in (0, 1, 63, 150, metrics - 1):
            curve = store.curve(f"m{i}", buckets=9, exact=True)
            check_exact(curve.runs["p/r"], curve.edges, np.arange(700.0), values[i])
        assert len(store.metrics("r")) == metrics


def test_a_metric_that_appears_late(tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        store = rolltape.open(tapes)
        log(run, 0, 2000)
        check(store, "r", 2000)
        with pytest.raises(rolltape.MetricNotFound):
            store.curve("late")
        log(run, 2000, 3000, late=np.arange(1000.0))
        assert store.curve("late").runs["p/r"].count.sum() == 1000
        run.log({"later": 1.0}, 5)
        assert store.curve("later").runs["p/r"].count.tolist()[:1] == [1]
        check(store, "r", 3000)
    for one in (store, rolltape.open(tapes)):
        check(one, "r", 3000)
        curve = one.curve("late", buckets=4, exact=True)
        check_exact(curve.runs["p/r"], curve.edges, np.arange(2000.0, 3000), np.arange(1000.0))
        assert one.curve("later").runs["p/r"].count.sum() == 1


def test_a_metric_only_in_the_head_of_a_live_run(tapes: Path) -> None:
    run = rolltape.init(project="p", id="r")
    log(run, 0, 2000)
    for i in range(5):
        run.log({"fresh": float(i)}, 100 * i)
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("fresh", buckets=4, exact=True)
        assert curve.edges.tolist() == [0, 100, 200, 300, 400]
        assert curve.runs["p/r"].count.tolist() == [1, 1, 1, 2]
        assert np.concatenate([p.value for _, p in store.scan("r", "fresh", window=(100, 300))]).tolist() == [1, 2, 3]


def test_text_in_one_run_and_a_number_in_another(tapes: Path) -> None:
    with rolltape.init(project="p", id="text") as run:
        run.log({"y": "hello"})
    record("number", 1000)
    store = rolltape.open(tapes)
    assert set(store.curve("y").runs) == {"p/number"}
    with pytest.raises(rolltape.MetricNotFound, match="text of that name"):
        store.curve("y", runs=["text"])
    with pytest.raises(rolltape.MetricNotFound, match="text of that name"):
        next(store.scan("text", "y"))


@pytest.mark.parametrize("count", [50, 3000])
def test_windows_of_nothing_but_nan(tapes: Path, count: int) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": np.where(np.arange(count) < count // 2, np.nan, 1.0)}, step=np.arange(count))
    store = rolltape.open(tapes)
    for exact in (True, False):
        buckets = store.curve("y", window=(0, count // 2 - 1), buckets=3, exact=exact).runs["p/r"]
        assert buckets.count.sum() == 0 or not exact
        if exact:
            assert buckets.nonfinite.sum() == count // 2
            assert np.isnan([buckets.mean, buckets.min, buckets.max, buckets.std]).all()
    beyond = store.curve("y", window=(count * 2.0, count * 3.0), buckets=3).runs["p/r"]
    assert (beyond.count.sum(), beyond.nonfinite.sum()) == (0, 0)


KILLED = """
    import numpy as np, rolltape
    run = rolltape.init(project="p", id="r")
    for start in range(0, 3000, 1000):
        step = np.arange(start, start + 1000)
        run.log_batch({"y": np.sin(step) + step * 0.001}, step=step)
    for i in range(3000, 3300):
        run.log({"y": float(np.sin(i) + i * 0.001)}, i)
    print("ready")
    input()
"""


def test_a_killed_run(tapes: Path, script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left in its head belongs to it, with an index and without."""
    monkeypatch.setattr(indexed_tape, "_ENDED", 1)
    writer = script(KILLED)
    assert writer.line() == "ready"
    store = rolltape.open(tapes)
    check(store, "r", 3300)
    writer.kill()
    (tape,) = (tapes / "p" / "r").glob("*.tape")
    for one in (store, rolltape.open(tapes), rolltape.open(tapes)):
        check(one, "r", 3300)
        assert one.run("r").status == "killed"
    index_of(tape).unlink(missing_ok=True)
    check(store, "r", 3300)


def test_forked_writers(tapes: Path) -> None:
    """Each process has a tape of its own; a curve holds the points of all of them."""
    run = rolltape.init(project="p", id="r")
    log(run, 0, 1000)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            log(run, 1000, 2000)
            run.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    log(run, 2000, 3000)
    run.close()
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("y", buckets=6, exact=True)
        step = np.arange(3000)
        check_exact(curve.runs["p/r"], curve.edges, step.astype(float), np.sin(step) + step * 0.001)
        assert len(store.writers("r")) == 2


def test_three_ranks_interleaved_in_time(tapes: Path) -> None:
    rng = np.random.default_rng(0)
    runs = [rolltape.init(project="p", id="r") for _ in range(3)]
    store = rolltape.open(tapes)
    steps: list[NDArray[np.int64]] = []
    times: list[NDArray[np.int64]] = []
    values: list[Floats] = []
    for i in range(12):
        step = np.arange(300) + 300 * (i // 3)
        time = START + step * 1000 + rng.integers(0, 999)
        value = rng.normal(size=300)
        value[rng.random(300) < 0.1] = np.nan
        runs[i % 3].log_batch({"y": value}, step=step, time=time)
        for kept, column in ((steps, step), (times, time), (values, value)):
            kept.append(column)
        check_ranks(store, *(np.concatenate(columns) for columns in (steps, times, values)))
    for run in runs:
        run.close()
    check_ranks(store, *(np.concatenate(columns) for columns in (steps, times, values)))
    check_ranks(rolltape.open(tapes), *(np.concatenate(columns) for columns in (steps, times, values)))


def check_ranks(store: DirectoryStore, step: NDArray[np.int64], time: NDArray[np.int64], value: Floats) -> None:
    for x, axis in (("step", step.astype(float)), ("time", time / 1e9)):
        for exact in (True, False):
            curve = store.curve("y", x=x, buckets=11, exact=exact)
            assert (curve.edges[0], curve.edges[-1]) == (axis.min(), axis.max())
            if exact:
                check_exact(curve.runs["p/r"], curve.edges, axis, value)
            else:
                assert curve.runs["p/r"].count.sum() == np.isfinite(value).sum()
                assert curve.runs["p/r"].nonfinite.sum() == np.isnan(value).sum()
