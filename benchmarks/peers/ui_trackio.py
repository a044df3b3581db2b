"""Trackio as a page: recorded and shown locally."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.ui_data import PROJECT, runs


def record(_directory: Path, root: str, dataset: str) -> None:
    """In a child: a row a step, as a training loop would log it."""
    trackio = _trackio(root)
    quiet = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
    for run in runs(dataset):
        trackio.init(project=PROJECT, name=run.name, config=run.config, **quiet)
        for step, row in enumerate(zip(*(values.tolist() for values in run.metrics.values()), strict=True)):
            trackio.log(dict(zip(run.metrics, row, strict=True)), step=step)
        trackio.finish()


def serve(_directory: Path, root: str, port: int) -> None:
    """In a child: until killed."""
    _trackio(root).show(project=PROJECT, open_browser=False, block_thread=True, host="127.0.0.1", server_port=port)


def values(answer: bytes) -> Iterator[float]:
    """Every number of every row but its step."""
    told = json.loads(answer)
    for run in told["data"] if isinstance(told, dict) else told:
        for row in run["logs"]:
            yield from (value for name, value in row.items() if name != "step" and isinstance(value, float))


def _trackio(root: str) -> Any:
    os.environ.update(TRACKIO_DIR=root, HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False")
    import trackio

    return trackio
