"""Checks of what a store is asked, shared by its questions."""

from __future__ import annotations

import math
from typing import get_args

from rolltape.errors import StoreError
from rolltape.store.model import Resumed


def check_resumed(resumed: str) -> None:
    """Raises StoreError where it is none of `Resumed`."""
    if resumed not in get_args(Resumed):
        raise StoreError(f"resumed must be one of {', '.join(get_args(Resumed))}, not {resumed!r}")


def check_window(window: tuple[float, float] | None) -> None:
    """Raises StoreError for a window on x that does not go from one finite number to a larger one."""
    if window is not None and not (all(map(math.isfinite, window)) and window[0] < window[1]):
        raise StoreError(f"window must be two finite numbers, the first smaller, not {window}")
