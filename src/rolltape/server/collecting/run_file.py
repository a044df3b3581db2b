"""run.json as the collector writes it: once, and only where it says the run that it is sent for."""

from __future__ import annotations

import contextlib
import json
import os
import secrets

from rolltape.server.collecting.appear import appear
from rolltape.server.collecting.trouble import PartError
from rolltape.server.collecting.whole_write import open_plain, write_at

_NAME = "run.json"


def store_run(directory: str, project: str, run: str, data: memoryview) -> bool:
    """Write run.json; it appears whole or not at all. False: there is one already, which stays.

    Args:
        directory: of the run, which is there.
        project: its project.
        run: its id.
        data: what is to be written.

    Raises:
        PartError: it is not the run.json of that run. OSError.
    """
    _check(project, run, data)
    path = f"{directory}/{_NAME}"
    if os.path.lexists(path):
        return False
    draft = f"{directory}/.{_NAME}.{secrets.token_hex(6)}"
    descriptor = open_plain(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        try:
            write_at(descriptor, data, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return appear(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # noqa: PTH108


def _check(project: str, run: str, data: memoryview) -> None:
    try:
        said = json.loads(bytes(data).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PartError(f"the run.json is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise PartError("the run.json must be a JSON object")
    for name, wanted in (("project", project), ("id", run)):
        if said.get(name) != wanted:
            raise PartError(f"the run.json says {name} {ascii(said.get(name))[:100]}, it was sent for {wanted!a}")
