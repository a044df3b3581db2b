"""ClickHouse's Native format, both ways: blocks of columns, so that NumPy arrays go out and come in as they are.

    block: varint columns · varint rows · columns x (name · type · the values one after the other)

A text is its length as a varint and its bytes. The format is the same in every version for the types used here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NUMBERS = {
    **{f"UInt{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    "Float32": np.dtype("<f4"),
    "Float64": np.dtype("<f8"),
    "Date": np.dtype("<u2"),
    "DateTime": np.dtype("<u4"),
}

_CHUNK = 1 << 18  # bytes

Texts = list[str]
Column = NDArray[Any] | list[bytes]
Columns = dict[str, Any]  # by name: arrays of [n], lists of n bytes for String


class Repeated(NamedTuple):
    """A column of values (bytes for String, else numbers), each so many times in a row."""

    runs: Sequence[tuple[bytes | int, int]]


class Piece(NamedTuple):
    """Bytes that are sent so many times in a row: they are made only when they are sent."""

    data: bytes | memoryview
    times: int = 1


Given = NDArray[Any] | Repeated | Sequence[bytes] | Sequence[NDArray[Any]]


class NativeError(ValueError):
    """These bytes are not what the format says."""


def varint(number: int) -> bytes:
    """An unsigned number, seven bits a byte."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def text_bytes(text: str) -> bytes:
    """A text as it is stored; what is no UTF-8 survives both ways."""
    return text.encode("utf-8", "surrogatepass")


def bytes_text(data: bytes) -> str:
    """The text of stored bytes; what is no UTF-8 at all is shown as such."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _prefixed(data: bytes) -> bytes:
    return varint(len(data)) + data


def encode_block(rows: int, columns: Mapping[str, tuple[str, Given]]) -> list[Piece]:
    """One block, in pieces.

    Args:
        rows: of each column.
        columns: (type, values) by name: an array, arrays one after the other, texts for String, or `Repeated`.
    """
    pieces = [Piece(varint(len(columns)) + varint(rows))]
    for name, (kind, values) in columns.items():
        pieces.append(Piece(_prefixed(name.encode()) + _prefixed(kind.encode())))
        pieces += _encode(kind, values)
    return pieces


def _encode(kind: str, values: Given) -> Iterator[Piece]:
    if isinstance(values, Repeated):
        for value, count in values.runs:
            yield Piece(_prefixed(value) if isinstance(value, bytes) else NUMBERS[kind].type(value).tobytes(), count)
    elif kind == "String":
        yield Piece(b"".join([_prefixed(bytes(one)) for one in values]))
    else:
        for part in [values] if isinstance(values, np.ndarray) else values:
            array = np.ascontiguousarray(part, NUMBERS[kind])
            if array.size:
                yield Piece(array.data.cast("B"))


def size_of(pieces: Iterable[Piece]) -> int:
    """Bytes of pieces when they are sent."""
    return sum(len(piece.data) * piece.times for piece in pieces)


def chunks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """The bytes of pieces, about `_CHUNK` at a time."""
    waiting: list[bytes | memoryview] = []
    size = 0
    for data, times in pieces:
        at_once = max(_CHUNK // max(len(data), 1), 1)
        while times > 0:
            now = min(times, at_once)
            part = data if now == 1 else bytes(data) * now
            times -= now
            waiting.append(part)
            size += len(part)
            if size >= _CHUNK:
                yield b"".join(waiting)
                waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def decode(data: bytes) -> Columns:
    """The columns of all blocks, one after the other; {} if there is no block. Raises NativeError."""
    parts: dict[str, list[Any]] = {}
    at = 0
    try:
        while at < len(data):
            count, at = _varint_at(data, at)
            rows, at = _varint_at(data, at)
            for _ in range(count):
                name, at = _text_at(data, at)
                kind, at = _text_at(data, at)
                values, at = _decode_column(data, at, kind.decode(), rows)
                parts.setdefault(name.decode(), []).append(values)
    except (IndexError, UnicodeDecodeError) as error:
        raise NativeError(f"the answer is cut or not what it must be at byte {at}") from error
    return {name: _joined(found) for name, found in parts.items()}


def _joined(found: list[Any]) -> Any:
    if isinstance(found[0], list):
        return [one for part in found for one in part]
    return found[0] if len(found) == 1 else np.concatenate(found)


def _decode_column(data: bytes, at: int, kind: str, rows: int) -> tuple[Any, int]:
    if kind in NUMBERS:
        size = NUMBERS[kind].itemsize * rows
        if at + size > len(data):
            raise IndexError
        return np.frombuffer(data, NUMBERS[kind], rows, at), at + size
    if kind == "String":
        found: list[bytes] = []
        for _ in range(rows):
            size = data[at]
            at += 1
            if size > 127:
                size, at = _varint_at(data, at - 1)
            found.append(data[at : at + size])
            at += size
        if at > len(data):
            raise IndexError
        return found, at
    if kind == "LowCardinality(String)":
        return _decode_few(data, at, rows)
    raise NativeError(f"a column of the type {kind} is not expected here")


def _decode_few(data: bytes, at: int, rows: int) -> tuple[list[bytes], int]:
    """A column that is a dictionary and numbers into it: version u64 · flags u64 · keys · u64 rows · numbers."""
    if not rows:
        return [], at
    if at + 24 > len(data):
        raise IndexError
    _, flags, count = (int(one) for one in np.frombuffer(data, "<u8", 3, at))
    keys, at = _decode_column(data, at + 24, "String", count)
    numbers, at = _decode_column(data, at + 8, f"UInt{8 << (flags & 255)}", rows)
    return [keys[number] for number in numbers.tolist()], at


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _text_at(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _varint_at(data, at)
    if at + size > len(data):
        raise IndexError
    return data[at : at + size], at + size


def texts(column: Iterable[bytes]) -> Texts:
    """A String column as texts. Equal ones are decoded once."""
    known: dict[bytes, str] = {}
    return [known[one] if one in known else known.setdefault(one, bytes_text(one)) for one in column]
