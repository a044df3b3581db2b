"""kill -9, SIGTERM and crashes in real processes: what log() returned for is there, and how the run ended is told."""

from __future__ import annotations

import mmap
import os
import random
import signal
import struct
import time
from pathlib import Path
from typing import Any

import pytest

import rolltape

COUNTED = """
import mmap, os, struct, sys, time, rolltape
counter = mmap.mmap(os.open(os.environ["COUNTER"], os.O_RDWR), 8)
run = rolltape.init(project="p", id="r", config={"seed": 1})
pause = float(os.environ["PAUSE"])
print("ready")
i = 0
while True:
    run.log({"a": float(i), "b": -1.0}, i)
    i += 1
    struct.pack_into("<q", counter, 0, i)
    if pause:
        time.sleep(pause)
"""


@pytest.mark.parametrize(
    ("pause", "seconds"), [(0.1, 0.75), (0.1, 0.35), (0.0, 0.05), (0.0, 0.31), (0.0, 0.9), (0.00001, 0.5)]
)
def test_nothing_that_log_returned_for_is_lost(
    script: Any, tapes: Path, tmp_path: Path, pause: float, seconds: float
) -> None:
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(COUNTED, COUNTER=str(counter), PAUSE=str(pause))
    assert trainer.line() == "ready"
    time.sleep(seconds * random.uniform(0.9, 1.1))
    assert trainer.kill() == -signal.SIGKILL
    (returned,) = struct.unpack("<q", counter.read_bytes())
    store = rolltape.open(tapes)
    assert returned > 1
    for metric, value in (("a", None), ("b", -1.0)):
        points = store.points("r", metric)
        assert len(points.step) in (returned, returned + 1)  # one more if the kill fell between log() and the count
        assert points.step.tolist() == list(range(len(points.step)))
        assert (points.value == (points.step if value is None else value)).all()
    info = store.run("r")
    assert (info.status, info.lost, info.error) == ("killed", 0, None)
    assert info.ended is not None


def test_a_resumed_run_keeps_both_parts(script: Any, tapes: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(COUNTED, COUNTER=str(counter), PAUSE="0.001")
    assert trainer.line() == "ready"
    time.sleep(0.2)
    trainer.kill()
    with rolltape.init(project="p", id="r", config={"seed": 1, "resumed": True}) as run:
        run.log({"a": 7.0}, 3)
    store = rolltape.open(tapes)
    points = store.points("r", "a")
    assert points.value[-1] == 7.0
    assert len(points.step) >= struct.unpack("<q", counter.read_bytes())[0] + 1
    info = store.run("r")
    assert (info.status, info.config) == ("finished", {"seed": 1, "resumed": True})


@pytest.mark.parametrize(
    ("ending", "status", "error", "code"),
    [
        ("pass", "finished", None, 0),
        ("run.close()", "finished", None, 0),
        ("raise ValueError('no such\\nenv')", "failed", "ValueError: no such", 1),
        ("1 / 0", "failed", "ZeroDivisionError: division by zero", 1),
        ("raise KeyboardInterrupt", "interrupted", "KeyboardInterrupt", -signal.SIGINT),
        ("import os; os._exit(3)", "killed", None, 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM); import time; time.sleep(9)", "killed", None, -15),
        ("import os; os.abort()", "killed", None, -signal.SIGABRT),
        ("run.__exit__(SystemExit, SystemExit(3), None)", "failed", "exit status 3", 0),
        ("run.__exit__(SystemExit, SystemExit(0), None)", "finished", None, 0),
    ],
)
def test_how_a_run_ended(script: Any, tapes: Path, ending: str, status: str, error: str | None, code: int) -> None:
    trainer = script(f"import rolltape\nrun = rolltape.init(id='r')\nrun.log({{'a': 1.0}}, 5)\n{ending}\n")
    assert trainer.wait()[0] == code
    store = rolltape.open(tapes)
    info = store.run("r")
    assert (info.status, info.error) == (status, error)
    assert store.points("r", "a").value.tolist() == [1.0]
    heads = list(tapes.glob("*/*/*.head"))
    assert bool(heads) == (status == "killed")
    assert all(head.stat().st_size <= 1 << 20 for head in heads)


def test_the_with_block_tells_what_went_wrong(tapes: Path) -> None:
    with pytest.raises(RuntimeError), rolltape.init(id="r"):
        raise RuntimeError("NaN in the policy")
    info = rolltape.open(tapes).run("r")
    assert (info.status, info.error) == ("failed", "RuntimeError: NaN in the policy")


def test_a_run_is_running_while_its_process_lives(script: Any, tapes: Path) -> None:
    trainer = script("import rolltape\nrun = rolltape.init(id='r')\nprint('ready')\ninput()\n")
    trainer.line()
    store = rolltape.open(tapes)
    assert store.run("r").status == "running"
    os.kill(trainer.process.pid, signal.SIGSTOP)  # stopped is not dead
    assert store.run("r").status == "running"
    trainer.kill()
    assert store.run("r").status == "killed"


def test_a_writer_on_another_machine_is_dead_after_silence(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = rolltape.init(id="r")
    run.log({"a": 1.0})
    monkeypatch.setattr("rolltape.tape.life.machine", lambda: "another")
    assert rolltape.open(tapes).run("r").status == "running"  # the heartbeat is fresh
    monkeypatch.setattr("rolltape.tape.life.SILENCE", -1.0)
    assert rolltape.open(tapes).run("r").status == "killed"


def test_a_killed_fast_run_leaves_less_than_a_mebibyte(script: Any, tapes: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(COUNTED, COUNTER=str(counter), PAUSE="0")
    trainer.line()
    time.sleep(1)
    trainer.kill()
    (head,) = tapes.glob("*/*/*.head")
    assert 500_000 < head.stat().st_size <= 1 << 20
    assert mmap.PAGESIZE <= 16_384


def test_a_killed_process_that_nobody_waited_for_is_dead(script: Any, tapes: Path) -> None:
    trainer = script("import rolltape\nrun = rolltape.init(id='r')\nprint('ready')\ninput()\n")
    trainer.line()
    trainer.process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while rolltape.open(tapes).run("r").status != "killed" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert Path(f"/proc/{trainer.process.pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    assert rolltape.open(tapes).run("r").status == "killed"
