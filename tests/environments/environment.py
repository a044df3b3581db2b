"""Virtual environments of real packages that are too much at odds with one another for one.

    python tests/environments/environment.py NAME ...      # builds what is missing, prints the interpreters

Each is made from the pins in <name>.txt and kept in the user's cache directory under the hash of those pins, so that
another checkout finds it there, and a change of the pins makes a new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def python_of(name: str) -> Path:
    """Where the interpreter of an environment is, or would be."""
    pins = (HERE / f"{name}.txt").read_bytes()
    key = hashlib.sha256(pins + sys.version.encode()).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "rolltape", "environments", f"{name}-{key}", "bin", "python")


def is_built(name: str) -> bool:
    return _mark(name).exists()


def build(name: str) -> Path:
    """Make the environment, if it is not there, and return its interpreter."""
    python = python_of(name)
    if not is_built(name):
        directory = python.parent.parent
        shutil.rmtree(directory, ignore_errors=True)
        print(f"building {name} in {directory}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", HERE / f"{name}.txt"]
        subprocess.run(install, check=True)
        _mark(name).touch()
    return python


def _mark(name: str) -> Path:
    return python_of(name).parent.parent / ".built"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(build(argument))
