"""A run as it lies on the machine that records it, and the parts of shipments that tell of it."""

from __future__ import annotations

import json
import struct
import threading
import time
from pathlib import Path
from typing import Any

import httpx

import rolltape
from rolltape.tape.frame import HEADER_SIZE, Kind
from rolltape.tape.frame_walk import Span, opening_of, walk_frames
from rolltape.tape.rows import Schema, walk
from rolltape.tape.shipment import (
    CONTENT_TYPE,
    FramesPart,
    HalfPiece,
    HeadPart,
    Part,
    RunPart,
    encode,
)


class Original:
    """One writer's files. Everything is read anew when it is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (self.tape,) = directory.glob("*.tape")
        self.writer = self.tape.stem
        said = json.loads((directory / "run.json").read_text())
        self.project, self.run = said["project"], said["id"]
        self.names = (self.project, self.run, self.writer)

    @property
    def data(self) -> bytes:
        return self.tape.read_bytes()

    @property
    def opening(self) -> int:
        return opening_of(self.data)

    def spans(self) -> list[Span]:
        return list(walk_frames(self.data, 0))

    def run_part(self) -> RunPart:
        return RunPart(self.project, self.run, (self.directory / "run.json").read_bytes())

    def frames(self, first: int = 0, last: int | None = None) -> FramesPart:
        """The frames from ``first`` up to ``last``, which is not among them."""
        data, spans = self.data, self.spans()[first:last]
        return FramesPart(*self.names, first, self.opening, data[spans[0].start : spans[-1].end] if spans else b"")

    def head(self, starts: dict[int, int] | None = None, **more: Any) -> HeadPart:
        """The rows in the head, of each generation from the byte on that ``starts`` tells."""
        head = self.tape.with_suffix(".head").read_bytes()
        _, beat, lost, _, *places = struct.unpack_from("<10q", head)
        schemas = self.schemas()
        halves = []
        for i in (0, 3):
            generation, offset, size = places[i : i + 3]
            if generation:
                used = walk(head[offset : offset + size], schemas).used
                start = (starts or {}).get(generation, 0)
                halves.append(HalfPiece(generation, start, head[offset + start : offset + used]))
        fields = {"age": max(0, time.time_ns() - beat), "lost": lost, "halves": tuple(halves), **more}
        return HeadPart(*self.names, self.opening, **fields)

    def now(self, wanted: int) -> tuple[FramesPart, HeadPart]:
        """The frames from ``wanted`` on and the head, as they were at one moment."""
        while True:
            before = self.data
            frames, head = self.frames(wanted), self.head()
            if self.data == before:
                return frames, head

    def schemas(self) -> dict[int, Schema]:
        data = self.data
        told = [json.loads(data[one.start + HEADER_SIZE : one.end]) for one in self.spans() if one.kind == Kind.SCHEMA]
        return {one["schema"]: Schema(one["schema"], tuple(one["metrics"])) for one in told}


def recorded(root: Path, id: str = "r", rows: int = 30_000) -> Original:
    """A run that has ended, with a frame or more for each half that was filled."""
    with rolltape.init(project="p", id=id, dir=root) as run:
        for step in range(rows):
            run.log({"loss": step / 3, "b": -step})
    return Original(root / "p" / id)


def settle() -> None:
    """Wait until the facts that take longer to find out are on the tapes."""
    for thread in threading.enumerate():
        if thread.name == "rolltape-facts":
            thread.join()


def ship(client: httpx.Client, *parts: Part) -> list[dict[str, Any]]:
    """Send these parts; what is answered to each."""
    answer = post(client, encode(parts))
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["parts"]
    assert len(told) == len(parts)
    return told


def post(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    return client.post("/api/ship", content=body, headers={"content-type": CONTENT_TYPE, **headers})
