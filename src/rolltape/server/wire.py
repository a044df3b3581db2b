"""A curve as bytes: a JSON header and columns of doubles that a browser uses where they lie.

Little endian: u32 N, the length of the header with its padding of spaces, so that 4 + N is a multiple of 8; the header;
float64 edges[b + 1]; then for each run and each of `COLUMNS` float64[b].
"""

from __future__ import annotations

import struct
from typing import Any

from rolltape.server.strict_json import encode
from rolltape.store import Curve

COLUMNS = ("count", "mean", "min", "max", "std", "nonfinite")


def encode_curve(curve: Curve, version: int) -> bytes:
    """A curve; ``points`` of a run counts all of its points within the edges, finite or not."""
    runs = [
        {
            "key": key,
            "points": int(buckets.count.sum() + buckets.nonfinite.sum()),
            "nonfinite": int(buckets.nonfinite.sum()),
        }
        for key, buckets in curve.runs.items()
    ]
    columns = [curve.edges]
    for buckets in curve.runs.values():
        columns.extend(getattr(buckets, name) for name in COLUMNS)
    head = _header(curve.metric, curve.x, len(curve.edges) - 1, runs, version)
    return b"".join([head, *(column.astype("<f8").tobytes() for column in columns)])


def encode_no_curve(metric: str, x: str, version: int) -> bytes:
    """What is said of a metric without points: no runs, no buckets and no edges."""
    return _header(metric, x, 0, [], version)


def _header(metric: str, x: str, buckets: int, runs: list[dict[str, Any]], version: int) -> bytes:
    text = encode({"metric": metric, "x": x, "buckets": buckets, "columns": COLUMNS, "runs": runs, "version": version})
    text += b" " * (-(4 + len(text)) % 8)
    return struct.pack("<I", len(text)) + text
