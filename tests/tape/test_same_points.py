"""Whatever rows go in, the same points come out: through flushes, kills, reopenings, and while they are written."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import reference_reader
import rolltape
from rolltape.errors import RecordingError
from rolltape.recording.run import Run, open_runs
from rolltape.store.directory import DirectoryStore
from rolltape.tape.reader import Cursor, TapeReader

names = st.sampled_from(["a", "b", "train/return", "\u00e4\U0001f600", "\ud800", 'q"\\', "x" * 300])
numbers = st.one_of(
    st.floats(width=64),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.sampled_from([0.0, -0.0, np.float32(1.1), np.int8(-3), np.float64(2.5), np.array(4.0), np.bool_(True)]),
)
arrays = st.lists(st.floats(width=64), max_size=9).map(np.array)
rows = st.dictionaries(names, st.one_of(numbers, arrays), max_size=5)
LAST_STEP = 2**63 - 1
steps = st.one_of(
    st.none(), st.integers(0, 50), st.integers(-(2**63), LAST_STEP), st.integers(LAST_STEP - 60, LAST_STEP)
)


def told_of_the_last_step(told: bool) -> AbstractContextManager[object]:
    """Where steps cannot be counted on the run says so, under strict as an error, and records all the same."""
    return pytest.raises(RecordingError, match=f"no step comes after {LAST_STEP}") if told else nullcontext()


def exact(value: float) -> object:
    """Equal for equal bits; NaN is NaN."""
    return "nan" if math.isnan(value) else (value, math.copysign(1, value))


class SamePoints(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.logged: dict[str, list[tuple[int, object]]] = {}
        self.taken: dict[tuple[Path, str], tuple[Cursor, list[tuple[int, object]]]] = {}
        self.readers: dict[Path, TapeReader] = {}
        self.last = -1
        self.run = self.init()
        self.store = DirectoryStore(self.directory)

    def init(self) -> Run:
        self.last = -1
        return rolltape.init(project="p", id="r", dir=self.directory)

    @rule(row=rows, step=steps)
    def log(self, row: dict[str, object], step: int | None) -> None:
        with told_of_the_last_step(bool(row) and step is None and self.last == LAST_STEP):
            self.run.log(row, step)
        if not row:
            return
        self.last = min(self.last + 1, LAST_STEP) if step is None else step
        for name, value in row.items():
            for number in np.atleast_1d(np.asarray(value, np.float64)):
                self.logged.setdefault(name, []).append((self.last, exact(float(number))))

    @rule(count=st.integers(1, 3000), name=names)
    def log_many(self, count: int, name: str) -> None:
        for i in range(count):
            self.log({name: float(i), "a": 0.5}, i) if name != "a" else self.log({"a": 1.0 * i}, i)

    @rule(values=st.lists(st.floats(width=64), max_size=60), name=names, times=st.booleans())
    def log_batch(self, values: list[float], name: str, times: bool) -> None:
        step = [min(self.last + 1 + i, LAST_STEP) for i in range(len(values))]
        with told_of_the_last_step(self.last + len(values) > LAST_STEP):
            self.run.log_batch({name: values}, time=np.arange(len(values)) * 7 if times else None)
        if values:
            self.last = step[-1]
        self.logged.setdefault(name, []).extend((s, exact(v)) for s, v in zip(step, values, strict=True))

    @rule()
    def flush(self) -> None:
        assert self.run._writer.flush()

    @rule()
    def close_and_attach(self) -> None:
        self.run.close()
        self.run = self.init()

    @rule()
    def die_and_attach(self) -> None:
        """What a killed process leaves: its tape and head as they are."""
        open_runs.discard(self.run)
        self.run._writer._flusher.stop(10)
        self.run._writer.abandon()
        self.run = self.init()

    @rule(name=names)
    def follow(self, name: str) -> None:
        """A reader with a cursor takes each point once."""
        for path in sorted(self.directory.glob("p/r/*.tape")):
            reader = self.readers.setdefault(path, TapeReader(path))
            reader.refresh()
            cursor, taken = self.taken.get((path, name), (Cursor(), []))
            points, cursor = reader.read(name, cursor)
            taken += [(s, exact(v)) for s, v in zip(points.step.tolist(), points.value.tolist(), strict=True)]
            self.taken[path, name] = cursor, taken

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "run"):
            assert self.run.lost == 0

    def teardown(self) -> None:
        if not hasattr(self, "run"):
            return
        self.run.close()
        for name, expected in self.logged.items():
            self.follow(name)
            paths = sorted(self.directory.glob("p/r/*.tape"), key=lambda path: TapeReader(path).opened)
            if not expected:
                continue
            points = self.store.points("r", name)
            found = [(s, exact(v)) for s, v in zip(points.step.tolist(), points.value.tolist(), strict=True)]
            assert found == expected
            followed = [point for path in paths for point in self.taken[path, name][1]]
            assert followed == expected
            reference = [point for path in paths for point in reference_reader.read(path).get(name, [])]
            assert [(s, exact(v)) for s, _, v in reference] == expected
            assert [t for _, t, _ in reference] == points.time.tolist()
        shutil.rmtree(self.directory)


TestSamePoints = SamePoints.TestCase
TestSamePoints.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_rows_behind_the_last_step() -> None:
    """2**63 - 1, and then no step: what Hypothesis once found."""
    state = SamePoints()
    state.start()
    state.log({"a": 1.0}, LAST_STEP)
    state.log({"a": 2.0}, None)
    state.log({"a": np.array([3.0, 4.0]), "b": 5}, None)
    state.log({"a": 6.0}, LAST_STEP - 1)
    state.log_batch([7.0, 8.0, 9.0], "a", times=False)
    state.log_batch([10.0], "b", times=True)
    state.log({"a": 11.0}, 5)
    state.log({"a": 12.0}, None)
    state.nothing_is_lost()
    state.teardown()


def test_a_live_run_is_followed_point_by_point(script: Callable[..., object], tapes: Path) -> None:
    writer = script(
        """
        import rolltape
        run = rolltape.init(project="p", id="live")
        print("ready")
        for i in range(300_000):
            run.log({"a": float(i)}, i)
            if i % 3 == 0:
                run.log({"b": -i, "a": i + 0.5}, i)
        run.close()
        """
    )
    assert writer.line() == "ready"
    (path,) = tapes.glob("p/live/*.tape")
    reader = TapeReader(path)
    cursor, values, looks = Cursor(), [], 0
    while reader.end is None:
        reader.refresh()
        points, cursor = reader.read("a", cursor)
        values.append(points.value)
        looks += len(points.value) > 0
    assert writer.wait()[0] == 0
    expected = np.arange(300_000.0).repeat(np.where(np.arange(300_000) % 3, 1, 2))
    expected[np.flatnonzero(np.diff(expected) == 0) + 1] += 0.5
    assert np.array_equal(np.concatenate(values), expected)
    assert looks > 3, "the reader never saw the run grow"
