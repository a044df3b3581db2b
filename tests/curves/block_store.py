"""A store of arrays that answers `scan` in small blocks, in the order points were logged, and remembers what it was
asked; it may hold more points when it is scanned than when it was asked for a curve, as that of a live run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from plain_formulas import NAN

from rolltape.store import Buckets, Curve, Points


class BlockStore:
    def __init__(self, runs: dict[str, tuple[np.ndarray, np.ndarray]], block: int = 7, sloppy: bool = False) -> None:
        self.points_of = runs
        self.block = block
        self.sloppy = sloppy  # a scan answers with all points, those outside of the window too
        self.asked: list[tuple[Any, ...]] = []
        self.new: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # are there when the curve has been answered

    def runs(self, project: str | None = None) -> list[Any]:
        raise NotImplementedError

    def run(self, run: str) -> Any:
        raise NotImplementedError

    def metrics(self, run: str) -> list[str]:
        raise NotImplementedError

    def points(self, run: str, metric: str) -> Points:
        raise NotImplementedError

    def scan(
        self, run: str, metric: str, x: str = "step", window: Any = None, resumed: Any = "all"
    ) -> Iterator[tuple[np.ndarray, Points]]:
        self.asked.append(("scan", run, metric, x, window, resumed))
        axis, value = self.points_of[run]
        inside = ((axis >= window[0]) & (axis <= window[1])) | self.sloppy
        axis, value = axis[inside], value[inside]
        for i in range(0, len(axis), self.block):
            time = np.zeros(len(axis[i : i + self.block]), np.int64)
            yield axis[i : i + self.block], Points(time, time, value[i : i + self.block])

    def curve(
        self,
        metric: str,
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: Any = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Any = "all",
    ) -> Curve:
        self.asked.append(("curve", runs, metric, x, window, buckets, exact, resumed))
        chosen = {key: self.points_of[key] for key in (self.points_of if runs is None else runs)}
        every = np.concatenate([axis[np.isfinite(axis)] for axis, _ in chosen.values()])
        low, high = window or (every.min(), every.max())
        edges = np.linspace(low, high, buckets + 1)
        answer = Curve(metric, x, edges, {key: plain_buckets(*points, edges) for key, points in chosen.items()})
        self.points_of |= self.new
        return answer


def inside(x: np.ndarray, edges: np.ndarray, i: int) -> np.ndarray:
    """Which of x are in bucket i."""
    last = i == len(edges) - 2
    return (x >= edges[i]) & ((x <= edges[i + 1]) if last else (x < edges[i + 1]))


def plain_buckets(x: np.ndarray, value: np.ndarray, edges: np.ndarray) -> Buckets:
    rows = []
    for i in range(len(edges) - 1):
        here = value[inside(x, edges, i)]
        finite = here[np.isfinite(here)]
        with np.errstate(over="ignore"):
            some = [finite.mean(), finite.min(), finite.max(), finite.std()] if len(finite) else [NAN] * 4
        rows.append([len(finite), *some, len(here) - len(finite)])
    columns = np.array(rows).T
    return Buckets(columns[0].astype(np.int64), *columns[1:5], columns[5].astype(np.int64))
