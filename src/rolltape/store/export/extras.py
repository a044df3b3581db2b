"""Packages that not everybody has installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rolltape.errors import StoreError


def load(module: str, extra: str) -> Any:
    """The module, imported now.

    Raises:
        StoreError: it is not there; the message names the extra of rolltape that brings it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).split(".")[0]
        if package == "rolltape":
            raise
        raise StoreError(f"this needs {package} ({error}): pip install 'rolltape[{extra}]'") from error
