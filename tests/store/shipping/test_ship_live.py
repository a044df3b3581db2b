"""Runs that go on, are killed, or outlive what ships them; servers that come and go."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from collecting_server import Server, Shipping, points, same, shipped, until

import rolltape
from rolltape.store import DirectoryStore

Ship = Callable[..., Shipping]

_TRAIN = """
    import os, sys, time, rolltape
    run = rolltape.init(project="p", id=os.environ["ID"], dir=os.environ["HERE"])
    for step in range(int(os.environ["ROWS"])):
        run.log({"loss": step / 3, "b": -step}, step=step)
        if step % 1000 == 0:
            time.sleep(float(os.environ["PAUSE"]))
    print("done")
    sys.stdin.readline()
    run.close()
"""


def test_a_row_arrives_within_two_seconds(here: Path, server: Server, shipping: Ship) -> None:
    with rolltape.init(project="p", id="live", dir=here) as run:
        run.log({"loss": 0.0})
        process = shipping(here, server.url)
        until(lambda: len(points(server.directory, "live")) == 1)
        waits = []
        for step in range(1, 8):
            run.log({"loss": float(step)})
            waits.append(until(lambda rows=step + 1: len(points(server.directory, "live")) == rows))
        assert median(waits) < 2.0
        assert DirectoryStore(server.directory).run("live").status == "running"
    shipped(process)
    same(here, server.directory)
    assert not list(server.directory.rglob("*.head"))


def test_the_rows_of_a_killed_run_arrive(
    here: Path, server: Server, shipping: Ship, script: Callable[..., object]
) -> None:
    training = script(_TRAIN, ID="killed", HERE=str(here), ROWS="12345", PAUSE="0")
    assert training.line() == "done"  # type: ignore[attr-defined]
    training.kill()  # type: ignore[attr-defined]
    shipped(shipping(here, server.url))
    assert points(server.directory, "killed") == [(step, step / 3) for step in range(12345)]
    assert points(here, "killed") == points(server.directory, "killed")


def test_a_run_that_is_killed_while_it_is_shipped(
    here: Path, server: Server, shipping: Ship, script: Callable[..., object]
) -> None:
    training = script(_TRAIN, ID="killed", HERE=str(here), ROWS="100", PAUSE="0")
    assert training.line() == "done"  # type: ignore[attr-defined]
    process = shipping(here, server.url)
    until(lambda: len(points(server.directory, "killed")) == 100)
    assert process.poll() is None
    training.kill()  # type: ignore[attr-defined]
    shipped(process)
    assert points(server.directory, "killed") == points(here, "killed")
    until(lambda: DirectoryStore(server.directory).run("killed").status == "killed", 25)


def test_shippers_that_are_killed_lose_nothing(
    here: Path, server: Server, shipping: Ship, script: Callable[..., object]
) -> None:
    training = script(_TRAIN, ID="live", HERE=str(here), ROWS="60000", PAUSE="0.06")
    for _ in range(6):
        process = shipping(here, server.url)
        time.sleep(0.7)
        process.kill()
        process.communicate()
    assert training.line() == "done"  # type: ignore[attr-defined]
    training.process.communicate("\n")  # type: ignore[attr-defined]
    shipped(shipping(here, server.url))
    same(here, server.directory)
    assert points(server.directory, "live") == [(step, step / 3) for step in range(60000)]


def test_a_server_that_is_killed_and_comes_back(
    here: Path, server: Server, shipping: Ship, script: Callable[..., object]
) -> None:
    training = script(_TRAIN, ID="live", HERE=str(here), ROWS="60000", PAUSE="0.06")
    process = shipping(here, server.url)
    for _ in range(3):
        time.sleep(0.8)
        server.kill()
        time.sleep(0.3)
        server.start()
    assert training.line() == "done"  # type: ignore[attr-defined]
    training.process.communicate("\n")  # type: ignore[attr-defined]
    told = shipped(process)
    assert "cannot reach" in told and "takes runs again" in told
    same(here, server.directory)
    assert points(server.directory, "live") == [(step, step / 3) for step in range(60000)]


def test_two_shippers_of_the_same_tapes(
    here: Path, server: Server, shipping: Ship, script: Callable[..., object]
) -> None:
    training = script(_TRAIN, ID="live", HERE=str(here), ROWS="40000", PAUSE="0.05")
    both = [shipping(here, server.url) for _ in range(2)]
    until(lambda: (here / "p" / "live" / "run.json").exists())
    assert training.line() == "done"  # type: ignore[attr-defined]
    training.process.communicate("\n")  # type: ignore[attr-defined]
    for process in both:
        process.communicate(timeout=60)
    shipped(shipping(here, server.url))
    same(here, server.directory)
    assert len(points(server.directory, "live")) == 40000


def test_rows_of_many_schemas_and_batches(here: Path, server: Server, shipping: Ship) -> None:
    with rolltape.init(project="p", id="live", dir=here) as run:
        process = None
        for step in range(3000):
            run.log({f"m{step % 7}": step, "x": step / 9}, step=step)
            if step % 500 == 0:
                run.log_batch({"x": np.arange(400.0)})
                process = process or shipping(here, server.url)
                time.sleep(0.5)
        until(lambda: points(server.directory, "live", "x") == points(here, "live", "x"))
        until(lambda: points(server.directory, "live", "m3") == points(here, "live", "m3"))
    assert process is not None
    shipped(process)
    same(here, server.directory)
