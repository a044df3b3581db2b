"""Files in media/: they come in pieces, in any order, and appear whole or not at all."""

from __future__ import annotations

import zlib
from pathlib import Path

import httpx
import pytest
from original import ship

from rolltape.tape.shipment import FilePart

DATA = bytes(range(256)) * 40


def piece(offset: int, end: int, data: bytes = DATA, name: str = "a-frame.png") -> FilePart:
    return FilePart("p", "r", name, len(data), offset, zlib.crc32(data), data[offset:end])


def names(there: Path) -> list[str]:
    return sorted(path.name for path in (there / "p/r/media").iterdir())


def test_in_pieces(there: Path, collector: httpx.Client) -> None:
    told = ship(collector, piece(0, 0), piece(5000, 6000), piece(0, 3000), piece(1000, 2000), piece(2000, 7000))
    assert told == [{"have": have, "whole": False} for have in (0, 0, 3000, 3000, 7000)]
    (draft,) = names(there)
    assert draft.startswith("."), "what is not whole is not served"
    whole = {"have": len(DATA), "whole": True}
    assert ship(collector, piece(7000, len(DATA)), piece(0, 100), piece(7000, len(DATA))) == [whole] * 3
    assert names(there) == ["a-frame.png"]
    assert (there / "p/r/media/a-frame.png").read_bytes() == DATA


def test_an_empty_one(there: Path, collector: httpx.Client) -> None:
    assert ship(collector, piece(0, 0, b"", "empty.bin")) == [{"have": 0, "whole": True}]
    assert (there / "p/r/media/empty.bin").read_bytes() == b""


def test_damage_begins_anew(there: Path, collector: httpx.Client) -> None:
    bad = piece(0, 100)._replace(data=bytes(100))
    told = ship(collector, bad, piece(100, len(DATA)))
    assert told[0] == {"have": 100, "whole": False}
    assert told[1]["status"] == 400
    assert "CRC" in told[1]["error"]
    assert names(there) == []
    assert ship(collector, piece(0, len(DATA))) == [{"have": len(DATA), "whole": True}]


def test_another_of_that_name(there: Path, collector: httpx.Client) -> None:
    ship(collector, piece(0, len(DATA)))
    (told,) = ship(collector, piece(0, 3, b"new"))
    assert told["status"] == 409
    assert (there / "p/r/media/a-frame.png").read_bytes() == DATA


def test_two_of_one_name_that_come_at_once(there: Path, collector: httpx.Client) -> None:
    other = bytes(len(DATA))
    told = ship(collector, piece(0, 100), piece(0, 200, other), piece(100, len(DATA)), piece(200, len(other), other))
    assert [one.get("whole") for one in told] == [False, False, True, None]
    assert told[3]["status"] == 409
    assert (there / "p/r/media/a-frame.png").read_bytes() == DATA


@pytest.mark.parametrize("linked", ["p/r/media", "p/r/media/a-frame.png"])
def test_links_are_not_followed(there: Path, collector: httpx.Client, tmp_path: Path, linked: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (there / linked).parent.mkdir(parents=True)
    (there / linked).symlink_to(elsewhere)
    (told,) = ship(collector, piece(0, len(DATA)))
    assert "error" in told
    assert list(elsewhere.iterdir()) == []


def test_names_that_nobody_should_have(there: Path, collector: httpx.Client) -> None:
    for name in ("..", ".hidden", "a/b", "../x", "a\\b", "a\nb", "\0", "x" * 201):
        (told,) = ship(collector, piece(0, len(DATA), name=name))
        assert told["status"] == 400
        assert "plain name of a file" in told["error"]
    assert [path.name for path in there.iterdir()] == [".collector.lock"]
