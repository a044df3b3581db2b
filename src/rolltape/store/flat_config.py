"""Configs made comparable: nested keys joined by dots, values that are equal when and only when they mean the same."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

_NAN = ("nan",)
_DEEPEST = 50  # levels of nesting that stable_text tells apart
_PLAIN = {bool, int, float, str, type(None)}  # most of what is in configs, and quickly told from the rest


def flatten(config: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """The entries of a config under keys joined by dots. An empty mapping inside is an entry."""
    flat: dict[str, Any] = {}
    for key, entry in config.items():
        if type(entry) not in _PLAIN and isinstance(entry, Mapping) and entry:
            flat |= flatten(entry, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = entry
    return flat


def fingerprint(value: object) -> Hashable:
    """What stands for a value in comparisons: equal for equal values, hashable for every value.

    1 is 1.0, but neither is True nor "1"; NaN is NaN; a list is equal to a tuple of the same values, and to an array.
    What cannot be hashed is compared by its type and ``repr``.
    """
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is float:
        return value if value == value else _NAN
    if kind is bool:
        return bool, value
    if isinstance(value, Mapping):
        return "{}", frozenset((fingerprint(key), fingerprint(entry)) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return "[]", tuple(map(fingerprint, value))
    if isinstance(value, set | frozenset):
        return "set", frozenset(map(fingerprint, value))
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufU":
        return fingerprint(value.tolist())
    try:
        hash(value)
    except TypeError:
        return kind, repr(value)
    return kind, value


def stable_text(value: object) -> str:
    """The same text for values with the same `fingerprint`, in every process."""
    return _in_order(fingerprint(value))


def shown(value: object, longest: int = 40) -> str:
    """A value as the name of a group shows it, in at most ``longest`` characters; strings that read as something else
    are quoted."""
    text = repr(value) if isinstance(value, str) and _reads_as_other(value) else str(value)
    if type(value) not in _PLAIN or type(value) is str:
        text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _reads_as_other(text: str) -> bool:
    if text in ("", "True", "False", "None"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _in_order(print_: Hashable, depth: int = 0) -> str:
    if isinstance(print_, frozenset | tuple):
        if depth == _DEEPEST:
            return "..."
        parts = [_in_order(part, depth + 1) for part in print_]
        return f"{{{','.join(sorted(parts))}}}" if isinstance(print_, frozenset) else f"({','.join(parts)})"
    if isinstance(print_, float) and print_.is_integer():
        return repr(int(print_))
    return print_.__name__ if isinstance(print_, type) else repr(print_)
