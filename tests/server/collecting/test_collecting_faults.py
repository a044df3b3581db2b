"""The server is killed in mid-load, its disk is full, it is asked for too much: what it acknowledged is there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from original import Original, post, recorded, ship

import rolltape
from full_disk import files_up_to
from rolltape.errors import StoreError
from rolltape.server import serve_in_background
from rolltape.server.collecting.collector import Collector
from rolltape.server.collecting.options import Collecting
from rolltape.tape.frame import Kind, pack_frame
from rolltape.tape.shipment import FramesPart, RunPart, encode


class Process:
    """`rolltape serve` as people start it."""

    def __init__(self, root: Path, *more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rolltape", "serve", "--dir", str(root), "--port", "0", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        found = re.search(r"https?://\S+", first)
        assert found is not None, (first, self.process.communicate())
        self.url = found.group()
        self.client = httpx.Client(base_url=self.url, trust_env=False)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.client.close()

    def end(self) -> str:
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, err
        self.client.close()
        return str(out + err)


@pytest.fixture
def start() -> Iterator[Any]:
    started: list[Process] = []

    def begin(*arguments: Any) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.kill()


@pytest.mark.parametrize("durability", ["os", "fsync"])
def test_killed_in_mid_load(there: Path, tmp_path: Path, start: Any, durability: str) -> None:
    originals = [recorded(tmp_path / "here", f"r{i}", 40_000) for i in range(3)]
    acknowledged = dict.fromkeys(originals, 0)
    wanted = dict.fromkeys(originals, 0)
    counts = {original: len(original.spans()) for original in originals}
    parts = {original: [original.frames(i, i + 1) for i in range(counts[original])] for original in originals}
    chance = np.random.default_rng(0)
    rounds = 0

    def load(client: httpx.Client) -> None:
        """Frame after frame of all, as the server wants them, until it is gone."""
        try:
            while acknowledged != counts:
                for original in originals:
                    if wanted[original] < counts[original]:
                        (told,) = ship(client, parts[original][wanted[original]])
                        wanted[original] = told["next"]
                        acknowledged[original] = max(acknowledged[original], told["next"])
                    time.sleep(0.002)
        except httpx.TransportError:
            pass

    while acknowledged != counts:
        server = start(there, "--durability", durability)
        ship(server.client, *(original.run_part() for original in originals))
        thread = threading.Thread(target=load, args=(server.client,))
        thread.start()
        if rounds < 4:
            time.sleep(float(chance.uniform(0.005, 0.03)))
            server.process.kill()
        thread.join()
        server.kill()
        rounds += 1
        for original in originals:
            copy = there / "p" / original.run / original.tape.name
            held = copy.read_bytes() if copy.exists() else b""
            assert original.data.startswith(held), "a prefix, of which the last frame may be cut"
            if acknowledged[original]:
                assert len(held) >= original.spans()[acknowledged[original] - 1].end
    assert rounds > 2
    for original in originals:
        assert (there / "p" / original.run / original.tape.name).read_bytes() == original.data
        for one, other in zip(
            rolltape.open(there).points(original.run, "loss"),
            rolltape.open(tmp_path / "here").points(original.run, "loss"),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def test_killed_while_a_head_grows(there: Path, start: Any, live: rolltape.Run) -> None:
    """Rows that were acknowledged are there after every death, and none is there twice."""
    original = Original(live.directory)
    logged = wanted = 0
    chance = np.random.default_rng(1)
    for _ in range(6):
        server = start(there)
        ship(server.client, original.run_part())
        death = threading.Timer(float(chance.uniform(0.05, 0.3)), server.process.kill)
        death.start()
        acknowledged = 0
        while True:
            for _ in range(500):
                live.log({"loss": 1.0}, step=logged)
                logged += 1
            before = logged
            frames, head = original.now(wanted)
            try:
                told = ship(server.client, frames, head)
            except httpx.TransportError:
                break
            wanted = told[0]["next"]
            if all(one["have"] == len(half.data) for one, half in zip(told[1]["halves"], head.halves, strict=True)):
                acknowledged = before
        death.join()
        server.kill()
        found = sorted(int(step) for step in rolltape.open(there).points("live", "loss").step)
        assert found == list(range(len(found)))
        assert len(found) >= acknowledged > 0
    live.close()
    server = start(there)
    wanted = ship(server.client, original.frames(0, 0))[0]["next"]
    ship(server.client, original.frames(wanted))
    server.end()
    np.testing.assert_array_equal(rolltape.open(there).points("live", "loss").step, np.arange(logged))


def test_an_append_that_was_cut_is_cut_back(there: Path, ended: Original) -> None:
    spans = ended.spans()
    copy = there / "p/r" / ended.tape.name
    for left in (spans[2].start + 5, spans[2].start + 50, spans[2].end - 1, spans[0].end - 1, 1):
        with (
            serve_in_background(there, 0, collecting=Collecting()) as served,
            httpx.Client(base_url=served.url, trust_env=False) as client,
        ):
            ship(client, ended.frames(0, 3))
        copy.write_bytes(ended.data[:left])
        with (
            serve_in_background(there, 0, collecting=Collecting()) as served,
            httpx.Client(base_url=served.url, trust_env=False) as client,
        ):
            whole = sum(span.end <= left for span in spans)
            assert ship(client, ended.frames(0, 0)) == [{"next": whole}]
            assert copy.stat().st_size == (spans[whole - 1].end if whole else 0)
            assert ship(client, ended.frames()) == [{"next": len(spans)}]
        assert copy.read_bytes() == ended.data
        copy.unlink()
    assert sorted(path.name for path in copy.parent.iterdir()) == [".collected"]


def test_damage_that_no_cut_append_makes_is_put_aside(there: Path, ended: Original) -> None:
    """Frames behind it may be all that is left of them."""
    collector = Collector(there)
    collector.take([ended.frames()], lambda _: True)
    collector.close()
    copy = there / "p/r" / ended.tape.name
    damaged = bytearray(ended.data)
    at = ended.spans()[2].start + 40
    damaged[at] ^= 1
    copy.write_bytes(damaged)
    collector = Collector(there)
    assert collector.take([ended.frames(0, 0)], lambda _: True) == [(2,)]
    (aside,) = copy.parent.glob(".*.cut")
    assert aside.read_bytes() == damaged[ended.spans()[2].start :]
    collector.take([ended.frames(1)], lambda _: True)
    assert copy.read_bytes() == ended.data
    collector.close()


def test_a_full_disk(there: Path, collector: httpx.Client, ended: Original) -> None:
    spans = ended.spans()
    copy = there / "p/r" / ended.tape.name
    ship(collector, ended.run_part(), ended.frames(0, 2))
    with files_up_to(spans[3].end - 10):
        ship(collector, ended.frames(2, 3))
        answer = post(collector, encode([ended.frames(0, 0), ended.frames(3)]))
        assert answer.status_code == 507
        assert "full" in answer.json()["error"]
        assert int(answer.headers["retry-after"]) >= 1
        assert copy.read_bytes() == ended.data[: spans[2].end], "nothing of a frame is left behind"
        assert ship(collector, ended.frames(0, 0)) == [{"next": 3}]
    assert ship(collector, ended.frames(3)) == [{"next": len(spans)}]
    assert copy.read_bytes() == ended.data


def test_a_full_disk_under_a_head(there: Path, collector: httpx.Client, live: rolltape.Run) -> None:
    original = Original(live.directory)
    for step in range(700):
        live.log({"loss": 1.0}, step=step)
    ship(collector, original.run_part(), original.frames(), original.head()._replace(halves=()))
    head = original.head()
    with files_up_to(20_000):
        assert post(collector, encode([head])).status_code == 507
        assert len(rolltape.open(there).points("live", "loss").step) < 700
    assert ship(collector, head)[0]["halves"] == [{"generation": 1, "have": 28_000}]
    np.testing.assert_array_equal(rolltape.open(there).points("live", "loss").step, np.arange(700))


def test_one_server_collects_in_a_directory(there: Path, collector: httpx.Client) -> None:
    with pytest.raises(StoreError, match="another rolltape serve"):
        serve_in_background(there, 0, collecting=Collecting())
    done = subprocess.run(
        [sys.executable, "-m", "rolltape", "serve", "--dir", str(there), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "another rolltape serve" in done.stderr


def test_bodies_are_bounded(there: Path) -> None:
    with (
        serve_in_background(there, 0, collecting=Collecting(largest=1 << 20)) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        body = encode([RunPart("p", "r", bytes(1 << 20))])

        def pieces() -> Iterator[bytes]:  # no Content-Length
            for at in range(0, len(body), 1 << 16):
                yield body[at : at + (1 << 16)]

        for content in (body, pieces()):
            try:
                answer = client.post(
                    "/api/ship", content=content, headers={"content-type": "application/x-rolltape-shipment"}
                )
            except httpx.WriteError:  # the server hung up before all was sent
                continue
            assert answer.status_code == 413
            assert "1048576" in answer.json()["error"]


def ask_with_a_body_to_come(url: str, length: int) -> socket.socket:
    """A request whose body does not come."""
    host, port = re.findall(r"//([^:/]+):(\d+)", url)[0]
    asked = socket.create_connection((host, int(port)))
    head = f"POST /api/ship HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n"
    asked.sendall(f"{head}Content-Type: application/x-rolltape-shipment\r\n\r\n".encode())
    return asked


def test_memory_is_bounded(there: Path, collector: httpx.Client, ended: Original) -> None:
    """Those who would send more than there is room for are told to come again; the others go on."""
    waiting = [ask_with_a_body_to_come(str(collector.base_url), 256 << 20)]
    deadline = time.monotonic() + 10
    while (answer := post(collector, encode([ended.frames()]))).status_code == 200:
        assert time.monotonic() < deadline
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    waiting.pop().close()
    while post(collector, encode([ended.frames()])).status_code != 200:
        assert time.monotonic() < deadline


def test_shipments_at_one_time_are_bounded(there: Path, collector: httpx.Client, ended: Original) -> None:
    waiting = [ask_with_a_body_to_come(str(collector.base_url), 100) for _ in range(150)]
    deadline = time.monotonic() + 10
    while (answer := post(collector, encode([ended.frames()]))).status_code == 200:
        assert time.monotonic() < deadline
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert collector.get("/api/runs").status_code == 200, "the page is still served"
    for one in waiting:
        one.close()
    while post(collector, encode([ended.frames()])).status_code != 200:
        assert time.monotonic() < deadline


def test_refusals_are_logged(there: Path, ended: Original, start: Any) -> None:
    server = start(there)
    ship(server.client, ended.frames()._replace(run="x\x1b[2J"), ended.frames(1, 2)._replace(data=b"x"))
    post(server.client, b"nothing")
    for _ in range(300):
        ship(server.client, FramesPart("p", "..", "w", 0, 1))
    said = server.end()
    assert "\x1b" not in said
    lines = [line for line in said.splitlines() if " refused " in line]
    assert 3 <= len(lines) < 50, "not more than anybody reads"
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ refused 400: POST /api/ship frames p/", lines[0])
    assert "127.0.0.1" in lines[0]
    assert "control characters" in lines[0]
    assert "cut" in lines[1]
    assert "not a shipment" in lines[2]


def test_what_is_synced(there: Path, ended: Original, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fsync nothing is acknowledged that is not synced, names of files and directories among it."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
        real(descriptor)

    collector = Collector(there, synced=True)
    monkeypatch.setattr(os, "fsync", fsync)
    collector.take([ended.run_part()], lambda _: True)
    assert {str(there), str(there / "p"), str(there / "p/r")} <= set(synced)
    assert any("run.json" in name for name in synced)
    synced.clear()
    collector.take([ended.frames(0, 2)], lambda _: True)
    assert {str(there / "p/r" / name) for name in (ended.tape.name, ".collected", "")} == set(synced)
    synced.clear()
    collector.take([ended.frames(2, 3)], lambda _: True)
    assert synced == [str(there / "p/r" / ended.tape.name)]
    collector.close()


def test_who_may_write(there: Path, ended: Original) -> None:
    collector = Collector(there)
    told = collector.take([ended.run_part(), ended.frames()], lambda project: project != "p")
    assert [one.status for one in told] == [403, 403]  # type: ignore[union-attr]
    assert [path.name for path in there.iterdir()] == [".collector.lock"]
    collector.close()


def test_a_large_frame_goes_alone(there: Path, collector: httpx.Client, ended: Original) -> None:
    ship(collector, ended.frames(0, 1))
    frame = pack_frame(Kind.META, 1, bytes(20 << 20))
    part = FramesPart(*ended.names, 1, ended.opening, frame)
    answer = post(collector, encode([part, ended.frames(0, 0)]))
    assert answer.status_code == 413
    assert ship(collector, part) == [{"next": 2}]
