"""A second reader of tapes, written from docs/format.md alone: the oracle that the real one is held against.

python tests/reference_reader.py RUN/WRITER.tape METRIC
"""

import json
import pathlib
import struct
import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def read(tape):
    """{metric: [(step, time, value), ...]} in the order in which the points were logged."""
    data, at, number, schemas, points, newest = tape.read_bytes(), 0, 0, {}, {}, 0
    while at + 36 <= len(data):
        magic, kind, _, length, seq, _, _, crc = struct.unpack_from("<4sHHIQIqI", data, at)
        payload = data[at + 36 : at + 36 + length]
        if (
            magic != b"RTF1"
            or len(payload) < length
            or seq != number
            or zlib.crc32(data[at : at + 32] + payload) != crc
        ):
            break
        if kind == 2:
            schemas[json.loads(payload)["schema"]] = json.loads(payload)["metrics"]
        generation = struct.unpack_from("<Q", payload)[0] if kind == 3 else 0
        if kind == 3 and (not generation or generation > newest):
            newest = max(newest, generation)
            rows = sorted(_columns(payload), key=lambda row: row[0])
            _add(points, ((schemas[schema], step, time, values) for _, schema, step, time, values in rows))
        at, number = at + 36 + length, number + 1
    head = tape.with_suffix(".head")
    _add(points, _head_rows(head.read_bytes(), schemas, newest) if head.exists() else ())
    return points


def _add(points, rows):
    for metrics, step, time, values in rows:
        for metric, value in zip(metrics, values, strict=True):
            points.setdefault(metric, []).append((step, time, value))


def _columns(payload):
    _, groups, blocks, size = struct.unpack_from("<QIII", payload)
    directory, at, raw = zstd.decompress(payload[20 : 20 + size]), 20 + size, []
    for packed, full in struct.iter_unpack("<II", directory[16 * groups : 16 * groups + 8 * blocks]):
        raw.append(payload[at : at + packed] if packed == full else zstd.decompress(payload[at : at + packed]))
        at += packed
    columns = list(struct.iter_unpack("<IIIqq", directory[16 * groups + 8 * blocks :]))
    for schema, rows, first, metrics in struct.iter_unpack("<IIII", directory[: 16 * groups]):
        axes = [_axis(raw, column, rows) for column in columns[first : first + 3]]
        values = [_values(raw, column, rows) for column in columns[first + 3 : first + 3 + metrics]]
        for i in range(rows):
            yield axes[0][i], schema, axes[1][i], axes[2][i], [value[i] for value in values]


def _items(raw, column, count, letters):
    width, block, offset = column[:3]
    planes = [raw[block][offset + i * count : offset + (i + 1) * count] for i in range(width)]
    return struct.unpack(
        f"<{count}{letters[width]}", bytes(byte for item in zip(*planes, strict=True) for byte in item)
    )


def _axis(raw, column, rows):
    sums = [0]
    for d in _items(raw, column, rows - 1, {1: "b", 2: "h", 4: "i", 8: "q"}) if column[0] else [1] * (rows - 1):
        sums.append(sums[-1] + d)
    return [(column[3] + column[4] * s + 2**63) % 2**64 - 2**63 for s in sums]


def _values(raw, column, rows):
    constant = struct.unpack("<d", struct.pack("<q", column[3]))
    return _items(raw, column, rows, {4: "f", 8: "d"}) if column[0] else constant * rows


def _head_rows(data, schemas, newest):
    words = struct.unpack_from("<10q", data)
    for generation, at, size in sorted((words[4:7], words[7:10])):
        end = at + size
        while generation > newest and at + 8 <= end:
            metrics = schemas.get(struct.unpack_from("<q", data, at)[0])
            width = 8 * (len(metrics or ()) + 4)
            if not metrics or at + width > end or data[at : at + 8] != data[at + width - 8 : at + width]:
                break
            _, step, time, *values, _ = struct.unpack_from(f"<qqq{len(metrics)}dq", data, at)
            yield metrics, step, time // 1000 * 1000, values
            at += width


if __name__ == "__main__":
    for point in read(pathlib.Path(sys.argv[1]))[sys.argv[2]]:
        print(*point, sep="\t")
