"""Environments with the real packages that rolltape is held against, too much at odds with one another for one."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

from environments.environment import is_built, python_of

ROOT = Path(__file__).parent.parent


def peer_python(name: str) -> Path:
    """The interpreter of an environment that ``make peers`` builds. Skips the test where there is none."""
    if not is_built(name):
        pytest.skip(f"no environment {name!r}: `make peers` builds it")
    return python_of(name)


def in_peer(name: str, code: str, *arguments: str, stubs: bool = False, **environment: str) -> str:
    """What a script prints in that environment, with this rolltape importable. A failure is an AssertionError."""
    path = [str(ROOT / "src"), *([str(ROOT / "tests" / "stubs")] if stubs else [])]
    done = subprocess.run(
        [peer_python(name), "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(path)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
