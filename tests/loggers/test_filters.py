"""Filters: what each passes on, what none of them may do, and `dump` through any of them."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kept_rows import Rows
from rolltape.errors import RolltapeWarning
from rolltape.loggers import (
    AggregateFilter,
    Dispatcher,
    Filter,
    GatedFilter,
    KeyFilter,
    NoneFilter,
    SmoothingFilter,
    TimeFilter,
)

finite = st.floats(-1e9, 1e9)
FILTERS: list[Callable[[Any], Filter]] = [
    NoneFilter,
    lambda to: TimeFilter(to, 0),
    lambda to: KeyFilter(to, drop=["nothing"]),
    lambda to: GatedFilter(to, lambda row: True),
    lambda to: SmoothingFilter(to, "nothing", 0.5),
    lambda to: AggregateFilter(to, "nothing"),
]


# Smoothing


@given(st.lists(finite, min_size=1, max_size=60), st.floats(0, 1))
def test_the_average_warms_up(values: list[float], coeff: float) -> None:
    """Against the formula: output = value·(1−c) + previous·c; then c ← 0.9·c + 0.1·coeff."""
    to = Rows()
    smoothing = SmoothingFilter(to, "return", coeff)
    for value in values:
        smoothing.write({"episode_return": value, "steps": 3})
    c, previous = 0.0, 0.0
    for value, row in zip(values, to.rows, strict=True):
        previous = value * (1 - c) + previous * c
        c = 0.9 * c + 0.1 * coeff
        assert row["episode_return"] == value
        assert row[f"episode_return_smoothed_{coeff}"] == pytest.approx(previous, rel=1e-9, abs=1e-6)
        assert set(row) == {"episode_return", "steps", f"episode_return_smoothed_{coeff}"}
    assert to.rows[0][f"episode_return_smoothed_{coeff}"] == values[0]


def test_every_key_that_matches_is_smoothed_by_itself() -> None:
    to = Rows()
    smoothing = SmoothingFilter(to, "^loss|return$", 0.5)
    smoothing.write({"loss/q": 1.0, "episode_return": 10.0, "return_note": 5.0})
    smoothing.write({"loss/q": 1.0})
    assert to.rows[0] == {
        "loss/q": 1.0, "episode_return": 10.0, "return_note": 5.0,
        "loss/q_smoothed_0.5": 1.0, "episode_return_smoothed_0.5": 10.0,
    }  # fmt: skip
    assert to.rows[1] == {"loss/q": 1.0, "loss/q_smoothed_0.5": 1.0}


@pytest.mark.parametrize(
    "strange", [None, "text", float("nan"), float("inf"), 10**400, [[1], [2, 3]], object(), 1j, b"x"]
)
def test_what_has_no_average_goes_on_alone_and_spoils_nothing(strange: Any) -> None:
    """The original fails on text and None, and after one NaN is NaN for ever."""
    to = Rows()
    smoothing = SmoothingFilter(to, "r", 0.5)
    for value in (1.0, strange, 3.0):
        smoothing.write({"r": value})
    assert to.rows[1] == {"r": strange}
    assert to.rows[2]["r_smoothed_0.5"] == pytest.approx(3 * 0.95 + 1 * 0.05)


def test_arrays_are_smoothed_by_element() -> None:
    to = Rows()
    smoothing = SmoothingFilter(to, "r", 0.5)
    for value in (np.array([1.0, 2.0]), [3.0, 4.0], np.array([np.nan, 1.0]), np.array(7.0)):
        smoothing.write({"r": value})
    assert to.rows[1]["r_smoothed_0.5"] == pytest.approx([3 * 0.95 + 0.05, 4 * 0.95 + 2 * 0.05])
    assert "r_smoothed_0.5" not in to.rows[2]
    assert to.rows[3]["r_smoothed_0.5"] == 7.0, "another shape begins anew"
    for value in (np.array([1.0, 2.0]), 5.0):
        smoothing.write({"r": value})
    assert to.rows[5]["r_smoothed_0.5"] == 5.0, "and so does a number"


def test_tensors_are_smoothed_where_they_are_and_without_their_graph() -> None:
    torch = pytest.importorskip("torch")
    to = Rows()
    smoothing = SmoothingFilter(to, "r", 0.5)
    for value in (1.0, float("nan"), 3.0):
        smoothing.write({"r": torch.tensor(value, requires_grad=True) * 1})
    average = to.rows[2]["r_smoothed_0.5"]
    assert isinstance(average, torch.Tensor)
    assert not average.requires_grad
    assert float(average) == pytest.approx(3 * 0.95 + 0.05)


# Aggregates


@given(st.lists(finite, min_size=1, max_size=40))
def test_the_statistics_of_what_was_written(values: list[float]) -> None:
    to = Rows()
    aggregate = AggregateFilter(to, "return")
    for step, value in enumerate(values):
        aggregate.write({"episode_return": value, "steps": step})
    assert to.rows == []
    aggregate.dump()
    (row,) = to.rows
    assert row == {
        "episode_return_mean": pytest.approx(statistics.fmean(values), rel=1e-6, abs=1e-3),
        "episode_return_std": pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-3),
        "episode_return_median": statistics.median(values),
        "episode_return_max": max(values),
        "episode_return_min": min(values),
        "steps": len(values) - 1,
    }


def test_an_empty_dump_writes_nothing_and_a_second_one_neither() -> None:
    """The original raises ValueError."""
    to = Rows()
    aggregate = AggregateFilter(to, "r")
    aggregate.dump()
    aggregate.write({"r": 1.0})
    aggregate.dump()
    aggregate.dump()
    assert len(to.rows) == 1


def test_rows_may_be_ragged() -> None:
    """The original raises ValueError: their keys differ, or the shapes of their arrays."""
    to = Rows()
    aggregate = AggregateFilter(to, "^r")
    aggregate.write({"r": 1.0, "a": 1})
    aggregate.write({"b": 2})
    aggregate.write({"r": np.array([2.0, 3.0]), "a": 3})
    aggregate.write({"r": np.array(4.0), "r2": None})
    aggregate.write({"r": np.array([]), "r3": []})
    aggregate.dump()
    assert to.rows == [
        {"r_mean": 2.5, "r_std": pytest.approx(1.25**0.5), "r_median": 2.5, "r_max": 4.0, "r_min": 1.0, "a": 3, "b": 2}
    ]


def test_arrays_count_as_they_were_written() -> None:
    to, buffer = Rows(), np.array([1.0, 2.0])
    aggregate = AggregateFilter(to, "r")
    aggregate.write({"r": buffer})
    buffer[:] = 9
    aggregate.dump()
    assert to.rows[0]["r_max"] == 2.0


def test_what_is_no_number_keeps_its_last_value() -> None:
    to = Rows()
    aggregate = AggregateFilter(to, "")
    aggregate.write({"note": "a", "x": 1, "ragged": [[1], [2, 3]]})
    aggregate.write({"note": "b"})
    aggregate.dump()
    assert to.rows[0]["note"] == "b"
    assert to.rows[0]["ragged"] == [[1], [2, 3]]
    assert to.rows[0]["x_mean"] == 1.0


def test_what_has_no_statistics_is_told_and_the_others_have_theirs() -> None:
    to = Rows()
    aggregate = AggregateFilter(to, "r|x")
    aggregate.write({"r": 10**400, "x": 2.0, "kept": np.zeros(2)})
    with pytest.warns(RolltapeWarning, match="'r' has no statistics"):
        aggregate.dump()
    assert to.rows[0]["r"] == 10**400
    assert to.rows[0]["x_mean"] == 2.0


def test_the_last_value_is_as_it_was_written() -> None:
    to, buffer = Rows(), np.zeros(2)
    aggregate = AggregateFilter(to, "nothing")
    aggregate.write({"buffer": buffer})
    buffer[:] = 9
    aggregate.dump()
    assert to.rows[0]["buffer"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite_values_are_in_the_statistics_without_a_warning(value: float) -> None:
    to = Rows()
    aggregate = AggregateFilter(to, "r")
    aggregate.write({"r": value})
    aggregate.write({"r": 1.0})
    aggregate.dump()
    assert str(to.rows[0]["r_mean"]) == str(value)
    assert np.isnan(to.rows[0]["r_std"])


def test_devices_are_read_at_the_dump() -> None:
    torch = pytest.importorskip("torch")
    to = Rows()
    aggregate = AggregateFilter(to, "r")
    value = torch.tensor([1.0, 3.0], requires_grad=True)
    aggregate.write({"r": value})
    with torch.no_grad():
        value += 100
    aggregate.dump()
    assert to.rows[0]["r_mean"] == 2.0


def test_close_passes_on_what_is_left() -> None:
    to = Rows()
    aggregate = AggregateFilter(to, "r")
    aggregate.write({"r": 1.0})
    aggregate.close()
    assert to.rows[0]["r_mean"] == 1.0
    assert to.closed == 1


# All of them


@pytest.mark.parametrize("outer", FILTERS)
@pytest.mark.parametrize("inner", FILTERS)
def test_dump_and_close_reach_through_any_filters(
    outer: Callable[[Any], Filter], inner: Callable[[Any], Filter]
) -> None:
    to = Rows()
    chain = outer(inner(Dispatcher([AggregateFilter(to, "r"), Rows()])))
    chain.write({"r": 1.0})
    chain.dump()
    assert [row for row in to.rows if "r_mean" in row] == [
        {"r_mean": 1.0, "r_std": 0.0, "r_median": 1.0, "r_max": 1.0, "r_min": 1.0}
    ]
    chain.close()
    assert to.closed == 1


@pytest.mark.parametrize("make", FILTERS)
def test_the_callers_row_stays_as_it_is(make: Callable[[Any], Filter]) -> None:
    values = {"r": 1.0, "none": None, "x": np.array([1.0, 2.0])}
    before = dict(values)
    chain = make(SmoothingFilter(NoneFilter(Rows()), "r|x", 0.9))
    for _ in range(3):
        chain.write(values)
    chain.dump()
    assert values.keys() == before.keys()
    assert all(values[key] is before[key] for key in before)


@pytest.mark.parametrize("order", list(itertools.permutations(FILTERS[:5], 3)))
def test_any_order_passes_a_row_on(order: tuple[Callable[[Any], Filter], ...]) -> None:
    to = Rows()
    chain: Any = to
    for make in order:
        chain = make(chain)
    chain.write({"a": 1.0, "none": None})
    assert to.rows[0]["a"] == 1.0
    assert len(to.rows) == 1


def test_the_first_row_passes_a_time_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.5, 1.0, 1.5, 1.6])  # soon after the machine started
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    to = Rows()
    logger = TimeFilter(to, 1.0)
    for i in range(4):
        logger.write({"i": i})
    assert [row["i"] for row in to.rows] == [0, 3], "exactly one second is not more than one"


def test_a_dispatcher_closes_all_also_if_one_raises() -> None:
    class Broken(Rows):
        def close(self) -> None:
            raise OSError("broken")

    last = Rows()
    with pytest.raises(OSError, match="broken"):
        Dispatcher([Broken(), last]).close()
    assert last.closed == 1


def test_a_dispatcher_serializes_once() -> None:
    calls, sinks = [], [Rows(), Rows()]

    def doubled(values: Any) -> Any:
        calls.append(values)
        return {key: 2 * value for key, value in values.items()}

    Dispatcher(iter(sinks), serialize_fn=doubled).write({"a": 1})
    assert [sink.rows for sink in sinks] == [[{"a": 2}]] * 2
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: SmoothingFilter(Rows(), "(", 0.5), ValueError, "'\\(' is not a regular expression"),
        (lambda: SmoothingFilter(Rows(), "a", 1.5), ValueError, "between 0 and 1, but is 1.5"),
        (lambda: SmoothingFilter(Rows(), "a", -0.1), ValueError, "smoothing_coeff"),
        (lambda: AggregateFilter(Rows(), "*"), ValueError, "not a regular expression"),
        (lambda: TimeFilter(Rows(), -1), ValueError, "time_delta must not be negative, but is -1"),
        (lambda: KeyFilter(Rows()), ValueError, "exactly one of keep and drop"),
        (lambda: KeyFilter(Rows(), keep=["a"], drop=["b"]), ValueError, "exactly one of keep and drop"),
        (lambda: KeyFilter(Rows(), keep="abc"), TypeError, "\\['abc'\\]"),
        (lambda: KeyFilter(Rows(), keep=["a"]).write({"b": 1}), KeyError, "keep names 'a'.*'b'"),
        (lambda: GatedFilter.logarithmic(Rows(), 1), ValueError, "at least 2, but is 1"),
        (lambda: GatedFilter.periodic(Rows(), 0), ValueError, "at least 1, but is 0"),
    ],
)
def test_bad_input(make: Callable[[], object], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()
