"""Columns: the payload of a ROWS frame. Groups of rows become compressed columns, each readable without the others.

Axes (order, step, time) are ``a + b * cumsum(d)``: `d` are the smallest signed integers that hold the differences, and
a column of equal differences holds none at all. Values are float32 where that loses no bit, else float64; a column of
one repeated value is that value. Bytes are shuffled into planes (all first bytes, then all second bytes, ...), columns
are gathered into blocks of at least `BLOCK` bytes and each block is one zstd frame, level 1.
docs/format.md is the public specification; docs/decisions/003-columns.md holds the measurements.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.frame import PayloadInFile
from rolltape.tape.rows import Group

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdError = zstd.ZstdError
decompress = zstd.decompress

# Measured in docs/decisions/003-columns.md
BLOCK = 16 * 1024  # raw bytes a block holds at least
PLANE = 256  # bytes from which a plane gets entropy tables of its own (a zstd block inside the frame)
_FIXED = struct.Struct("<QIII")  # generation, groups, blocks, bytes of the compressed directory
_GROUP = np.dtype([("schema", "<u4"), ("rows", "<u4"), ("first", "<u4"), ("metrics", "<u4")])
_COLUMN = np.dtype([("width", "<u4"), ("block", "<u4"), ("offset", "<u4"), ("a", "<i8"), ("b", "<i8")])
_BLOCK = np.dtype([("packed", "<u4"), ("raw", "<u4")])
_AXES = 3  # columns before a group's values: order, step, time
_INTEGERS = ("<i1", "<i2", "<i4", "<i8")
_LIMITS = tuple(int(np.iinfo(kind).max) for kind in _INTEGERS)


_Planes = NDArray[np.uint8]  # [width, n]: byte i of every value, shuffled
_Column = tuple[int, int, int, _Planes]  # width, a, b, planes
_NO_PLANES: _Planes = np.empty((0, 0), np.uint8)
_ALL = slice(None)

Payload = bytes | PayloadInFile
_Opened = dict[int, NDArray[np.uint8]]  # decompressed blocks of a frame by their numbers
_PIECE = 32 * 1024  # bytes of a large block that are decompressed at a time
_SMALL = 256 * 1024  # bytes up to which a block is decompressed at once


def compress(data: bytes) -> bytes:
    """One zstd frame, level 1."""
    return zstd.compress(data, 1)


def encode_rows(groups: Sequence[Group], generation: int = 0) -> bytes:
    """The payload of a ROWS frame. ``generation`` names the half of a head that the rows came from; 0 is none."""
    group_table = np.zeros(len(groups), _GROUP)
    column_table: list[tuple[int, int, int, int, int]] = []
    blocks: list[list[_Planes]] = []
    filled = BLOCK
    for i, group in enumerate(groups):
        group_table[i] = (group.schema.id, len(group.step), len(column_table), len(group.values))
        for width, a, b, planes in _encode_group(group):
            if filled >= BLOCK:
                blocks.append([])
                filled = 0
            column_table.append((width, len(blocks) - 1, filled, a, b))
            blocks[-1].append(planes)
            filled += planes.size

    packed = [_compress(block) for block in blocks]
    block_table = np.array([(len(p), sum(c.size for c in b)) for p, b in zip(packed, blocks, strict=True)], _BLOCK)
    tables = group_table.tobytes() + block_table.tobytes() + np.array(column_table, _COLUMN).tobytes()
    directory = compress(tables)
    return b"".join((_FIXED.pack(generation, len(groups), len(blocks), len(directory)), directory, *packed))


def _compress(columns: Sequence[_Planes]) -> bytes:
    """One zstd frame; what does not shrink is kept as it is, told by its two lengths being equal.

    Planes differ: the high bytes of floats repeat, the low ones are noise. A zstd block each keeps one from spoiling
    the entropy table of the other, which saves 8 % over all.
    """
    packer = zstd.ZstdCompressor(1)
    parts = []
    for planes in columns:
        if planes.shape[1] < PLANE:
            parts.append(packer.compress(planes.tobytes()))
        else:
            parts += [packer.compress(plane.tobytes(), packer.FLUSH_BLOCK) for plane in planes]
    packed = b"".join(parts) + packer.flush()
    raw = sum(planes.size for planes in columns)
    return packed if len(packed) < raw else b"".join(planes.tobytes() for planes in columns)


def _shuffle(array: NDArray[np.generic]) -> _Planes:
    return np.ascontiguousarray(array.view(np.uint8).reshape(-1, array.itemsize).T)


def _encode_group(group: Group) -> Iterator[_Column]:
    order = np.arange(len(group.step)) if group.order is None else group.order
    yield _encode_axis(order, 1)
    yield _encode_axis(group.step, 1)
    yield _encode_axis(group.time, group.time_unit)
    yield from _encode_values(group.values)


def _encode_axis(axis: NDArray[np.int64], unit: int) -> _Column:
    """Width 0 is ``a + b * i``. Differences wrap around, as they do when they are summed again."""
    first = int(axis[0])
    if len(axis) == 1:
        return 0, first, 0, _NO_PLANES
    difference = np.diff(axis // unit if unit > 1 else axis)
    low, high = int(difference.min()), int(difference.max())
    if low == high:
        return 0, first, int(np.diff(axis[:2])[0]), _NO_PLANES
    largest = max(high, -(low + 1))
    kind = next(kind for kind, limit in zip(_INTEGERS, _LIMITS, strict=True) if largest <= limit)
    return int(kind[-1]), first, unit, _shuffle(difference.astype(kind))


def _encode_values(values: NDArray[np.float64]) -> Iterator[_Column]:
    """The columns of values[m, n]. Width 0 repeats the float64 whose bits are ``a``."""
    bits = values.view(np.int64)
    repeated = (bits == bits[:, :1]).all(axis=1)
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
        lossless = (single.astype(np.float64).view(np.int64) == bits).all(axis=1)
    for i in range(len(values)):
        if repeated[i]:
            yield 0, int(bits[i, 0]), 0, _NO_PLANES
        elif lossless[i]:
            yield 4, 0, 0, _shuffle(single[i])
        else:
            yield 8, 0, 0, _shuffle(values[i])


class _GroupEntry(NamedTuple):
    schema: int
    rows: int
    first: int
    metrics: int


class _ColumnEntry(NamedTuple):
    width: int
    block: int
    offset: int
    a: int
    b: int


class RowsFrame:
    """The directory of a ROWS payload; decodes one column at a time.

    It does not hold the payload itself, so that a reader may keep the directories of a long tape in memory: every call
    that decodes takes the payload again.
    """

    __slots__ = ("_blocks", "_columns", "generation", "groups")

    def __init__(self, payload: Payload) -> None:
        self.generation, groups, blocks, size = _FIXED.unpack(payload[: _FIXED.size])
        start = _FIXED.size + size
        directory = zstd.decompress(payload[_FIXED.size : start])
        table = np.frombuffer(directory, _GROUP, groups)
        self.groups = [_GroupEntry(*row) for row in table.tolist()]
        sizes = np.frombuffer(directory, _BLOCK, blocks, table.nbytes)
        columns = np.frombuffer(directory, _COLUMN, -1, table.nbytes + sizes.nbytes)
        self._columns = [_ColumnEntry(*column) for column in columns.tolist()]
        starts = start + sizes["packed"].cumsum(dtype=np.int64) - sizes["packed"]
        self._blocks: list[tuple[int, int, int]] = [  # where each begins, its packed bytes, its raw ones
            (at, packed, raw) for at, (packed, raw) in zip(starts.tolist(), sizes.tolist(), strict=True)
        ]

    def order(self, payload: Payload, group: _GroupEntry) -> NDArray[np.int64]:
        """[rows]: each row's place among all rows of the frame."""
        return self._axis(payload, group, 0, _ALL)

    def step(self, payload: Payload, group: _GroupEntry, part: slice = _ALL) -> NDArray[np.int64]:
        """[n]: of some rows, as all the following."""
        return self._axis(payload, group, 1, part)

    def time(self, payload: Payload, group: _GroupEntry, part: slice = _ALL) -> NDArray[np.int64]:
        """[n]: ns since 1970."""
        return self._axis(payload, group, 2, part)

    def values(self, payload: Payload, group: _GroupEntry, metric: int, part: slice = _ALL) -> NDArray[np.float64]:
        """[n]: the values of the group's metric number ``metric``."""
        return self._values(payload, group, metric, part, {})

    def all_values(self, payload: Payload, group: _GroupEntry) -> list[NDArray[np.float64]]:
        """[rows] for each metric of the group: blocks that hold several of them are decompressed once."""
        opened: _Opened = {}
        return [self._values(payload, group, metric, _ALL, opened) for metric in range(group.metrics)]

    def _values(
        self, payload: Payload, group: _GroupEntry, metric: int, part: slice, opened: _Opened
    ) -> NDArray[np.float64]:
        column = self._columns[group.first + _AXES + metric]
        width = column.width
        start, stop, _ = part.indices(group.rows)
        if width == 0:
            return np.full(stop - start, column.a, np.int64).view(np.float64)
        planes = self._planes(payload, column, group.rows, start, stop, opened)
        return _unshuffled(planes, f"<f{width}").astype(np.float64)

    def _axis(self, payload: Payload, group: _GroupEntry, number: int, part: slice) -> NDArray[np.int64]:
        column = self._columns[group.first + number]
        width = column.width
        start, stop, _ = part.indices(group.rows)
        if width and stop > start:
            planes = self._planes(payload, column, group.rows - 1, 0, stop - 1, {})
            axis = np.zeros(stop - start, np.int64)
            np.cumsum(_unshuffled(planes[:, start:], f"<i{width}"), dtype=np.int64, out=axis[1:])
            if start:
                axis += _sum(planes[:, :start])
        else:
            axis = np.arange(start, stop, dtype=np.int64)
        axis *= column.b
        axis += column.a
        return axis

    def _planes(
        self, payload: Payload, column: _ColumnEntry, count: int, start: int, stop: int, opened: _Opened
    ) -> _Planes:
        """[width, stop - start]: a part of the planes of ``count`` numbers. ``opened`` has the last whole block."""
        width, number, offset = column[:3]
        at, packed, raw = self._blocks[number]
        if number not in opened and packed != raw and (raw <= _SMALL or stop - start == count):
            opened.clear()  # columns come in the order of their blocks
            opened[number] = self._block(payload, number)
        if number in opened:
            return opened[number][offset : offset + width * count].reshape(width, count)[:, start:stop]
        if stop - start == count:
            ranges = [(offset, offset + width * count)]
        else:
            begins = range(offset + start, offset + start + width * count, count)
            ranges = [(begin, begin + stop - start) for begin in begins]
        if packed == raw:
            found = np.frombuffer(b"".join([payload[at + begin : at + end] for begin, end in ranges]), np.uint8)
        else:
            found = _unpack(_pieces(payload, at, at + packed), ranges)
        return found.reshape(width, stop - start)

    def _block(self, payload: Payload, number: int) -> NDArray[np.uint8]:
        start, packed, raw = self._blocks[number]
        if raw > _SMALL:
            return _unpack(_pieces(payload, start, start + packed), [(0, raw)])
        return np.frombuffer(zstd.decompress(payload[start : start + packed]), np.uint8)


def _unpack(pieces: Iterator[bytes], ranges: Sequence[tuple[int, int]]) -> NDArray[np.uint8]:
    """These ranges of the bytes of a block, which are in order, one after the other."""
    found = np.empty(sum(end - begin for begin, end in ranges), np.uint8)
    piece = np.empty(0, np.uint8)
    here = filled = 0  # where the piece begins; how much has been found
    for begin, end in ranges:
        while begin < end:
            if begin >= here + len(piece):
                here += len(piece)
                piece = np.frombuffer(next(pieces), np.uint8)
                continue
            taken = piece[begin - here : end - here]
            found[filled : filled + len(taken)] = taken
            filled += len(taken)
            begin += len(taken)
    return found


def _pieces(payload: Payload, start: int, stop: int) -> Iterator[bytes]:
    """The block that lies between ``start`` and ``stop``, decompressed a small piece at a time.

    Large pieces lie in memory that is fresh each time, and to touch that takes five times as long as to decompress.

    Raises:
        ValueError: at its end.
    """
    unpacker = zstd.ZstdDecompressor()
    while not unpacker.eof and (start < stop or not unpacker.needs_input):
        more = b""
        if unpacker.needs_input:
            more = payload[start : min(start + _PIECE, stop)]
            start += _PIECE
        yield unpacker.decompress(more, _PIECE)
    raise ValueError("a block ends before its columns do")


def _unshuffled(planes: _Planes, kind: str) -> NDArray[np.generic]:
    """[n] of planes[width, n]."""
    width, count = planes.shape
    shuffled = np.empty((count, width), np.uint8)
    for plane in range(width):  # five times as fast as copying the transposed array
        shuffled[:, plane] = planes[plane]
    return shuffled.view(kind).reshape(count)


def _sum(planes: _Planes) -> np.int64:
    """The sum of shuffled signed integers, modulo 2**64."""
    total = 0
    for number, plane in enumerate(planes):
        kind = np.int8 if number == len(planes) - 1 else np.uint8  # the last plane has the signs
        total += int(plane.view(kind).sum(dtype=np.int64)) << 8 * number
    return np.uint64(total % 2**64).astype(np.int64)
