"""The demo for real: it trains, the better configuration learns, Ctrl-C ends it cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import rolltape


def demo(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rolltape", "demo", "--no-open", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.timeout(240)
def test_the_better_configuration_learns(tapes: Path) -> None:
    trainer = demo("--no-ui", "--seeds", "2")
    out, err = trainer.communicate(timeout=200)
    assert (trainer.returncode, err) == (0, "")
    store = rolltape.open(tapes)
    last: dict[str, list[float]] = {}
    for info in store.runs():
        assert (info.status, info.lost, info.project) == ("finished", 0, "cartpole-demo")
        returns = store.points(info.id, "train/episode_return")
        lengths = store.points(info.id, "train/episode_length")
        assert lengths.value.sum() <= 250_000 + 500, "every episode is there, each once"
        assert len(returns.step) == len(lengths.step) > 100
        assert {"train/policy_loss", "train/entropy", "train/grad_norm"} <= set(store.metrics(info.id))
        last.setdefault(info.config["algo"], []).append(float(returns.value[-100:].mean()))
    assert {algo: len(means) for algo, means in last.items()} == {"a2c": 2, "reinforce": 2}
    assert np.mean(last["a2c"]) > 400
    assert np.mean(last["a2c"]) > np.mean(last["reinforce"])
    assert "a2c" in out


@pytest.mark.timeout(120)
@pytest.mark.parametrize("options", [("--no-ui",), ("--port", "0")])
def test_ctrl_c_ends_it_cleanly(tapes: Path, options: tuple[str, ...]) -> None:
    trainer = demo(*options)
    deadline = time.monotonic() + 60
    while len(list(tapes.glob("*/*/*.tape"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(trainer.pid, signal.SIGINT)
    out, err = trainer.communicate(timeout=30)
    assert trainer.returncode == 130
    assert "Traceback" not in err + out
    store = rolltape.open(tapes)
    assert {info.status for info in store.runs()} == {"interrupted"}
    assert all(len(store.points(info.id, "train/episode_return").step) > 0 for info in store.runs())
    assert not list(tapes.glob("*/*/*.head"))
    if options != ("--no-ui",):
        assert "http://127.0.0.1:" in out
