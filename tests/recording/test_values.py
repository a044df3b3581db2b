"""What may be logged, and what becomes of everything else."""

from __future__ import annotations

import decimal
import fractions
import json
import math
import warnings
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError, RolltapeWarning


@pytest.fixture
def run(tapes: Path) -> rolltape.Run:
    return rolltape.init(id="r")


def read(run: rolltape.Run, metric: str) -> list[float]:
    return rolltape.open(run.directory.parent.parent).points("r", metric).value.tolist()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, 1.5),
        (-0.0, -0.0),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
        (7, 7.0),
        (2**53 + 1, float(2**53)),
        (10**300, 1e300),
        (int(np.finfo(float).max), float(np.finfo(float).max)),
        (True, 1.0),
        (np.float16(0.1), float(np.float16(0.1))),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int8(-3), -3.0),
        (np.uint64(2**64 - 1), float(2**64)),
        (np.bool_(True), 1.0),
        (np.array(2.5), 2.5),
        (np.array(3, np.int32), 3.0),
        (np.longdouble(0.25), 0.25),
        (decimal.Decimal("0.1"), 0.1),
        (fractions.Fraction(1, 4), 0.25),
    ],
    ids=repr,
)
def test_numbers(run: rolltape.Run, value: Any, expected: float) -> None:
    for _ in range(2):  # the first call takes the general way, the second may take the fast one
        run.log({"x": value})
        run.log({"y": 1.0, "x": value})
    found = read(run, "x")
    assert found == [expected] * 4
    assert math.copysign(1, found[0]) == math.copysign(1, expected)


def test_nan_keeps_its_place(run: rolltape.Run) -> None:
    run.log({"x": float("nan")}, 3)
    run.log({"x": np.float32("nan")}, 4)
    assert [math.isnan(value) for value in read(run, "x")] == [True, True]


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.0, 2.0]),
        np.array([1, 2], np.int8),
        np.array([1.0, 2.0], ">f4"),
        np.array([1.0, 9.0, 2.0])[::2],
        [1.0, 2],
        (1, 2),
        np.array([1, 2], object),
        np.ma.masked_array([1.0, 2.0]),
    ],
    ids=repr,
)
def test_a_1d_array_is_many_points_at_one_step(run: rolltape.Run, array: Any) -> None:
    run.log({"returns": array, "loss": 0.5}, 9)
    points = rolltape.open().points("r", "returns")
    assert points.value.tolist() == [1.0, 2.0]
    assert points.step.tolist() == [9, 9]
    assert len(set(points.time.tolist())) == 1
    assert read(run, "loss") == [0.5]


def test_arrays_are_copied_at_once(run: rolltape.Run) -> None:
    array = np.zeros(3)
    run.log({"a": array, "b": array[0:1][0], "c": array[1:2].reshape(())})
    array += 1
    assert read(run, "a") == [0.0] * 3
    assert read(run, "c") == [0.0]


def test_large_arrays_keep_their_place_among_the_rows(run: rolltape.Run) -> None:
    run.log({"x": -1.0}, 0)
    run.log({"x": np.arange(200_000.0)}, 1)
    run.log({"x": -2.0}, 2)
    assert read(run, "x") == [-1.0, *map(float, range(200_000)), -2.0]


def test_an_empty_array_and_an_empty_row_are_no_points(run: rolltape.Run) -> None:
    run.log({})
    run.log({"x": np.array([])}, 1)
    run.log({"x": 1.0}, 2)
    assert read(run, "x") == [1.0]


def test_mappings_of_every_kind(run: rolltape.Run) -> None:
    for kind in (dict, OrderedDict, lambda d: defaultdict(float, d)):
        for _ in range(2):
            run.log(kind({"x": 1.0, "y": 2.0}))
            run.log(kind({"y": 2.0, "x": 1.0}))
    assert read(run, "x") == [1.0] * 12
    assert read(run, "y") == [2.0] * 12


def test_key_sets_that_begin_alike(run: rolltape.Run) -> None:
    expected: dict[str, list[float]] = {}
    rng = np.random.default_rng(0)
    for i in range(2000):
        names = ["x", *rng.permutation(["a", "b", "c"])[: rng.integers(0, 4)]]
        row = {name: float(i + j) for j, name in enumerate(names)}
        run.log(row)
        for name, value in row.items():
            expected.setdefault(name, []).append(value)
    assert {name: read(run, name) for name in expected} == expected


def test_key_sets_that_change_every_call(run: rolltape.Run) -> None:
    for i in range(3000):
        run.log({f"m{i % 1500}": 1.0, f"n{i}": 2.0}, i)
    store = rolltape.open()
    assert len(store.metrics("r")) == 1500 + 3000
    assert store.points("r", "m7").step.tolist() == [7, 1507]
    run.close()
    assert store.points("r", "n2999").step.tolist() == [2999]


def test_ten_thousand_metrics(run: rolltape.Run) -> None:
    for i in range(3):
        run.log({f"layer/{k}/grad_norm": float(i + k) for k in range(10_000)}, i)
    run.close()
    store = rolltape.open()
    assert len(store.metrics("r")) == 10_000
    assert store.points("r", "layer/9999/grad_norm").value.tolist() == [9999.0, 10000.0, 10001.0]
    assert store.run("r").points == 30_000


def test_step_none_is_one_more_than_the_last(run: rolltape.Run) -> None:
    for step in (None, None, 10, None, 3, None, -5, None, np.int64(40), None, 7.0, None):
        run.log({"x": 0.0}, step)  # type: ignore[arg-type]
    run.log_batch({"x": [0.0, 0.0]})
    run.log({"y": np.zeros(1)})
    store = rolltape.open()
    assert store.points("r", "x").step.tolist() == [0, 1, 10, 11, 3, 4, -5, -4, 40, 41, 7, 8, 9, 10]
    assert store.points("r", "y").step.tolist() == [11]


def test_write_is_log(run: rolltape.Run) -> None:
    run.write({"x": 1.0})
    run.write({"x": 2.0})
    assert rolltape.open().points("r", "x").step.tolist() == [0, 1]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(
    ("values", "step", "message"),
    [
        (None, 0, "values must be a mapping of metric names to values, not NoneType"),
        ([("x", 1.0)], 0, "not list"),
        ("x", 0, "not str"),
        (3.0, 0, "not float"),
        ({3: 1.0}, 0, "a metric's name must be a string, not int: 3"),
        ({"x": 1.0, None: 1.0}, 0, "a metric's name must be a string, not NoneType"),
        ({"x": 1.0}, "7", "step must be an integer, not str: '7'"),
        ({"x": 1.0}, 1.5, "step must be an integer, not float: 1.5"),
        ({"x": 1.0}, [1], "step must be an integer, not list"),
        ({"x": 1.0}, np.array([1, 2]), "step must be an integer, not ndarray"),
    ],
)
def test_wrong_arguments_are_a_type_error(run: rolltape.Run, first: bool, values: Any, step: Any, message: str) -> None:
    if not first:
        run.log({"x": 1.0}, 0)
    with pytest.raises(TypeError, match=message):
        run.log(values, step)
    run.log({"x": 5.0})
    assert read(run, "x")[-1] == 5.0
    assert run.lost == 0


def test_an_empty_name_is_a_value_error(run: rolltape.Run) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        run.log({"": 1.0})


STRANGE = [
    (np.zeros((2, 3)), r"metric 'x' is an array of shape \(2, 3\); only numbers and 1-d arrays are points"),
    (object(), "metric 'x' is a object that cannot be read as numbers"),
    (1j, "metric 'x' is a complex"),
    (b"bytes", "metric 'x' is a bytes"),
    (10**400, "metric 'x' is an int that no float64 can hold"),
    ([1.0, "two"], "metric 'x' is a list"),
    ({"nested": 1.0}, "metric 'x' is a dict"),
    (np.datetime64("2026-01-01"), "metric 'x' is a datetime64"),
]


@pytest.mark.parametrize(("value", "message"), STRANGE, ids=lambda x: repr(x)[:20])
def test_strange_values_raise_under_strict(run: rolltape.Run, value: Any, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        run.log({"x": value, "y": 1.0})
    assert run.lost == 1


@pytest.mark.parametrize(("value", "message"), STRANGE, ids=lambda x: repr(x)[:20])
def test_strange_values_warn_once_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, tapes: Path, value: Any, message: str
) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    run = rolltape.init(id="r")
    with pytest.warns(RolltapeWarning, match=message) as caught:
        for _ in range(5):
            run.log({"x": value, "y": 1.0})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    run.close()
    assert read(run, "y") == [1.0] * 5, "the rest of the row is recorded"
    assert rolltape.open().run("r").lost == 5


def test_none_is_skipped_with_one_warning(run: rolltape.Run) -> None:
    with pytest.warns(RolltapeWarning, match="metric 'x' is None") as caught:
        for _ in range(3):
            run.log({"x": None, "y": 1.0})
    assert len(caught) == 1
    assert read(run, "y") == [1.0] * 3
    assert run.lost == 0


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 10**30, 10**5000], ids=["2^63", "-2^63-1", "10^30", "10^5000"])
def test_a_step_beyond_64_bits_is_counted(run: rolltape.Run, step: int) -> None:
    run.log({"x": 1.0}, 0)
    with pytest.raises(RecordingError, match="does not fit in 64 bits"):
        run.log({"x": 2.0}, step)
    run.log({"x": 3.0})
    assert read(run, "x") == [1.0, 3.0]
    assert rolltape.open().points("r", "x").step.tolist() == [0, 1], "a refused step is not the last step"
    assert run.lost == 1


def test_no_step_comes_after_the_last(run: rolltape.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows without a step stay at the last one there is: nothing is lost, training goes on, and it is told once."""
    last = 2**63 - 1
    monkeypatch.setattr(run, "_strict", False)
    run.log({"x": 1.0}, last - 1)
    run.log({"x": 2.0})
    with pytest.warns(RolltapeWarning, match=f"no step comes after {last}") as told:
        for _ in range(2):
            run.log({"x": 3.0})
        run.log({"x": 4.0, "note": "text"})
        run.log_batch({"x": [5.0, 6.0]})
    assert len(told) == 1
    run.log({"x": 7.0}, 3)
    run.log({"x": 8.0})
    assert read(run, "x") == [1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert rolltape.open().points("r", "x").step.tolist() == [last - 1, *[last] * 6, 3, 4]
    assert rolltape.open().events("r")[0]["step"] == last
    assert run.lost == 0


def test_texts(run: rolltape.Run) -> None:
    run.log({"note": "entropy collapsed \U0001f600\n<b>", "x": 1.0}, 12)
    (event,) = rolltape.open().events("r")
    assert (event["name"], event["kind"], event["text"], event["step"]) == (
        "note",
        "text",
        "entropy collapsed \U0001f600\n<b>",
        12,
    )


def test_logging_after_close_is_told(run: rolltape.Run) -> None:
    run.log({"x": 1.0})
    run.close()
    run.close()
    with pytest.raises(RecordingError, match=r"after close\(\) are lost"):
        run.log({"x": 2.0})
    with pytest.raises(RecordingError, match=r"after close\(\) are lost"):
        run.log_batch({"x": [2.0]})
    assert read(run, "x") == [1.0]


def test_warnings_made_errors_do_not_break_the_recording(monkeypatch: pytest.MonkeyPatch, tapes: Path) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "")
    run = rolltape.init(id="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RolltapeWarning):
            run.log({"x": 1j})
        run.log({"x": 1.0})
    assert read(run, "x") == [1.0]


# log_batch


def test_a_batch_is_what_single_rows_are(run: rolltape.Run) -> None:
    rng = np.random.default_rng(0)
    for rows in (1, 7, 500, 70_000):
        a, b = rng.normal(size=rows), rng.integers(0, 9, rows)
        step = np.arange(rows) * 3 - 5
        run.log_batch({f"a{rows}": a, f"b{rows}": b}, step=step)
        points = rolltape.open().points("r", f"a{rows}")
        assert np.array_equal(points.value, a)
        assert np.array_equal(points.step, step)
        assert np.array_equal(rolltape.open().points("r", f"b{rows}").value, b)


def test_a_batch_with_its_own_times_keeps_every_nanosecond(run: rolltape.Run) -> None:
    time = np.array([1_700_000_000_123_456_789, 1_700_000_000_123_456_790, -5])
    run.log_batch({"a": [1, 2, 3]}, step=[5, 5, 4], time=time)
    points = rolltape.open().points("r", "a")
    assert points.time.tolist() == time.tolist()
    assert points.step.tolist() == [5, 5, 4]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"values": {"a": [1, 2], "b": [1]}}, ValueError, r"columns differ in length: \{'a': 2, 'b': 1\}"),
        ({"values": {"a": [1, 2]}, "step": [1]}, ValueError, r"'step': 1"),
        ({"values": {"a": [1, 2]}, "time": [1]}, ValueError, r"'time': 1"),
        ({"values": {"a": 3.0}}, ValueError, "column 'a' must have one dimension"),
        ({"values": {"a": [[1.0]]}}, ValueError, "column 'a' must have one dimension"),
        ({"values": {"a": ["x"]}}, TypeError, "column 'a' is not an array of numbers"),
        ({"values": {"a": None}}, TypeError, "column 'a' is not an array of numbers"),
        ({"values": [1.0]}, TypeError, "values must be a mapping"),
        ({"values": {3: [1.0]}}, TypeError, "non-empty string, not 3"),
        ({"values": {"a": [1.0]}, "step": [0.5]}, TypeError, "step must be integers"),
        ({"values": {"a": [1.0]}, "step": ["x"]}, TypeError, "step must be integers"),
        ({"values": {"a": [1.0]}, "step": [math.inf]}, ValueError, "step must fit in 64 bits"),
        ({"values": {"a": [1.0]}, "step": [2**63]}, ValueError, "step must fit in 64 bits"),
        ({"values": {"a": [1.0]}, "step": [math.nan]}, TypeError, "step must be integers"),
        ({"values": {"a": [1.0]}, "time": 5}, ValueError, "time must have one dimension"),
    ],
)
def test_a_wrong_batch_records_nothing(
    run: rolltape.Run, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run.log_batch(**arguments)
    assert rolltape.open().metrics("r") == []


def test_an_empty_batch_is_nothing(run: rolltape.Run) -> None:
    run.log_batch({})
    run.log_batch({"a": []}, step=[])
    assert rolltape.open().metrics("r") == []


def test_the_environment_is_plain_json(run: rolltape.Run) -> None:
    identity = json.loads((run.directory / "run.json").read_text())
    environment = identity["environment"]
    assert set(environment) >= {"command", "python", "host", "git", "directory", "rolltape", "packages"}
    assert environment["packages"]["numpy"] == np.__version__
