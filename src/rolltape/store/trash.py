"""Runs that were deleted: they are moved to .trash in the store, where no list looks, and can be moved back."""

from __future__ import annotations

import time
from pathlib import Path

from rolltape.errors import StoreError
from rolltape.store.drafts import sync_directory

TRASH = ".trash"


def move_to_trash(root: Path, key: str) -> Path:
    """Move the directory of a run, as it is, to ``<root>/.trash/<project>/<run>-<UTC time>``; where it lies now.

    Args:
        root: of the store, resolved.
        key: of a run in it: project and run, as their directories are called.

    Raises:
        StoreError: the directory lies elsewhere, behind a link.
        OSError: it cannot be moved.
    """
    check_inside(root, key)
    directory = root / key
    place = root / TRASH / directory.parent.name
    check_inside(root, TRASH, "the trash")
    place.mkdir(parents=True, exist_ok=True)
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name, number = f"{directory.name}-{when}", 1
    while (place / name).exists():
        number += 1
        name = f"{directory.name}-{when}-{number}"
    moved = directory.rename(place / name)
    for changed in (place, directory.parent):
        sync_directory(changed)
    return moved


def check_inside(root: Path, key: str, what: str = "") -> None:
    """Raises StoreError where a link leads from ``key`` out of the store or to another place in it."""
    if (root / key).resolve() != root / key:
        raise StoreError(f"{what or f'run {key!r}'} lies behind a link: only what lies in the store itself is changed")
