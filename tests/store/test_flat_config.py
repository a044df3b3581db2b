"""Configs made comparable: which values are equal, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rolltape.store.flat_config import fingerprint, flatten, shown


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def test_nested_keys_are_joined() -> None:
    config = {"a": {"b": {"c": 1}, "d": [{"e": 2}]}, "f.g": 3, "h": {}, 4: 5, "m": MappingProxyType({"n": 6})}
    assert flatten(config) == {"a.b.c": 1, "a.d": [{"e": 2}], "f.g": 3, "h": {}, "4": 5, "m.n": 6}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (math.nan, float("nan")),
        ([1, [math.nan]], (1.0, (float("nan"),))),
        ({"a": [1], "b": 2}, {"b": 2.0, "a": (1,)}),
        ({1, 2}, frozenset({2, 1})),
        (np.float64(0.5), 0.5),
        (np.float32(np.nan), math.nan),
        (np.bool_(True), True),
        (np.arange(3), [0, 1, 2]),
        (Unhashable("x"), Unhashable("x")),
        (10**400, 10**400),
    ],
)
def test_these_are_equal(one: object, other: object) -> None:
    assert fingerprint(one) == fingerprint(other)
    assert hash(fingerprint(one)) == hash(fingerprint(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "None"),
        (None, 0),
        (None, False),
        (math.nan, None),
        (math.nan, "nan"),
        ([1], [True]),
        ([1, 2], [2, 1]),
        ([], {}),
        ([], None),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": None}),
        ([1], 1),
        ({1}, [1]),
        (Unhashable("x"), Unhashable("y")),
        (Unhashable("x"), "x"),
    ],
)
def test_these_are_not(one: object, other: object) -> None:
    assert fingerprint(one) != fingerprint(other)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, 0.5, math.nan]), st.text("a1")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab", max_size=1), inner, max_size=3)),
    max_leaves=6,
)


def plainly_equal(one: object, other: object) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(plainly_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(plainly_equal, one, other))
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return one == other or (one != one and other != other)


@given(json_values, json_values)
def test_equal_is_what_people_mean_by_it(one: object, other: object) -> None:
    assert (fingerprint(one) == fingerprint(other)) == plainly_equal(one, other)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0003, "0.0003"),
        (1e-5, "1e-05"),
        (64, "64"),
        (True, "True"),
        (None, "None"),
        ("relu", "relu"),
        ("1", "'1'"),
        ("1e-3", "'1e-3'"),
        ("True", "'True'"),
        ("", "''"),
        ([64, 64], "[64, 64]"),
        ("two\n lines", "two lines"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
    ],
)
def test_values_in_names(value: object, text: str) -> None:
    assert shown(value) == text
