"""What is said of a run besides its rows, in a form that run.json can hold: config and tags."""

from __future__ import annotations

import dataclasses
import math
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any


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
        config = dataclasses.asdict(config)
    if not isinstance(config, Mapping):
        raise TypeError(f"config must be a mapping, a dataclass or a Namespace, not {type(config).__name__}")
    return {str(key): _plain(value) for key, value in config.items()}


def checked_tags(tags: Sequence[str]) -> list[str]:
    """``tags`` as a list. Raises TypeError."""
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError(f"tags must be strings in a list, not {tags!r}")
    return list(tags)


def _plain(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON can hold it; what JSON lacks becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if depth < 20:
        if isinstance(value, Mapping):
            return {str(key): _plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_plain(inner, depth + 1) for inner in value]
        if hasattr(value, "tolist") and math.prod(getattr(value, "shape", (math.inf,))) <= 1000:  # NumPy and its kin
            return _plain(value.tolist(), depth + 1)
    return str(value) if isinstance(value, os.PathLike) else repr(value)[:1000]
