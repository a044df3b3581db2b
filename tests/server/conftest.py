"""Stores of real runs, served on the loopback, and a run that another process writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

import rolltape
from rolltape.server import Served, serve_in_background

WRITER = """
import sys
import threading
import rolltape

run = rolltape.init(project="live", id=sys.argv[2], dir=sys.argv[1])
run.log({"loss": 0.5}, step=0)
for thread in threading.enumerate():
    if thread.name == "rolltape-facts":  # it adds what takes longer to find out
        thread.join()
print("ready", flush=True)
for line in sys.stdin:
    run.log({"loss": float(line)})
    print("logged", flush=True)
run.close()
"""


def record(root: Path) -> Path:
    """Two runs of one project and one of another; NaN among their values."""
    for seed in (1, 2):
        with rolltape.init(
            project="cart pole", id=f"s{seed}", config={"lr": 1e-3, "seed": seed}, tags=["x"], dir=root
        ) as run:
            for step in range(1000):
                loss = float("nan") if step % 7 == 0 else 1.0 / (step + seed)
                run.log({"loss": loss, "episodes": step // 10}, step=2 * step)
    with rolltape.init(project="other", id="o", dir=root) as run:
        run.log({"speed": 3.0, "note": "a text"}, step=5)
    return root


@pytest.fixture
def tapes(tapes: Path) -> Path:
    return record(tapes)


@pytest.fixture
def served(tapes: Path) -> Iterator[Served]:
    with serve_in_background(tapes, 0) as server:
        yield server


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for tests that change nothing."""
    with serve_in_background(record(tmp_path_factory.mktemp("steady")), 0) as server:
        yield server


@pytest.fixture
def asker(steady: Served) -> Iterator[httpx.Client]:
    """Asks `steady`."""
    with httpx.Client(base_url=steady.url, trust_env=False) as client:
        yield client


class LiveRun:
    """A run that another process records."""

    def __init__(self, root: Path, id: str) -> None:
        self.key = f"live/{id}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._out.readline() == "ready\n"

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def log(self, value: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{value}\n")
        self._process.stdin.flush()
        assert self._out.readline() == "logged\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        with self._process:
            pass


@pytest.fixture
def live(tapes: Path) -> Iterator[Callable[[str], LiveRun]]:
    """Starts a live run of the given id in the served store."""
    started: list[LiveRun] = []

    def start(id: str) -> LiveRun:
        started.append(LiveRun(tapes, id))
        return started[-1]

    yield start
    for run in started:
        run.close()
