"""From Neptune's arguments to a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rolltape.compat.neptune.nothing import warn_once
from rolltape.compat.neptune.recorder import Recorder
from rolltape.recording.init import init
from rolltape.recording.names import checked_name

_RECORDED = ("async", "sync", "offline")
_NOT_RECORDED = ("debug", "disabled", "read-only")


def start(
    project: str | None,
    *,
    mode: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    id: str | None = None,
) -> Recorder:
    """Begin a run, or take up the one with that id.

    Args:
        project: ``workspace/project`` or ``project``; None: ``$NEPTUNE_PROJECT``, else ``default``.
        mode: ``async``, ``sync`` and ``offline`` record; ``debug``, ``disabled`` and ``read-only`` do not. None:
            ``$NEPTUNE_MODE``, else ``async``.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
        RecordingError: the directory cannot be written.
    """
    project = project_name(project)
    return Recorder(init(project, name, config, tags, id=id) if _records(mode) else None)


def project_name(qualified: str | None) -> str:
    """What the project is called here: the part after the workspace.

    Raises:
        TypeError, ValueError: it is not a string, or there is no such part.
    """
    if qualified is None:
        qualified = os.environ.get("NEPTUNE_PROJECT") or "default"
    return checked_name("project", checked_name("project", qualified).rpartition("/")[2])


def mapping(what: str, values: Any) -> Mapping[str, Any]:
    """``values`` if it is a mapping. Raises TypeError."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{what} must be a mapping, not {type(values).__name__}")
    return values


def _records(mode: str | None) -> bool:
    if mode is None:
        mode = os.environ.get("NEPTUNE_MODE") or "async"
    if mode not in _RECORDED + _NOT_RECORDED:
        raise ValueError(f"mode must be one of {', '.join(_RECORDED + _NOT_RECORDED)}, not {mode!r}")
    if mode == "read-only":
        warn_once("a read-only run records nothing; rolltape.open() reads what was recorded")
    return mode in _RECORDED
