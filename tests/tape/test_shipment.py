"""Shipments: what is encoded is parsed the same, and whatever else is sent is refused with a sentence."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rolltape.tape.frame import Kind, pack_frame
from rolltape.tape.frame_walk import opening_of, walk_frames
from rolltape.tape.shipment import (
    Answer,
    FileHeld,
    FilePart,
    FramesPart,
    FramesWanted,
    HalfHeld,
    HalfPiece,
    HeadHeld,
    HeadPart,
    Malformed,
    Part,
    PartRefused,
    RunPart,
    RunStored,
    ShipmentError,
    encode,
    encode_answers,
    parse,
    parse_answers,
    size_of,
)

NAMES = st.text(min_size=1)
COUNTS = st.integers(0, 2**63 - 1)
CRCS = st.integers(0, 2**32 - 1)
ROWS = st.binary(max_size=5).map(lambda data: data * 8)


@st.composite
def heads(draw: st.DrawFn) -> HeadPart:
    generations = draw(st.lists(st.integers(1, 2**63 - 1), max_size=2, unique=True))
    halves = tuple(HalfPiece(one, 8 * draw(st.integers(0, 9)), draw(ROWS)) for one in generations)
    return HeadPart(
        *(draw(NAMES) for _ in range(3)), draw(CRCS), draw(COUNTS), draw(COUNTS), halves, draw(st.booleans())
    )


@st.composite
def files(draw: st.DrawFn) -> FilePart:
    data, offset, more = draw(st.binary(max_size=20)), draw(st.integers(0, 2**40)), draw(st.integers(0, 9))
    name = draw(NAMES)
    return FilePart(draw(NAMES), draw(NAMES), name, offset + len(data) + more, offset, draw(CRCS), data)


PARTS = st.one_of(
    st.builds(RunPart, NAMES, NAMES, st.binary(max_size=20)),
    st.builds(FramesPart, NAMES, NAMES, NAMES, COUNTS, CRCS, st.binary(max_size=20)),
    heads(),
    files(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=6))
def test_what_is_encoded_is_parsed_the_same(parts: list[Part]) -> None:
    body = encode(parts)
    assert parse(body) == parts
    assert parse(memoryview(bytearray(body))) == parts
    assert len(body) <= 24 + sum(map(size_of, parts)), "whoever fills a shipment by it does not make it too large"


def test_answers() -> None:
    parts: list[Part] = [
        RunPart("p", "r", b"{}"),
        FramesPart("p", "r", "w", 0, 5),
        HeadPart("p", "r", "w", 5, 0),
        FilePart("p", "r", "n", 3, 0, 1),
        RunPart("p", "r", b"{}"),
    ]
    answers: list[Answer] = [
        RunStored(False),
        FramesWanted(3),
        HeadHeld(3, (HalfHeld(1, 8), HalfHeld(2, 0))),
        FileHeld(3, True),
        PartRefused("no", 403),
    ]
    body = encode_answers(answers)
    assert parse_answers(body, parts) == answers
    for wrong in (
        b"",
        b"[]",
        b"{}",
        b'{"parts": 1}',
        body[:-1],
        encode_answers(answers[1:]),
        encode_answers([*answers[1:], answers[0]]),
    ):
        with pytest.raises(ShipmentError):
            parse_answers(wrong, parts)


def body_of(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return b"RTS1" + struct.pack("<I", len(text)) + text + data


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "begin with RTS1"),
        (b"RTS1", "begin with RTS1"),
        (b"RTS2\0\0\0\0", "begin with RTS1"),
        (b"RTS1\xff\xff\xff\xff{}", "more than there"),
        (body_of(b"\xff"), "not JSON"),
        (body_of(b"[" * 5000), "not JSON"),
        (body_of([]), "JSON object"),
        (body_of({}), "parts"),
        (body_of({"parts": [1]}), "parts"),
        (body_of({"parts": [{"bytes": 0}] * 257}), "at most 256"),
        (body_of({"parts": [{"kind": "run"}]}), "add up"),
        (body_of({"parts": [{"bytes": 3}]}, b"ab"), "add up"),
        (body_of({"parts": [{"bytes": 1}]}, b"ab"), "add up"),
        (body_of({"parts": [{"bytes": -1}, {"bytes": 3}]}, b"ab"), "add up"),
        (body_of({"parts": [{"bytes": True}]}, b"a"), "add up"),
    ],
)
def test_no_shipment(body: bytes, said: str) -> None:
    with pytest.raises(ShipmentError, match=said):
        parse(body)


HEAD = {"kind": "head", "project": "p", "run": "r", "writer": "w", "opening": 1, "age": 0, "lost": 0}
FILE = {"kind": "file", "project": "p", "run": "r", "name": "n", "size": 3, "offset": 0, "crc": 0}
FRAMES = {"kind": "frames", "project": "p", "run": "r", "writer": "w", "first": 0, "opening": 1}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"kind": "what", "project": "p", "run": "r"}, "kind"),
        ({"project": "p", "run": "r"}, "kind"),
        ({"kind": "run", "run": "r"}, "project"),
        ({"kind": "run", "project": "p", "run": 3}, "run"),
        ({"kind": "run", "project": "p", "run": ""}, "run"),
        ({**FRAMES, "writer": None}, "writer"),
        ({**FRAMES, "first": -1}, "first"),
        ({**FRAMES, "first": 2**63}, "first"),
        ({**FRAMES, "first": 1.0}, "first"),
        ({**FRAMES, "opening": 2**32}, "opening"),
        ({**HEAD, "age": None}, "age"),
        ({**HEAD, "gone": 1}, "gone"),
        ({**HEAD, "halves": {}}, "halves"),
        ({**HEAD, "halves": [{"generation": 1, "start": 0, "bytes": 0}] * 3}, "halves"),
        ({**HEAD, "halves": [{"generation": 1, "start": 0, "bytes": 0}] * 2}, "two generations"),
        ({**HEAD, "halves": [{"generation": 0, "start": 0, "bytes": 0}]}, "generation"),
        ({**HEAD, "halves": [{"generation": 1, "start": 4, "bytes": 0}]}, "multiple of 8"),
        ({**HEAD, "halves": [{"generation": 1, "start": 0, "bytes": 8}]}, "add up"),
        ({**FILE, "name": 0}, "name"),
        ({**FILE, "size": 2, "offset": 3}, "size"),
        ({**FILE, "crc": 2**32}, "crc"),
    ],
)
def test_a_malformed_part_leaves_the_others_alone(told: dict[str, Any], said: str) -> None:
    good = {"kind": "run", "project": "p", "run": "r", "bytes": 2}
    before, bad, after = parse(body_of({"parts": [good, {**told, "bytes": 0}, good]}, b"{}[]"))
    assert isinstance(bad, Malformed)
    assert said in bad.sentence
    assert before == RunPart("p", "r", b"{}")
    assert after == RunPart("p", "r", b"[]")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_sent(data: st.DataObject) -> None:
    body = bytearray(encode(data.draw(st.lists(PARTS, max_size=2))))
    for _ in range(data.draw(st.integers(1, 4))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    try:
        parse(bytes(body))
    except ShipmentError as error:
        assert str(error)


def frames(count: int) -> bytes:
    kinds = [Kind.OPEN, Kind.ROWS, Kind.META]
    payloads = [b"{}", struct.pack("<Q", 7) + b"columns", b"{}"]
    return b"".join(pack_frame(kinds[i % 3], i, payloads[i % 3], points=i % 3 == 1, time=i) for i in range(count))


def test_a_walk_over_frames() -> None:
    data = frames(5)
    spans = list(walk_frames(memoryview(data), 0))
    assert [span.seq for span in spans] == [0, 1, 2, 3, 4]
    assert [span.generation for span in spans] == [0, 7, 0, 0, 7]
    assert [span.kind for span in spans[:3]] == [Kind.OPEN, Kind.ROWS, Kind.META]
    assert [(span.start, span.end) for span in spans][-1][1] == len(data)
    assert spans[0].crc == opening_of(data)
    assert next(walk_frames(data[spans[2].start :], 2)).seq == 2
    assert list(walk_frames(b"", 9)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-1], "frame 4 is cut"),
        (lambda data: data + b"RTF1", "frame 5 is cut"),
        (lambda data: data + bytes(40), "no frame begins"),
        (lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], r"frame \d is damaged"),
        (lambda data: data + data[:38], "is number 0 where 5 belongs"),
    ],
)
def test_a_walk_over_damage(change: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(walk_frames(change(frames(5)), 0))


def test_the_opening_of_what_is_no_tape() -> None:
    for data in (b"", b"RTF1", bytes(40)):
        with pytest.raises(ValueError, match="first bytes of a tape"):
            opening_of(data)
