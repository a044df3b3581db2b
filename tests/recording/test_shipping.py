"""`ROLLTAPE_SHIP`: init starts a process that ships, outlives training, and ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "store" / "shipping"))

from collecting_server import Server, points, same, stop, until

import rolltape
from rolltape.errors import RolltapeWarning

_SHORT = """
    import rolltape
    run = rolltape.init(project="p", id="short")
    for step in range(20_000):
        run.log({"loss": step / 3})
    run.close()
"""


def train(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def shippers() -> set[int]:
    """The processes that ship for this test: those with its cache directory in their command line."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"--until-ended" in command and os.environ["ROLLTAPE_CACHE_DIR"].encode() in command:
                found.add(int(entry.name))
    return found


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "there")
    yield server
    for pid in shippers():
        stop(pid)
    server.kill()


def test_the_shipper_outlives_training_and_ends(tapes: Path, there: Server) -> None:
    there.kill()
    done = train(_SHORT, ROLLTAPE_SHIP=there.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(shippers()) == 1  # nobody listens: it waits
    there.start()
    until(lambda: points(there.directory, "short") == [(step, step / 3) for step in range(20_000)])
    same(tapes, there.directory)
    until(lambda: not shippers(), 15)


def test_one_shipper_for_many_processes(tapes: Path, there: Server) -> None:
    code = """
        import os, time, rolltape
        pids = []
        for rank in range(6):
            pid = os.fork()
            if not pid:
                with rolltape.init(project="p", id="ddp") as run:
                    run.log({"loss": rank})
                    time.sleep(2)
                os._exit(0)
            pids.append(pid)
        for pid in pids:
            assert os.waitpid(pid, 0)[1] == 0
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "ROLLTAPE_SHIP": there.url}
    )
    until(lambda: len(points(there.directory, "ddp")) == 6)
    assert len(shippers()) == 1
    assert process.wait(30) == 0
    again = shippers()
    assert train(_SHORT, ROLLTAPE_SHIP=there.url).returncode == 0
    assert shippers() == again
    until(lambda: len(points(there.directory, "short")) == 20_000)


def test_starting_costs_training_little_and_leaves_no_child(
    tapes: Path, there: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLTAPE_SHIP", there.url)
    with rolltape.init(project="p", id="quick") as run:
        run.log({"loss": 1.0})
        until(lambda: points(there.directory, "quick") == [(0, 1.0)])
        children = subprocess.run(
            ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
        ).stdout
        assert "--until-ended" not in children and "<defunct>" not in children
        began = time.perf_counter()
        with rolltape.init(project="p", id="second") as second:
            took = time.perf_counter() - began
            second.log({"loss": 2.0})
        assert took < 0.1
        until(lambda: points(there.directory, "second") == [(0, 2.0)])


def test_a_killed_shipper_is_started_again_by_the_next_run(tapes: Path, there: Server) -> None:
    there.kill()
    assert train(_SHORT, ROLLTAPE_SHIP=there.url).returncode == 0
    for pid in shippers():
        stop(pid)
    until(lambda: not shippers())
    there.start()
    assert train(_SHORT.replace('"short"', '"next"'), ROLLTAPE_SHIP=there.url).returncode == 0
    until(lambda: len(points(there.directory, "short")) == 20_000 and len(points(there.directory, "next")) == 20_000)


def test_runs_that_were_not_to_be_shipped_stay(tapes: Path, there: Server) -> None:
    assert train(_SHORT.replace('"short"', '"private"')).returncode == 0
    assert train(_SHORT, ROLLTAPE_SHIP=there.url).returncode == 0
    until(lambda: len(points(there.directory, "short")) == 20_000)
    until(lambda: not shippers(), 15)
    assert [path.name for path in (there.directory / "p").iterdir()] == ["short"]


def test_a_wrong_address_is_a_warning(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_SHIP", "server:7070")
    with pytest.warns(RolltapeWarning, match="ROLLTAPE_SHIP must be http://HOST"):
        run = rolltape.init(project="p")
    run.log({"loss": 1.0})
    run.close()
    assert not shippers()
