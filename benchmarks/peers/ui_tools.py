"""The tools whose pages are held against each other: how each records, serves and opens, and what its charts got.

Each is used as its users would: recorded with its own writer, served with its defaults, opened where its charts are.
What a chart of another tool is drawn from is the answer that its page got for what it shows by itself.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import ui_mlflow, ui_tensorboard, ui_trackio

CANVAS = """
(() => {
  // Whether a canvas has coloured pixels: axes, grids and texts are grey.
  const small = new OffscreenCanvas(96, 64).getContext('2d', {willReadFrequently: true});
  for (const canvas of document.querySelectorAll('SELECTOR')) {
    if (canvas.width < 50 || canvas.height < 50) continue;
    small.clearRect(0, 0, 96, 64);
    small.drawImage(canvas, 0, 0, 96, 64);
    const pixels = small.getImageData(0, 0, 96, 64).data;
    for (let i = 0; i < pixels.length; i += 4) {
      const [r, g, b, a] = pixels.subarray(i, i + 4);
      if (a > 8 && Math.max(r, g, b) - Math.min(r, g, b) > 20) return true;
    }
  }
  return false;
})()
"""
PATH = "[...document.querySelectorAll('SELECTOR')].some(path => /^M.*[LHVCQ]/.test(path.getAttribute('d') ?? ''))"


class Tool(NamedTuple):
    """A page.

    ``module`` has ``record(directory, root, dataset)`` and ``serve(directory, root, port)``, for a child. ``drawn`` is
    JavaScript that is true when a chart with data is drawn. Rolltape has no ``packages`` and is looked at closer.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    drawn: str
    place: str = ""  # of its charts, after the address of its server
    answer: str = ""  # part of the address of what a chart is drawn from
    values: Callable[[bytes], Iterable[float]] = lambda _: ()  # all values in such an answer
    loaded: str = ""  # the page to ask whether all runs are loaded ...
    has_runs: Callable[[bytes, int], bool] = lambda _answer, _count: True  # ... from what it says


TOOLS = {
    "rolltape": Tool(
        "rolltape",
        "benchmarks.ui_rolltape",
        (),
        CANVAS.replace("SELECTOR", "section.chart[data-points] canvas"),
    ),
    "tensorboard": Tool(
        "TensorBoard",
        "benchmarks.peers.ui_tensorboard",
        ("tensorboard", "tensorboardX"),
        CANVAS.replace("SELECTOR", "line-chart canvas"),
        answer="/timeseries/timeSeries",
        values=ui_tensorboard.values,
        loaded="data/runs",
        has_runs=ui_tensorboard.has_runs,
    ),
    "trackio": Tool(
        "Trackio",
        "benchmarks.peers.ui_trackio",
        ("trackio",),
        CANVAS.replace("SELECTOR", ".vega-embed canvas"),
        "?project=benchmark",
        answer="/api/get_logs_batch",
        values=ui_trackio.values,
    ),
    "mlflow": Tool(
        "MLflow",
        "benchmarks.peers.ui_mlflow",
        ("mlflow",),
        PATH.replace("SELECTOR", ".scatterlayer path.js-line"),
        "#/experiments/1/runs?compareRunsMode=CHART",
        answer="/metrics/get-history-bulk-interval",
        values=ui_mlflow.values,
    ),
}


def version(_directory: Path, package: str) -> str:
    """In a child."""
    return importlib.metadata.version(package)
