"""What META frames add to what run.json says of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_STATUSES = ("finished", "failed", "interrupted")
_KINDS = {"name": str, "config": dict, "git": dict, "tags": list}


def read_end(payload: bytes) -> dict[str, Any]:
    """What an END frame says. Raises ValueError if that is not what a writer writes."""
    end = json.loads(payload)
    if not isinstance(end, dict) or end.get("status") not in _STATUSES:
        raise ValueError("an end without a status")
    for name, kind in (("lost", int), ("points", int), ("facts", dict)):
        if name in end and (type(end[name]) is not kind or (kind is int and end[name] < 0)):
            raise ValueError(f"an end whose {name} is {end[name]!r}")
    if "lost" not in end:
        raise ValueError("an end that does not tell what was lost")
    return end


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
