"""The logging vocabulary: `EpochLogger.store` against the original's work, and a chain of five filters."""

from __future__ import annotations

import contextlib
import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from benchmarks.child import in_child
from benchmarks.effort import Effort
from benchmarks.row import Row

STORE, CHAIN_US = 2.0, 5.0
BURST, ROUNDS = 100, 20


class DictOfLists:
    """What Spinning Up's EpochLogger does in `store`, step by step, and nothing else."""

    def __init__(self) -> None:
        self.stored: dict[str, list[Any]] = {}

    def store(self, **values: Any) -> None:
        for key, value in values.items():
            if not (key in self.stored.keys()):  # noqa: SIM118, E713 (as the original asks)
                self.stored[key] = []
            self.stored[key].append(value)


def store_row(effort: Effort) -> Row:
    """The median ``store(EpRet=…, EpLen=…)``, the tape included."""
    runs = [in_child("benchmarks.loggers:store_times", calls=effort.calls) for _ in range(effort.repetitions)]
    ratios = [run["rolltape"] / run["original"] for run in runs]
    ours, theirs = (median(run[name] for run in runs) for name in ("rolltape", "original"))
    return Row(
        "EpochLogger.store(EpRet=…, EpLen=…), raw values on the tape",
        f"≤ {STORE:.0f} × the original, which keeps two lists",
        f"{median(ratios):.2f} × ({ours:.0f} ns against {theirs:.0f}; {min(ratios):.2f} to {max(ratios):.2f})",
        median(ratios) <= STORE,
        {"ratio": median(ratios), "store_ns": ours, "original_ns": theirs, "runs": runs},
    )


def chain_row(effort: Effort) -> Row:
    """The median write of ten values through five filters to a logger that does nothing."""
    runs = [in_child("benchmarks.loggers:chain_times", calls=effort.calls) for _ in range(effort.repetitions)]
    chain, copies = (median(run[name] for run in runs) / 1e3 for name in ("chain", "copies"))
    return Row(
        "a chain of five filters, ten values a write",
        f"≤ {CHAIN_US:.0f} µs",
        f"{chain:.1f} µs ({chain / copies:.1f} × copying the row five times)",
        chain <= CHAIN_US,
        {"chain_us": chain, "copies_us": copies, "runs": runs},
    )


def store_times(directory: Path, calls: int) -> dict[str, float]:
    """ns of one call of each, by turns."""
    import rolltape
    from rolltape.loggers import EpochLogger

    with rolltape.init(dir=directory / "tapes") as run, contextlib.redirect_stdout(io.StringIO()):
        epoch, original = EpochLogger(run, directory / "out"), DictOfLists()

        def store_of(store: Callable[..., None]) -> Callable[[float], None]:
            def burst(episode_return: float) -> None:
                for _ in range(BURST):
                    store(EpRet=episode_return, EpLen=200)

            return burst

        epoch.store(EpRet=0.0, EpLen=1)  # from then on it has its own function for these keys
        return _by_turns({"rolltape": store_of(epoch.store), "original": store_of(original.store)}, calls)


def chain_times(directory: Path, calls: int) -> dict[str, float]:
    """ns of one write through the chain, and of five copies of the row."""
    from rolltape.loggers import GatedFilter, KeyFilter, Logger, NoneFilter, SmoothingFilter, TimeFilter

    class Nothing(Logger):
        def write(self, values: Any) -> None: ...

        def close(self) -> None: ...

    chain = KeyFilter(GatedFilter.periodic(TimeFilter(Nothing(), 0), 1), drop=["metric/3"])
    chain = SmoothingFilter(NoneFilter(chain), "return", 0.99)
    values = {**{f"metric/{i}": random.random() for i in range(9)}, "episode_return": 1.0}

    def write(value: float) -> None:
        for _ in range(BURST):
            chain.write(values)

    def copy(value: float) -> None:
        for _ in range(BURST):
            for _ in range(5):
                dict(values)

    return _by_turns({"chain": write, "copies": copy}, calls)


def _by_turns(bursts: dict[str, Callable[[float], None]], calls: int) -> dict[str, float]:
    """The median ns of one call in each, measured in turns so that a drift of the machine meets all."""
    times: dict[str, list[float]] = {name: [] for name in bursts}
    for _ in range(ROUNDS):
        time.sleep(0.02)  # what the calls left to other threads must not fall on the next one's time
        for name, burst in bursts.items():
            for _ in range(max(1, calls // ROUNDS // BURST)):
                value = random.random()
                began = perf_counter_ns()
                burst(value)
                times[name].append((perf_counter_ns() - began) / BURST)
    return {name: median(found) for name, found in times.items()}
