"""What META frames add to what run.json says of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge_facts(into: dict[str, Any], facts: Mapping[str, Any]) -> None:
    """Add later facts: mappings (config, git) are merged, the newer value stays; lists (tags) are joined."""
    for name, new in facts.items():
        old = into.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            into[name] = {**old, **new}
        elif isinstance(old, list) and isinstance(new, list):
            into[name] = [*old, *(one for one in new if one not in old)]
        else:
            into[name] = new
