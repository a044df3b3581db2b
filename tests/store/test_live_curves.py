"""Curves of a run that goes on: every answer is that of the first k points, and k never falls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_every_bucket import check_exact, low_pyramids  # noqa: F401

import rolltape
from rolltape.store.directory import DirectoryStore
from rolltape.tape import reader as reader_module
from rolltape.tape.reader import TapeReader

Floats = NDArray[np.float64]

WRITER = """
    import os, sys, time
    import numpy as np, rolltape
    count, kind = int(os.environ["COUNT"]), os.environ["KIND"]
    run = rolltape.init(project="p", id="r")
    print("ready")
    i = 0
    while i < count:
        if kind == "one by one":
            for i in range(i, min(i + 2000, count)):
                run.log({"y": float(i % 1000)}, i)
            i += 1
            time.sleep(0.005)
        elif kind == "batches":
            step = np.arange(i, min(i + 700, count))
            run.log_batch({"y": step % 1000.0}, step=step)
            i = int(step[-1]) + 1
            time.sleep(0.002)
        else:
            stop = min(i + 300, count)
            for i in range(i, stop):
                run.log({"y": float(i % 1000)}, i)
                if i % 3 == 0:
                    run.log({"other": 1.0, "more": 2.0}, i)
            step = np.arange(i + 1, min(i + 400, count))
            if len(step):
                run.log_batch({"y": step % 1000.0}, step=step)
                i = int(step[-1])
            i += 1
            time.sleep(0.01)
    run.close()
"""


def check_prefix(store: DirectoryStore, x: str, exact: bool, count: int, before: int) -> int:
    """An answer is that of the points 0 to k - 1; returns k."""
    curve = store.curve("y", x=x, buckets=13, exact=exact)
    buckets = curve.runs["p/r"]
    held = int(buckets.count.sum())
    assert held >= before, "points that were there are there"
    assert buckets.nonfinite.sum() == 0
    assert held <= count
    value = np.arange(held) % 1000.0
    total = np.nansum(buckets.mean * buckets.count)
    assert total == pytest.approx(value.sum(), rel=1e-9, abs=1e-6)
    if x == "step":
        assert curve.edges[0] == 0
        if exact and held > 1:
            check_exact(buckets, curve.edges, np.arange(held).astype(float), value)
    ends = np.concatenate(([0], buckets.count.cumsum()))
    for i in range(13):  # a bucket is a stretch of neighbouring points
        part = value[ends[i] : ends[i + 1]]
        if len(part):
            assert (buckets.min[i], buckets.max[i]) == (part.min(), part.max())
    return held


@pytest.mark.parametrize(("kind", "count"), [("one by one", 150_000), ("batches", 150_000), ("mixed", 150_000)])
def test_each_answer_is_that_of_a_prefix(
    tapes: Path, script: Callable[..., Any], kind: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rolltape.tape.indexed_tape._GROWN", 20_000)
    writer = script(WRITER, COUNT=str(count), KIND=kind)
    assert writer.line() == "ready"
    store = rolltape.open(tapes)
    held = looks = 0
    while not store.run("r").points:  # a metric is declared a moment before its first row is there
        pass
    while writer.process.poll() is None:
        held = check_prefix(store, ("step", "time")[looks % 2], bool(looks // 2 % 2), count, held)
        if looks % 7 == 0:
            held = check_prefix(rolltape.open(tapes), "step", True, count, held)
        looks += 1
    assert writer.wait()[0] == 0
    assert looks > 1
    for one in (store, rolltape.open(tapes)):
        for x in ("step", "time"):
            for exact in (True, False):
                assert check_prefix(one, x, exact, count, count) == count


def test_scans_of_a_live_run_are_prefixes(tapes: Path, script: Callable[..., Any]) -> None:
    writer = script(WRITER, COUNT="60000", KIND="mixed")
    assert writer.line() == "ready"
    store = rolltape.open(tapes)
    while not store.run("r").points:  # a metric is declared a moment before its first row is there
        pass
    held = 0
    while writer.process.poll() is None:
        step = np.concatenate([points.step for _, points in store.scan("r", "y")])
        assert len(step) >= held
        held = len(step)
        assert np.array_equal(step, np.arange(held))
    assert writer.wait()[0] == 0
    assert np.concatenate([points.step for _, points in store.scan("r", "y")]).tolist() == list(range(60_000))


def test_a_schema_declared_between_the_look_at_the_tape_and_at_the_head(
    tapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows behind one that is not understood yet are not taken before it."""
    run = rolltape.init(project="p", id="r")
    run.log({"y": 0.0}, 0)
    (path,) = tapes.glob("p/r/*.tape")
    original = reader_module.read_head
    pending = [True]

    def log_meanwhile(*given: Any) -> Any:
        if pending:
            pending.clear()
            for i in range(1, 800):  # a half, in which most rows are of a schema that is new, and more
                run.log({"new": 1.0, "y": float(i)} if i < 660 else {"y": float(i)}, i)
        return original(*given)

    monkeypatch.setattr(reader_module, "read_head", log_meanwhile)
    with run._writer._framing:  # the first half is not a frame yet
        reader = TapeReader(path)
    points, cursor = reader.read("y")
    assert np.array_equal(points.step, np.arange(len(points.step))), "a prefix"
    reader.refresh()
    rest, _ = reader.read("y", cursor)
    assert np.array_equal(np.concatenate([points.step, rest.step]), np.arange(800))


def test_many_questions_at_once(tapes: Path) -> None:
    """Threads ask one store while a run goes on: as a server's do."""
    from concurrent.futures import ThreadPoolExecutor

    run = rolltape.init(project="p", id="r")
    for i in range(3000):
        run.log({"y": float(i % 1000), "x": float(i // 10)}, i)
    store = rolltape.open(tapes)

    def ask(number: int) -> None:
        if number % 4 == 0:
            step = np.concatenate([points.step for _, points in store.scan("r", "y", window=(100, 2000))])
            assert np.array_equal(step, np.arange(100, 2001))
        elif number % 4 == 1:
            count = store.curve("y", x="x", buckets=5).runs["p/r"].count.sum()
            assert count >= 3000
        else:
            check_prefix(store, ("step", "time")[number % 2], True, 10**9, 3000)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(60)]
        for i in range(3000, 9000):
            run.log({"y": float(i % 1000), "x": float(i // 10)}, i)
        for one in asked:
            one.result()
    run.close()
    assert check_prefix(store, "step", True, 9000, 9000) == 9000
