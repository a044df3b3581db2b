"""A configuration as the text of a config.json, in Spinning Up's form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def config_json(config: Any, exp_name: str | None = None, strict: bool = False) -> str:
    """Anything as JSON: what JSON lacks becomes a name, ``{str(object): {attributes}}`` or text.

    Args:
        config: normally a dict, such as ``locals()``.
        exp_name: put under that key, where given.
        strict: raise what Spinning Up raises.

    Raises:
        TypeError: only if ``strict``: a tuple holds what JSON cannot, or the keys of a dict do not compare.
    """
    ready = _ready(config, strict, ())
    if not isinstance(ready, dict):
        ready = {"config": ready}
    if exp_name is not None:
        ready = {**ready, "exp_name": exp_name}
    try:
        return _text(ready)
    except TypeError:
        if strict:
            raise
        return _text(_named(ready))


def _text(ready: Any) -> str:
    return json.dumps(ready, separators=(",", ":\t"), indent=4, sort_keys=True)


def _ready(value: Any, strict: bool, inside: tuple[int, ...]) -> Any:
    """``value`` in JSON's types. ``inside`` are the ids of what it lies in: a circle ends as text."""
    if _is_json(value):
        return value
    if id(value) in inside or type(value).__module__.split(".")[0] == "rolltape":
        return str(value)
    ready: Callable[[Any], Any] = lambda part: _ready(part, strict, (*inside, id(value)))  # noqa: E731
    if isinstance(value, dict):
        return {ready(key): ready(inner) for key, inner in value.items()}
    if isinstance(value, tuple) and strict:
        raise TypeError("Object of type generator is not JSON serializable")
    if isinstance(value, list | tuple):
        return [ready(inner) for inner in value]
    name = getattr(value, "__name__", None)
    if isinstance(name, str) and "lambda" not in name:
        return name
    if getattr(value, "__dict__", None):
        return {str(value): {ready(key): ready(inner) for key, inner in vars(value).items()}}
    return str(value)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _named(value: Any) -> Any:
    """With every key a string."""
    if isinstance(value, dict):
        return {str(key): _named(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner) for inner in value]
    return value
