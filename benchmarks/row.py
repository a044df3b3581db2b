"""A row of the first table: what is promised, what was reached, and whether that will do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. ``ok`` is None where nothing is asked or nothing could be measured."""

    what: str
    asked: str
    reached: str
    ok: bool | None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if self.ok is None:
            return "–"
        return "ok" if self.ok else "missed"


def skipped(what: str, asked: str, why: str) -> Row:
    """A promise that could not be measured."""
    return Row(what, asked, f"skipped: {why}", None)
