"""Entries against brute force: NaN and infinities, sums that overflow, the least and the largest integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rolltape.tape.pyramid import BASE, FAN, NOTHING, Entries, entries_of, fold, join

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST, MOST = -(2**63), 2**63 - 1

KINDS = ("noise", "large with small noise", "NaN and inf", "only NaN", "only inf", "huge", "huge of one sign", "zeros")
AXES = ("in order", "repeated", "backwards", "at random", "extremes", "one step out of order")
kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)
axes = st.sampled_from(AXES)
seeds = st.integers(0, 2**32)


def values_of(kind: str, count: int, rng: np.random.Generator) -> Floats:
    noise = rng.normal(size=count)
    strange = noise.copy()
    for value in (np.nan, np.inf, -np.inf):
        strange[rng.random(count) < 0.1] = value
    return {
        "noise": noise,
        "large with small noise": 1e9 + noise,
        "NaN and inf": strange,
        "only NaN": np.full(count, np.nan),
        "only inf": np.where(noise < 0, np.inf, -np.inf),
        "huge": np.where(noise < 0, -1e308, 1e308),
        "huge of one sign": np.full(count, -1.7e308),
        "zeros": np.where(noise < 0, -0.0, 0.0),
    }[kind]


def axis_of(kind: str, count: int, rng: np.random.Generator) -> Ints:
    straight = np.arange(count) * 3 - 40
    swapped = straight.copy()
    swapped[[count // 2 - 1, count // 2]] = swapped[[count // 2, count // 2 - 1]]
    return {
        "in order": straight,
        "repeated": straight // 100,
        "backwards": straight[::-1].copy(),
        "at random": rng.integers(-1000, 1000, count),
        "extremes": rng.choice(np.array([LEAST, LEAST + 1, -1, 0, MOST - 1, MOST]), count),
        "one step out of order": swapped,
    }[kind]


def check(entries: Entries, size: int, step: Ints, time: Ints, value: Floats) -> None:
    """Each entry is what its ``size`` points come to."""
    assert [len(column) for column in entries] == [len(value) // size] * len(Entries._fields)
    for row in range(len(value) // size):
        part = slice(row * size, row * size + size)
        found = Entries._make(column[row].item() for column in entries)
        assert (found.step_low, found.step_high) == (step[part].min(), step[part].max())
        assert (found.time_low, found.time_high) == (time[part].min(), time[part].max())
        finite = value[part][np.isfinite(value[part])]
        assert found.finite == len(finite)
        if not len(finite):
            assert (found.low, found.high, found.total, found.spread) == (np.inf, -np.inf, 0, 0)
            continue
        assert (found.low, found.high) == (finite.min(), finite.max())
        most = float(np.abs(finite).max())
        if most > 1e150:  # a sum of squares is no float64 then, and a sum may be none
            assert not found.spread < 1e300 or (finite == finite[0]).all()
            continue
        exact = finite.astype(np.longdouble)
        spread = float(np.square(exact - exact.mean()).sum())
        noise = 4 * len(finite) * most * np.finfo(float).eps
        assert abs(found.total - float(exact.sum())) <= noise
        assert abs(found.spread - spread) <= 1e-9 * spread + 2 * np.sqrt(spread * len(finite)) * noise + noise**2
        assert found.spread >= 0


@given(kinds, axes, axes, seeds)
def test_entries(kinds: list[str], step_kind: str, time_kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = len(kinds) * BASE
    value = np.concatenate([values_of(kind, BASE, rng) for kind in kinds])
    step, time = axis_of(step_kind, count, rng), axis_of(time_kind, count, rng)
    before = step.tobytes(), time.tobytes(), value.tobytes()
    check(entries_of(step, time, value), BASE, step, time, value)
    assert before == (step.tobytes(), time.tobytes(), value.tobytes()), "points are left as they are"


@given(st.lists(st.sampled_from(KINDS), min_size=FAN, max_size=FAN), axes, axes, seeds, st.integers(1, 3))
@settings(max_examples=60)
def test_folded_entries(kinds: list[str], step_kind: str, time_kind: str, seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    size = BASE * FAN**levels
    count = 2 * size
    value = np.concatenate([values_of(kind, count // FAN, rng) for kind in kinds])
    step, time = axis_of(step_kind, count, rng), axis_of(time_kind, count, rng)
    entries = entries_of(step, time, value)
    for _ in range(levels):
        entries = fold(entries)
    check(entries, size, step, time, value)


def test_one_value_that_is_not_finite_spoils_no_other_entry() -> None:
    for place in (0, 63, 64, 127, 128, 191):
        for strange in (np.nan, np.inf, -np.inf):
            value = np.arange(192.0)
            value[place] = strange
            check(entries_of(np.arange(192), np.arange(192), value), BASE, np.arange(192), np.arange(192), value)


@pytest.mark.parametrize("size", [1e308, -1e308, 1.7e308])
def test_a_sum_beyond_float64_is_infinite_and_counts_its_points(size: float) -> None:
    value = np.full(BASE * FAN, size)
    for entries in ((one := entries_of(np.arange(len(value)), np.arange(len(value)), value)), fold(one)):
        assert (entries.finite == len(value) // len(entries.finite)).all()
        assert (entries.total == np.sign(size) * np.inf).all()
        assert (entries.low == size).all()
        assert (entries.high == size).all()


def test_a_spread_is_not_lost_where_the_mean_is_large() -> None:
    rng = np.random.default_rng(0)
    value = 1e12 + rng.normal(size=BASE * FAN * FAN)
    axis = np.arange(len(value))
    top = fold(fold(entries_of(axis, axis, value)))
    assert np.isclose(np.sqrt(top.spread[0] / len(value)), value.std(), rtol=1e-6)


def test_nothing() -> None:
    assert entries_of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)) is NOTHING
    assert join([]) is NOTHING
    assert [column.dtype.kind for column in NOTHING] == list("iiiiiffff")
    assert [len(column) for column in fold(NOTHING)] == [0] * 9


@given(st.lists(st.integers(0, 5), max_size=5), seeds)
def test_join_is_one_after_the_other(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = sum(sizes) * BASE
    step, time, value = (
        axis_of("at random", count, rng) if count else np.empty(0, np.int64),
        np.arange(count),
        rng.normal(size=count),
    )
    bounds = BASE * np.cumsum([0, *sizes])
    parts = [entries_of(step[a:b], time[a:b], value[a:b]) for a, b in itertools.pairwise(bounds)]
    whole = entries_of(step, time, value)
    for found, expected in zip(join(parts), whole, strict=True):
        assert found.tobytes() == expected.tobytes(), "an entry follows from its own points alone, to the bit"
