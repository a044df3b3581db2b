"""Tapes that end before they are shipped, or while they are: what arrives is the same, byte for byte."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collecting_server import Server, Shipping, points, record, same, shipped, until

import rolltape
from rolltape.store import DirectoryStore
from rolltape.tape.frame import HEADER_SIZE
from rolltape.tape.frame_walk import walk_frames

Ship = Callable[..., Shipping]


def test_everything_of_a_run_arrives(here: Path, server: Server, shipping: Ship) -> None:
    with rolltape.init(project="p/q", id="r 1", name="a name", dir=here, config={"seed": 3}, tags=["t"]) as run:
        for step in range(5_000):
            run.log({"loss": step / 7, "nan": float("nan")}, step=step)
        run.log({"text": "hello", "image": rolltape.Image(np.eye(64))})
        run.log({"file": rolltape.File(__file__)})
    record(here, "other", project="z")
    told = json.loads(shipped(shipping(here, server.url, "--json")))
    same(here, server.directory)
    assert (told["runs"], told["tapes"], told["waiting"], told["refused"]) == (2, 2, 0, [])
    ours, theirs = DirectoryStore(here), DirectoryStore(server.directory)
    assert points(here, "r 1") == points(server.directory, "r 1")
    assert ours.events("r 1") == theirs.events("r 1")
    assert [(one.id, one.name, one.config, one.status) for one in ours.runs()] == [
        (one.id, one.name, one.config, one.status) for one in theirs.runs()
    ]


def test_a_file_that_takes_many_pieces(here: Path, tmp_path: Path, server: Server, shipping: Ship) -> None:
    large, empty = tmp_path / "large.bin", tmp_path / "empty.bin"
    large.write_bytes(os.urandom(21 << 20))
    empty.touch()
    with rolltape.init(project="p", id="r", dir=here) as run:
        run.log({"checkpoint": rolltape.File(large), "nothing": rolltape.File(empty)})
    told = json.loads(shipped(shipping(here, server.url, "--json")))
    assert told["sent"] < 22 << 20
    same(here, server.directory)


def test_what_is_there_already_is_not_sent_again(here: Path, server: Server, shipping: Ship) -> None:
    with rolltape.init(project="p", id="large", dir=here) as run:
        for _ in range(20):
            run.log_batch({"x": np.random.default_rng(1).normal(size=10_000)})
    first = json.loads(shipped(shipping(here, server.url, "--json")))
    again = json.loads(shipped(shipping(here, server.url, "--json")))
    assert first["sent"] > 1_000_000 and again["sent"] < 10_000
    assert first["bytes"] == again["bytes"]
    same(here, server.directory)


def test_a_lost_state_file_loses_a_moment(
    here: Path, server: Server, shipping: Ship, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record(here)
    shipped(shipping(here, server.url))
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "another"))
    shipped(shipping(here, server.url))
    same(here, server.directory)


def test_a_server_that_lost_its_directory_is_sent_everything_again(here: Path, server: Server, shipping: Ship) -> None:
    record(here)
    with rolltape.init(project="p", id="live", dir=here) as run:
        run.log({"loss": 1.0})
        going = shipping(here, server.url)
        until(lambda: len(points(server.directory, "live")) == 1)
        server.kill()
        for path in sorted(server.directory.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        server.start()
        run.log({"loss": 2.0})
        until(lambda: len(points(server.directory, "live")) == 2)
    assert "does not have all that it had" in shipped(going)
    same(here, server.directory)


def test_a_damaged_frame_is_told_once_and_others_go_on(here: Path, server: Server, shipping: Ship) -> None:
    record(here, "bad")
    record(here, "good")
    (tape,) = (here / "p" / "bad").glob("*.tape")
    data = bytearray(tape.read_bytes())
    spans = list(walk_frames(data, 0))
    data[spans[3].start + HEADER_SIZE + 5] ^= 1
    tape.write_bytes(data)
    told = shipped(shipping(here, server.url), code=1)
    assert told.count("is damaged") == 1 and "1 thing not" in told
    assert (server.directory / "p" / "bad" / tape.name).read_bytes() == data[: spans[3].start]
    assert points(server.directory, "good") == points(here, "good")


def test_a_damaged_length_is_told(here: Path, server: Server, shipping: Ship) -> None:
    record(here)
    (tape,) = (here / "p" / "r").glob("*.tape")
    data = bytearray(tape.read_bytes())
    spans = list(walk_frames(data, 0))
    data[spans[2].start + 10] ^= 0x40  # the third byte of the length: far beyond the end
    tape.write_bytes(data)
    process = shipping(here, server.url)
    assert "is damaged" in shipped(process, code=1)
    assert (server.directory / "p" / "r" / tape.name).read_bytes() == data[: spans[2].start]


def test_another_tape_of_that_name_is_refused_and_told(here: Path, server: Server, shipping: Ship) -> None:
    record(here, rows=10)
    shipped(shipping(here, server.url))
    (tape,) = (here / "p" / "r").glob("*.tape")
    kept = tape.read_bytes()
    record(here, "second", rows=20)
    (other,) = (here / "p" / "second").glob("*.tape")
    tape.write_bytes(other.read_bytes().replace(b'"second"', b'"r"'))  # its CRC is wrong
    assert "cannot be sent" in shipped(shipping(here / "p" / "r", server.url), code=1)
    record(here.parent / "elsewhere", rows=30)
    (third,) = (here.parent / "elsewhere" / "p" / "r").glob("*.tape")
    tape.write_bytes(third.read_bytes())
    told = shipped(shipping(here, server.url), code=1)
    assert told.count("there is another tape of that name here") == 1
    assert (server.directory / "p" / "r" / tape.name).read_bytes() == kept
    assert points(server.directory, "second") == points(here, "second")


def test_a_frame_that_a_kill_cut_is_no_damage(here: Path, server: Server, shipping: Ship) -> None:
    record(here)
    (tape,) = (here / "p" / "r").glob("*.tape")
    data = tape.read_bytes()
    spans = list(walk_frames(data, 0))
    os.truncate(tape, spans[-1].start - 10)  # its END frame is missing, and its process lives: it waits
    killed = tape.read_bytes().replace(b'"began": ', b'"began":7')  # now it does not
    opening = spans[0]
    from rolltape.tape.frame import Kind, pack_frame

    first = pack_frame(Kind.OPEN, 0, killed[opening.start + HEADER_SIZE : opening.end], time=1)
    tape.write_bytes(first + killed[opening.end :])
    shipped(shipping(here, server.url))
    held = (server.directory / "p" / "r" / tape.name).read_bytes()
    assert held == tape.read_bytes()[: len(held)] and len(held) == spans[-2].start


def test_projects_runs_and_several_directories_can_be_named(here: Path, server: Server, shipping: Ship) -> None:
    for project, id in (("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")):
        record(here, id, rows=10, project=project)
    shipped(shipping(here / "a", here / "b" / "3", server.url))
    assert sorted(one.id for one in DirectoryStore(server.directory).runs()) == ["1", "2", "3"]
