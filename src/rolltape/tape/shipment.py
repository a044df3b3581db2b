"""Shipments: how tapes travel from the machine that writes them to one that collects them. No I/O.

A shipment is the body of one request: a header that names its parts, and the bytes of the parts. What is answered is
JSON with one answer per part. docs/shipping.md is the public specification of both.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Bytes = bytes | memoryview

CONTENT_TYPE = "application/x-rolltape-shipment"
MAGIC = b"RTS1"
MOST_PARTS = 256
LARGEST = 16 << 20  # bytes of a body; a frame that is larger goes alone
LARGEST_ALONE = 256 << 20  # bytes of a body with one part
LARGEST_RUN = 4 << 20  # bytes of a run.json
LARGEST_HEADER = 4 << 20  # bytes
_LENGTH = struct.Struct("<I")
_FRONT = len(MAGIC) + _LENGTH.size


class ShipmentError(Exception):
    """A body or an answer is not what it must be; the message says why."""


class RunPart(NamedTuple):
    """A run.json, whole."""

    project: str
    run: str
    data: Bytes


class FramesPart(NamedTuple):
    """Whole frames of a tape as they lie, numbered from ``first`` on. None of them: which number is wanted next?"""

    project: str
    run: str
    writer: str
    first: int
    opening: int  # the CRC word of the tape's frame 0: tells it from another of the same name
    data: Bytes = b""


class HalfPiece(NamedTuple):
    """Whole rows of one half of a head, from byte ``start`` of the half on."""

    generation: int
    start: int
    data: Bytes


class HeadPart(NamedTuple):
    """What is new in a head. No halves: a sign of life."""

    project: str
    run: str
    writer: str
    opening: int
    age: int  # ns since the writer's heartbeat, by the clock of the machine that it runs on
    lost: int = 0  # rows
    halves: tuple[HalfPiece, ...] = ()
    gone: bool = False  # the writer removed its head: a clean end


class FilePart(NamedTuple):
    """A piece of a file in media/, from byte ``offset`` on."""

    project: str
    run: str
    name: str
    size: int  # bytes of the whole file
    offset: int
    crc: int  # CRC-32 of the whole file
    data: Bytes = b""


Part = RunPart | FramesPart | HeadPart | FilePart


class Malformed(NamedTuple):
    """A part of which a field is not what it must be; the others of the shipment are as good as ever."""

    sentence: str


class RunStored(NamedTuple):
    """``stored``: whether the run.json is there now because of this part; False: there was one already."""

    stored: bool


class FramesWanted(NamedTuple):
    """Which frame is wanted next; all before it are held."""

    next: int


class HalfHeld(NamedTuple):
    """How many bytes of the rows of one generation are held."""

    generation: int
    have: int


class HeadHeld(NamedTuple):
    """How much is held of the halves that a part named, and which frame is wanted next."""

    frames: int
    halves: tuple[HalfHeld, ...] = ()


class FileHeld(NamedTuple):
    """How many bytes of a file are held, and whether it is there as a whole."""

    have: int
    whole: bool


class PartRefused(NamedTuple):
    """Why a part was not taken; ``status`` is the HTTP status that it would have had alone."""

    error: str
    status: int


Answer = RunStored | FramesWanted | HeadHeld | FileHeld | PartRefused


def encode(parts: Sequence[Part]) -> bytes:
    """The body that carries these parts.

    Raises:
        ShipmentError: there are too many.
    """
    if len(parts) > MOST_PARTS:
        raise ShipmentError(f"a shipment has at most {MOST_PARTS} parts, not {len(parts)}")
    told, data = [], []
    for part in parts:
        fields, pieces = _taken_apart(part)
        told.append({**fields, "bytes": sum(map(len, pieces))})
        data += pieces
    header = json.dumps({"parts": told}, separators=(",", ":")).encode("ascii")
    return b"".join((MAGIC, _LENGTH.pack(len(header)), header, *data))


def size_of(part: Part) -> int:
    """About how many bytes a part adds to a body."""
    fields, pieces = _taken_apart(part)
    return len(json.dumps(fields)) + 32 + sum(map(len, pieces))


def parse(body: Bytes) -> list[Part | Malformed]:
    """The parts of a body, in order. Their bytes are views of it; no length in it is believed before it is checked.

    Raises:
        ShipmentError: it is no shipment, or it cannot be told where its parts begin and end.
    """
    view = memoryview(body)
    if bytes(view[: len(MAGIC)]) != MAGIC or len(view) < _FRONT:
        raise ShipmentError(f"the body is not a shipment: it does not begin with {MAGIC.decode()}")
    (length,) = _LENGTH.unpack_from(view, len(MAGIC))
    if length > LARGEST_HEADER or length > len(view) - _FRONT:
        raise ShipmentError(f"the header of the shipment is {length} bytes long, more than there may or can be")
    told = _json_object(view[_FRONT : _FRONT + length], "the header of the shipment").get("parts")
    if not isinstance(told, list) or len(told) > MOST_PARTS or not all(isinstance(one, dict) for one in told):
        raise ShipmentError(f"the header of the shipment must hold parts, a list of at most {MOST_PARTS} objects")
    sizes = [one.get("bytes") for one in told]
    if not all(_is_count(size) for size in sizes) or sum(sizes) != len(view) - _FRONT - length:
        raise ShipmentError("the bytes of the parts do not add up to the length of the body")
    parts: list[Part | Malformed] = []
    at = _FRONT + length
    for one, size in zip(told, sizes, strict=True):
        try:
            parts.append(_part(one, view[at : at + size]))
        except ShipmentError as error:
            parts.append(Malformed(str(error)))
        at += size
    return parts


def encode_answers(answers: Sequence[Answer]) -> bytes:
    """The JSON that tells these answers."""
    return json.dumps({"parts": [_plain(answer) for answer in answers]}, separators=(",", ":")).encode("ascii")


def parse_answers(body: Bytes, parts: Sequence[Part]) -> list[Answer]:
    """What was answered to these parts.

    Raises:
        ShipmentError: it is no such answer.
    """
    told = _json_object(body, "the answer").get("parts")
    if not isinstance(told, list) or len(told) != len(parts) or not all(isinstance(one, dict) for one in told):
        raise ShipmentError(f"the answer must hold parts, a list of {len(parts)} objects")
    return [_answer(one, part) for one, part in zip(told, parts, strict=True)]


def _taken_apart(part: Part) -> tuple[dict[str, Any], list[Bytes]]:
    where: dict[str, Any] = {"project": part.project, "run": part.run}
    match part:
        case RunPart():
            return {"kind": "run", **where}, [part.data]
        case FramesPart():
            named = {"writer": part.writer, "first": part.first, "opening": part.opening}
            return {"kind": "frames", **where, **named}, [part.data]
        case HeadPart():
            halves = [
                {"generation": half.generation, "start": half.start, "bytes": len(half.data)} for half in part.halves
            ]
            named = {"writer": part.writer, "opening": part.opening, "age": part.age, "lost": part.lost}
            gone = {"gone": True} if part.gone else {}
            return {"kind": "head", **where, **named, "halves": halves, **gone}, [half.data for half in part.halves]
        case FilePart():
            named = {"name": part.name, "size": part.size, "offset": part.offset, "crc": part.crc}
            return {"kind": "file", **where, **named}, [part.data]


def _part(told: Mapping[str, Any], data: memoryview) -> Part:
    kind = told.get("kind")
    project, run = _text(told, "project"), _text(told, "run")
    if kind == "run":
        if len(data) > LARGEST_RUN:
            raise ShipmentError(f"a run.json must not be longer than {LARGEST_RUN} bytes")
        return RunPart(project, run, data)
    if kind == "frames":
        opening = _count(told, "opening", 1 << 32)
        return FramesPart(project, run, _text(told, "writer"), _count(told, "first"), opening, data)
    if kind == "head":
        writer, opening = _text(told, "writer"), _count(told, "opening", 1 << 32)
        gone = told.get("gone", False)
        if not isinstance(gone, bool):
            raise ShipmentError("gone must be true or false")
        return HeadPart(
            project, run, writer, opening, _count(told, "age"), _count(told, "lost"), _halves(told, data), gone
        )
    if kind == "file":
        size, offset = _count(told, "size"), _count(told, "offset")
        if offset + len(data) > size:
            raise ShipmentError(f"the piece of the file goes to byte {offset + len(data)}, its size is {size}")
        return FilePart(project, run, _text(told, "name"), size, offset, _count(told, "crc", 1 << 32), data)
    raise ShipmentError("kind must be run, frames, head or file")


def _halves(told: Mapping[str, Any], data: memoryview) -> tuple[HalfPiece, ...]:
    given = told.get("halves", [])
    if not isinstance(given, list) or len(given) > 2 or not all(isinstance(one, dict) for one in given):
        raise ShipmentError("halves must be a list of at most two objects")
    pieces = []
    at = 0
    for one in given:
        generation, start, size = _count(one, "generation"), _count(one, "start"), _count(one, "bytes")
        if generation == 0:
            raise ShipmentError("the generation of a half must be 1 or more")
        if start % 8 or size % 8:
            raise ShipmentError("the rows of a half must begin and end at a multiple of 8 bytes")
        pieces.append(HalfPiece(generation, start, data[at : at + size]))
        at += size
    if at != len(data):
        raise ShipmentError("the bytes of the halves do not add up to those of the part")
    if len(pieces) == 2 and pieces[0].generation == pieces[1].generation:
        raise ShipmentError("the halves must be of two generations")
    return tuple(pieces)


def _plain(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, HeadHeld):
        return {"frames": answer.frames, "halves": [half._asdict() for half in answer.halves]}
    return answer._asdict()


def _answer(told: Mapping[str, Any], part: Part) -> Answer:
    if "error" in told:
        return PartRefused(_text(told, "error"), _count(told, "status", 1000))
    if isinstance(part, RunPart):
        return RunStored(_truth(told, "stored"))
    if isinstance(part, FramesPart):
        return FramesWanted(_count(told, "next"))
    if isinstance(part, FilePart):
        return FileHeld(_count(told, "have"), _truth(told, "whole"))
    halves = told.get("halves")
    if not isinstance(halves, list) or not all(isinstance(half, dict) for half in halves):
        raise ShipmentError("halves must be a list of objects")
    held = tuple(HalfHeld(_count(half, "generation"), _count(half, "have")) for half in halves)
    return HeadHeld(_count(told, "frames"), held)


def _json_object(data: Bytes, what: str) -> dict[str, Any]:
    try:
        said = json.loads(bytes(data).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ShipmentError(f"{what} is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise ShipmentError(f"{what} must be a JSON object")
    return said


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise ShipmentError(f"{name} must be a text that is not empty")
    return value


def _truth(told: Mapping[str, Any], name: str) -> bool:
    value = told.get(name)
    if not isinstance(value, bool):
        raise ShipmentError(f"{name} must be true or false")
    return value


def _count(told: Mapping[str, Any], name: str, below: int = 1 << 63) -> int:
    value = told.get(name)
    if not _is_count(value, below):
        raise ShipmentError(f"{name} must be a whole number from 0 to {below - 1}")
    assert isinstance(value, int)
    return value


def _is_count(value: object, below: int = 1 << 63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < below
