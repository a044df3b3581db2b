"""Runs with several writers: what `latest` hides, where gaps are told, and what process time leaves out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_every_bucket import check_exact, check_snapped, low_pyramids  # noqa: F401

import rolltape
from rolltape.store.directory import DirectoryStore
from rolltape.store.model import Gap
from rolltape.tape.reader import TapeReader

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
numbers = itertools.count()
SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def no_later_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fact that comes a moment later would be a sign of life."""
    monkeypatch.setattr("rolltape.recording.init.git_dirty", lambda _: None)


class Writer(NamedTuple):
    """What is known of one tape without any index."""

    opened: int
    gone: int | None  # ns; None: it lives
    points: dict[str, tuple[Ints, Ints, Floats]]

    @property
    def first_step(self) -> int | None:
        """The smallest first step over all metrics."""
        return min((int(step[0]) for step, _, _ in self.points.values() if len(step)), default=None)


def writers_of(directory: Path) -> list[Writer]:
    found = []
    for path in directory.glob("*.tape"):
        reader = TapeReader(path)
        points = {name: tuple(reader.read(name)[0]) for name in reader.metrics()}
        found.append(Writer(reader.opened, None if reader.alive else reader.last_sign, points))  # type: ignore[arg-type]
    return sorted(found, key=lambda writer: writer.opened)


def latest(writers: list[Writer], metric: str) -> tuple[Ints, Ints, Floats]:
    """Brute force: the points that no later writer, opened when theirs was gone, has taken back."""
    parts = []
    for writer in writers:
        if metric not in writer.points:
            continue
        step, time, value = writer.points[metric]
        later = [w.first_step for w in writers if writer.gone is not None and w.opened > writer.gone]
        cut = min((first for first in later if first is not None), default=None)
        kept = np.full(len(step), True) if cut is None else step < cut
        parts.append((step[kept], time[kept], value[kept]))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))  # type: ignore[return-value]


def pauses_of(writers: list[Writer]) -> list[tuple[int, int]]:
    """When no writer lived."""
    pauses = []
    silent: int | None = None
    for i, writer in enumerate(writers):
        if i and silent is not None and writer.opened > silent:
            pauses.append((silent, writer.opened))
        ends = [w.gone for w in writers[: i + 1]]
        silent = None if None in ends else max(end for end in ends if end is not None)
    return pauses


def process_time(writers: list[Writer], time: Ints, started: float) -> Floats:
    left_out = np.zeros(len(time), np.int64)
    for start, end in pauses_of(writers):
        left_out += np.clip(time, start, end) - start
    return (time - left_out) / 1e9 - started


def check(
    store: DirectoryStore, run: str, metric: str, x: str, axis: Floats, value: Floats, resumed: Any, low: bool = True
) -> None:
    for exact in (True, False):
        curve = store.curve(metric, runs=[run], x=x, buckets=7, exact=exact, resumed=resumed)
        (buckets,) = curve.runs.values()
        assert (buckets.count + buckets.nonfinite).sum() == len(value)
        if not len(value):
            continue
        assert curve.edges[0] <= axis.min()
        assert curve.edges[-1] >= axis.max()
        if low and axis.max() > axis.min():
            assert (curve.edges[0], curve.edges[-1]) == (axis.min(), axis.max())
        if exact:
            check_exact(buckets, curve.edges, axis, value)
        else:
            check_snapped(buckets, curve.edges, axis, value, whole=True)
    places = np.unique(axis)
    if len(places) > 3:
        window = tuple((places[len(places) * i // 3] + places[len(places) * i // 3 + 1]) / 2 for i in (1, 2))
        if window[0] < window[1] < places[-1]:
            curve = store.curve(metric, runs=[run], x=x, buckets=5, exact=True, resumed=resumed, window=window)
            check_exact(next(iter(curve.runs.values())), curve.edges, axis, value)
            found = [p.value for _, p in store.scan(run, metric, x=x, window=window, resumed=resumed)]
            expected = value[(axis >= window[0]) & (axis <= window[1])]
            assert np.concatenate([*found, value[:0]]).tobytes() == expected.tobytes()
    found = [points.value for _, points in store.scan(run, metric, x=x, resumed=resumed)]
    assert np.concatenate([*found, value[:0]]).tobytes() == value.tobytes()


def check_everything(store: DirectoryStore, directory: Path, metric: str) -> None:
    writers = writers_of(directory)
    run = directory.name
    step, time, value = latest(writers, metric)
    check(store, run, metric, "step", step.astype(float), value, "latest", low=False)
    check(store, run, metric, "time", time / 1e9, value, "latest", low=False)
    every = [writer.points[metric] for writer in writers if metric in writer.points]
    step, time, value = (np.concatenate(columns) for columns in zip(*every, strict=True))
    check(store, run, metric, "step", step.astype(float), value, "all")
    started = store.run(run).started
    check(store, run, metric, "process", process_time(writers, time, started), value, "all")
    check(store, run, metric, "relative", time / 1e9 - started, value, "all")


def write(name: str, start: int, count: int, by: int = 1, metric: str = "y") -> None:
    with rolltape.init(project="p", id=name) as run:
        rng = np.random.default_rng(start + count)
        for i in range(3):
            part = slice(count * i // 3, count * (i + 1) // 3)
            step = (start + by * np.arange(count))[part]
            if len(step):
                run.log_batch({metric: rng.normal(size=len(step))}, step=step)


# Latest


@pytest.mark.parametrize("second", [0, 1, 127, 128, 255, 500, 959, 999, 1000, 1001, 5000, -10])
@pytest.mark.parametrize("by", [1, 7])
def test_a_run_taken_up_again(tapes: Path, second: int, by: int) -> None:
    write("r", 0, 1000, by)
    write("r", second * by, 700, by)
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        check_everything(store, tapes / "p" / "r", "y")
    hidden = int((np.arange(1000) * by >= second * by).sum())
    count = rolltape.open(tapes).curve("y", resumed="latest").runs["p/r"].count.sum()
    assert count == 1700 - hidden


stretch = st.tuples(
    st.integers(1, 900), st.integers(-50, 1200), st.sampled_from([1, 3]), st.sampled_from(["y", "z", "both"])
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink it would take minutes
)
@given(st.lists(stretch, min_size=2, max_size=5))
def test_any_number_of_writers(tmp_path: Path, given: list[tuple[int, int, int, str]]) -> None:
    place = tmp_path / f"tapes{next(numbers)}"
    for count, start, by, metric in given:
        with rolltape.init(project="p", id="r", dir=place) as run:
            step = start + by * np.arange(count)
            columns = {"y": np.sin(step), "z": np.cos(step)}
            run.log_batch(columns if metric == "both" else {metric: columns[metric]}, step=step)
            run.log({"other": 1.0}, start + 3)
    store = rolltape.open(place)
    for metric in ("y", "z"):
        if any(logged in (metric, "both") for *_, logged in given):
            check_everything(store, place / "p" / "r", metric)


def test_a_writer_that_went_back_itself(tapes: Path) -> None:
    """It began at 500, whatever it logged afterwards and wherever its frames and entries end."""
    for rest in (0, 1, 10, 64):
        name = f"r{rest}"
        write(name, 0, 1000)
        with rolltape.init(project="p", id=name) as run:
            run.log_batch({"y": np.zeros(640)}, step=500 + np.arange(640))
            if rest:
                run.log_batch({"y": np.zeros(rest)}, step=np.arange(rest))
            for store in (rolltape.open(tapes), rolltape.open(tapes)):
                assert store.curve("y", runs=[name], resumed="latest").runs[f"p/{name}"].count.sum() == 500 + 640 + rest
        assert (
            rolltape.open(tapes).curve("y", runs=[name], resumed="latest").runs[f"p/{name}"].count.sum() == 1140 + rest
        )
        check_everything(rolltape.open(tapes), tapes / "p" / name, "y")


def test_the_step_counts_at_which_any_metric_began(tapes: Path) -> None:
    write("r", 0, 1000)
    with rolltape.init(project="p", id="r") as run:
        run.log({"learning_rate": 1.0}, 300)
        run.log_batch({"y": np.ones(100)}, step=800 + np.arange(100))
    curve = rolltape.open(tapes).curve("y", resumed="latest")
    assert curve.runs["p/r"].count.sum() == 300 + 100
    assert rolltape.open(tapes).curve("y").runs["p/r"].count.sum() == 1100


def test_all_of_it_hidden(tapes: Path) -> None:
    """A metric that only the earlier writer has, and that the later one took back whole."""
    write("r", 100, 500, metric="old")
    write("r", 0, 10)
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("old", resumed="latest", buckets=3)
        assert curve.runs["p/r"].count.tolist() == [0, 0, 0]
        assert np.isfinite(curve.edges).all()
        assert [*store.scan("r", "old", resumed="latest")] == []
        assert store.curve("old").runs["p/r"].count.sum() == 500


def test_ranks_do_not_hide_each_other(tapes: Path) -> None:
    runs = [rolltape.init(project="p", id="r") for _ in range(3)]
    for i, run in enumerate(runs):
        run.log_batch({"y": np.full(500, i)}, step=np.arange(500))
    store = rolltape.open(tapes)
    curve = store.curve("y", resumed="latest")
    assert curve.runs["p/r"].count.sum() == 1500, "they all live"
    assert curve.gaps == {}
    for run in runs:
        run.close()
    for one in (store, rolltape.open(tapes)):
        curve = one.curve("y", resumed="latest")
        assert curve.runs["p/r"].count.sum() == 1500
        assert curve.gaps == {}
    ranks_again = [rolltape.init(project="p", id="r") for _ in range(2)]
    for run in ranks_again:
        run.log_batch({"y": np.zeros(10)}, step=100 + np.arange(10))
    for _ in range(2):
        curve = store.curve("y", resumed="latest")
        assert curve.runs["p/r"].count.sum() == 3 * 100 + 20
        for run in ranks_again:
            run.close()


def test_a_second_writer_beside_one_that_lives(tapes: Path) -> None:
    """It was opened after the other's last sign of life, which is up to a second old: that is no restart."""
    first = rolltape.init(project="p", id="r")
    first.log_batch({"y": np.zeros(500)}, step=np.arange(500))
    second = rolltape.init(project="p", id="r")
    second.log_batch({"y": np.zeros(500)}, step=np.arange(500))
    store = rolltape.open(tapes)
    curve = store.curve("y", resumed="latest", x="process")
    assert curve.runs["p/r"].count.sum() == 1000
    assert curve.gaps == {}
    _, time, _ = store.points("r", "y")
    x = np.concatenate([block for block, _ in store.scan("r", "y", x="process")])
    assert np.allclose(x, time / 1e9 - store.run("r").started, atol=1e-6, rtol=0), "nothing is left out"


def test_what_is_not_a_choice(tapes: Path) -> None:
    write("r", 0, 10)
    store = rolltape.open(tapes)
    with pytest.raises(rolltape.StoreError, match="resumed must be one of"):
        store.curve("y", resumed="newest")  # type: ignore[arg-type]
    with pytest.raises(rolltape.StoreError, match="resumed must be one of"):
        next(store.scan("r", "y", resumed="newest"))  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [-(2**63), 2**63 - 1, -(2**63) + 1])
def test_taken_up_at_the_least_and_the_largest_step(tapes: Path, first: int) -> None:
    write("r", 0, 1000)
    with rolltape.init(project="p", id="r") as run:
        run.log({"y": 5.0}, first)
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("y", resumed="latest")
        assert curve.runs["p/r"].count.sum() == (1001 if first > 0 else 1)
        check_everything(store, tapes / "p" / "r", "y")


KILLED = """
    import os, numpy as np, rolltape
    run = rolltape.init(project="p", id="r")
    start, count = int(os.environ["START"]), int(os.environ["COUNT"])
    step = np.arange(start, start + count)
    run.log_batch({"y": np.sin(step)}, step=step)
    for i in range(start + count, start + count + 100):
        run.log({"y": float(i)}, i)
    print("ready")
    input()
"""


def test_killed_and_taken_up_again(tapes: Path, script: Callable[..., Any]) -> None:
    """What is left in a killed writer's head is hidden and told as the rest of it."""
    for start, count in ((0, 1000), (700, 500), (900, 300)):
        writer = script(KILLED, START=str(start), COUNT=str(count))
        assert writer.line() == "ready"
        writer.kill()
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("y", resumed="latest")
        assert curve.runs["p/r"].count.sum() == 700 + 200 + 400
        assert curve.gaps["p/r"] == [Gap(1099, 700), Gap(1299, 900)]
        step, _, value = latest(writers_of(tapes / "p" / "r"), "y")
        check(store, "r", "y", "step", step.astype(float), value, "latest", low=False)


def test_process_time_of_a_killed_writer_goes_on_to_its_last_point(tapes: Path, script: Callable[..., Any]) -> None:
    """Its last sign of life is its last point, where the heartbeat came before."""
    writer = script(
        """
        import time, rolltape
        run = rolltape.init(project="p", id="r")
        end = time.time() + 0.4
        while time.time() < end:
            run.log({"y": 1.0})
            time.sleep(0.02)
        print("ready")
        input()
        """
    )
    assert writer.line() == "ready"
    writer.kill()
    write("r", 100, 10)
    store = rolltape.open(tapes)
    x = np.concatenate([block for block, _ in store.scan("r", "y", x="process")])
    assert (np.diff(x[:-10]) > 0).all(), "the clock goes on while the writer does"
    assert (np.diff(x) >= 0).all()
    assert x[-10] - x[-11] < 0.2


# Gaps


def test_gaps_on_every_axis(tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        for i in range(100):
            run.log({"y": 1.0, "episodes": float(i // 10)}, i)
    with rolltape.init(project="p", id="r") as run:
        for i in range(50, 120):
            run.log({"y": 1.0, "episodes": float(i // 10)}, i)
    store = rolltape.open(tapes)
    writers = writers_of(tapes / "p" / "r")
    ends = writers[0].points["y"][1][-1:], writers[1].points["y"][1][:1]
    started = store.run("r").started
    assert store.curve("y").gaps == {"p/r": [Gap(99, 50)]}
    assert store.curve("y", x="episodes").gaps == {"p/r": [Gap(9, 5)]}
    assert store.curve("y", x="time").gaps == {"p/r": [Gap(*(float(end[0]) / 1e9 for end in ends))]}
    for x in ("relative", "process"):
        (gap,) = store.curve("y", x=x).gaps["p/r"]
        expected = [
            float(process_time(writers, end, started)[0]) if x == "process" else float(end[0]) / 1e9 - started
            for end in ends
        ]
        assert list(gap) == pytest.approx(expected, abs=1e-6)
        assert gap.before <= gap.after
    assert store.curve("y", window=(0, 10)).gaps.get("p/r") in ([Gap(99, 50)], [], None)


def test_a_gap_without_x_is_not_told(tapes: Path) -> None:
    """Before it nothing was counted yet, so there is no x at which it began."""
    write("r", 0, 100)
    with rolltape.init(project="p", id="r") as run:
        run.log({"episodes": 0.0, "y": 1.0}, 100)
    store = rolltape.open(tapes)
    assert store.curve("y", x="episodes").gaps == {}
    assert store.curve("y").gaps == {"p/r": [Gap(99, 100)]}


def test_no_gap_where_something_lived_all_along(tapes: Path) -> None:
    """A trainer that restarts while an evaluator, which does not log the metric, goes on."""
    evaluator = rolltape.init(project="p", id="r")
    evaluator.log({"score": 1.0}, 0)
    write("r", 0, 100)
    write("r", 50, 100)
    evaluator.close()
    for store in (rolltape.open(tapes), rolltape.open(tapes)):
        curve = store.curve("y")
        assert curve.gaps == {}
        assert store.curve("y", resumed="latest").runs["p/r"].count.sum() == curve.runs["p/r"].count.sum() - 50


def test_a_gap_begins_at_the_last_point_of_all_ranks(tapes: Path) -> None:
    """The last x before it is that of whichever rank came last, not of the one that was opened last."""
    runs = [rolltape.init(project="p", id="r") for _ in range(2)]
    runs[1].log({"y": 1.0}, 10)
    runs[0].log({"y": 1.0}, 99)
    for run in runs:
        run.close()
    write("r", 50, 10)
    assert rolltape.open(tapes).curve("y").gaps == {"p/r": [Gap(99, 50)]}


def test_a_writer_without_the_metric_between_two_with_it(tapes: Path) -> None:
    write("r", 0, 100)
    write("r", 70, 10, metric="other")
    write("r", 50, 100)
    assert rolltape.open(tapes).curve("y").gaps == {"p/r": [Gap(99, 50)]}


def test_a_run_that_was_never_interrupted_has_no_gap(tapes: Path) -> None:
    write("r", 0, 1000)
    write("s", 0, 1000)
    assert rolltape.open(tapes).curve("y").gaps == {}


# Process time


def test_process_time_leaves_out_the_pauses(tapes: Path) -> None:
    import time

    for i in range(3):
        write("r", 100 * i, 100)
        time.sleep(0.3)
    store = rolltape.open(tapes)
    check_everything(store, tapes / "p" / "r", "y")
    x = np.concatenate([block for block, _ in store.scan("r", "y", x="process")])
    _, times, _ = store.points("r", "y")
    assert times[-1] - times[0] > 0.6 * SECOND
    assert x[-1] - x[0] < 0.3
    assert (np.diff(x) >= 0).all()


def test_process_time_with_a_rank_that_bridges_a_pause(tapes: Path) -> None:
    """Nothing is left out while any writer lives, in whatever order they end."""
    long = rolltape.init(project="p", id="r")
    write("r", 0, 100)
    write("r", 100, 100)
    long.log({"y": 1.0}, 5)
    long.close()
    write("r", 200, 100)
    store = rolltape.open(tapes)
    writers = writers_of(tapes / "p" / "r")
    assert len(pauses_of(writers)) == 1
    check_everything(store, tapes / "p" / "r", "y")


def test_within_a_pause_the_clock_stands(tapes: Path) -> None:
    """An importer may give any time."""
    import time

    write("r", 0, 10)
    time.sleep(0.1)
    with rolltape.init(project="p", id="r") as run:
        ((start, end),) = pauses_of(writers_of(tapes / "p" / "r"))
        times = np.linspace(start - 10_000_000, end + 10_000_000, 640).astype(np.int64)
        run.log_batch({"y": np.ones(640)}, time=times)
    store = rolltape.open(tapes)
    check_everything(store, tapes / "p" / "r", "y")
    x = np.concatenate([block for block, _ in store.scan("r", "y", x="process")])[10:]
    assert (np.diff(x) >= 0).all()
    assert x[-1] - x[0] == pytest.approx(0.02, abs=1e-3)
    assert (x == x[320]).sum() > 400


@pytest.mark.parametrize("time", [-(2**63), 0, 2**63 - 1])
def test_process_time_of_points_from_before_and_after_all_writers(tapes: Path, time: int) -> None:
    """An importer may give any time; it is in no pause."""
    write("r", 0, 10)
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"y": [1.0]}, step=[10], time=[time])
    store = rolltape.open(tapes)
    writers = writers_of(tapes / "p" / "r")
    (paused,) = (end - start for start, end in pauses_of(writers))
    expected = (time - (paused if time > 0 else 0)) / 1e9 - store.run("r").started
    x = np.concatenate([block for block, _ in store.scan("r", "y", x="process")])
    assert x[-1] == pytest.approx(expected, rel=1e-12)


def test_the_latest_of_a_narrow_window_in_time(tapes: Path) -> None:
    """Whose points are read: their steps tell which were logged again, although x is the time."""
    for start in (0, 50_000):
        with rolltape.init(project="p", id="r") as run:
            step = start + np.arange(100_000)
            run.log_batch({"y": step.astype(float)}, step=step, time=(step + 3 * start) * 10**9)
    store = rolltape.open(tapes)
    window = (49_900.0, 50_100.0)
    for exact in (False, True):
        found = store.curve("y", x="time", window=window, buckets=100, resumed="latest", exact=exact).runs["p/r"]
        assert found.max[np.isfinite(found.max)].max() == 49_999
        assert found.count.sum() in range(100, 164)
        every = store.curve("y", x="time", window=window, buckets=100, exact=exact).runs["p/r"]
        assert every.count.sum() in range(201, 201 + 128)
