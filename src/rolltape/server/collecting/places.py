"""Where the files of a run go: names that anybody may send, turned into places inside the directory of the tapes."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from functools import lru_cache

from rolltape.server.collecting.trouble import PartError
from rolltape.tape.names import directory_name

LONGEST = 1000  # bytes of a project's or run's name
_LONGEST_FILE = 200  # bytes
_SEPARATOR = re.compile(r"[/\\]")


@lru_cache(maxsize=10_000)
def run_directory(root: str, project: str, run: str) -> str:
    """The directory of a run, which may not be there yet. Raises PartError for a name that nobody should have."""
    for what, name in (("project", project), ("run", run)):
        if len(name.encode("utf-8", "surrogatepass")) > LONGEST:
            raise PartError(f"the name of the {what} is longer than {LONGEST} bytes")
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise PartError(f"the name of the {what} holds control characters: {name!a}")
        if any(component in (".", "..") for component in _SEPARATOR.split(name)):
            raise PartError(f"the name of the {what} climbs out of its directory: {name!a}")
    return f"{root}/{directory_name(project)}/{directory_name(run)}"


def checked_writer(writer: str) -> str:
    """The name of a tape without its suffix. Raises PartError."""
    if directory_name(writer) != writer:
        raise PartError(f"the writer must be the plain name of a tape, not {writer[:100]!a}")
    return writer


def checked_file(name: str) -> str:
    """The name of a file in media/. Raises PartError."""
    if (
        len(name.encode("utf-8", "surrogatepass")) > _LONGEST_FILE
        or name.startswith(".")
        or _SEPARATOR.search(name)
        or any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    ):
        raise PartError(f"the name must be the plain name of a file in media/, not {name[:100]!a}")
    return name


def make_directory(root: str, directory: str) -> None:
    """Make a directory below ``root``, and those on the way. Raises PartError where a link or a file is in the way."""
    path = root
    for name in directory[len(root) + 1 :].split("/"):
        path = f"{path}/{name}"
        if not _is_directory(path):
            os.makedirs(path, exist_ok=True)  # noqa: PTH103 (paths are texts here: several thousand parts a second)
            if not _is_directory(path):
                raise PartError(f"{path[len(root) + 1 :]} is a link on the server, not a directory", 400)


def is_there(root: str, directory: str) -> bool:
    """Whether a directory below ``root`` is there, without a link on the way. Raises PartError for a link."""
    path = root
    for name in directory[len(root) + 1 :].split("/"):
        path = f"{path}/{name}"
        if not _is_directory(path):
            if os.path.lexists(path):
                raise PartError(f"{path[len(root) + 1 :]} is a link or a file on the server, not a directory", 400)
            return False
    return True


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
