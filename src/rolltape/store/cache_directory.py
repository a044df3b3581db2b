"""Where derived files are kept: the user's cache directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_directory() -> Path | None:
    """``$ROLLTAPE_CACHE_DIR``, else ``rolltape`` in the user's cache directory; None if it cannot be made."""
    given = os.environ.get("ROLLTAPE_CACHE_DIR")
    try:
        if given:
            place = Path(given)
        elif sys.platform == "darwin":
            place = Path.home() / "Library" / "Caches" / "rolltape"
        elif os.name == "nt":
            place = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rolltape" / "cache"
        else:
            place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rolltape"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return place
