"""The environment of the peers, ``benchmarks/.venv``: theirs alone, so that nothing of theirs meets rolltape's own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.peers.drivers import DRIVERS

HERE = Path(__file__).resolve().parent.parent / ".venv"
PYTHON = HERE / "bin" / "python"
_ALWAYS = ("psutil",)  # counts the CPU time of a peer's own processes
_LIST = "import json, importlib.metadata as m; print(json.dumps([d.name.lower() for d in m.distributions()]))"


def prepare() -> dict[str, str]:
    """Create the environment and install what is missing.

    Returns:
        peer -> why it cannot be installed, for those that cannot.
    """
    return install({"": _ALWAYS, **{name: driver.install for name, driver in DRIVERS.items()}})


def install(packages: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Create the environment and install what is missing of the packages of each peer.

    Returns:
        peer -> why it cannot be installed, for those that cannot.
    """
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HERE)], check=True, capture_output=True)
    listed = subprocess.run([str(PYTHON), "-c", _LIST], check=True, capture_output=True, text=True)
    installed = set(json.loads(listed.stdout))
    skipped = {}
    for name, wanted in packages.items():
        for package in wanted:
            problem = _install(package, installed)
            if problem is not None:
                skipped[name] = f"{package} cannot be installed: {problem}"
                break
    return skipped


def _install(package: str, installed: set[str]) -> str | None:
    """None when it is there, else pip's last word."""
    name = package.split("==")[0].lower()
    if name in installed:
        return None
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    except subprocess.TimeoutExpired:
        return "it takes longer than 20 minutes"
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return said[-1] if said else f"pip ends with {done.returncode}"
    installed.add(name)
    return None
