"""A reader of /api/curve and /api/histogram as their contract describes them."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


class CurveFrame(NamedTuple):
    """Columns by (metric, line id)."""

    header: dict[str, Any]
    edges: Floats
    lines: dict[tuple[str, str], dict[str, Floats]]

    def told(self, metric: str, id: str) -> dict[str, Any]:
        """What the header says of a line."""
        (line,) = (line for line in self.header["lines"] if (line["metric"], line["id"]) == (metric, id))
        return dict(line)


class HistogramFrame(NamedTuple):
    """counts: [b, bins]."""

    header: dict[str, Any]
    edges: Floats
    value_edges: Floats
    mean: Floats
    counts: Floats


def read_curve(answer: httpx.Response) -> CurveFrame:
    header, numbers = _frame(answer)
    b = header["buckets"]
    edges, at = numbers[: b + 1 if b else 0], b + 1
    lines: dict[tuple[str, str], dict[str, Floats]] = {}
    for line in header["lines"]:
        columns = {name: numbers[at + i * b : at + (i + 1) * b] for i, name in enumerate(header["columns"])}
        lines[line["metric"], line["id"]] = columns
        at += b * len(columns)
    assert len(numbers) == (at if b else 0)
    return CurveFrame(header, edges, lines)


def read_histogram(answer: httpx.Response) -> HistogramFrame:
    header, numbers = _frame(answer)
    b, v = header["buckets"], header["bins"]
    if not b:
        assert not len(numbers)
        nothing = np.empty(0)
        return HistogramFrame(header, nothing, nothing, nothing, nothing.reshape(0, 0))
    edges, value_edges, mean, counts = np.split(numbers, np.cumsum([b + 1, v + 1, b]))
    return HistogramFrame(header, edges, value_edges, mean, counts.reshape(b, v))


def _frame(answer: httpx.Response) -> tuple[dict[str, Any], Floats]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    frame = answer.content
    (size,) = struct.unpack_from("<I", frame)
    assert (4 + size) % 8 == 0
    header = json.loads(frame[4 : 4 + size].decode("utf-8"), parse_constant=no_constant)
    return header, np.frombuffer(frame, "<f8", offset=4 + size)
