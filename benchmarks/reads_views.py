"""Curves of recorded runs against scans of the same points, in turns within one child process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.reads_data import METRIC, Scan, drop, files_below, taken, warm

BUCKETS = 1000
VIEWS = 3  # of each kind in a turn, against one scan


def views(_directory: Path, root: str, arrays: str, points: int, turns: int, cold_turns: int) -> dict[str, Any]:
    """ms of the full view of all runs, of views of (i, last x), each of another window, and of the scan.

    Medians: ``view``, ``window``, ``scan``, ``cached_scan`` and ``std_scan`` (the other ways to scan), ``cold_view``,
    ``cold_scan``; ``stayed`` is the largest share of pages that could not be dropped, ``right`` whether an exact view
    is what the scans find.
    """
    import rolltape

    store, scan = rolltape.open(root), Scan(Path(arrays))
    curve = store.curve(METRIC, buckets=BUCKETS, exact=True)
    edges = curve.edges
    scan.open()
    right = all(_same(curve, scan(edges, way)) for way in ("plain", "cached", "std"))
    names = ("view", "window", "scan", "cached_scan", "std_scan", "cold_view", "cold_scan")
    found: dict[str, list[float]] = {name: [] for name in names}
    starts = count(1)
    for turn in range(turns + 1):
        found["scan"].append(taken(scan, edges))
        for _ in range(VIEWS):
            found["view"].append(taken(store.curve, METRIC, buckets=BUCKETS))
            window = float(next(starts)), points - 1.0
            found["window"].append(taken(store.curve, METRIC, window=window, buckets=BUCKETS))
        found["cached_scan"].append(taken(scan, edges, "cached"))
        found["std_scan"].append(taken(scan, edges, "std"))
        if turn == 0:  # the first touch of everything
            for times in found.values():
                times.clear()
    stayed: list[float | None] = []
    for _ in range(cold_turns):
        scan.close()
        stayed.append(drop(scan.files))
        found["cold_scan"].append(taken(lambda: (scan.open(), scan(edges))))
        stayed.append(drop(files_below(root)))
        found["cold_view"].append(taken(lambda: rolltape.open(root).curve(METRIC, buckets=BUCKETS)))
    shares = [share for share in stayed if share is not None]
    most = max(shares) if len(shares) == len(stayed) else None
    return {**_medians(found), "stayed": most, "right": right, "turns_ms": found}


def again(_directory: Path, root: str, points: int, tries: int) -> dict[str, float]:
    """The warm views alone: medians ``view`` and ``window`` in ms."""
    import rolltape

    store = rolltape.open(root)
    store.curve(METRIC, buckets=BUCKETS)
    found: dict[str, list[float]] = {"view": [], "window": []}
    for start in range(1, tries + 1):
        found["view"].append(taken(store.curve, METRIC, buckets=BUCKETS))
        window = float(start), points - 1.0
        found["window"].append(taken(store.curve, METRIC, window=window, buckets=BUCKETS))
    return _medians(found)


def growth(_directory: Path, roots: list[str], points: list[int], turns: int, cold_turns: int) -> list[dict[str, Any]]:
    """ms of the full view of each of several stores, in turns: medians ``view``, ``window``, ``cold``, and ``first``.

    ``first`` is the one view that makes the index.
    """
    import rolltape

    stores = [rolltape.open(root) for root in roots]
    found: list[dict[str, list[float]]] = [{"view": [], "window": [], "cold": []} for _ in roots]
    for times, store in zip(found, stores, strict=True):
        times["first"] = [taken(store.curve, METRIC, buckets=BUCKETS)]
    for turn in range(turns * VIEWS):
        for times, store, length in zip(found, stores, points, strict=True):
            times["view"].append(taken(store.curve, METRIC, buckets=BUCKETS))
            window = 1.0 + turn, length - 1.0
            times["window"].append(taken(store.curve, METRIC, window=window, buckets=BUCKETS))
    for _ in range(cold_turns):
        for times, root in zip(found, roots, strict=True):
            drop(files_below(root))
            times["cold"].append(taken(lambda root=root: rolltape.open(root).curve(METRIC, buckets=BUCKETS)))
    return [_medians(times) for times in found]


def zoom(_directory: Path, root: str, arrays: str, points: int, turns: int) -> dict[str, Any]:
    """ms of 1 % of a run, another one each time: medians ``raw``, ``curve``, and ``scan`` of the mapped arrays."""
    import numpy as np

    import rolltape

    store, scan = rolltape.open(root), Scan(Path(arrays))
    warm([*scan.files, *files_below(root)])
    scan.open()
    scan(np.linspace(0, points - 1, BUCKETS + 1))
    (run,) = store.runs()
    store.curve(METRIC)
    found: dict[str, list[float]] = {"raw": [], "curve": [], "scan": []}
    wide = points // 100
    right = True
    for low in np.random.default_rng(3).integers(points - wide, size=turns * VIEWS).tolist():
        window = float(low), float(low + wide - 1)
        lengths: list[int] = []
        found["raw"].append(taken(_consume, store, run.key, window, lengths))
        found["curve"].append(taken(store.curve, METRIC, window=window, buckets=BUCKETS))
        found["scan"].append(taken(scan, np.linspace(*window, BUCKETS + 1)))
        right = right and sum(lengths) == wide
    return {**_medians(found), "right": right}


def _consume(store: Any, run: str, window: tuple[float, float], lengths: list[int]) -> None:
    """Look at every number of the points in a window, and note how many there are in each block."""
    for x, points in store.scan(run, METRIC, window=window):
        for column in (x, *points):
            column.sum()
        lengths.append(len(x))


def _same(curve: Any, scanned: list[Any]) -> bool:
    import numpy as np

    pairs = zip((curve.runs[key] for key in sorted(curve.runs)), scanned, strict=True)
    return all(
        np.array_equal(ours.count, theirs.count)
        and np.array_equal(ours.min, theirs.min)
        and np.array_equal(ours.max, theirs.max)
        and np.allclose(ours.mean, theirs.mean, rtol=1e-9)
        and (theirs.std is None or np.allclose(ours.std, theirs.std, rtol=1e-6))
        for ours, theirs in pairs
    )


def _medians(found: Mapping[str, list[float]]) -> dict[str, Any]:
    return {name: median(times) for name, times in found.items()}


def listing(_directory: Path, root: str, cache: str) -> list[float]:
    """ms of `rolltape.open` and `runs()` with that cache directory, and of `runs()` once more."""
    os.environ["ROLLTAPE_CACHE_DIR"] = cache
    import rolltape
    import rolltape.store

    opened: list[Any] = []
    first = taken(lambda: opened.append((store := rolltape.open(root), store.runs())))
    return [first, taken(opened[0][0].runs)]
