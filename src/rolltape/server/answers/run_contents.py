"""What a run holds besides numbers: the newest of its texts and media, and its files. Answers stay bounded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rolltape.server.files import MEDIA, is_plain

MOST_EVENTS = 2_000  # of texts, and as many of images, videos and files
LONGEST_TEXT = 20_000  # characters of one text
MOST_CHARACTERS = 2_000_000  # of all texts together
MOST_FILES = 2_000


def tell_events(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The newest texts and the newest media by time, and how many of each there are.

    Args:
        events: of a run, by time.
    """
    texts = [event for event in events if event.get("kind") == "text"]
    others = [event for event in events if event.get("kind") != "text"]
    told = [_tell(event) for event in others[-MOST_EVENTS:]]
    room = MOST_CHARACTERS
    for event in reversed(texts[-MOST_EVENTS:]):
        one = _tell(event)
        room -= len(one["text"] or "")
        if room < 0:
            break
        told.append(one)
    return {"events": sorted(told, key=lambda one: one["time"]), "texts": len(texts), "media": len(others)}


def tell_files(directory: Path) -> dict[str, Any]:
    """The files of a run's directory and of its media, by name, and how many there are.

    ``shown`` tells which of them /api/media sends as what they are; others of ``media/`` it sends for saving.
    """
    found = sorted([*_files_in(directory, ""), *_files_in(directory / "media", "media/")])
    # Tapes come before media, so that many media do not hide them
    found.sort(key=lambda file: file[0].startswith("media/"))
    return {
        "files": [
            {"name": name, "size": size, "shown": Path(name).suffix.lower() in MEDIA}
            for name, size in found[:MOST_FILES]
        ],
        "file_count": len(found),
    }


def _files_in(directory: Path, prefix: str) -> Iterator[tuple[str, int]]:
    """Name and bytes of each regular file; none where the directory cannot be read."""
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not is_plain(entry.name):
                    continue
                try:
                    seen = entry.stat()
                except OSError:  # gone meanwhile, or a link to nothing
                    continue
                if stat.S_ISREG(seen.st_mode):
                    yield prefix + entry.name, seen.st_size
    except OSError:
        return


def _tell(event: dict[str, Any]) -> dict[str, Any]:
    """One event; ``cut`` is how many characters of its text are left out."""
    time, text = event.get("time"), event.get("text")
    if text is not None and not isinstance(text, str):
        text = str(text)
    return {
        "step": event.get("step"),
        "time": time / 1e9 if isinstance(time, int | float) else 0.0,
        "name": event.get("name"),
        "kind": event.get("kind"),
        "text": text and text[:LONGEST_TEXT],
        "cut": max(0, len(text or "") - LONGEST_TEXT),
        "file": event.get("file"),
    }
