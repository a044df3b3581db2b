"""What the benchmarks of reading read: recorded runs, the same points as NumPy files, and how to drop their pages.

A point is a float32 return that rises and is noisy, its step counts on and its times have microseconds.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

METRIC = "episode_return"
BLOCK = 200_000  # points of a log_batch, which are a frame
BEGAN = 1_700_000_000_000_000_000  # ns: the first point
ROW_METRICS = 10
MIB = 2**20
TOGETHER = 8  # buckets that are reduced at a time to be kind to the CPU's cache


def record(_directory: Path, root: str, runs: int, points: int, arrays: str | None = None) -> None:
    """In a child: runs of one metric; into the directory ``arrays`` their x and values as float64 ``.npy`` files."""
    import numpy as np

    import rolltape

    rng = np.random.default_rng(7)
    noise = rng.normal(scale=20, size=2 * BLOCK).astype(np.float32)
    for number in range(runs):
        values = []
        with rolltape.init(project="benchmark", id=f"run-{number:03d}", dir=root) as run:
            for start in range(0, points, BLOCK):
                step = np.arange(start, min(start + BLOCK, points))
                offset = int(rng.integers(BLOCK))
                value = (100 * np.log1p(step / 1e5)).astype(np.float32) + noise[offset : offset + len(step)]
                time = BEGAN + 1000 * (50 * step + rng.integers(30, size=len(step)))
                run.log_batch({METRIC: value}, step=step, time=time)
                values.append(value)
        if arrays is not None:
            Path(arrays).mkdir(exist_ok=True)
            np.save(Path(arrays, f"x-{number:03d}.npy"), np.arange(points, dtype=np.float64))
            np.save(Path(arrays, f"value-{number:03d}.npy"), np.concatenate(values, dtype=np.float64))


def record_rows(_directory: Path, root: str, rows: int) -> None:
    """In a child: one run of ``log()`` of ten full-entropy floats."""
    from random import random

    import rolltape

    names = [f"metric/{i}" for i in range(ROW_METRICS)]
    with rolltape.init(project="benchmark", id="rows", dir=root) as run:
        for step in range(rows):
            run.log({name: random() for name in names}, step=step)


class Found(NamedTuple):
    """What a scan finds in each bucket, arrays of [b]."""

    count: Any
    mean: Any
    min: Any
    max: Any
    std: Any = None


class Scan:
    """The floor: all points of each run, mapped into memory, by the shortest and fastest plain NumPy."""

    def __init__(self, arrays: Path) -> None:
        import numpy as np

        self.files = sorted(arrays.glob("*.npy"))
        self._np = np
        self._mapped: list[tuple[Any, Any]] = []

    def open(self) -> None:
        """Map the files, as arrays that are no np.memmap, whose every slice costs 10 µs."""
        load = self._np.load
        half = len(self.files) // 2
        pairs = zip(self.files[half:], self.files[:half], strict=True)  # x-… and value-…
        self._mapped = [tuple(self._np.asarray(load(file, mmap_mode="r")) for file in pair) for pair in pairs]

    def close(self) -> None:
        """Mapped pages cannot be dropped."""
        self._mapped = []

    def __call__(self, edges: Any, way: str = "plain") -> list[Found]:
        """Count, mean, min and max between edges[b + 1] of each run.

        way: ``plain``; ``std``, which finds the standard deviation too, as a curve does, from sums of squares; or
        ``cached``, which reduces a few buckets at a time, so that they stay in the CPU's cache from the sum to the
        maximum: up to twice as fast.
        """
        found = []
        for x, value in self._mapped:
            bounds = x.searchsorted(edges)
            bounds[-1] = x.searchsorted(edges[-1], "right")
            found.append(getattr(self, f"_{way}")(value, bounds))
        return found

    def _plain(self, value: Any, bounds: Any) -> Found:
        np = self._np
        count, starts, value = np.diff(bounds), bounds[:-1], value[: bounds[-1]]
        low, high = np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts)
        return Found(count, np.add.reduceat(value, starts) / count, low, high)

    def _std(self, value: Any, bounds: Any) -> Found:
        np = self._np
        found = self._plain(value, bounds)
        value = value[: bounds[-1]]
        squares = np.add.reduceat(value * value, bounds[:-1]) / found.count
        return found._replace(std=np.sqrt(np.maximum(squares - found.mean * found.mean, 0.0)))

    def _cached(self, value: Any, bounds: Any) -> Found:
        parts = []
        for first in range(0, len(bounds) - 1, TOGETHER):
            some = bounds[first : first + TOGETHER + 1]
            parts.append(self._plain(value[some[0] : some[-1]], some - some[0])[:4])
        return Found(*(self._np.concatenate(column) for column in zip(*parts, strict=True)))


def taken(call: Callable[..., object], *arguments: Any, **named: Any) -> float:
    """ms of one call."""
    began = perf_counter()
    call(*arguments, **named)
    return (perf_counter() - began) * 1e3


def files_below(directory: str | Path) -> list[Path]:
    """Every regular file."""
    return [path for path in Path(directory).rglob("*") if path.is_file()]


def warm(files: Iterable[Path]) -> None:
    """Put the pages of these files into memory."""
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.read(MIB):
                pass


def drop(files: Iterable[Path]) -> float | None:
    """Put the pages of these files out of memory; the share that stayed, None where this system cannot say."""
    if not hasattr(os, "posix_fadvise"):
        return None
    os.sync()
    stayed = total = 0
    for path in files:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            pages = _pages_in_memory(file.fileno())
        if pages is None:
            return None
        stayed += sum(pages)
        total += len(pages)
    return stayed / max(total, 1)


def _pages_in_memory(file: int) -> bytes | None:
    """1 for each page of a file that is in the page cache, else 0."""
    size = os.fstat(file).st_size
    if not size:
        return b""
    with mmap.mmap(file, size, access=mmap.ACCESS_COPY) as mapped:  # ctypes takes the address of writable memory only
        first = ctypes.c_char.from_buffer(mapped)
        try:
            held = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            libc = ctypes.CDLL(None, use_errno=True)
            failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(size), held)
        finally:
            del first
    return None if failed else bytes(page & 1 for page in held)
