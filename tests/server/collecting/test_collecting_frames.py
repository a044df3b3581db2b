"""Frames that are sent twice, late, out of order, at once and by two: each is stored once, byte for byte."""

from __future__ import annotations

import json
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from original import Original, post, settle, ship

import rolltape
from rolltape.tape.frame import HEADER_SIZE, Kind, pack_frame
from rolltape.tape.frame_walk import opening_of
from rolltape.tape.shipment import MOST_PARTS, FramesPart, RunPart, encode


def copy_of(there: Path, original: Original) -> bytes:
    return (there / original.project / original.run / original.tape.name).read_bytes()


def test_a_whole_run(there: Path, collector: httpx.Client, ended: Original) -> None:
    told = ship(collector, ended.run_part(), ended.frames())
    assert told == [{"stored": True}, {"next": len(ended.spans())}]
    assert copy_of(there, ended) == ended.data
    assert (there / "p/r/run.json").read_bytes() == (ended.directory / "run.json").read_bytes()
    assert sorted(path.name for path in (there / "p/r").iterdir()) == [".collected", "run.json", ended.tape.name]
    ours, theirs = (
        rolltape.open(there).points("r", "loss"),
        rolltape.open(ended.directory.parents[1]).points("r", "loss"),
    )
    for here, original in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(here, original)
    assert rolltape.open(there).runs()[0].status == "finished"


def test_what_is_sent_twice_or_late_or_too_early(there: Path, collector: httpx.Client, ended: Original) -> None:
    count = len(ended.spans())
    assert ship(collector, ended.frames(2, 4)) == [{"next": 0}], "a gap: the first is wanted"
    assert ship(collector, ended.frames(0, 0)) == [{"next": 0}], "a question"
    assert ship(collector, ended.frames(0, 2), ended.frames(3, 4)) == [{"next": 2}, {"next": 2}]
    assert ship(collector, ended.frames(0, 2)) == [{"next": 2}], "again"
    assert ship(collector, ended.frames(0, 3)) == [{"next": 3}], "of which one is new"
    assert ship(collector, ended.frames(1, 2)) == [{"next": 3}], "an old one"
    assert ship(collector, ended.frames(3), ended.frames(1, 3)) == [{"next": count}, {"next": count}]
    assert ship(collector, ended.frames(0, 0)) == [{"next": count}]
    assert copy_of(there, ended) == ended.data


def test_by_many_at_once(there: Path, collector: httpx.Client, ended: Original) -> None:
    count = len(ended.spans())
    failed: list[BaseException] = []

    def send(seed: int) -> None:
        order = np.random.default_rng(seed)
        try:
            for _ in range(40):
                first = int(order.integers(0, count))
                ship(collector, ended.frames(first, first + int(order.integers(1, 4))), ended.run_part())
            while (wanted := ship(collector, ended.frames(0, 0))[0]["next"]) < count:
                ship(collector, ended.frames(wanted, wanted + 1))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert copy_of(there, ended) == ended.data


def error_of(told: dict[str, object], status: int) -> str:
    assert told.keys() == {"error", "status"}
    assert told["status"] == status
    return str(told["error"])


def test_damage_refuses_its_part_only(there: Path, collector: httpx.Client, ended: Original) -> None:
    good = ended.frames(0, 1)
    spans = ended.spans()
    broken = bytearray(ended.frames(1, 3).data)
    broken[-1] ^= 1
    cut = ended.frames(1, 3).data[:-1]
    part = ended.frames(1, 3)
    told = ship(collector, good, part._replace(data=bytes(broken)), part._replace(data=cut), part._replace(first=2))
    assert told[0] == {"next": 1}
    assert "frame 2 is damaged (CRC)" in error_of(told[1], 400)
    assert "frame 2 is cut" in error_of(told[2], 400)
    assert "is number 1 where 2 belongs" in error_of(told[3], 400)
    assert copy_of(there, ended) == ended.data[: spans[1].start]


@pytest.mark.parametrize("named", [{"project": "q"}, {"run": "other"}])
def test_a_tape_of_another_run(there: Path, collector: httpx.Client, ended: Original, named: dict[str, str]) -> None:
    (told,) = ship(collector, ended.frames()._replace(**named))
    assert "it was sent for" in error_of(told, 400)
    assert not list(there.rglob("*.tape"))


def test_what_does_not_begin_with_an_opening(there: Path, collector: httpx.Client) -> None:
    said = {"project": "p", "run": "r"}
    for kind, payload in (
        (Kind.META, json.dumps(said).encode()),
        (Kind.OPEN, b"[]"),
        (Kind.OPEN, b"\xff"),
        (Kind.OPEN, b"{}"),
    ):
        frame = pack_frame(kind, 0, payload)
        (told,) = ship(collector, FramesPart("p", "r", "w", 0, opening_of(frame), frame))
        error_of(told, 400)
    frame = pack_frame(Kind.OPEN, 0, json.dumps(said).encode())
    (told,) = ship(collector, FramesPart("p", "r", "w", 0, 5, frame))
    assert "opening" in error_of(told, 400)
    assert not list(there.rglob("*.tape"))


def test_another_tape_of_that_name(there: Path, collector: httpx.Client, ended: Original) -> None:
    ship(collector, ended.frames(0, 2))
    before = copy_of(there, ended)
    said = {"run": "r", "project": "p", "pid": 1}
    frame = pack_frame(Kind.OPEN, 0, json.dumps(said).encode())
    other = FramesPart("p", "r", ended.writer, 0, opening_of(frame), frame)
    told = ship(collector, other, other._replace(first=2, data=b""), ended.frames(2, 3)._replace(opening=7))
    for one in told:
        assert "another tape of that name" in error_of(one, 409)
    assert copy_of(there, ended) == before


CLIMBING = ["..", "../x", "a/../../b", "a\\..\\b", ".", "a/./b"]


ODD = [*CLIMBING, "a\nb", "a\0b", "a\x1b[2J", "\ud800", "x" * 1001, "ä" * 501]


def test_names_of_runs_that_nobody_should_have(there: Path, collector: httpx.Client) -> None:
    for name in ODD:
        run = json.dumps({"project": name, "id": name}).encode()
        for told in ship(collector, RunPart(name, "r", run), RunPart("p", name, run), FramesPart("p", name, "w", 0, 1)):
            assert "name of the" in error_of(told, 400)
    assert [path.name for path in there.iterdir()] == [".collector.lock"]
    assert {path.name for path in there.parent.iterdir()} <= {"there", "tapes"}


def test_names_of_runs_that_are_odd(there: Path, collector: httpx.Client) -> None:
    names = ["a/b", "/etc/passwd", "con", "ä b", "x" * 1000, "..a", "a..", "%2e%2e", "-rf"]
    for name in names:
        run = json.dumps({"project": name, "id": name}).encode()
        assert ship(collector, RunPart(name, name, run)) == [{"stored": True}]
    assert {found.parents[2] for found in there.rglob("run.json")} == {there}
    assert sorted(run.id for run in rolltape.open(there).runs()) == sorted(names)


@pytest.mark.parametrize(
    "writer", ["../w", "a/b", ".w", "..", "w.", "a b", "x" * 101, "a\nb", "a\0", "ä", "nul", "\\w"]
)
def test_names_of_writers_that_nobody_should_have(there: Path, collector: httpx.Client, writer: str) -> None:
    for told in ship(collector, FramesPart("p", "r", writer, 0, 1), FramesPart("p", "r", writer, 0, 1, b"x")):
        assert "writer" in error_of(told, 400)
    assert [path.name for path in there.iterdir()] == [".collector.lock"]


@pytest.mark.parametrize("linked", ["p", "p/r"])
def test_links_are_not_followed(
    there: Path, collector: httpx.Client, ended: Original, linked: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "r").mkdir(parents=True)
    (there / linked).parent.mkdir(exist_ok=True)
    (there / linked).symlink_to(elsewhere)
    for told in ship(collector, ended.run_part(), ended.frames(), ended.frames(0, 0)):
        assert "is a link" in error_of(told, 400)
    assert [path.name for path in elsewhere.rglob("*")] == ["r"]


def test_a_link_in_the_place_of_a_tape(there: Path, collector: httpx.Client, ended: Original, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"dear")
    (there / "p/r").mkdir(parents=True)
    (there / "p/r" / ended.tape.name).symlink_to(target)
    (told,) = ship(collector, ended.frames())
    assert "error" in told
    (there / "p/r" / ended.tape.name).unlink()
    ship(collector, ended.frames(0, 2))
    (there / "p/r" / ended.tape.name).unlink()
    (there / "p/r" / ended.tape.name).symlink_to(target)
    for told in ship(collector, ended.frames(0, 0), ended.frames()):
        assert "error" in told
    assert target.read_bytes() == b"dear"


def test_run_json_is_never_replaced(there: Path, collector: httpx.Client, ended: Original) -> None:
    good = ended.run_part()
    for data, said in ((b"", "not JSON"), (b"[]", "JSON object"), (b'{"project": "p"}', "says id"), (b"\xff", "JSON")):
        (told,) = ship(collector, good._replace(data=data))
        assert said in error_of(told, 400)
    assert ship(collector, good) == [{"stored": True}]
    other = json.dumps({"project": "p", "id": "r", "config": {"lr": 1}}).encode()
    assert ship(collector, good, good._replace(data=other)) == [{"stored": False}, {"stored": False}]
    assert (there / "p/r/run.json").read_bytes() == good.data
    assert len(list((there / "p/r").iterdir())) == 1, "no draft is left behind"


def test_a_tape_that_a_process_here_writes_is_left_alone(there: Path, collector: httpx.Client) -> None:
    """The server shares its directory with a trainer, whose tapes are delivered already and not for it to cut."""
    with rolltape.init(project="p", id="local", dir=there) as run:
        run.log({"loss": 1.0})
        settle()
        local = Original(there / "p" / "local")
        count = len(local.spans())
        assert ship(collector, local.frames()) == [{"next": count}]
        with local.tape.open("ab") as file:
            file.write(b"RTF1 a frame that is being written")
        before = local.data
        wanted = FramesPart(*local.names, count, opening_of(before), pack_frame(Kind.META, count, b"{}"))
        (told,) = ship(collector, wanted)
        assert "not collected" in error_of(told, 409)
        assert ship(collector, local_head(local, before)) == [
            {"frames": count, "halves": [{"generation": 1, "have": 64}]}
        ]
        assert local.data == before
        with local.tape.open("r+b") as file:
            file.truncate(len(before) - len(b"RTF1 a frame that is being written"))


def local_head(local: Original, data: bytes) -> object:
    from rolltape.tape.shipment import HalfPiece, HeadPart

    return HeadPart(*local.names, opening_of(data), 0, 0, (HalfPiece(1, 0, bytes(64)),))


def test_a_tape_that_is_deleted_is_taken_anew(there: Path, collector: httpx.Client, ended: Original) -> None:
    count = len(ended.spans())
    ship(collector, ended.frames())
    (there / "p/r" / ended.tape.name).unlink()
    assert ship(collector, ended.frames(2)) == [{"next": 0}]
    assert ship(collector, ended.frames()) == [{"next": count}]
    assert copy_of(there, ended) == ended.data


@dataclass
class Refusal:
    body: bytes
    kind: str
    status: int
    said: str


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(b"", "application/json", 415, "application/x-rolltape-shipment"),
        Refusal(b"{}", "application/x-rolltape-shipment", 400, "not a shipment"),
        Refusal(b"RTS1" + struct.pack("<I", 2**31), "application/x-rolltape-shipment", 400, "header"),
        Refusal(encode([RunPart("p", "r", bytes(9 << 20))] * 2), "application/x-rolltape-shipment", 413, "16777216"),
    ],
    ids=["kind", "body", "header", "size"],
)
def test_what_is_no_shipment(collector: httpx.Client, refusal: Refusal) -> None:
    origin = str(collector.base_url).rstrip("/")
    answer = collector.post("/api/ship", content=refusal.body, headers={"content-type": refusal.kind, "origin": origin})
    assert answer.status_code == refusal.status
    assert refusal.said in answer.json()["error"]


def test_many_writers_in_one(there: Path, collector: httpx.Client) -> None:
    parts = []
    for number in range(MOST_PARTS):
        frame = pack_frame(Kind.OPEN, 0, json.dumps({"project": "p", "run": "r", "pid": number}).encode())
        parts.append(FramesPart("p", "r", f"w{number}", 0, opening_of(frame), frame))
    assert ship(collector, *parts) == [{"next": 1}] * MOST_PARTS
    assert len(list((there / "p/r").glob("*.tape"))) == MOST_PARTS


def test_a_server_that_only_shows(ended: Original, tmp_path: Path) -> None:
    from rolltape.server import serve_in_background

    with serve_in_background(tmp_path, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = post(client, encode([ended.frames()]))
        assert answer.status_code == 403
        assert "rolltape serve" in answer.json()["error"]


def test_a_frame_of_another_size(collector: httpx.Client) -> None:
    payload = bytes(HEADER_SIZE)
    frame = pack_frame(Kind.OPEN, 0, payload)
    (told,) = ship(
        collector, FramesPart("p", "r", "w", 0, opening_of(frame), frame[:8] + b"\xff\xff\xff\xff" + frame[12:])
    )
    assert "is cut" in error_of(told, 400), "no length is believed"
