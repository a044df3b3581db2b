"""A series is the same however its points came: in any pieces, and with any part of it in an index file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_pyramid import KINDS, axis_of, values_of

from rolltape.tape.index_file import IndexFile, write_index
from rolltape.tape.metric_columns import Columns
from rolltape.tape.pyramid import BASE, FAN, Entries, entries_of, fold
from rolltape.tape.series import Series

TALL, BATCH = 8, 300
AXES = ("in order", "repeated", "backwards", "at random", "extremes", "one step out of order")


@pytest.fixture(autouse=True)
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolltape.tape.series.TALL", TALL)
    monkeypatch.setattr("rolltape.tape.series._BATCH", BATCH)


def points_of(count: int, kinds: list[str], step: str, time: str, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    bounds = np.linspace(0, count, len(kinds) + 1).astype(int)
    value = [values_of(kind, b - a, rng) for kind, a, b in zip(kinds, bounds[:-1], bounds[1:], strict=True)]
    return Columns(axis_of(step, count, rng), axis_of(time, count, rng), np.concatenate(value))


def part(points: Columns, start: int, stop: int) -> Columns:
    return Columns._make(column[start:stop] for column in points)


def same(found: Entries | Columns, expected: Entries | Columns) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def levels_of(points: Columns) -> list[Entries]:
    """Brute force: the whole pyramid from all points."""
    whole = len(points.value) // BASE * BASE
    levels = [entries_of(*part(points, 0, whole))]
    while len(levels[-1].low) >= TALL:
        count = len(levels[-1].low) // FAN * FAN
        levels.append(fold(Entries._make(column[:count] for column in levels[-1])))
    return levels


def check(series: Series, points: Columns, *, widened: bool = False) -> None:
    """``widened``: of an axis in order an index file keeps that an entry ends at the latest where the next begins."""
    series.settle()
    levels = levels_of(points)
    count = len(points.value)
    assert series.points == count
    assert series.counts == [len(level.low) for level in levels]
    if count:
        assert series.first == (points.step[0], points.time[0])
        step, time, value = series.last or (0, 0, 0.0)
        assert (step, time) == (points.step[-1], points.time[-1])
        assert np.float64(value).tobytes() == points.value[-1].tobytes()
    same(series.rest(), part(points, count // BASE * BASE, count))
    for level, expected in enumerate(levels):
        rows = len(expected.low)
        found = series.entries(level, 0, rows)
        for name in Entries._fields:
            one, other = getattr(found, name), getattr(expected, name)
            if widened and name.endswith("_high"):
                following = np.append(getattr(expected, name.replace("high", "low"))[1:], other[-1:])
                assert ((one == other) | ((one >= other) & (one == following))).all(), f"{name} of level {level}"
            else:
                assert one.tobytes() == other.tobytes(), f"{name} of level {level}"
        for start, stop in itertools.combinations_with_replacement(
            sorted({0, 1, rows // 3, rows // 2, rows - 1, rows}), 2
        ):
            if not 0 <= start <= stop <= rows:
                continue
            some = Entries._make(column[start:stop] for column in found)
            same(series.entries(level, start, stop), some)
            for axis, ends in (("step", some[0:2]), ("time", some[2:4])):
                for bound, end in zip(series.bounds(level, axis, start, stop), ends, strict=True):
                    assert bound.tobytes() == end.tobytes()
    loose = series.loose()
    standing = [FAN * above for above in series.counts[1:]]
    expected_loose = [(level, i) for level, start in enumerate(standing) for i in range(start, series.counts[level])]
    assert list(zip(loose.level.tolist(), loose.number.tolist(), strict=True)) == expected_loose
    for place, (level, number) in enumerate(expected_loose):
        one = Entries._make(column[place : place + 1] for column in loose.entries)
        same(one, series.entries(level, number, number + 1))


kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)
axes = st.sampled_from(AXES)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4000), kinds, axes, axes, st.lists(st.integers(0, 4000), max_size=8), st.integers(0, 999))
def test_added_in_any_pieces(count: int, kinds: list[str], step: str, time: str, cuts: list[int], seed: int) -> None:
    points = points_of(max(count, 2), kinds, step, time, seed)
    series = Series()
    bounds = [0, *sorted(cut for cut in cuts if cut < count), len(points.value)]
    for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
        series.add(part(points, start, stop))
        assert series.points == stop
        if number % 2:
            series.settle()
            series.settle()
    check(series, points)


def test_added_one_by_one() -> None:
    points = points_of(700, ["NaN and inf"], "in order", "in order", 0)
    series = Series()
    for i in range(700):
        series.add(part(points, i, i + 1))
    check(series, points)


def test_nothing_added() -> None:
    series = Series()
    series.add(part(points_of(9, ["noise"], "in order", "in order", 0), 3, 3))
    series.settle()
    assert (series.points, series.counts, series.first, series.last) == (0, [0], None, None)
    assert len(series.rest().step) == 0


def test_what_is_added_may_be_changed_afterwards() -> None:
    """Entries are made and the rest is kept; the columns of a frame are the reader's."""
    points = points_of(200, ["noise"], "in order", "in order", 0)
    given_away = Columns._make(column.copy() for column in points)
    series = Series()
    series.add(given_away)
    series.settle()
    for column in given_away:
        column[:] = 7
    check(series, points)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Iterator[Path]]:
    yield (tmp_path / f"{i}.index" for i in range(10**6))


def saved(path: Path, series: dict[str, Series]) -> IndexFile:
    write_index(path, {"about": "test"}, (b"", b""), series)
    return IndexFile(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 9000), kinds, axes, axes, st.lists(st.floats(0, 1), min_size=1, max_size=3), st.integers(0, 999))
def test_it_goes_on_from_an_index_as_if_it_had_never_been_saved(
    files: Iterator[Path], count: int, kinds: list[str], step: str, time: str, saves: list[float], seed: int
) -> None:
    """Saved at any number of points: level counts that are no multiples of four, levels that appear later."""
    points = points_of(count, kinds, step, time, seed)
    bounds = [0, *sorted(int(count * save) for save in saves), count]
    series = Series()
    with ExitStack() as opened:
        for number, (start, stop) in enumerate(itertools.pairwise(bounds)):
            middle = (start + stop) // 2
            series.add(part(points, start, middle))
            series.add(part(points, middle, stop))
            check(series, part(points, 0, stop), widened=number > 0)
            if not stop:
                continue
            file = saved(next(files), {"y": series})
            opened.enter_context(file.open())
            series = file.series()["y"]
            check(series, part(points, 0, stop), widened=True)


def test_all_ways_to_be_saved_around_a_new_level(files: Iterator[Path]) -> None:
    most = BASE * (TALL + 5) + 3
    points = points_of(most, ["noise", "NaN and inf"], "at random", "repeated", 0)
    for count in (*range(BASE * (TALL - 1) - 1, BASE * (TALL + 1) + 2, 21), *(BASE * i for i in range(1, TALL + 5))):
        before = Series()
        before.add(part(points, 0, count))
        file = saved(next(files), {"y": before})
        with file.open():
            series = file.series()["y"]
            check(series, part(points, 0, count), widened=True)
            series.add(part(points, count, most))
            check(series, points, widened=True)


def test_bounds_hold_all_points_after_any_number_of_savings(files: Iterator[Path]) -> None:
    rng = np.random.default_rng(0)
    step = np.cumsum(rng.integers(0, 9, 6000))
    points = Columns(step, step * 1000 - 5, rng.normal(size=6000))
    series = Series()
    with ExitStack() as opened:
        for start in range(0, 6000, 777):
            series.add(part(points, start, start + 777))
            file = saved(next(files), {"y": series})
            opened.enter_context(file.open())
            series = file.series()["y"]
        for level, count in enumerate(series.counts):
            size = BASE * FAN**level
            for axis in ("step", "time"):
                low, high = (series.column(level, f"{axis}_{end}", 0, count) for end in ("low", "high"))
                rows = getattr(points, axis)[: count * size].reshape(count, size)
                assert (low == rows.min(axis=1)).all()
                assert (high >= rows.max(axis=1)).all()
                assert (high[:-1] <= low[1:]).all()
                assert high[-1] == rows[-1].max()


def test_few_parts_however_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tail stays short, so that a column is put together from few pieces."""
    monkeypatch.setattr("rolltape.tape.series._BATCH", BASE)
    points = points_of(BASE * 500, ["noise"], "in order", "in order", 0)
    series = Series()
    for i in range(500):
        series.add(part(points, BASE * i, BASE * (i + 1)))
        assert all(len(parts) <= 10 for parts in series._tail)
    check(series, points)
