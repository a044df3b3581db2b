"""TensorBoard as a page: recorded with tensorboardX."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ui_data import runs


def record(_directory: Path, root: str, dataset: str) -> None:
    """In a child: a directory of events for each run."""
    from tensorboardX import SummaryWriter

    for run in runs(dataset):
        writer = SummaryWriter(str(Path(root, run.name)))
        for name, values in run.metrics.items():
            for step, value in enumerate(values):
                writer.add_scalar(name, float(value), step)
        writer.close()


def serve(_directory: Path, root: str, port: int) -> None:
    """In a child: until killed."""
    options = ["--logdir", root, "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "tensorboard.main", *options])


def has_runs(answer: bytes, count: int) -> bool:
    """It reads the files in the background after it has started."""
    return len(json.loads(answer)) == count


def values(answer: bytes) -> Iterator[float]:
    """Of one card: all the runs."""
    for series in json.loads(answer):
        for points in series["runToSeries"].values():
            yield from (point["value"] for point in points)
