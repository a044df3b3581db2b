"""A fixture: Ray without accounts and dashboards, which leaves neither processes nor files behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def small_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For the training scripts, which inherit the environment."""
    folder = tempfile.mkdtemp(prefix="rt", dir="/tmp")  # short enough for the names of Ray's sockets
    settings = {
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": folder,
        "HOME": str(tmp_path / "home"),  # for ray_results
        "ROLLTAPE_TEST": f"{os.getpid()}-{time.time_ns()}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield
    kill_ray()
    shutil.rmtree(folder, ignore_errors=True)


def kill_ray() -> None:
    """Kill every process that descends from the test: Ray starts its own apart from the one that asks for them."""
    mark = f"ROLLTAPE_TEST={os.environ['ROLLTAPE_TEST']}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and mark in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
