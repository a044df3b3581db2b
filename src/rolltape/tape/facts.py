"""What META frames add to what run.json says of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KINDS = {"name": str, "config": dict, "git": dict, "tags": list}


def merge_facts(into: dict[str, Any], facts: object) -> None:
    """Add later facts: mappings (config, git) are merged, the newer value stays; lists (tags) are joined.

    What is not of the kind that it must be is left out.
    """
    for name, new in facts.items() if isinstance(facts, Mapping) else ():
        if not isinstance(new, _KINDS.get(name, object)):
            continue
        old = into.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            into[name] = {**old, **new}
        elif isinstance(old, list) and isinstance(new, list):
            into[name] = [*old, *(one for one in new if one not in old)]
        else:
            into[name] = new
