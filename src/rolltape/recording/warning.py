"""Warnings that point at the user's line, not into rolltape."""

from __future__ import annotations

import sys
import warnings

from rolltape.errors import RolltapeWarning


def warn(message: str) -> None:
    """Warn where the user's own code called rolltape.

    Raises:
        RolltapeWarning: the user has made warnings errors.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "rolltape").startswith("rolltape"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RolltapeWarning, stacklevel=level)
