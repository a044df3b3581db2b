"""The hyperparameters of a sweep: what differs between its configurations, as numbers or as categories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rolltape.store.flat_config import fingerprint, stable_text

MOST_VALUES = 200  # of one parameter that are told

_DECADES = 100.0  # from this ratio between the largest and the smallest on numbers belong on a logarithmic axis
_SPREAD = 4.0  # from this ratio on, if they are also spaced so


@dataclass(frozen=True, slots=True)
class Parameter:
    """One hyperparameter.

    Attributes:
        key: in the flat config.
        kind: ``number`` if there are two numbers at least and nothing else, but for None and NaN, which are as good
            as missing then.
        log: whether its numbers belong on a logarithmic axis.
        values: the different ones in order, 200 at most: of more numbers evenly many, the smallest and largest among
            them; of more categories the first.
        distinct: how many there are.
    """

    key: str
    kind: Literal["number", "category"]
    log: bool
    values: list[Any]
    distinct: int


def parameters_of(configs: Sequence[Mapping[str, Any]]) -> list[Parameter]:
    """What is not the same in all flat configs, by key; a missing key differs from every value, also from None."""
    seen: dict[str, dict[Any, Any]] = {}
    holders: dict[str, int] = {}
    for config in configs:
        for key, value in config.items():
            seen.setdefault(key, {}).setdefault(fingerprint(value), value)
            holders[key] = holders.get(key, 0) + 1
    return [
        _parameter(key, list(seen[key].values()))
        for key in sorted(seen)
        if len(seen[key]) > 1 or holders[key] < len(configs)
    ]


def column_of(parameter: Parameter, configs: Sequence[Mapping[str, Any]]) -> list[object]:
    """The value in each config as `rank_hyperparameters` takes it: numbers, or texts that are equal for equal values;
    None where there is none."""
    if parameter.kind == "number":
        return [config.get(parameter.key) for config in configs]
    return [stable_text(config[parameter.key]) if parameter.key in config else None for config in configs]


def _parameter(key: str, values: list[Any]) -> Parameter:
    present = [value for value in values if not _is_nothing(value)]
    if len(present) > 1 and all(map(_is_number, present)):
        present.sort()
        return Parameter(key, "number", _is_log(present), _thinned(present), len(present))
    values.sort(key=_order)
    return Parameter(key, "category", False, values[:MOST_VALUES], len(values))


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300  # larger whole numbers are no float64


def _is_log(numbers: Sequence[float]) -> bool:
    """Whether sorted numbers span two decades, or are spaced more evenly by ratio than by difference."""
    least, most = numbers[0], numbers[-1]
    if least <= 0 or most / least < _SPREAD:
        return False
    if most / least >= _DECADES * (1 - 1e-9):
        return True
    plain = np.array(numbers, dtype=np.float64)
    return len(numbers) > 2 and _unevenness(np.log(plain)) < _unevenness(plain) / 2


def _unevenness(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """How far sorted values lie from equal spacing, as a share of their range."""
    places = (values - values[0]) / (values[-1] - values[0])
    return float(np.abs(places - np.linspace(0, 1, len(values))).max())


def _thinned(values: list[Any]) -> list[Any]:
    if len(values) <= MOST_VALUES:
        return values
    return [values[round(at)] for at in np.linspace(0, len(values) - 1, MOST_VALUES)]


def _order(value: Any) -> tuple[bool, bool, float, str]:
    """None first, then numbers by size, then the rest by text."""
    number = float(value) if isinstance(value, bool) or _is_number(value) else math.inf
    return value is not None, number == math.inf, number, stable_text(value)
