"""What differs between configs, and as what it is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rolltape.server.parameters import MOST_VALUES, column_of, parameters_of


def only(values: list[Any]) -> Any:
    (found,) = parameters_of([{"k": value} for value in values])
    return found


def test_only_what_differs_is_told() -> None:
    configs = [{"a": 1, "b": 2, "n": math.nan, "l": [1]}, {"a": 1.0, "b": 3, "n": math.nan, "l": (1,), "c": None}]
    assert [one.key for one in parameters_of(configs)] == ["b", "c"]
    assert parameters_of([]) == parameters_of([{"a": 1}]) == []


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1e-5, 1e-3], True),
        ([1e-4, 1e-3], False),
        ([3e-6, 3e-4], True),  # two decades, up to rounding
        ([32, 64, 128], True),
        ([64, 128], False),
        ([1, 2, 3, 4, 5], False),
        ([0.9, 0.99, 0.999], False),
        ([0, 1, 1000], False),
        ([-1000, 1, 1000], False),
        ([10, 20, 30, 40, 50], False),
        ([1, 2, 4, 8, 16, 32], True),
        ([5e-324, 1e299], True),
    ],
)
def test_logarithmic_numbers(values: list[float], log: bool) -> None:
    found = only(values[::-1])
    assert (found.kind, found.log, found.values) == ("number", log, values)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([True, False], [False, True]),
        ([None, 0.01], [None, 0.01]),
        (["b", "a"], ["a", "b"]),
        ([[64, 64], [64]], [[64, 64], [64]]),
        ([1, math.inf], [1, math.inf]),
        ([10**400, 1, 2], [1, 2, 10**400]),
        (["1", 1, 2], [1, 2, "1"]),
        ([{}, "é\ud800", 3], [3, "é\ud800", {}]),
    ],
)
def test_categories(values: list[Any], wanted: list[Any]) -> None:
    found = only(values)
    assert (found.kind, found.log) == ("category", False)
    assert found.values[0] == wanted[0] or isinstance(wanted[0], list | dict | str)
    assert sorted(map(repr, found.values)) == sorted(map(repr, wanted))


def test_numbers_beside_none_and_nan_are_numbers() -> None:
    configs = [{"k": 3.0}, {"k": None}, {"k": 1}, {"k": math.nan}, {}]
    (found,) = parameters_of(configs)
    assert (found.kind, found.values, found.distinct) == ("number", [1, 3.0], 2)
    column = column_of(found, configs)
    assert column[:3] == [3.0, None, 1] and column[4] is None


def test_a_category_keeps_none_apart_from_a_missing_key() -> None:
    configs: list[dict[str, Any]] = [{"k": "a"}, {"k": None}, {}, {"k": [1, 2]}, {"k": (1, 2)}]
    (found,) = parameters_of(configs)
    column = column_of(found, configs)
    assert column[2] is None
    assert len({repr(value) for value in column}) == 4
    assert column[3] == column[4]
    assert None not in column[:2]


def test_many_values_are_thinned_with_both_ends() -> None:
    found = only(list(range(1000)))
    assert (len(found.values), found.distinct) == (MOST_VALUES, 1000)
    assert (found.values[0], found.values[-1]) == (0, 999)
    assert len(set(found.values)) == MOST_VALUES
    assert len(only([f"v{i}" for i in range(1000)]).values) == MOST_VALUES
