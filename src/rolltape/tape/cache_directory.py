"""The directory for what can be made again: nothing in it is ever missed but for a moment."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_directory() -> Path | None:
    """``$ROLLTAPE_CACHE_DIR``, else ``rolltape`` where the platform keeps caches; made (mode 700) if it is not there.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache``, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows. None
    where it cannot be made or written: then everything works, only more slowly.
    """
    try:
        directory = _place()
        if directory is None:
            return None
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory if os.access(directory, os.W_OK | os.X_OK) else None
    except (OSError, RuntimeError, ValueError):  # RuntimeError: there is no home; ValueError: a NUL in a variable
        return None


def _place() -> Path | None:
    chosen = os.environ.get("ROLLTAPE_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base, "rolltape") if base else Path.home() / "AppData" / "Local" / "rolltape"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rolltape"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path there is invalid and to be ignored (XDG base directory specification)
    return Path(base, "rolltape") if Path(base).is_absolute() else Path.home() / ".cache" / "rolltape"
