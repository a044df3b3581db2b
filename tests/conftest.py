"""What every test has: strict recording, a directory of its own, and no run left open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rolltape.recording.run import open_runs

sys.path.insert(0, str(Path(__file__).parent))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Under REQUIRE_ALL=1 a skipped test is a failed one."""
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1, but this was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """And so is a module that skips itself when it is collected: beside others nobody would miss it."""
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1, but this was skipped: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def tapes(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory that runs of this test are recorded in."""
    monkeypatch.setenv("ROLLTAPE_STRICT", "1")
    monkeypatch.setenv("ROLLTAPE_DIR", str(tmp_path / "tapes"))
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    yield tmp_path / "tapes"
    for run in list(open_runs):
        run.close()


class Script:
    """A Python process that records, and that a test may wait for, feed or kill."""

    def __init__(self, code: str, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-W", "error", "-c", textwrap.dedent(code)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def line(self) -> str:
        """The next line that the script prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait."""
        self.process.send_signal(number)
        return self.wait()[0]

    def wait(self) -> tuple[int, str, str]:
        """(exit status, the rest of stdout, stderr)."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Start a recording process: ``script(code, NAME=value, ...)``."""
    started: list[Script] = []

    def start(code: str, **environment: str) -> Script:
        started.append(Script(code, environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()
