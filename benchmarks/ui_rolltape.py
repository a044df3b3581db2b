"""rolltape as a page, and runs for it, recorded as every run is; each function is called in a child."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks import ui_data

METRIC = "train/return"
MANY, MANY_METRICS, MANY_STEPS = 1_000, 50, 100
GROUPS, SEEDS, LONG = 10, 5, 1_000_000
BLOCK = 250_000  # points of a log_batch


def serve(directory: Path, root: str, port: int, cache: str = "") -> None:
    """Until killed; the catalogue and the indexes are in ``cache``, or nobody else's."""
    os.environ["ROLLTAPE_CACHE_DIR"] = cache or str(directory / "cache")
    from rolltape.server import serve

    serve(Path(root), port=port)


def warm_catalogue(_directory: Path, root: str, cache: str) -> None:
    """What a server that was there before has left."""
    os.environ["ROLLTAPE_CACHE_DIR"] = cache
    import rolltape

    rolltape.open(root).runs()


def record(_directory: Path, root: str, dataset: str) -> None:
    """The runs that every tool is shown."""
    import numpy as np

    import rolltape

    for run in ui_data.runs(dataset):
        with rolltape.init(project=ui_data.PROJECT, name=run.name, config=run.config, dir=root) as tape:
            for name, values in run.metrics.items():
                tape.log_batch({name: values}, step=np.arange(len(values)))


def record_many(_directory: Path, root: str) -> None:
    """A sweep: groups of five seeds, small runs of many metrics."""
    import numpy as np

    import rolltape

    rng = np.random.default_rng(7)
    rise = np.log1p(np.arange(MANY_STEPS))
    names = [METRIC, *(f"{'loss' if i % 2 else 'train'}/metric-{i:02d}" for i in range(1, MANY_METRICS))]
    for number in range(MANY):
        config = {"lr": 10.0 ** -(1 + number // 5 % 10 / 3), "gamma": 1 - 0.1 / (1 + number // 50), "seed": number % 5}
        with rolltape.init(project=ui_data.PROJECT, name="sweep", config=config, dir=root) as tape:
            tape.log_batch({name: rise + rng.normal(size=MANY_STEPS) for name in names}, step=np.arange(MANY_STEPS))


def record_groups(_directory: Path, root: str) -> None:
    """A few groups of long runs."""
    import numpy as np

    import rolltape

    rng = np.random.default_rng(7)
    noise = rng.normal(scale=20, size=2 * BLOCK).astype(np.float32)
    for number in range(GROUPS * SEEDS):
        config = {"lr": 10.0 ** -(1 + number // SEEDS / 3), "seed": number % SEEDS}
        with rolltape.init(project=ui_data.PROJECT, name="long", config=config, dir=root) as tape:
            for start in range(0, LONG, BLOCK):
                step = np.arange(start, start + BLOCK)
                offset = int(rng.integers(BLOCK))
                value = (10 * (1 + number // SEEDS) * np.log1p(step / 1e4)).astype(np.float32)
                tape.log_batch({METRIC: value + noise[offset : offset + BLOCK]}, step=step)
