"""The facts about where and how a run was started. What takes long (is the git tree dirty?) is found out later."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from rolltape._version import __version__
from rolltape.tape.life import machine, process_start

_PACKAGES = ("numpy", "gymnasium", "torch", "jax", "tensorflow", "stable_baselines3", "ray", "acme")


def environment() -> dict[str, Any]:
    """Command line, Python, host, directory, git commit, and the versions of what is imported."""
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": f"{platform.system()} {platform.machine()}",
        "host": socket.gethostname(),
        "user": _user(),
        "directory": str(Path.cwd()),
        "pid": os.getpid(),
        "rolltape": __version__,
        "packages": {
            name: str(getattr(sys.modules[name], "__version__", "?")) for name in _PACKAGES if name in sys.modules
        },
        "git": {"commit": git_commit(Path.cwd())},
    }


def writer_identity() -> dict[str, Any]:
    """What lets a reader tell whether this process still lives."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "machine": machine(), "began": process_start(os.getpid())}


@cache
def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def git_commit(directory: Path) -> str | None:
    """The commit that is checked out in ``directory``, read from the repository's files; None outside of one."""
    for parent in (directory, *directory.parents):
        git = parent / ".git"
        if git.exists():
            try:
                return _head_commit(git)
            except (OSError, IndexError, ValueError):
                return None
    return None


def _head_commit(git: Path) -> str | None:
    if git.is_file():  # a worktree or submodule: "gitdir: PATH"
        git = git.parent / git.read_text().split(":", 1)[1].strip()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head
    ref = head.removeprefix("ref: ")
    common = git / "commondir"
    root = git / common.read_text().strip() if common.exists() else git
    for place in (git / ref, root / ref):
        if place.exists():
            return place.read_text().strip()
    packed = root / "packed-refs"
    if packed.exists():
        for line in packed.read_text().splitlines():
            if line.endswith(f" {ref}"):
                return line.split(" ")[0]
    return None


def git_dirty(directory: Path) -> bool | None:
    """Whether tracked files differ from the commit; None if git does not tell. Takes as long as ``git status``."""
    try:
        asked = subprocess.run(
            ["git", "-C", str(directory), "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(asked.stdout.strip()) if asked.returncode == 0 else None
