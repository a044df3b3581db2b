"""A configuration as the text of a config.json, in Spinning Up's form."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_MOST_PARTS = 100_000  # of one configuration
_DEEPEST = 50


def config_json(config: Any, exp_name: str | None = None, strict: bool = False) -> str:
    """Anything as JSON: what JSON lacks becomes a name, ``{str(object): {attributes}}`` or text.

    Args:
        config: normally a dict, such as ``locals()``.
        exp_name: put under that key, where given.
        strict: raise what Spinning Up raises.

    Raises:
        TypeError: only if ``strict``: a tuple holds what JSON cannot, or the keys of a dict do not compare.
    """
    ready = _Reader(strict).ready(config, ())
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


class _Reader:
    """Makes JSON's types of anything. What lies too deep, or comes after very much else, is text."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._left = _MOST_PARTS

    def ready(self, value: Any, inside: tuple[int, ...]) -> Any:
        """``inside`` are the ids of what ``value`` lies in: a circle ends as text."""
        self._left -= 1
        if _is_json(value):
            return value
        if self._strict:
            return self._parts(value, inside)
        if self._left < 0 or len(inside) > _DEEPEST:
            return f"<{type(value).__name__}>"
        try:
            return self._parts(value, inside)
        except Exception as error:  # whatever a foreign object does when it is looked at
            return f"<{type(value).__name__}: {type(error).__name__}>"

    def _parts(self, value: Any, inside: tuple[int, ...]) -> Any:
        if id(value) in inside or type(value).__module__.split(".")[0] == "rolltape":
            return str(value)
        ready: Callable[[Any], Any] = lambda part: self.ready(part, (*inside, id(value)))  # noqa: E731
        key: Callable[[Any], Any] = lambda part: _hashable(ready(part), part, self._strict)  # noqa: E731
        if isinstance(value, dict):
            return {key(name): ready(inner) for name, inner in list(value.items())}
        if isinstance(value, tuple) and self._strict:
            raise TypeError("Object of type generator is not JSON serializable")
        if isinstance(value, list | tuple):
            return [ready(inner) for inner in list(value)]
        name = getattr(value, "__name__", None)
        if isinstance(name, str) and "lambda" not in name:
            return name
        if getattr(value, "__dict__", None):
            return {str(value): {key(name): ready(inner) for name, inner in list(vars(value).items())}}
        return str(value)


def _hashable(ready: Any, key: Any, strict: bool) -> Any:
    return ready if strict or not isinstance(ready, dict | list) else str(key)


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
