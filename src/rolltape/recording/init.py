"""`init`: a new run, or one more writer of an existing one."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rolltape.errors import RecordingError
from rolltape.recording.describing import checked_tags, plain_config
from rolltape.recording.ending import end_of
from rolltape.recording.environment import environment, git_dirty, writer_identity
from rolltape.recording.names import checked_name, directory_name
from rolltape.recording.run import Run, open_runs
from rolltape.tape.writer import TapeWriter


def init(
    project: str = "default",
    name: str | None = None,
    config: Mapping[str, Any] | Any = None,
    tags: Sequence[str] = (),
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    *,
    durability: str = "os",
) -> Run:
    """Start recording a run. Needs no account and no server, only a directory.

    Args:
        project: the name that the run is kept under.
        name: what the run is called; None: its id.
        config: hyperparameters: a mapping, a dataclass or an ``argparse.Namespace``. Put the seed under ``seed``.
        tags: words to find the run by.
        dir: the directory of all tapes; None: ``$ROLLTAPE_DIR``, else ``./tapes``.
        id: the run's id, unique in the directory; None: a new one. An existing id attaches one more writer to that run
            (another process, or a resumed run): its name stays, a differing config and other tags are added.
        durability: ``"os"``: a row survives the death of the process. ``"fsync"``: everything is also synced to disk
            twice a second, for those who mind power loss.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
        RecordingError: the directory cannot be written; the message names it.
    """
    checked_name("project", project)
    for what, text in (("name", name), ("id", id)):
        if text is not None:
            checked_name(what, text)
    if durability not in ("os", "fsync"):
        raise ValueError(f"durability must be 'os' or 'fsync', not {durability!r}")
    facts = {"config": plain_config(config), "tags": checked_tags(tags)}
    run_id = id if id is not None else f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    root = Path(dir if dir is not None else os.environ.get("ROLLTAPE_DIR") or "tapes")
    directory = root.expanduser().resolve() / directory_name(project) / directory_name(run_id)
    identity = {
        "format": 1,
        "id": run_id,
        "project": project,
        "name": name if name is not None else run_id,
        **facts,
        "started": time.time(),
        "environment": environment(),
    }

    shipped = bool(os.environ.get("ROLLTAPE_SHIP"))

    def open_writer(run: Run, parent: str | None) -> TapeWriter:
        _close_with_worker(run)
        opening = {"run": run_id, "project": project, "parent": parent, **writer_identity()}
        if shipped:
            opening["ship"] = True
        writer = TapeWriter(directory, _writer_name(), opening, fsync=durability == "fsync", on_trouble=run.trouble)
        if shipped:
            from rolltape.recording.shipping import start_shipper

            start_shipper(directory.parent.parent, quiet=parent is not None)
        return writer

    try:
        directory.mkdir(parents=True, exist_ok=True)
        created = _write_once(directory / "run.json", identity)
        run = Run(directory, project, run_id, open_writer)
        if not created:
            run.describe(**_added(facts, directory / "run.json"))
    except OSError as error:
        raise RecordingError(f"cannot record to {directory}: {error}") from error
    threading.Thread(target=_add_slow_facts, args=(run,), name="rolltape-facts", daemon=True).start()
    return run


def _writer_name() -> str:
    host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname())[:24].strip("-") or "host"
    return f"{host}-{os.getpid()}-{time.time_ns() // 1_000_000:x}-{secrets.token_hex(3)}"


def _write_once(path: Path, value: Mapping[str, Any]) -> bool:
    """Write a JSON file that appears whole or not at all; False if there is one already."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails if another process was first, where a rename would replace its file
        except FileExistsError:
            return False
        except (OSError, AttributeError):  # a file system without links
            if path.exists():
                return False
            draft.rename(path)
        return True
    finally:
        draft.unlink(missing_ok=True)


def _added(facts: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The facts that an existing run.json does not hold."""
    try:
        existing = json.loads(path.read_text(encoding="utf-8"))
        return {name: fact for name, fact in facts.items() if fact and fact != existing.get(name)}
    except (OSError, ValueError, AttributeError):
        return dict(facts)


def _add_slow_facts(run: Run) -> None:
    dirty = git_dirty(Path.cwd())
    if dirty is not None:
        with contextlib.suppress(OSError, ValueError):  # the disk is full, or the run is closed: a fact less
            run._writer.put_facts({"git": {"dirty": dirty}})


def _close_with_worker(run: Run) -> None:
    """Workers of multiprocessing end without running atexit; they have their own list of what to do last."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(run, partial(_close_if_open, weakref.ref(run)), exitpriority=10)


def _close_if_open(run: weakref.ref[Run]) -> None:
    found = run()
    if found is not None:
        _close_at_end(found)


def _close_at_end(run: Run) -> None:
    """Close a run whose script did not; an exception that ends the process is noted, where Python still knows it."""
    error = sys.exc_info()[1]  # in a worker of multiprocessing it is on its way, before Python 3.13
    if error is None and not hasattr(sys, "ps1"):  # in a script it was printed; at a prompt it may be long past
        error = getattr(sys, "last_exc", getattr(sys, "last_value", None))
    with contextlib.suppress(RecordingError):  # told already, or nobody is left to be told
        run.close(*end_of(error))


@atexit.register
def _close_all() -> None:
    for run in list(open_runs):
        _close_at_end(run)


def _after_fork() -> None:
    for run in open_runs:
        run.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
