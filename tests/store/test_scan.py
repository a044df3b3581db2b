"""Scans: the points of a window as brute force filters them, in the order they were logged, in blocks."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_every_bucket import low_pyramids, record, stretches  # noqa: F401

import rolltape
from rolltape.store.model import Points
from rolltape.tape.writer import FRAME_ROWS

Floats = NDArray[np.float64]
numbers = itertools.count()


def joined(blocks: list[tuple[Floats, Points]]) -> tuple[Floats, Points]:
    nothing = np.empty(0), Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    every = [nothing, *blocks]
    columns = zip(*(points for _, points in every), strict=True)
    return np.concatenate([x for x, _ in every]), Points(*(np.concatenate(column) for column in columns))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(stretches, st.integers(0, 2**32), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), st.integers(1, 3))
def test_a_scan_is_the_points_filtered(
    tmp_path: Path, given: list[tuple[int, str, str, bool]], seed: int, zoom: list[float], writers: int
) -> None:
    place = tmp_path / f"tapes{next(numbers)}"
    runs = [rolltape.init(project="p", id="r", dir=place) for _ in range(writers)]
    for number, one in enumerate(given):
        record(runs[number % writers], [one], seed + number)
    for run in runs[1:]:
        run.close()
    for store in (rolltape.open(place), rolltape.open(place)):
        for metric in ("y", "other"):
            every = store.points("r", metric)
            for x in ("step", "time"):
                axis = every.step.astype(float) if x == "step" else every.time / 1e9
                low, high = axis.min() + (axis.max() - axis.min()) * np.array(zoom)
                on_points = np.quantile(axis, zoom, method="nearest").tolist()
                for window in (None, (low, high), tuple(on_points), (axis.max() + 1, axis.max() + 2)):
                    if window is not None and not window[0] < window[1]:
                        continue
                    found_x, found = joined([*store.scan("r", metric, x=x, window=window)])
                    inside = (axis >= window[0]) & (axis <= window[1]) if window else slice(None)
                    assert found_x.tobytes() == axis[inside].tobytes()
                    for one, other in zip(found, every, strict=True):
                        assert one.tobytes() == other[inside].tobytes()
        runs[0].close()


def test_blocks_are_limited(tapes: Path) -> None:
    """However many points there are: none is larger than a frame."""
    count = 3 * FRAME_ROWS
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": np.arange(float(count))})
    store = rolltape.open(tapes)
    for window in (None, (-1, count + 1), (10, count - 10)):
        blocks = store.scan("r", "y", window=window)
        sizes = [len(points.step) for _, points in blocks]
        assert max(sizes) <= FRAME_ROWS
        assert sum(sizes) >= count - 20


def test_a_narrow_window_reads_few_frames(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rolltape.tape import reader

    with rolltape.init(project="p", id="r") as run:
        for i in range(50):
            run.log_batch({"y": np.arange(1000.0)}, step=1000 * i + np.arange(1000))
    store = rolltape.open(tapes)
    store.curve("y")
    read: list[int] = []
    original = reader.RowsFrame.__init__

    def counted(self: reader.RowsFrame, payload: bytes) -> None:
        read.append(len(payload))
        original(self, payload)

    monkeypatch.setattr(reader.RowsFrame, "__init__", counted)
    _, points = joined([*store.scan("r", "y", window=(25_500, 25_600))])
    assert points.step.tolist() == list(range(25_500, 25_601))
    assert len(read) <= 2
    read.clear()
    curve = store.curve("y", window=(25_500, 25_600), buckets=100)
    assert curve.runs["p/r"].count.sum() == 101
    assert len(read) <= 2


@pytest.mark.parametrize("in_one_frame", [False, True], ids=["as written now", "as one frame of 200,000 rows"])
def test_a_narrow_window_of_one_batch(tapes: Path, monkeypatch: pytest.MonkeyPatch, in_one_frame: bool) -> None:
    """However large the frames are: only the rows of the window are put together, of the axis that is asked for."""
    from rolltape.tape import reader, writer

    if in_one_frame:
        monkeypatch.setattr(writer, "FRAME_ROWS", 1 << 20)
    rng = np.random.default_rng(1)
    step, time = rng.integers(0, 20, 200_000).cumsum(), rng.integers(0, 1000, 200_000).cumsum() * 1000
    value = rng.normal(size=200_000).astype(np.float32)
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": value}, step=step, time=time)
    store = rolltape.open(tapes)
    store.curve("y")
    asked: list[tuple[str, int]] = []
    for name in ("step", "time", "values"):
        original = getattr(reader.RowsFrame, name)

        def noted(self: object, *arguments: object, original: Any = original, name: str = name) -> Any:
            found = original(self, *arguments)
            asked.append((name, len(found)))
            return found

        monkeypatch.setattr(reader.RowsFrame, name, noted)
    for x, axis, other in (("step", step, "time"), ("time", time / 1e9, "step")):
        low, high = float(axis[120_000]), float(axis[124_000])
        asked.clear()
        curve = store.curve("y", x=x, window=(low, high), buckets=1000)
        rows = sum(size for name, size in asked if name == "values")
        assert 4000 < rows <= 4000 + 4 * 64
        assert rows == sum(size for name, size in asked if name == x)
        assert other not in dict(asked)
        inside = (axis >= low) & (axis <= high)
        assert curve.runs["p/r"].count.sum() in range(inside.sum(), inside.sum() + 2 * 64)
        exact = store.curve("y", x=x, window=(low, high), buckets=1000, exact=True).runs["p/r"]
        assert exact.count.tolist() == np.histogram(axis[inside], curve.edges)[0].tolist()
        assert np.nanmin(exact.min) == value[inside].min()
        found_x, points = joined([*store.scan("r", "y", x=x, window=(low, high))])
        assert np.array_equal(found_x, axis[inside])
        assert np.array_equal(points.value, value[inside])
        assert np.array_equal(points.step, step[inside])
        assert np.array_equal(points.time, time[inside])


@pytest.mark.parametrize("window", [None, (0, 10**6), (500, 2500)])
@pytest.mark.parametrize("ended", [True, False])
def test_read_on_after_the_run_went_on(tapes: Path, window: tuple[float, float] | None, ended: bool) -> None:
    """Which points there are is settled when it is asked; also if an index, frames and an end came meanwhile."""
    run = rolltape.init(project="p", id="r")
    for i in range(4):
        run.log_batch({"y": np.arange(500.0)}, step=500 * i + np.arange(500))
    for i in range(2000, 2060):
        run.log({"y": 1.0}, i)
    store = rolltape.open(tapes)
    blocks = store.scan("r", "y", window=window)
    first = next(blocks)
    for i in range(4):
        run.log_batch({"y": np.arange(500.0)}, step=2060 + 500 * i + np.arange(500))
    if ended:
        run.close()
    assert store.curve("y").runs["p/r"].count.sum() == 4060
    assert rolltape.open(tapes).curve("y").runs["p/r"].count.sum() == 4060
    _, points = joined([first, *blocks])
    low, high = window or (0, 10**6)
    assert points.step.tolist() == [i for i in range(2060) if low <= i <= high]


def test_not_begun_before_the_run_went_on(tapes: Path) -> None:
    run = rolltape.init(project="p", id="r")
    run.log_batch({"y": np.arange(1000.0)})
    store = rolltape.open(tapes)
    scans = [store.scan("r", "y"), store.scan("r", "y", window=(100, 5000))]
    run.log_batch({"y": np.arange(1000.0)})
    run.close()
    store.curve("y")
    assert [len(joined([*blocks])[1].step) for blocks in scans] == [1000, 900]


def test_a_tape_replaced_while_it_is_scanned(tapes: Path) -> None:
    """What follows is of the old tape or an error, never of the new one."""
    import shutil

    for name in ("r", "other"):
        with rolltape.init(project="p", id=name) as run:
            for i in range(5):
                run.log_batch({"y": np.full(500, 1.0 if name == "r" else 2.0)}, step=500 * i + np.arange(500))
    (tape,), (other,) = ((tapes / "p" / name).glob("*.tape") for name in ("r", "other"))
    store = rolltape.open(tapes)
    begun, waiting = store.scan("r", "y"), store.scan("r", "y")
    first = next(begun)
    shutil.copy(other, tape.with_name("new"))
    tape.with_name("new").replace(tape)
    assert store.curve("y", runs=["r"]).runs["p/r"].min[0] == 2
    for scan, before in ((begun, [first]), (waiting, [])):
        try:
            _, points = joined([*before, *scan])
        except (rolltape.RolltapeError, OSError):
            continue
        assert (points.value == 1).all()
        assert len(points.value) == 2500


@pytest.mark.parametrize("window", [(1, 1), (2, 1), (np.nan, 1), (0, np.inf)])
def test_impossible_windows(tapes: Path, window: tuple[float, float]) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log({"y": 1.0})
    with pytest.raises(rolltape.StoreError, match="window must be two finite numbers"):
        rolltape.open(tapes).scan("r", "y", window=window)


def test_what_is_not_there(tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log({"y": 1.0})
    with pytest.raises(rolltape.MetricNotFound, match="'nope'"):
        rolltape.open(tapes).scan("r", "nope")
    with pytest.raises(rolltape.RunNotFound, match="'s'"):
        rolltape.open(tapes).scan("s", "y")
