"""Stable-Baselines3 with rolltape attached: PPO on CartPole against no logger, and against its TensorBoard logger."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.child import ROOT, in_child
from benchmarks.effort import Effort
from benchmarks.row import Row, skipped

KEPT = 0.97
STEPS = 4096
WHAT = "Stable-Baselines3 PPO on CartPole with RolltapeCallback"
ASKED = f"≥ {KEPT:.0%} of its speed without a logger, faster than with TensorBoard"


def speed_row(effort: Effort) -> Row:
    """Steps a second with each logger, by turns in one process."""
    from tests.environments.environment import is_built, python_of

    if not is_built("sb3"):
        return skipped(WHAT, ASKED, "no environment sb3: make test-frameworks builds it")
    found = in_child(
        "benchmarks.frameworks:speeds", python=python_of("sb3"), timeout=900, rounds=3 * effort.repetitions
    )
    none, ours, tensorboard = (found[name] for name in ("none", "rolltape", "tensorboard"))
    kept = median(a / b for a, b in zip(ours, none, strict=True))
    against = median(a / b for a, b in zip(ours, tensorboard, strict=True))
    return Row(
        WHAT,
        ASKED,
        f"{kept:.1%} ({median(ours):.0f} against {median(none):.0f} steps/s); {against:.3f} × TensorBoard",
        kept >= KEPT and against > 1,
        {"kept": kept, "against_tensorboard": against, **found},
    )


def speeds(directory: Path, rounds: int) -> dict[str, list[float]]:
    """Environment steps a second of each training."""
    import sys

    sys.path.insert(0, str(ROOT / "src"))
    import gymnasium
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.logger import configure

    import rolltape
    from rolltape.frameworks.stable_baselines3 import RolltapeCallback

    torch.set_num_threads(1)
    run = rolltape.init(dir=directory / "tapes")

    def trained(formats: list[str], callback: Any) -> float:
        model = PPO("MlpPolicy", gymnasium.make("CartPole-v1"), seed=0, device="cpu")
        model.set_logger(configure(str(directory / "log"), formats))
        began = time.perf_counter()
        model.learn(STEPS, callback=callback)
        took = time.perf_counter() - began
        model.logger.close()
        return STEPS / took

    trained([], None)
    found: dict[str, list[float]] = {"none": [], "rolltape": [], "tensorboard": []}
    ways = [("none", [], lambda: None), ("rolltape", [], lambda: RolltapeCallback(run)),
            ("tensorboard", ["tensorboard"], lambda: None)]  # fmt: skip
    for first in range(rounds):
        for name, formats, callback in ways[first % 3 :] + ways[: first % 3]:
            found[name].append(trained(formats, callback()))
    return found
