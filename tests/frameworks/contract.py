"""What every adapter keeps to: exactly the episodes that happened, no more, no fewer, at the right steps.

A scripted environment tells a file of the truth what happens in it, whatever the agent does. A framework trains there
with its adapter attached, and what is on the tape afterwards must be what the file says. Then it is killed in the
middle of training, and what was acknowledged must be there.

Nothing but rolltape and the standard library is imported here: it runs in every framework's environment.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import rolltape

HERE = Path(__file__).parent


class Episode(NamedTuple):
    """One episode: its undiscounted return, its length, and how many steps its environment had made at its end."""

    episode_return: float
    length: int
    step: int


class Script:
    """What happens in one environment: its n-th episode has 3 + n % 7 steps, each with reward n."""

    def __init__(self, truth: str | os.PathLike[str]) -> None:
        self._truth = truth
        self._episode = 0
        self._made = 0
        self._left = 0

    def reset(self) -> None:
        self._episode += 1
        self._left = 3 + self._episode % 7

    def step(self) -> tuple[float, bool]:
        """(reward, whether the episode ends)."""
        self._made += 1
        self._left -= 1
        if not self._left:
            length = 3 + self._episode % 7
            line = json.dumps([float(self._episode * length), length, self._made]) + "\n"
            with open(self._truth, "a") as file:  # noqa: PTH123 (one write: a line of several environments stays whole)
                file.write(line)
        return float(self._episode), not self._left


def truth(path: Path) -> list[Episode]:
    """The episodes that ended, in the order in which they did."""
    if not path.exists():
        return []
    return [Episode(*json.loads(line)) for line in path.read_text().splitlines()]


def recorded(tapes: Path, run: str, returns: str, lengths: str) -> list[Episode]:
    """The episodes on the tape, under the names of an adapter's metrics."""
    store = rolltape.open(tapes)
    found, long = store.points(run, returns), store.points(run, lengths)
    assert found.step.tolist() == long.step.tolist()
    columns = found.value.tolist(), long.value.astype(int).tolist(), found.step.tolist()
    return [Episode(*row) for row in zip(*columns, strict=True)]


def trained(script: str, *arguments: object, timeout: float = 600) -> str:
    """Run a training script of this folder to its end; what it printed."""
    done = subprocess.run(_command(script, arguments), capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def killed(script: str, *arguments: object, path: Path, episodes: int, timeout: float = 300) -> list[Episode]:
    """Run a training script until so many episodes have ended, kill it, and return all that had ended by then."""
    with (path.parent / "killed.txt").open("w") as output:
        process = subprocess.Popen(_command(script, arguments), stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + timeout
            while len(truth(path)) < episodes:
                assert process.poll() is None, (path.parent / "killed.txt").read_text()[-4000:]
                assert time.monotonic() < deadline, "too slow"
                time.sleep(0.005)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return truth(path)


def guide_runs(page: str, directory: Path) -> None:
    """Run the Python of a page of the guide, block after block, each in a process of its own."""
    text = (HERE.parent.parent / "docs" / "guide" / f"{page}.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=directory, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-4000:]


def _command(script: str, arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, str(HERE / script), *map(str, arguments)]
