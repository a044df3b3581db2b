"""Servers of pages, each in a process of its own on a free port of the loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.child import ChildError, start

PATIENCE = 90.0  # s until a server answers


class Serving(NamedTuple):
    """A server that answers. ``url`` ends with a slash."""

    url: str
    pid: int

    def pause(self) -> None:
        """Take no time from others: some have workers that are never idle."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        os.killpg(self.pid, signal.SIGCONT)


@contextlib.contextmanager
def serving(
    module: str,
    root: str,
    *,
    python: Path | str = sys.executable,
    loaded: str = "",
    is_loaded: Callable[[bytes], bool] = lambda _: True,
    **arguments: Any,
) -> Iterator[Serving]:
    """``module:serve`` of ``root`` in a child, once what it answers for ``loaded`` will do.

    Raises:
        ChildError: it ended or did not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    with tempfile.TemporaryDirectory(prefix="rolltape-bench-", ignore_cleanup_errors=True) as name:
        process = start(f"{module}:serve", Path(name) / "server", python=python, root=root, port=port, **arguments)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _answers(url + loaded, is_loaded):
                if process.poll() is not None or time.monotonic() > deadline:
                    said = Path(name, "server", "output.txt").read_text(errors="replace").strip().splitlines()
                    raise ChildError(f"its server does not answer: {said[-1] if said else process.poll()}")
                time.sleep(0.05)
            yield Serving(url, process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(address: str, is_loaded: Callable[[bytes], bool]) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return is_loaded(answer.read())
    except (urllib.error.URLError, ConnectionError, ValueError):
        return False
