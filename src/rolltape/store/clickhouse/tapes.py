"""The tapes under a directory, and whose they are."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rolltape.store.identity import read_identity
from rolltape.store.run_directories import Stamp, stamp_of
from rolltape.store.trash import TRASH
from rolltape.tape.frame import read_frame

_AGAIN = 20  # looks after which a directory is read again whatever its times say: a server's clock may stand still


Chosen = Callable[[dict[str, Any]], bool]  # by what a tape's OPEN frame says


class OwnedTape(NamedTuple):
    """A tape and the run that it belongs to."""

    path: Path
    project: str
    run: str
    identity: dict[str, Any]
    problem: str | None


class _Run(NamedTuple):
    stamp: Stamp
    tapes: dict[str, OwnedTape]


class Tapes:
    """Follows the tapes below a directory: of a store, a project, or one run. Not for several threads at once.

    Args:
        directory: where.
        mine: whether a run, by its project and id, is of interest.
        chosen: whether a tape is, by what its first frame says; None: all are.
    """

    def __init__(
        self,
        directory: Path,
        mine: Callable[[str, str], bool] = lambda _project, _run: True,
        chosen: Chosen | None = None,
    ) -> None:
        self._directory = directory
        self._mine = mine
        self._chosen = chosen
        self._runs: dict[str, _Run] = {}
        self._looks = 0

    def look(self) -> dict[str, OwnedTape]:
        """All tapes, by their paths from the directory on."""
        self._looks += 1
        found: dict[str, OwnedTape] = {}
        runs: dict[str, _Run] = {}
        for path in _run_directories(self._directory):
            stamp = stamp_of(path)
            if stamp is None:
                continue
            one = self._runs.get(path)
            if one is None or one.stamp != stamp or (self._looks + hash(path)) % _AGAIN == 0 or _is_new(stamp):
                one = _Run(stamp, self._tapes_in(path))
            runs[path] = one
            found.update(one.tapes)
        self._runs = runs
        return found

    def _tapes_in(self, path: str) -> dict[str, OwnedTape]:
        directory = Path(path)
        names = sorted(entry.name for entry in _scan(path) if entry.name.endswith(".tape"))
        if not names:
            return {}
        identity, problem = read_identity(directory / "run.json")
        found: dict[str, OwnedTape] = {}
        for name in names:
            tape = directory / name
            project, run = _names(directory, identity, tape)
            if self._mine(project, run) and (self._chosen is None or self._chosen(_opening(tape))):
                found[os.path.relpath(tape, self._directory)] = OwnedTape(tape, project, run, identity, problem)
        return found


def _names(directory: Path, identity: dict[str, Any], tape: Path) -> tuple[str, str]:
    """The project and the id of a tape's run: of run.json, else of the tape itself, else of its directories."""
    project, run = identity.get("project"), identity.get("id")
    if not isinstance(project, str) or not isinstance(run, str):
        told = _opening(tape)
        project = project if isinstance(project, str) else told.get("project")
        run = run if isinstance(run, str) else told.get("run")
    return (
        project if isinstance(project, str) else directory.parent.name,
        run if isinstance(run, str) else directory.name,
    )


def _opening(tape: Path) -> dict[str, Any]:
    """What the first frame of a tape says; nothing where it cannot be read."""
    with contextlib.suppress(OSError, ValueError), tape.open("rb") as file:
        frame = read_frame(file, 0, 0)
        opening = json.loads(frame.payload) if isinstance(frame, tuple) else {}
        if isinstance(opening, dict):
            return opening
    return {}


def _run_directories(root: Path) -> Iterator[str]:
    """The directories that may be a run's: the root itself, or those in it, or those in these."""
    below = [entry.path for entry in _scan(os.fspath(root)) if entry.name != TRASH and entry.is_dir()]
    if _holds_run(os.fspath(root)):
        yield os.fspath(root)
        return
    for path in below:
        if _holds_run(path):
            yield path
        else:
            for entry in _scan(path):
                if entry.is_dir():
                    yield entry.path


def _holds_run(path: str) -> bool:
    return os.path.exists(f"{path}/run.json") or any(entry.name.endswith(".tape") for entry in _scan(path))  # noqa: PTH110


def _is_new(stamp: Stamp) -> bool:
    """Whether a directory changed so lately that it may have changed again without a trace."""
    return abs(time.time_ns() - max(stamp[1:])) < 3_000_000_000


def _scan(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except OSError:
        return
