"""A stand-in for dm-launchpad, which has no package for Python 3.11: as much of it as importing Acme asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_handlers: set[Callable[..., Any]] = set()
register_stop_handler = _handlers.add
unregister_stop_handler = _handlers.discard


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})
