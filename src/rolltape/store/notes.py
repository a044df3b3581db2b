"""notes.json: tags and a note that people gave a run after it was recorded.

It lies beside run.json, which stays what was recorded, and no recorder touches it. It comes and goes by renaming, so
that the time of the run's directory tells of every change. Where two processes change it at once, the later one stays.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rolltape.errors import StoreError
from rolltape.store.drafts import draft

FILE = "notes.json"
MOST_TAGS = 200  # added to or removed from one run
_LONGEST = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Notes:
    """What notes.json says."""

    added: tuple[str, ...] = ()  # tags
    removed: tuple[str, ...] = ()  # of the recorded tags
    note: str = ""

    def tags(self, recorded: Sequence[Any]) -> list[Any]:
        """The tags of a run that was recorded with these."""
        kept = [tag for tag in recorded if tag not in self.removed]
        return kept + [tag for tag in self.added if tag not in kept]


def read_notes(directory: Path) -> Notes:
    """The notes in a run's directory. What no `change_notes` wrote counts as none."""
    try:
        return _notes_in(_load(directory / FILE) or {}) or Notes()
    except (OSError, ValueError, RecursionError):
        return Notes()


def change_notes(
    directory: Path, tags: Sequence[Any], add: Iterable[str] = (), remove: Iterable[str] = (), note: str | None = None
) -> Notes:
    """Change the notes in a run's directory; what they say now.

    Args:
        directory: of the run.
        tags: those that it has now, with what its notes say.
        add, remove: tags. What it has already is not added, what it has not is not removed.
        note: takes the place of the old one; None: that stays.

    Raises:
        StoreError: there is a file of that name that is not understood, or there would be too many tags.
        OSError: the file cannot be read or written.
    """
    path = directory / FILE
    try:
        said = _load(path)
        before = Notes() if said is None else _notes_in(said)
    except (ValueError, RecursionError):
        before = None
    if before is None:
        raise StoreError(f"{path} is not what rolltape writes, and is left as it is: move it away to write a new one")
    adding = [tag for tag in dict.fromkeys(add) if tag not in tags]
    removing = [tag for tag in dict.fromkeys(remove) if tag in tags]
    after = Notes(
        added=(*(tag for tag in before.added if tag not in removing), *adding),
        removed=(
            *(tag for tag in before.removed if tag not in adding),
            *(tag for tag in removing if tag not in before.added),
        ),
        note=before.note if note is None else note,
    )
    if len(after.added) > MOST_TAGS or len(after.removed) > MOST_TAGS:
        raise StoreError(f"no more than {MOST_TAGS} tags may be added to a run or removed from it")
    if after != before:
        told = {**(said or {}), "tags_added": after.added, "tags_removed": after.removed, "note": after.note}
        with draft(path) as file:
            file.write(f"{json.dumps(told, indent=2)}\n".encode("ascii"))
    return after


def _load(path: Path) -> dict[str, Any] | None:
    """The object in the file; None: there is no file. Raises OSError, ValueError, RecursionError."""
    try:
        # Not blocking: whatever has that name, also a pipe, must not hold up a list of runs
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LONGEST:
            raise ValueError("not a file of notes")
        said = json.loads(file.read())
    if not isinstance(said, dict):
        raise ValueError("not an object")
    return said


def _notes_in(said: dict[str, Any]) -> Notes | None:
    added, removed, note = said.get("tags_added", []), said.get("tags_removed", []), said.get("note", "")
    if not isinstance(note, str) or not all(
        isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) for tags in (added, removed)
    ):
        return None
    return Notes(tuple(dict.fromkeys(added)), tuple(dict.fromkeys(removed)), note)
