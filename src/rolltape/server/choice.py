"""What the page asks about: groups and single runs by their names, and what stands for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GroupingOptions:
    """What groups are told apart by; see `group_runs`."""

    seed_keys: tuple[str, ...] = ()  # empty: the usual ones
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The lines that are asked about: ids of groups and keys of runs, in order."""

    lines: tuple[str, ...]
    options: GroupingOptions


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart or row of a table: a group, or a run.

    Attributes:
        id: of the group, or the run's key.
        name: of the group, or the run's.
        is_group: whether it stands for a group, also one of a single run.
        keys: of its runs.
        seeds: by key; None where a run has none.
    """

    id: str
    name: str
    is_group: bool
    keys: list[str]
    seeds: dict[str, Any]
