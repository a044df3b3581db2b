"""Points as lines of text: CSV and JSON. Numbers are written so that reading them gives the same number again.

The columns are project, run (`RunInfo.key`), metric, step, time_ns (nanoseconds since 1970) and value. Of NaN the text
keeps only that it is one, not its payload; JSON, which lacks NaN and infinities, has the texts "NaN", "Infinity" and
"-Infinity" in their place (``float`` reads them).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from typing import BinaryIO

from rolltape.store.export.selection import Selection, Series

_CSV_HEADER = b"project,run,metric,step,time_ns,value\n"
_ROWS = 16_384  # points that are text at one time


def write_csv(selection: Selection, file: BinaryIO, progress: Callable[[int], None] | None = None) -> int:
    """Write a header and a line per point in UTF-8, ended by LF, and returns how many points there were.

    Args:
        selection: the points.
        file: open for writing; it is left open.
        progress: called with the number of points written so far.

    Raises:
        OSError: the file cannot be written. Else as `Selection.blocks`.
    """
    file.write(_CSV_HEADER)
    written = 0
    for series, steps, times, values in _rows(selection):
        start = _csv_start(series)
        lines = [f"{start}{step},{time},{value!r}\n" for step, time, value in zip(steps, times, values, strict=True)]
        file.write("".join(lines).encode("utf-8", "backslashreplace"))
        written += len(lines)
        if progress is not None:
            progress(written)
    return written


def write_jsonl(selection: Selection, file: BinaryIO, progress: Callable[[int], None] | None = None) -> int:
    """Write a JSON object per line and point, in ASCII; arguments, result and errors as `write_csv`."""
    written = 0
    for series, steps, times, values in _rows(selection):
        start = _json_start(series)
        lines = [
            f'{start}{step},"time_ns":{time},"value":{_json_number(value)}}}\n'
            for step, time, value in zip(steps, times, values, strict=True)
        ]
        file.write("".join(lines).encode("ascii"))
        written += len(lines)
        if progress is not None:
            progress(written)
    return written


def _rows(selection: Selection) -> Iterator[tuple[Series, list[int], list[int], list[float]]]:
    for series, points in selection.blocks():
        for first in range(0, len(points.step), _ROWS):
            step, time, value = (column[first : first + _ROWS] for column in points)
            yield series, step.tolist(), time.tolist(), value.tolist()


def _csv_start(series: Series) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow((series.run.project, series.run.key, series.metric, ""))
    return line.getvalue()


def _json_start(series: Series) -> str:
    texts = {"project": series.run.project, "run": series.run.key, "metric": series.metric}
    return json.dumps(texts, separators=(",", ":"))[:-1] + ',"step":'


def _json_number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
