"""Fresh child processes: every measurement runs in one, with a private home and an empty directory of its own.

``in_child("benchmarks.timing:totals", ...)`` calls that function in a new interpreter and returns what it returns, by
way of a JSON file. Only the standard library is used, because the peers' environment has no rolltape.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_FORGET = ("ROLLTAPE_", "WANDB_", "TRACKIO_", "HF_", "XDG_", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED")


class ChildError(Exception):
    """A child failed or took too long; the message is the last thing that it said."""


def environment(home: Path) -> dict[str, str]:
    """The child's environment: a private home, none of the user's settings, modules compiled once."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_FORGET)}
    home.mkdir(parents=True, exist_ok=True)
    search = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    cache = Path(tempfile.gettempdir()) / f"rolltape-benchmarks-pycache-{os.getuid()}"
    return {
        **plain,
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join(str(Path(part).resolve()) for path in search for part in path.split(os.pathsep)),
        "PYTHONPYCACHEPREFIX": str(cache),
        "DO_NOT_TRACK": "1",
    }


def start(
    target: str, directory: Path, *, python: Path | str = sys.executable, **arguments: Any
) -> subprocess.Popen[bytes]:
    """Start ``module:function`` in a child, which works in ``directory`` and is called with it and the arguments."""
    work = directory / "work"
    work.mkdir(parents=True)
    call = json.dumps({"target": target, "result": str(directory / "result.json"), "arguments": arguments})
    with (directory / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [str(python), "-m", "benchmarks.child", call],
            cwd=work,
            env=environment(directory / "home"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def in_child(target: str, *, python: Path | str = sys.executable, timeout: float = 300, **arguments: Any) -> Any:
    """Call ``module:function(directory, **arguments)`` in a fresh process and return its result.

    Raises:
        ChildError: it failed, or took longer than ``timeout`` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="rolltape-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        process = start(target, directory, python=python, **arguments)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ChildError(f"took longer than {timeout:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # the child and what it left behind
            process.wait()
        result = directory / "result.json"
        if status or not result.exists():
            said = (directory / "output.txt").read_text(errors="replace").strip().splitlines()
            raise ChildError(said[-1] if said else f"exit status {status}")
        return json.loads(result.read_text())


def _main(call: str) -> None:
    asked = json.loads(call)
    module, _, function = asked["target"].partition(":")
    result = getattr(importlib.import_module(module), function)(Path.cwd(), **asked["arguments"])
    Path(asked["result"]).write_text(json.dumps(result))


if __name__ == "__main__":
    _main(sys.argv[1])
