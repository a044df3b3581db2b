r"""The form of what a server answers to another rolltape: lines of JSON, with columns of numbers behind them.

An answer is a sequence of blocks. A block is a line (a JSON object in ASCII, ended by ``\n``) and, if it has
``columns``, the bytes of these one behind the other: each is told as ``[name, dtype, n]``, its dtype being ``<f8`` or
``<i8``. JSON is as Python's json module has it: NaN and infinities are written out, half characters are ``\udc80``.

* The first line is ``{"form": 1, "rolltape": VERSION}``.
* The last is ``{"end": true}``: an answer without it was cut.
* ``{"error": SENTENCE, "kind": NAME}`` is the last line of an answer that failed on the way.
* An empty line means that the server is still at work.

Names in a line that are not known are passed over, so a newer server may tell more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rolltape._version import __version__

FORM = 1
CONTENT_TYPE = "application/x-rolltape-answer"
KIND_HEADER = "rolltape-error"  # of an answer that is an error from its first byte: as ``kind``
LONGEST_LINE = 64 << 20  # bytes
LARGEST_BLOCK = 64 << 20  # bytes of its columns
WAITING = b"\n"

_DTYPES = ("<f8", "<i8")
_WIDTH = 8  # bytes of a number

Column = NDArray[np.float64] | NDArray[np.int64]


class Block(NamedTuple):
    """A line and its columns."""

    facts: dict[str, Any]
    columns: dict[str, NDArray[Any]]


class Broken(Exception):
    """What came is no whole answer; the message is the end of a sentence."""


class Failed(Exception):
    """The server says that it failed on the way."""

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Readable(Protocol):
    """What an answer is read from."""

    def readline(self, limit: int = -1, /) -> bytes: ...

    def readinto(self, buffer: Any, /) -> int: ...


def opening() -> bytes:
    """The first line."""
    return encode({"form": FORM, "rolltape": __version__})


def ending() -> bytes:
    """The last line."""
    return encode({"end": True})


def failure(sentence: str, kind: str) -> bytes:
    """The last line of an answer that failed."""
    return encode({"error": sentence, "kind": kind})


def encode(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """A block.

    Raises:
        ValueError: there are more bytes than a block may have.
    """
    parts = []
    told: dict[str, Any] = dict(facts)
    if columns:
        plain = {name: np.ascontiguousarray(column, _dtype(column)) for name, column in columns.items()}
        told["columns"] = [[name, column.dtype.str, len(column)] for name, column in plain.items()]
        parts = [column.data.cast("B") if len(column) else b"" for column in plain.values()]
        if sum(map(len, parts)) > LARGEST_BLOCK:
            raise ValueError(f"a block of more than {LARGEST_BLOCK} bytes")
    line = json.dumps(told, separators=(",", ":")).encode("ascii")
    if len(line) >= LONGEST_LINE:
        raise ValueError(f"a line of more than {LONGEST_LINE} bytes")
    return b"".join((line, b"\n", *parts))


def read_blocks(source: Readable) -> Iterator[Block]:
    """The blocks of an answer, without its first line and its last; see `read_opening`.

    Raises:
        Broken: it is cut, or is no such answer. Failed: the server failed on the way.
        OSError, http.client.HTTPException: as the source.
    """
    while True:
        facts = _line(source)
        if "error" in facts:
            raise Failed(str(facts["error"])[:2000], str(facts.get("kind", "")))
        if facts.get("end") is True:
            return
        yield Block(facts, _columns(source, facts.pop("columns", [])))


def read_opening(source: Readable) -> str:
    """The version of the rolltape that answers. Raises as `read_blocks`."""
    facts = _line(source)
    if "error" in facts:
        raise Failed(str(facts["error"])[:2000], str(facts.get("kind", "")))
    form, version = facts.get("form"), str(facts.get("rolltape"))[:100]
    if type(form) is not int or form < 1:
        raise Broken("it is not in the form of a rolltape server")
    if form > FORM:
        raise Broken(f"its rolltape {version} is newer than this one and answers in another form: update rolltape here")
    return version


def _line(source: Readable) -> dict[str, Any]:
    while True:
        line = source.readline(LONGEST_LINE + 1)
        if line != WAITING:
            break
    if not line.endswith(b"\n"):
        raise Broken("a line is too long" if len(line) > LONGEST_LINE else "it ends too early")
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError):
        raise Broken("a line of it is not JSON") from None
    if not isinstance(facts, dict):
        raise Broken("a line of it is no JSON object")
    return facts


def _columns(source: Readable, told: Any) -> dict[str, NDArray[Any]]:
    """The columns, which share the memory of one block."""
    shapes: list[Any] = told if isinstance(told, list) else [None]
    if not all(map(_is_shape, shapes)) or sum(n for _, _, n in shapes) * _WIDTH > LARGEST_BLOCK:
        raise Broken("a line of it tells impossible columns")
    whole = np.empty(sum(n for _, _, n in shapes), np.int64)
    space = whole.data.cast("B") if len(whole) else memoryview(b"")
    filled = 0
    while filled < len(space):
        got = source.readinto(space[filled:])
        if not got:
            raise Broken("it ends too early")
        filled += got
    columns, start = {}, 0
    for name, dtype, n in shapes:
        columns[name] = whole[start : start + n].view(dtype)
        start += n
    return columns


def _is_shape(told: Any) -> bool:
    return (
        isinstance(told, list)
        and len(told) == 3
        and isinstance(told[0], str)
        and told[1] in _DTYPES
        and type(told[2]) is int
        and 0 <= told[2] <= LARGEST_BLOCK
    )


def _dtype(column: NDArray[Any]) -> str:
    return "<i8" if column.dtype.kind in "iu" else "<f8"
