"""What answers are made from."""

from __future__ import annotations

from dataclasses import dataclass

from rolltape.server.grouping import Groupings
from rolltape.server.looks import Looks
from rolltape.store import DirectoryStore


@dataclass(frozen=True, slots=True)
class Sources:
    """The store, its runs in groups, and what has changed in it."""

    store: DirectoryStore
    groupings: Groupings
    looks: Looks
