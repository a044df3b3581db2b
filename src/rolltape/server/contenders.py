"""What is compared: a group each, or, over several tasks, groups that differ only in the task as one algorithm."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.curves.groups import Group
from rolltape.curves.name_bases import name_base, own_name
from rolltape.server.choice import GroupingOptions, Line
from rolltape.server.grouping import Groupings
from rolltape.server.query import Refused, shown
from rolltape.server.scores import Score
from rolltape.store import RunInfo
from rolltape.store.flat_config import fingerprint
from rolltape.store.flat_config import shown as shown_value

Floats = NDArray[np.float64]

_BETWEEN = " · "


@dataclass(frozen=True, slots=True)
class Contender:
    """One side of a comparison.

    Attributes:
        id: of the line; of several the ids joined by commas.
        label: what tells it from the others.
        keys: of its runs.
        seeds: of these; None where a run has none.
        tasks: of these; "" where there are no tasks.
    """

    id: str
    label: str
    keys: list[str]
    seeds: list[Any]
    tasks: list[str]


def contenders_of(lines: Sequence[Line]) -> list[Contender]:
    """Each line for itself."""
    return [
        Contender(line.id, line.name, line.keys, [line.seeds.get(key) for key in line.keys], [""] * len(line.keys))
        for line in lines
    ]


def algorithms_of(
    lines: Sequence[Line], infos: Mapping[str, RunInfo], groupings: Groupings, options: GroupingOptions, task: str
) -> list[Contender]:
    """Lines that differ only in the config key ``task`` as one; a task is that key's value, as text.

    Where the name of the runs holds the value (``CartPole-v1__ppo__1``), it is no difference.

    Raises:
        Refused: a line has no such key, or a run is in two lines.
    """
    algorithms: dict[Hashable, list[tuple[Line, str]]] = {}
    labels: dict[Hashable, str] = {}
    met: set[str] = set()
    for line in lines:
        twice = met.intersection(line.keys)
        if twice:
            raise Refused(f"run {shown(min(twice))} is named twice, as a run and in a group: task needs each once")
        met.update(line.keys)
        (group,) = groupings.groups([infos[line.keys[0]]], options)
        if task not in group.config:
            raise Refused(f"task must be a config key that tells the groups apart; {shown(line.name)} has no {task!r}")
        value = shown_value(group.config[task])
        base = _without(_base(group), value)
        others = frozenset((key, fingerprint(entry)) for key, entry in group.config.items() if key != task)
        same: Hashable = (group.project, base, others)
        algorithms.setdefault(same, []).append((line, value))
        labels.setdefault(same, _label(line.name, task, value) or base or group.project)
    names: set[str] = set()
    found = []
    for same, members in algorithms.items():
        plain = name = labels[same]
        while name in names:
            name = f"{plain} ({len(names) + 1})"
        names.add(name)
        found.append(
            Contender(
                ",".join(line.id for line, _ in members),
                name,
                [key for line, _ in members for key in line.keys],
                [line.seeds.get(key) for line, _ in members for key in line.keys],
                [value for line, value in members for _ in line.keys],
            )
        )
    return found


def common_tasks(contenders: Sequence[Contender], scores: Mapping[str, Score]) -> tuple[list[str], list[str]]:
    """The tasks in which every contender has a score, and those in which only some have one; sorted."""
    held = [
        {task for key, task in zip(one.keys, one.tasks, strict=True) if scores[key].state == "scored"}
        for one in contenders
    ]
    every = {task for one in contenders for task in one.tasks}
    common = set.intersection(*held) if held else set()
    return sorted(common), sorted(every - common)


def values_of(contender: Contender, scores: Mapping[str, Score], tasks: Sequence[str]) -> Floats:
    """Its scores: [seeds, tasks], NaN where a task has fewer seeds."""
    columns = [
        [scores[key].value for key, task in zip(contender.keys, contender.tasks, strict=True) if task == wanted]
        for wanted in tasks
    ]
    values = np.full((max(map(len, columns), default=0), len(tasks)), np.nan)
    for number, column in enumerate(columns):
        values[: len(column), number] = column
    return values


def normalised(sides: Sequence[Floats], *, lower: bool) -> list[Floats]:
    """Scores [seeds, tasks] of each side, in each task from 0 (the worst run of all sides) to 1 (the best); ½ where
    all are equal."""
    pooled = np.concatenate(sides)
    low, high = np.nanmin(pooled, axis=0) / 2, np.nanmax(pooled, axis=0) / 2  # halves, so that nothing overflows
    span = high - low
    found = []
    for side in sides:
        with np.errstate(invalid="ignore", divide="ignore"):
            place = np.where(span > 0, (side / 2 - low) / span, np.where(np.isnan(side), np.nan, 0.5))
        found.append(1 - place if lower else place)
    return found


def _base(group: Group) -> str:
    """The name that its runs share."""
    return name_base(own_name(group.runs[0]), [seed for seed in group.seeds.values() if seed is not None]).base


def _without(name: str, value: str) -> str:
    return name.replace(value, "") if value else name


def _label(name: str, task: str, value: str) -> str:
    parts = [part for part in name.split(_BETWEEN) if not part.startswith(f"{task}=")]
    return _BETWEEN.join(_without(part, value).strip("-_ /.,:") for part in parts).strip(_BETWEEN)
