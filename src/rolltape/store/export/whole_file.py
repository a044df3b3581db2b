"""The file that somebody asked an export to go to: there whole or not at all, and nothing is overwritten unasked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rolltape.errors import StoreError
from rolltape.store.drafts import draft


@contextmanager
def whole_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """A file to write to. It gets its name at the end of the ``with`` block; on any exception it is removed.

    Args:
        path: its name; a link is followed.
        replace: take the place of a regular file of that name.

    Raises:
        StoreError: there is something of that name, or no directory for it.
        OSError: it cannot be written.
    """
    path = path.expanduser().resolve()
    _check(path, replace)
    with draft(path, lambda: _check(path, replace)) as file:
        yield file


def _check(path: Path, replace: bool) -> None:
    if not path.parent.is_dir():
        raise StoreError(f"there is no directory {path.parent}")
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} is no regular file")
    if path.exists() and not replace:
        raise StoreError(f"{path} exists already: --force replaces it")
