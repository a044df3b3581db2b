"""Several threads, forked children and several processes in one run."""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape


def test_many_threads_log_to_one_run(tapes: Path) -> None:
    run = rolltape.init(id="r")
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(number: int) -> None:
        for i in range(3000):
            run.log({f"t{number % 3}": float(i), "shared": float(number)}, i)
            if i % 100 == 0:
                run.log({f"late{number}/{i}": 1.0, "array": np.arange(3.0)}, i)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(switch)
    run.close()
    store = rolltape.open(tapes)
    shared = store.points("r", "shared")
    assert len(shared.step) == 8 * 3000
    for number in range(8):
        assert shared.step[shared.value == number].tolist() == list(range(3000))
    assert len(store.points("r", "array").step) == 8 * 30 * 3
    assert len(store.metrics("r")) == 5 + 8 * 30


def test_a_signal_handler_may_log_in_the_middle_of_log(tapes: Path) -> None:
    run = rolltape.init(id="r")
    counter = itertools.count()

    def handler(_number: int, _frame: object) -> None:
        number = next(counter)  # a handler may be interrupted by the next signal, too
        run.log({"handler": float(number)}, number)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for i in range(150_000):
            run.log({"main": float(i)}, i)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    run.close()
    store = rolltape.open(tapes)
    handled = next(counter)
    assert handled > 20
    assert store.points("r", "main").value.tolist() == list(map(float, range(150_000)))
    assert sorted(store.points("r", "handler").value.tolist()) == list(map(float, range(handled)))


FORK = """
import os, rolltape
run = rolltape.init(id="r")
for i in range(1000):
    run.log({"a": float(i)}, i)
pids = []
for child in range(3):
    pid = os.fork()
    if pid == 0:
        if child < 2:
            for i in range(500):
                run.log({"a": 1000.0 + i, "child": float(child)}, i)
        CHILD_END
    pids.append(pid)
for i in range(1000):
    run.log({"b": float(i)}, i)
for pid in pids:
    os.waitpid(pid, 0)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("end", ["os._exit(0)", "run.close(); os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_forked_child_is_a_writer_of_its_own(script: Any, tapes: Path, end: str) -> None:
    code, out, err = script(
        "import warnings; warnings.simplefilter('default')\n" + FORK.replace("CHILD_END", end)
    ).wait()
    assert (code, out) == (0, ""), err
    store = rolltape.open(tapes)
    assert len(store.points("r", "a").step) == 1000 + 2 * 500
    assert store.points("r", "b").value.tolist() == list(map(float, range(1000)))
    child = store.points("r", "child")
    assert sorted(child.value.tolist()) == [0.0] * 500 + [1.0] * 500
    writers = store.writers("r")
    assert len(writers) == 3, "a child that logs nothing leaves nothing"
    assert [w.parent for w in writers] == [None, writers[0].name, writers[0].name]
    assert store.run("r").status == "finished", "children that vanish do not decide how the run ended"


def worker(number: int) -> None:
    run = rolltape.init(project="p", id="shared", config={"seed": 1})
    for i in range(2000):
        run.log({"a": float(i), f"rank{number}": 1.0}, i)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_several_processes_attach_to_one_run(tapes: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context(method)
    workers = [context.Process(target=worker, args=(n,)) for n in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
        assert one.exitcode == 0
    store = rolltape.open(tapes)
    (info,) = store.runs()
    assert (info.status, info.points, info.config) == ("finished", 4 * 2 * 2000, {"seed": 1})
    assert len(store.points("shared", "a").step) == 8000
    assert [w.status for w in store.writers("shared")] == ["finished"] * 4
    assert not list(tapes.glob("*/*/*.head")), "workers of multiprocessing close what they opened"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_pool_that_inherits_a_run(tapes: Path) -> None:
    global inherited
    inherited = rolltape.init(id="r")
    inherited.log({"a": 0.0}, 0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(log_in_child, range(20))
        pool.close()
        pool.join()
    inherited.close()
    points = rolltape.open(tapes).points("r", "a")
    assert sorted(points.value.tolist()) == list(map(float, range(21)))


def log_in_child(number: int) -> None:
    inherited.log({"a": number + 1.0}, number)


inherited: rolltape.Run
assert os.name == "posix"


def test_a_signal_handler_may_log_what_is_new_while_something_new_is_logged(tapes: Path) -> None:
    """Both declare schemas and write texts: the handler must not wait for locks that its own thread holds."""
    run = rolltape.init(id="r")
    counter = itertools.count()

    def handler(_number: int, _frame: object) -> None:
        number = next(counter)
        run.log({f"handler{number}": 1.0, "handlers": float(number)}, number)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    try:
        for i in range(6000):
            run.log({f"main{i}": 1.0, "all": float(i), "note": "x" * 100}, i)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    run.close()
    handled = next(counter)
    store = rolltape.open(tapes)
    assert handled > 50
    assert store.points("r", "all").value.tolist() == list(map(float, range(6000)))
    assert sorted(store.points("r", "handlers").value.tolist()) == list(map(float, range(handled)))
    assert len(store.events("r")) == 6000


def test_rows_that_race_with_close_are_recorded_or_refused(tapes: Path) -> None:
    """A log() that returned without a word before close() took the run is on the tape."""
    for attempt in range(20):
        run = rolltape.init(id=f"r{attempt}")
        returned = [0, 0]

        def work(number: int, run: rolltape.Run = run, returned: list[int] = returned) -> None:
            with contextlib.suppress(rolltape.RecordingError):
                while True:
                    run.log({f"t{number}": 1.0}, returned[number])
                    returned[number] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        while not all(returned) and all(thread.is_alive() for thread in threads):
            time.sleep(0)
        assert all(returned), "a thread was refused while the run was open"
        run.close()
        for thread in threads:
            thread.join()
        store = rolltape.open(tapes)
        for number in (0, 1):
            assert len(store.points(run.id, f"t{number}").step) == returned[number]


def fails(number: int) -> None:
    run = rolltape.init(project="p", id="broken")
    run.log({"a": 1.0})
    raise ValueError("worker gave up")


def fails_within(number: int) -> None:
    with rolltape.init(project="p", id="broken") as run:
        run.log({"a": 1.0})
        raise ValueError("worker gave up")


# From Python 3.13 on a worker's exception is gone when the worker ends: only a with block sees it
WORKERS = [fails_within] if sys.version_info >= (3, 13) else [fails_within, fails]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("work", WORKERS)
def test_a_worker_that_fails_is_told(
    tapes: Path, work: Callable[[int], None], method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    process = multiprocessing.get_context(method).Process(target=work, args=(0,))
    process.start()
    process.join()
    info = rolltape.open(tapes).run("broken")
    assert (info.status, info.error) == ("failed", "ValueError: worker gave up")
    capfd.readouterr()


def test_closed_runs_leave_nothing_behind(tapes: Path) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir())) + threading.active_count()

    rolltape.init().close()
    before = open_files()
    for _ in range(50):
        run = rolltape.init()
        run.log({"a": 1.0})
        run.close()
    deadline = time.monotonic() + 10
    while open_files() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_files() <= before


class TimeIsUp(Exception):
    """What a handler raises into whatever runs."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_handler_may_raise_in_the_middle_of_log(tapes: Path) -> None:
    """The exception comes out of log(), and no row of another thread is touched."""
    run = rolltape.init(id="r")
    other, stop = 0, False

    def work() -> None:
        nonlocal other
        while not stop:
            run.log({"other": float(other)}, other)
            other += 1

    def handler(_number: int, _frame: object) -> None:
        nonlocal raised
        raised += 1
        raise TimeIsUp

    thread = threading.Thread(target=work)
    thread.start()
    raised = caught = returned = 0
    before = signal.signal(signal.SIGALRM, handler)
    try:
        while raised < 300:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
                for _ in range(5000):
                    run.log({"main": 1.0}, returned)
                    returned += 1
            except TimeIsUp:
                caught += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        stop = True
        thread.join()
    run.close()
    store = rolltape.open(tapes)
    assert raised - caught <= 3, "Python drops what is raised in a weakref's callback; log() swallows nothing"
    assert store.points("r", "other").value.tolist() == list(map(float, range(other)))
    assert set(store.points("r", "main").step.tolist()) >= set(range(returned))
    assert run.lost == 0


def test_a_signal_handler_may_close_the_run(script: Any, tapes: Path) -> None:
    """The usual SIGTERM handler, in the middle of texts and new key sets."""
    for attempt in range(4):
        trainer = script(
            f"""
            import itertools, signal, sys, rolltape
            run = rolltape.init(id="r{attempt}")
            def stop(number, frame):
                run.log_batch({{"batch": [1.0, 2.0]}})
                run.close("interrupted", "SIGTERM")
                sys.exit(7)
            signal.signal(signal.SIGTERM, stop)
            print("ready")
            for i in itertools.count():
                run.log({{"note": "x" * 50, f"new{{i}}": 1.0, "i": float(i)}}, i)
            """
        )
        assert trainer.line() == "ready"
        time.sleep(0.05 + 0.03 * attempt)
        assert trainer.kill(signal.SIGTERM) == 7
        info = rolltape.open(tapes).run(f"r{attempt}")
        assert (info.status, info.error) == ("interrupted", "SIGTERM")
        steps = rolltape.open(tapes).points(f"r{attempt}", "i").step
        assert steps.tolist() == list(range(len(steps)))
        assert not list(tapes.glob(f"*/r{attempt}/*.head"))


def test_steps_that_are_counted_are_counted_once(tapes: Path) -> None:
    run = rolltape.init(id="r")
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        for _ in range(8000):
            run.log({"x": 1.0})

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(switch)
    assert sorted(rolltape.open(tapes).points("r", "x").step.tolist()) == list(range(24_000))


def draws(number: int) -> None:
    inherited.log({"child": 1.0, "picture": rolltape.Image(np.zeros((4, 4)))}, number)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_worker_writes_its_pictures_and_its_end(tapes: Path) -> None:
    global inherited
    inherited = rolltape.init(id="r")
    process = multiprocessing.get_context("fork").Process(target=draws, args=(3,))
    process.start()
    process.join()
    inherited.close()
    store = rolltape.open(tapes)
    assert [writer.status for writer in store.writers("r")] == ["finished", "finished"]
    (event,) = store.events("r")
    assert (inherited.directory / "media" / event["file"]).is_file()


def test_closed_runs_are_let_go(tapes: Path) -> None:
    assert "multiprocessing.util" in sys.modules
    run = rolltape.init()
    run.log({"a": 1.0})
    run.close()
    reference = weakref.ref(run)
    deadline = time.monotonic() + 10
    del run
    while reference() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert reference() is None


def test_no_row_is_overwritten_where_arrays_are_put(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever another thread or a signal handler may come between: here at each `len`, a call like others."""
    run = rolltape.init(id="r")
    run.log({"a": 0.0})
    run.log({"a": 1.0})
    busy = []

    def switching(sized: Any) -> int:
        if "size" in sys._getframe(1).f_locals and not busy:
            busy.append(1)
            for _ in range(300):
                run.log({"a": 2.0})
        return len(sized)

    monkeypatch.setattr("rolltape.tape.writer.len", switching, raising=False)
    run.log({"b": [1.0, 2.0]})
    run.log({"b": [3.0, 4.0]})
    run.close()
    assert len(rolltape.open().points("r", "a").step) == 2 + 300 * len(busy)
    assert rolltape.open().points("r", "b").value.tolist() == [1.0, 2.0, 3.0, 4.0]
