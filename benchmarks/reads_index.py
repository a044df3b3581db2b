"""How fast a tape is decoded and its index is made, how large the index is, and how much memory reading takes."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.reads_data import METRIC, warm

BUCKETS = 1000


def rates(directory: Path, root: str, tries: int) -> dict[str, Any]:
    """In the child: million points a second of one run's only tape, medians, and bytes of index a point.

    ``copy`` is the floor: copying the decoded columns. ``entries`` makes the pyramid of them, ``decode`` gets them from
    the tape, ``index`` goes from tape to index file. Everything is in the page cache.
    """
    from rolltape.tape.indexed_tape import IndexedTape
    from rolltape.tape.reader import TapeReader
    from rolltape.tape.series import Series

    (tape,) = Path(root).rglob("*.tape")
    place = directory / "tape.index"
    warm([tape])
    found: dict[str, list[float]] = {"copy": [], "entries": [], "decode": [], "index": []}
    points = size = 0
    for _ in range(tries):
        reader = TapeReader(tape)
        began = perf_counter()
        frames = list(reader.whole_frames(0))
        points = sum(len(columns.step) for frame in frames for columns in frame.values())
        found["decode"].append(points / (perf_counter() - began))

        began = perf_counter()
        for columns in chain.from_iterable(frame.values() for frame in frames):
            for column in columns:
                column.copy()
        found["copy"].append(points / (perf_counter() - began))

        began = perf_counter()
        series: dict[str, Series] = {}
        for frame in frames:
            for name, columns in frame.items():
                if name not in series:
                    series[name] = Series()
                series[name].add(columns)
        for one in series.values():
            one.settle()
        found["entries"].append(points / (perf_counter() - began))
        del frames, series, reader

        place.unlink(missing_ok=True)
        began = perf_counter()
        IndexedTape(tape, [place]).update()
        found["index"].append(points / (perf_counter() - began))
        size = place.stat().st_size
    return {**{name: median(each) / 1e6 for name, each in found.items()}, "bytes": size / points, "points": points}


def peak(_directory: Path, root: str, question: str) -> dict[str, Any] | None:
    """In the child: bytes that the process grew at the most while it answered; None where Linux is not there to ask.

    question: ``view`` (full, of all runs), ``exact`` (the same), or ``index`` (all indexes made anew).
    """
    import numpy as np

    import rolltape
    import rolltape.store

    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        return None
    for index in Path(root).rglob("*.index") if question == "index" else ():
        index.unlink()
    np.add.reduceat(np.arange(4.0), [0, 2])
    reset.write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    began = perf_counter()
    store = rolltape.open(root)
    if question == "index":
        store.index()
    else:
        store.curve(METRIC, buckets=BUCKETS, exact=question == "exact")
    return {"grown": _status("VmHWM") - before, "before": before, "seconds": perf_counter() - began}


def _status(field: str) -> int:
    """A field of Linux's own account in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
