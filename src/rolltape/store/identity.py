"""run.json: what a run says of itself, and in words what is wrong with it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_KINDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "project": str,
    "name": str,
    "config": dict,
    "tags": list,
    "started": (int, float),
    "environment": dict,
}


def read_identity(path: Path) -> tuple[dict[str, Any], str | None]:
    """The fields of a run.json that are what they must be, and what is wrong with it (None: nothing)."""
    try:
        with path.open("rb", buffering=0) as file:
            identity = json.loads(file.readall())
    except FileNotFoundError:
        return {}, "there is no run.json: stores do not find this run; its points can still be read"
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"cannot be read: {error}"
    if not isinstance(identity, dict):
        return {}, "is not a JSON object"
    right = {name: identity[name] for name, kind in _KINDS.items() if isinstance(identity.get(name), kind)}
    started = right.get("started", 0.0)
    if isinstance(started, bool) or not math.isfinite(started):
        del right["started"]
    wrong = [name for name in _KINDS if name not in right]
    return right, f"is incomplete: {', '.join(wrong)} missing or not what it must be" if wrong else None
