"""The summaries of many runs: those of `summaries`, remembered, and never more time than was given."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.store import DirectoryStore, known_summaries, run_directories
from rolltape.store import listing as listing_module
from rolltape.store.catalogue import Catalogue
from rolltape.store.model import MetricSummary
from rolltape.tape.reader import TapeReader

LONG = 100.0  # s


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every directory changed long enough ago, and nothing is too little to be remembered."""
    monkeypatch.setattr(run_directories, "_SETTLED", 0)
    monkeypatch.setattr(listing_module, "_WORTH", 0.0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose frames are counted, once for each block of frames."""
    runs: list[str] = []
    whole_frames = TapeReader.whole_frames

    def noted(self: TapeReader, start: int) -> Any:
        runs.append(self.path.parent.name)
        return whole_frames(self, start)

    monkeypatch.setattr(TapeReader, "whole_frames", noted)
    return runs


def record(id: str, values: int = 3, **told: Any) -> None:
    with rolltape.init(project="p", id=id, **told) as run:
        for i in range(values):
            run.log({"loss": float(i), "accuracy": 1 - 1 / (i + 1)}, step=10 * i)


def known(store: DirectoryStore, budget: float = LONG) -> dict[str, Mapping[str, MetricSummary]]:
    """What is known of all runs, which must be what `summaries` says of each."""
    found, pending = store.known_summaries(store.runs(), budget)
    assert pending == 0
    for info in store.runs():
        same(found[info.key], store.summaries(info.key))
    return dict(found)


def same(found: Mapping[str, MetricSummary], expected: list[MetricSummary]) -> None:
    """All alike, but for the order in which the mean was summed up."""
    assert list(found) == [one.metric for one in expected]
    for one in expected:
        mine = found[one.metric]
        assert repr(replace(mine, mean=None)) == repr(replace(one, mean=None))
        assert (mine.mean is None) is (one.mean is None)
        assert one.mean is None or mine.mean == pytest.approx(one.mean, rel=1e-12, nan_ok=True)


KILLED = """
    import rolltape, time
    run = rolltape.init(project="p", id="killed")
    for i in range(3000):
        run.log({"loss": float(i), "other": -1.0}, step=i) if i % 3 else run.log({"other": 2.0, "third": 0.5}, step=i)
    print("logged")
    time.sleep(100)
"""


def test_it_is_what_each_run_says(tapes: Path, script: Callable[..., Any]) -> None:
    record("plain")
    record("empty", 0)
    record("resumed", 5)
    record("resumed", 2)
    with rolltape.init(project="p", id="odd") as run:
        run.log({"loss": math.nan, "never finite": math.inf}, step=-(2**63))
        run.log({"loss": 1e308, "never finite": -math.inf}, step=2**63 - 1)
        run.log({"loss": 1e308, "-0": -0.0}, step=3)
        run.log({"ä\ud800"[:1]: 1.0, "loss": 2.0}, step=3)
    with rolltape.init(project="p", id="long") as run:
        steps = np.arange(200_000)
        run.log_batch({"loss": np.sin(steps), "rare": np.where(steps % 7, np.nan, 1.0)}, step=steps[::-1].copy())
        run.log_batch({"loss": np.cos(steps[:50])}, step=steps[:50])
    both = [rolltape.init(project="p", id="two_writers") for _ in range(2)]
    for number in (1, 0):
        both[number].log({"loss": float(number)}, step=number)
        time.sleep(0.001)
    live = rolltape.init(project="p", id="live")
    for i in range(20):
        live.log({"loss": float(i)})
    one = script(KILLED)
    assert one.line() == "logged"
    one.kill()
    found = known(DirectoryStore(tapes))
    assert len(found) == 8
    assert found["p/two_writers"]["loss"].last == 0.0, "the first one logged last"
    assert found["p/killed"]["loss"].points == 2000
    assert found["p/odd"]["loss"].mean == math.inf, "as the sum overflows"
    assert found["p/odd"]["never finite"].last == -math.inf
    assert found["p/empty"] == {}
    again = known(DirectoryStore(tapes))
    assert str(sorted(again.items())) == str(sorted(found.items())), "also from the catalogue"


def test_damage_ends_what_is_counted(tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        for i in range(40):
            run.log_batch({"loss": np.arange(20_000.0) + i}, step=np.arange(20_000))
    tape = next((tapes / "p" / "r").glob("*.tape"))
    with tape.open("r+b") as file:
        file.seek(tape.stat().st_size // 2)
        file.write(b"\xff" * 8)
    found = known(DirectoryStore(tapes))
    assert 0 < found["p/r"]["loss"].points < 800_000


def test_a_run_that_cannot_be_read_hides_no_other(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    for id in "abc":
        record(id)
    whole_frames = TapeReader.whole_frames

    def refuse(self: TapeReader, start: int) -> Any:
        frames = whole_frames(self, start)
        if self.path.parent.name == "b":
            raise rolltape.TapeError("this cannot be read")
        return frames

    monkeypatch.setattr(TapeReader, "whole_frames", refuse)
    store = DirectoryStore(tapes)
    for _ in range(3):
        found, pending = store.known_summaries(store.runs(), LONG)
        assert (sorted(found), pending) == (["p/a", "p/c"], 0)
    assert read.count("b") == 1, "it is not tried again and again"
    monkeypatch.undo()
    found, _ = DirectoryStore(tapes).known_summaries(store.runs(), LONG)
    assert sorted(found) == ["p/a", "p/b", "p/c"], "another process may have more luck"


def test_without_time_what_is_known_is_told_at_once(tapes: Path, read: list[str]) -> None:
    for id in "abc":
        record(id)
    store = DirectoryStore(tapes)
    assert store.known_summaries(store.runs(), 0) == ({}, 3)
    assert store.known_summaries(store.runs()[:1], LONG)[1] == 0
    found, pending = store.known_summaries(store.runs(), 0)
    assert (list(found), pending) == (["p/c"], 2)
    assert read == ["c"]


def test_the_time_is_kept_also_within_a_run(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rolltape.init(project="p", id="long") as run:
        for i in range(30):
            run.log_batch({"loss": np.arange(20_000.0) + i}, step=np.arange(20_000) + i)
    store = DirectoryStore(tapes)
    infos = store.runs()
    clock = [0.0]
    monkeypatch.setattr(known_summaries.time, "monotonic", lambda: clock.__setitem__(0, clock[0] + 1) or clock[0])
    asked = 1
    while store.known_summaries(infos, 4.0)[1]:
        asked += 1
    assert 3 < asked < 30, "it goes on from where it was"
    monkeypatch.undo()
    known(store)


def test_ended_runs_are_read_once(tapes: Path, read: list[str]) -> None:
    record("a")
    record("b")
    store = DirectoryStore(tapes)
    store.known_summaries(store.runs(), LONG)
    assert sorted(read) == ["a", "b"]
    store.known_summaries(store.runs(), LONG)
    fresh = DirectoryStore(tapes)
    assert fresh.known_summaries(fresh.runs(), 0)[1] == 0
    assert [info.id for info in fresh.runs(where="last.loss = 2")] == ["b", "a"]
    assert sorted(read) == ["a", "b"]


@pytest.mark.parametrize("change", ["index", "note"])
def test_what_comes_beside_the_tapes_changes_nothing(tapes: Path, read: list[str], change: str) -> None:
    record("a")
    for store in (DirectoryStore(tapes), DirectoryStore(tapes)):
        store.known_summaries(store.runs(), LONG)
        file = tapes / "p" / "a" / ("x.index" if change == "index" else "notes.json")
        file.write_text('{"note": "good"}')
        assert store.known_summaries(store.runs(), 0)[1] == 0
        file.unlink()
    fresh = DirectoryStore(tapes)
    assert fresh.known_summaries(fresh.runs(), LONG)[1] == 0
    assert read == ["a"]


def test_a_run_that_changed_is_read_again(tapes: Path) -> None:
    record("a")
    store = DirectoryStore(tapes)
    assert known(store)["p/a"]["loss"].points == 3
    record("a", 5)
    assert store.known_summaries(store.runs(), 0)[1] == 1
    fresh = DirectoryStore(tapes)
    assert fresh.known_summaries(fresh.runs(), 0) == ({}, 1), "the catalogue knows the run anew, its metrics not"
    assert known(store)["p/a"]["loss"].points == 8
    shutil.rmtree(tapes / "p" / "a")
    record("a", 2)
    assert known(store)["p/a"]["loss"].points == 2
    shutil.rmtree(tapes / "p" / "a")
    assert store.known_summaries(store.runs(), LONG) == ({}, 0)


def test_a_run_that_is_gone_meanwhile_is_left_out(tapes: Path) -> None:
    record("a")
    record("b")
    store = DirectoryStore(tapes)
    infos = store.runs()
    shutil.rmtree(tapes / "p" / "a")
    found, pending = store.known_summaries(infos, LONG)
    assert pending == 0
    assert found["p/b"]["loss"].points == 3
    assert not found.get("p/a")


def test_a_live_run_is_read_as_far_as_it_is_new(tapes: Path, read: list[str]) -> None:
    run = rolltape.init(project="p", id="live")
    for thread in threading.enumerate():
        if thread.name == "rolltape-facts":  # it adds what takes longer to find out
            thread.join()
    store = DirectoryStore(tapes)
    run.log_batch({"loss": np.arange(100_000.0)}, step=np.arange(100_000))
    run.log({"loss": 7.0})
    first = known(store)["p/live"]["loss"]
    assert (first.points, first.last) == (100_001, 7.0)
    run.log({"loss": 7.0})
    assert store.runs()[0].points == 100_002, "of a head too, where nothing else is new"
    known(store)
    read.clear()
    infos = store.runs()
    for _ in range(2):
        assert store.known_summaries(infos, 0)[1] == 0, "nothing new"
    run.log({"loss": -8.0, "new": 1.0})
    infos = store.runs()
    assert infos[0].points == 100_004
    found, pending = store.known_summaries(infos, 0)
    assert pending == 1
    assert found["p/live"]["loss"].last == 7.0, "what was known, until there is time"
    now = store.known_summaries(infos, LONG)[0]["p/live"]
    assert (now["loss"].points, now["loss"].min, now["loss"].last, now["new"].points) == (100_003, -8.0, -8.0, 1)
    assert read == [], "its frames are counted once"
    run.close()
    assert known(store)["p/live"]["loss"].points == 100_003
    assert known(DirectoryStore(tapes))["p/live"]["loss"].points == 100_003


def test_a_live_run_that_ends_with_nothing_new_is_told_as_ended(tapes: Path) -> None:
    run = rolltape.init(project="p", id="live")
    run.log({"loss": 1.0})
    store = DirectoryStore(tapes)
    before = known(store)
    run.close()
    assert known(store) == before


@pytest.mark.parametrize("damage", ["gone", "garbage", "a byte", "names", "other names"])
def test_a_damaged_catalogue_says_nothing_false(tapes: Path, damage: str) -> None:
    record("a")
    record("b", 7)
    first = known(DirectoryStore(tapes))
    catalogue = Catalogue.of(tapes.resolve())
    assert catalogue is not None
    if damage == "gone":
        catalogue.file.unlink()
    elif damage == "garbage":
        catalogue.file.write_bytes(os.urandom(5000))
    else:
        with closing(sqlite3.connect(catalogue.file)) as connection, connection:
            if damage == "a byte":
                ((record_,),) = connection.execute("SELECT record FROM summaries WHERE directory = ?", (b"p/a",))
                changed = record_[:-1] + bytes([record_[-1] ^ 1])
                connection.execute("UPDATE summaries SET record = ? WHERE directory = ?", (changed, b"p/a"))
            elif damage == "names":
                connection.execute("DELETE FROM metric_names")
            else:
                connection.execute("UPDATE metric_names SET names = ?", (b'["x","y"]',))
    for _ in range(2):
        assert known(DirectoryStore(tapes)) == first


def test_two_threads_ask_at_once(tapes: Path, read: list[str]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for i in range(30):
        record(f"r{i}")
    store = DirectoryStore(tapes)
    infos = store.runs()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: store.known_summaries(infos, LONG), range(4)))
    assert [(len(found), pending) for found, pending in answers] == [(30, 0)] * 4
    assert len(read) == 30, "nothing twice"


def test_an_index_that_is_there_answers_for_a_long_run(
    tapes: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_summaries, "_LONG", 100)
    with rolltape.init(project="p", id="long") as run:
        run.log_batch({"loss": np.random.default_rng(0).normal(size=50_000)}, step=np.arange(50_000))
    store = DirectoryStore(tapes)
    store.index()
    read.clear()
    fresh = DirectoryStore(tapes)
    found, _ = fresh.known_summaries(fresh.runs(), LONG)
    assert read == []
    same(found["p/long"], store.summaries("p/long"))


def test_recent_runs_are_those_of_the_last_look(tapes: Path) -> None:
    record("a")
    store = DirectoryStore(tapes)
    assert [info.id for info in store.recent_runs(LONG)] == ["a"]
    record("b")
    assert [info.id for info in store.recent_runs(LONG)] == ["a"]
    store.standing()
    assert [info.id for info in store.recent_runs(LONG)] == ["b", "a"]
    record("c")
    time.sleep(0.01)
    assert [info.id for info in store.recent_runs(0.001)] == ["c", "b", "a"]
