"""What every tool is shown: a run with spikes, and a few runs as a morning of training leaves them.

Only NumPy is used, as the peers' environment records these too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

PROJECT = "benchmark"
SPIKED = "train/noise"
POINTS = 30_000  # of unit noise
SPIKES = 30  # of them are one-point spikes
SPIKE = 1000.0
RUNS, STEPS = 10, 1_000  # of the few runs
NAMES = ("loss/policy", "loss/value", "time/fps", "train/length", "train/return")  # their metrics


class Recorded(NamedTuple):
    """A run: each of its metrics is float64[steps], a value for every step from 0 on."""

    name: str
    config: dict[str, Any]
    metrics: dict[str, Any]


def spike_steps() -> list[int]:
    """Where the spikes are: at random, but at least 700 steps from one another, which is some pixels of a chart."""
    import numpy as np

    rng = np.random.default_rng(1)
    apart = POINTS // SPIKES
    return [apart * i + int(rng.integers(350, apart - 350)) for i in range(SPIKES)]


def runs(dataset: str) -> Iterator[Recorded]:
    """The runs of ``spikes`` or ``few``."""
    import numpy as np

    rng = np.random.default_rng(7)
    if dataset == "spikes":
        value = rng.normal(size=POINTS)
        value[spike_steps()] = SPIKE
        yield Recorded("spikes", {"seed": 1}, {SPIKED: value})
        return
    rise = 100 * np.log1p(np.arange(STEPS) / 100)
    for number in range(RUNS):
        config = {"lr": 10.0 ** -(3 + number // 5), "seed": number % 5}
        yield Recorded(
            f"lr{config['lr']:g}-seed{config['seed']}",
            config,
            {name: rise + rng.normal(scale=20, size=STEPS) for name in NAMES},
        )
