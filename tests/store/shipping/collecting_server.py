"""A collector in a process of its own, runs to ship to it, and a shipper in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rolltape
from rolltape.store import DirectoryStore


class Server:
    """``rolltape serve`` as users start it; it can be killed, and started again at the same port."""

    def __init__(self, directory: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.directory = directory
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "rolltape", "serve", "--dir", str(self.directory), "--port", str(self.port)]
        quiet = {name: value for name, value in os.environ.items() if name not in ("ROLLTAPE_TOKEN", "ROLLTAPE_SHIP")}
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
        )
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if "Ctrl-C" in line:
                return
        raise AssertionError("rolltape serve has ended")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path / "there")
    yield one
    one.kill()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    path = tmp_path / "here"
    path.mkdir()
    return path


Shipping = subprocess.Popen[str]


@pytest.fixture
def shipping() -> Iterator[Callable[..., Shipping]]:
    """Start ``rolltape ship`` with these arguments."""
    started: list[Shipping] = []

    def start(*arguments: object, **environment: str) -> Shipping:
        process = subprocess.Popen(
            [sys.executable, "-m", "rolltape", "ship", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def shipped(process: Shipping, code: int = 0) -> str:
    """What it told on stdout and stderr, once it has ended."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    return f"{out}{err}"


def record(root: Path, id: str = "r", rows: int = 30_000, project: str = "p") -> None:
    """A run that ends: five frames and more."""
    with rolltape.init(project=project, id=id, dir=root, config={"lr": 0.1}) as run:
        for step in range(rows):
            run.log({"loss": step / 3, "b": -step})
        run.log({"note": "a text"})


def same(here: Path, there: Path) -> None:
    """Every tape, run.json and file in media/ is there, byte for byte, and no head is left."""
    files = [
        path.relative_to(here)
        for path in here.rglob("*")
        if path.is_file() and (path.suffix == ".tape" or path.name == "run.json" or path.parent.name == "media")
    ]
    assert files
    for name in files:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert len(list(there.rglob("*.tape"))) == sum(name.suffix == ".tape" for name in files)


def points(root: Path, run: str, metric: str = "loss") -> list[tuple[int, float]]:
    """All points of a metric, in order."""
    found = DirectoryStore(root).points(run, metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def until(true: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait until something is true; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(OSError, rolltape.errors.StoreError):
            if true():
                return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def stop(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
