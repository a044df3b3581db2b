"""What is said of a run besides its rows, in a form that run.json can hold: config and tags."""

from __future__ import annotations

import dataclasses
import math
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

_LARGEST = 10**4000  # Python writes no longer numbers


def plain_config(config: Mapping[str, Any] | Any) -> dict[str, Any]:
    """Hyperparameters as JSON can hold them.

    Raises:
        TypeError: ``config`` is not a mapping, a dataclass or a Namespace.
    """
    if config is None:
        return {}
    if isinstance(config, Namespace):
        config = vars(config)
    elif dataclasses.is_dataclass(config) and not isinstance(config, type):
        config = _fields(config)
    if not isinstance(config, Mapping):
        raise TypeError(f"config must be a mapping, a dataclass or a Namespace, not {type(config).__name__}")
    return {str(key): _plain(value) for key, value in config.items()}


def checked_tags(tags: Sequence[str]) -> list[str]:
    """``tags`` as a list. Raises TypeError."""
    listed = [] if isinstance(tags, str) else list(tags)
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in listed):
        raise TypeError(f"tags must be strings in a list, not {tags!r}")
    return listed


def _fields(config: Any) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def _plain(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON can hold it; what JSON lacks becomes text."""
    try:
        return _part(value, depth)
    except Exception as error:  # whatever a foreign object does when it is looked at
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _part(value: Any, depth: int) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST:
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if depth < 20:
        if isinstance(value, Mapping):
            return {str(key): _plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [_plain(inner, depth + 1) for inner in value]
        if isinstance(value, set | frozenset):  # in an order that is the same in every process
            return sorted((_plain(inner, depth + 1) for inner in value), key=repr)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {name: _plain(inner, depth + 1) for name, inner in _fields(value).items()}
        if hasattr(value, "tolist") and math.prod(getattr(value, "shape", (math.inf,))) <= 1000:  # NumPy and its kin
            return _plain(value.tolist(), depth + 1)
    return str(value) if isinstance(value, os.PathLike) else repr(value)[:1000]
