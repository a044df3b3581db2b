"""What a run's run.json, its tapes and its notes say together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rolltape.store.identity import read_identity
from rolltape.store.listing import Seen
from rolltape.store.model import RunInfo, Status
from rolltape.store.notes import Notes, read_notes
from rolltape.tape.facts import merge_facts
from rolltape.tape.glance import Glance, glance
from rolltape.tape.reader import TapeReader

Told = TapeReader | Glance  # what a tape says of itself, in full or at a glance

_DESCRIBED = ("name", "config", "tags")  # what run.json begins and META frames go on with


def describe(
    directory: Path, identity: Mapping[str, Any], problem: str | None, told: Sequence[Told], notes: Notes
) -> RunInfo:
    """A run.

    Args:
        directory: of the run.
        identity: the fields of its run.json.
        problem: what is wrong with that.
        told: what its tapes say, in the order in which they were opened.
        notes: what people said of it since.
    """
    project, name = directory.parent.name, directory.name
    status, blamed = _status(told)
    facts: dict[str, Any] = {field: identity[field] for field in _DESCRIBED if field in identity}
    for one in told:
        merge_facts(facts, one.facts)
    end = blamed.end if blamed is not None and blamed.end is not None else {}
    began = started(identity, told)
    last = max((one.last_sign for one in told), default=0) / 1e9
    environment = identity.get("environment", {})
    if "git" in facts:
        environment = {**environment, "git": {**environment.get("git", {}), **facts["git"]}}
    return RunInfo(
        key=f"{project}/{name}",
        id=identity.get("id", name),
        project=identity.get("project", project),
        name=facts.get("name", name),
        config=facts.get("config", {}),
        tags=notes.tags(facts.get("tags", [])),
        status=status,
        error=end.get("error") or problem,
        exit_code=end.get("exit_code"),
        started=began,
        ended=None if status == "running" else max(last, began),
        points=sum(one.points for one in told),
        lost=sum(one.lost for one in told),
        environment=environment,
        note=notes.note,
    )


def strange(directory: Path, error: Exception) -> RunInfo:
    """A run that no recorder writes so, and of which nothing else can be told."""
    project, name = directory.parent.name, directory.name
    what = f"{directory / 'run.json'} or a tape beside it says what no recorder writes: {error!r}"[:500]
    return RunInfo(f"{project}/{name}", name, project, name, {}, [], "killed", what, None, 0.0, 0.0, 0, 0, {})


def started(identity: Mapping[str, Any], told: Sequence[Told]) -> float:
    """When a run began, in unix seconds."""
    return float(identity["started"]) if "started" in identity else min((one.opened for one in told), default=0) / 1e9


def look_at_ended(directory: Path) -> Seen | None:
    """A run of which nothing is to be followed: all its tapes end as they should. None: there is more to say.

    Reads each file once; a first list of many runs is made of this.
    """
    identity, problem = read_identity(directory / "run.json")
    if problem is not None:
        return None
    told: list[Told] = []
    try:
        for name in tapes_in(directory):
            seen = glance(directory / name)
            if seen is None:
                return None
            told.append(seen)
    except OSError:
        return None
    return Seen(describe(directory, identity, None, in_order(told), read_notes(directory)), "ended")


def tapes_in(directory: Path) -> list[str]:
    """The names of the tapes in a directory, sorted. Raises OSError."""
    with os.scandir(directory) as entries:
        return sorted([entry.name for entry in entries if entry.name.endswith(".tape") and entry.is_file()])


def in_order(told: list[Told]) -> list[Told]:
    """As they were opened."""
    return told if len(told) < 2 else sorted(told, key=lambda one: (one.opened, one.path.name))


def writer_status(told: Told) -> Status:
    """How one writer ended, or that it has not."""
    if told.end is not None:
        status: Status = told.end["status"]
        return status
    return "running" if told.alive else "killed"


def _status(told: Sequence[Told]) -> tuple[Status, Told | None]:
    """The run's status and the writer that decides it.

    A forked child that vanished says nothing about the run, nor does a killed writer if a later one resumed the run.
    """
    deciding = list(_deciding(told))
    for wanted in ("running", "failed", "killed", "interrupted", "finished"):
        for one in told if wanted == "running" else deciding:
            if writer_status(one) == wanted:
                return writer_status(one), one
    return "killed", None


def _deciding(told: Sequence[Told]) -> Iterator[Told]:
    roots = [one for one in told if one.opening.get("parent") is None]
    for i, one in enumerate(roots):
        resumed = any(later.opened > one.last_sign for later in roots[i + 1 :])
        if not resumed:
            yield one
