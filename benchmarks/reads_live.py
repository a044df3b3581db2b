"""A run that another process is recording: how soon a row is in a curve, and what a look costs.

Each writer first records a history with ``log_batch``, then logs the time of day as a value, which lies far above the
history: the maximum of a curve tells when its newest row was logged.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.reads_data import BLOCK, METRIC, taken

TOGETHER, PAUSE = 500, 0.02  # rows, and seconds before the next ones: 25,000 rows a second, so frames are made too
_DEADLINE = 60.0


def writer(_directory: Path, root: str, history: int) -> None:
    """In a child: record until killed."""
    import numpy as np

    import rolltape

    rng = np.random.default_rng(7)
    run = rolltape.init(project="benchmark", id="live", dir=root)
    for start in range(0, history, BLOCK):
        step = np.arange(start, min(start + BLOCK, history))
        run.log_batch({METRIC: rng.normal(size=len(step)).astype(np.float32)}, step=step)
    step = history
    while True:
        for _ in range(TOGETHER):
            run.log({METRIC: time.time()}, step=step)
            step += 1
        time.sleep(PAUSE)


def follow(_directory: Path, roots: list[str], rows: int) -> dict[str, Any]:
    """In a child: ``latency`` of rows of the first store in ms, and the ``cost`` of each look at each store.

    A latency begins with the last `log` that a curve knows of and ends when that curve is there, for a reader that asks
    without a pause. A look is `curve` on a store that was asked before, after more rows came.
    """
    import numpy as np

    stores = [_opened(Path(root)) for root in roots]
    latencies: list[float] = []
    seen = 0.0
    while len(latencies) <= rows:
        (buckets,) = stores[0].curve(METRIC).runs.values()
        newest = float(np.nanmax(buckets.max))
        if newest > seen:
            latencies.append((time.time() - newest) * 1e3)
            seen = newest
    costs: list[list[float]] = [[] for _ in stores]
    for _ in range(rows):
        for cost, store in zip(costs, stores, strict=True):
            time.sleep(1.5 * PAUSE)
            cost.append(taken(store.curve, METRIC))
    return {"latency": latencies[1:], "cost": costs}


def _opened(root: Path) -> Any:
    """The store once its writer logs times."""
    import numpy as np

    import rolltape

    deadline = time.monotonic() + _DEADLINE
    store = None
    while time.monotonic() < deadline:
        if store is None and root.is_dir():
            store = rolltape.open(root)
        if store is not None and any(run.points for run in store.runs()):
            (buckets,) = store.curve(METRIC).runs.values()
            if np.nanmax(buckets.max) > 1e9:
                return store
        time.sleep(0.05)
    raise TimeoutError("the writer did not begin to log")
