"""The head of a live run is readable where it was sent to, row for row, at every moment between a row and its frame."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from original import Original, ship

import rolltape
from rolltape.recording.run import Run
from rolltape.tape.frame import Kind, pack_frame
from rolltape.tape.frame_walk import opening_of
from rolltape.tape.head import LARGE, read_head
from rolltape.tape.shipment import FramesPart, HalfPiece, HeadPart


def steps(root: Path) -> list[int]:
    """The steps of all rows, as a new reader finds them."""
    return [int(step) for step in rolltape.open(root).points("live", "loss").step]


def original_of(run: Run) -> Original:
    return Original(run.directory)


def sent(client: httpx.Client, original: Original, wanted: int = 0) -> None:
    """The run as it is now: frames first, then the head."""
    ship(client, original.run_part(), original.frames(wanted), original.head())


def test_a_live_run(there: Path, collector: httpx.Client, live: Run) -> None:
    original = original_of(live)
    live.log({"loss": 0.5}, step=0)
    sent(collector, original)
    assert steps(there) == [0]
    head = there / "p/live" / f"{original.writer}.head"
    assert head.stat().st_blocks * 512 < 100_000, "it takes no more space than its rows"
    for step in range(1, 50):
        live.log({"loss": step / 2}, step=step)
        (told,) = ship(collector, original.head({1: 40 * step}))
        assert told["halves"] == [{"generation": 1, "have": 40 * (step + 1)}]
    assert steps(there) == list(range(50))
    ours, theirs = (rolltape.open(root).points("live", "loss") for root in (there, original.directory.parents[1]))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert rolltape.open(there).runs()[0].status == "running"


def test_rows_again_and_with_a_gap(there: Path, collector: httpx.Client, live: Run) -> None:
    original = original_of(live)
    for step in range(10):
        live.log({"loss": 1.0}, step=step)
    ship(collector, original.run_part(), original.frames())
    whole = original.head()
    (half,) = whole.halves
    first = whole._replace(halves=(HalfPiece(1, 0, half.data[:80]),))
    late = whole._replace(halves=(HalfPiece(1, 160, half.data[160:]),))
    assert ship(collector, late)[0]["halves"] == [{"generation": 1, "have": 0}]
    assert ship(collector, first, late, first)[1]["halves"] == [{"generation": 1, "have": 80}]
    assert steps(there) == [0, 1]
    overlapping = whole._replace(halves=(HalfPiece(1, 40, half.data[40:]),))
    assert ship(collector, overlapping, first)[1]["halves"] == [{"generation": 1, "have": 400}]
    assert steps(there) == list(range(10))


def test_a_head_and_the_frame_of_the_same_generation(there: Path, collector: httpx.Client, live: Run) -> None:
    original = original_of(live)
    for step in range(100):
        live.log({"loss": 1.0}, step=step)
    before = original.head()
    sent(collector, original)
    live._writer.flush()
    for step in range(100, 120):
        live.log({"loss": 1.0}, step=step)
    count = len(original.spans())
    assert original.spans()[-1].generation == 1
    # The head first: its first half is that of a frame which is still to come
    told = ship(collector, original.head())[0]
    assert told["halves"][-1] == {"generation": 2, "have": 800}
    assert sorted(steps(there)) == list(range(120))
    assert ship(collector, original.frames(count - 1), before) == [
        {"next": count},
        {"frames": count, "halves": [{"generation": 1, "have": 4000}]},
    ]
    assert steps(there) == list(range(120))
    schemas = original.schemas()
    held = read_head(there / "p/live" / f"{original.writer}.head", schemas)
    assert held is not None
    assert [(half.generation, half.rows) for half in held.halves] == [(2, 20)]


def test_many_halves_that_grow(there: Path, collector: httpx.Client, live: Run) -> None:
    """Frames and heads as a shipper sends them, while halves become large ones: after each the rows are those sent."""
    original = original_of(live)
    wanted = count = 0
    for _ in range(12):
        for _ in range(2500):
            live.log({"loss": 1.0}, step=count)
            count += 1
        told = ship(collector, original.run_part(), *original.now(wanted))
        wanted = told[1]["next"]
        assert steps(there) == list(range(count))
    assert wanted > 4
    live.close()
    ship(collector, original.frames(wanted))
    assert steps(there) == list(range(count))
    assert sorted(path.suffix for path in (there / "p/live").iterdir()) == ["", ".json", ".tape"]
    assert rolltape.open(there).runs()[0].status == "finished"
    told = ship(collector, HeadPart(*original.names, original.opening, 0, 0, (HalfPiece(99, 0, bytes(8)),)))
    assert told[0]["halves"] == [{"generation": 99, "have": 8}], "nothing comes after the end"
    assert not list((there / "p/live").glob("*.head"))


def test_a_third_generation_waits_for_a_frame(there: Path, collector: httpx.Client, live: Run) -> None:
    original = original_of(live)
    live.log({"loss": 1.0}, step=0)
    sent(collector, original)
    row = original.head().halves[0].data
    halves = tuple(HalfPiece(generation, 0, row) for generation in (2, 3))
    told = ship(collector, HeadPart(*original.names, original.opening, 0, 0, halves))[0]
    assert told["halves"] == [{"generation": 2, "have": 40}, {"generation": 3, "have": 0}]
    assert told["frames"] == len(original.spans()), "the frame that is wanted first"


def test_signs_of_life_in_the_clock_of_the_server(there: Path, collector: httpx.Client, live: Run) -> None:
    """The clock of the other machine is an hour behind or ahead: only the age of a sign tells."""
    original = original_of(live)
    live.log({"loss": 1.0}, step=0)
    ship(collector, original.run_part(), original.frames())
    path = there / "p/live" / f"{original.writer}.head"
    second, best = 1_000_000_000, 0
    for age, lost in ((60 * second, 0), (0, 3), (60 * second, 1)):
        before = time.time_ns()
        ship(collector, HeadPart(*original.names, original.opening, age, lost))
        held = read_head(path, {})
        assert held is not None
        assert held.halves == []
        if age:
            assert held.heartbeat <= max(time.time_ns() - age, best)
        else:
            best = held.heartbeat
            assert before <= best <= time.time_ns()
    assert held.heartbeat == best, "an old sign of life says nothing new"
    assert held.lost == 3


@pytest.mark.parametrize(("ago", "status"), [(1, "running"), (60, "killed")])
def test_a_writer_whose_clock_is_an_hour_behind(
    there: Path, collector: httpx.Client, live: Run, ago: int, status: str
) -> None:
    """Whether it lives is seen from the age of its last sign, wherever its clock is."""
    said = {"project": "p", "run": "live", "machine": "elsewhere", "pid": 1, "began": 1}
    then = time.time_ns() - 3600 * 10**9
    frame = pack_frame(Kind.OPEN, 0, json.dumps(said).encode(), time=then)
    names = ("p", "live", "elsewhere")
    head = HeadPart(*names, opening_of(frame), ago * 10**9)
    ship(collector, original_of(live).run_part(), FramesPart(*names, 0, opening_of(frame), frame), head)
    assert rolltape.open(there).runs()[0].status == status


def test_a_head_of_nothing_or_of_another(there: Path, collector: httpx.Client, live: Run) -> None:
    original = original_of(live)
    live.log({"loss": 1.0}, step=0)
    assert ship(collector, original.head()) == [{"frames": 0, "halves": [{"generation": 1, "have": 0}]}]
    assert not (there / "p").exists()
    ship(collector, original.run_part(), original.frames())
    (told,) = ship(collector, original.head()._replace(opening=1))
    assert told["status"] == 409
    huge = HalfPiece(1, LARGE - 8, bytes(16))
    (told,) = ship(collector, original.head()._replace(halves=(huge,)))
    assert told["status"] == 413
    assert not list((there / "p/live").glob("*.head"))


def test_a_head_that_is_gone(there: Path, collector: httpx.Client, live: Run) -> None:
    """It stays until its rows lie in frames: they were acknowledged."""
    original = original_of(live)
    live.log({"loss": 1.0}, step=0)
    sent(collector, original)
    count = len(original.spans())
    gone = HeadPart(*original.names, original.opening, 0, 0, (), gone=True)
    live._writer.flush()
    ship(collector, gone)
    assert steps(there) == [0]
    ship(collector, original.frames(count))
    assert steps(there) == [0]
    assert not list((there / "p/live").glob("*.head"))
    ship(collector, gone)
    assert not list((there / "p/live").glob("*.head"))


def test_a_server_that_was_started_again(there: Path, live: Run) -> None:
    """What it had of a head stays readable, and is taken again from its beginning."""
    from rolltape.server import serve_in_background
    from rolltape.server.collecting.options import Collecting

    original = original_of(live)
    for step in range(20):
        live.log({"loss": 1.0}, step=step)
    for _ in range(2):
        with (
            serve_in_background(there, 0, collecting=Collecting(synced=True)) as served,
            httpx.Client(base_url=served.url, trust_env=False) as client,
        ):
            part = original.head()
            told = ship(client, original.run_part(), original.frames(), part._replace(halves=()))
            known = len(list((there / "p/live").glob("*.head")))
            assert known == 1
            before = steps(there)
            late = part._replace(halves=(HalfPiece(1, 400, part.halves[0].data[400:]),))
            assert ship(client, late)[0]["halves"] == [{"generation": 1, "have": 0}]
            assert steps(there) == before
            assert ship(client, part)[0]["halves"] == [{"generation": 1, "have": 800}]
            assert steps(there) == list(range(20))
    assert told[1] == {"next": len(original.spans())}
    # Killed between a frame and the half that it came from: the half is dropped at the next look
    live._writer.flush()
    copy = there / "p/live" / original.tape.name
    copy.write_bytes(original.data)
    assert original.spans()[-1].kind == Kind.ROWS
    with (
        serve_in_background(there, 0, collecting=Collecting()) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        ship(client, FramesPart(*original.names, 0, original.opening))
    held = read_head(copy.with_suffix(".head"), original.schemas())
    assert held is not None
    assert held.halves == []
