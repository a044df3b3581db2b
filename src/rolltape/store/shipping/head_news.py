"""What is new in the head of a tape: the bytes of whole rows since those that the server holds.

The rules are those of `tape.head.read_head`; here the bytes are wanted, not the rows.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import NamedTuple

from rolltape.tape.head import MAGIC
from rolltape.tape.rows import Schema, walk
from rolltape.tape.shipment import HalfPiece

_HEADER = struct.Struct("<10q")
_BEAT, _LOST, _HALVES = 1, 2, 4
_NEXT = 4096  # bytes in which new rows are looked for first


class HeadNews(NamedTuple):
    """A head as it was found."""

    heartbeat: int  # ns
    lost: int
    halves: tuple[HalfPiece, ...]  # what is new, by generation


def news_of_head(
    path: str, schemas: Mapping[int, Schema], have: Mapping[int, int] | None, framed: int, *, final: bool
) -> HeadNews | None:
    """What lies in a head and is not held yet, also while it is written; None if there is no head, or none yet.

    Args:
        path: of the head.
        schemas: that the tape declares.
        have: how many bytes of each generation are held; None: no rows are wanted.
        framed: the highest generation that is on the tape.
        final: nobody writes any more, so that what is there is all.
    """
    try:
        with io.FileIO(path) as file:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size or header[: len(MAGIC)] != MAGIC:
                return None
            words = _HEADER.unpack(header)
            halves = sorted(words[i : i + 3] for i in (_HALVES, _HALVES + 3) if words[i] > framed)
            if halves and halves[0][0] > framed + 1 and not final:  # a frame came in between
                return HeadNews(words[_BEAT], words[_LOST], ())
            pieces = []
            for generation, offset, size in halves if have is not None else ():
                assert have is not None
                start = have.get(generation, 0)
                data, known = _rows(file, offset + start, size - start, schemas)
                if data:
                    pieces.append(HalfPiece(generation, start, data))
                if not known and not final:  # its schema was declared after the tape was looked at
                    break
            file.seek(0)
            after = file.read(_HEADER.size)
    except OSError:
        return None
    if after[8 * _HALVES :] != header[8 * _HALVES :]:  # a half came or went: its rows are on the tape by now
        return HeadNews(words[_BEAT], words[_LOST], ())
    return HeadNews(words[_BEAT], words[_LOST], tuple(pieces))


def _rows(file: io.FileIO, start: int, limit: int, schemas: Mapping[int, Schema]) -> tuple[bytes, bool]:
    """The whole rows from byte ``start`` on, and whether all schemas there are known.

    The bytes are read twice: how far the rows reach is taken from the first look, what they say from the second.
    """
    for size in (min(_NEXT, limit), limit):
        looks = []
        for _ in range(2):
            file.seek(start)
            looks.append(file.read(max(size, 0)))
            if not any(looks[0][:8]):
                return b"", True
        used = walk(looks[0], schemas).used
        rest = looks[1][used : used + 8]
        if size == limit or (len(rest) == 8 and not any(rest)):
            break
    following = int.from_bytes(rest, "little")
    return looks[1][:used], following == 0 or following in schemas
