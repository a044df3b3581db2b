"""Trains with Stable-Baselines3 on the scripted environment: ALGORITHM STEPS TRUTH [ENVIRONMENTS]."""

from __future__ import annotations

import sys
from typing import Any

import stable_baselines3
import torch
from gymnasium_script import Scripted
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from rolltape.frameworks.stable_baselines3 import RolltapeCallback

SMALL: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 64, "batch_size": 32, "n_epochs": 2},
    "A2C": {},
    "DQN": {"learning_starts": 50, "buffer_size": 1000},
    "SAC": {"learning_starts": 50, "buffer_size": 1000, "train_freq": 8},
}


def main(algorithm: str, steps: str, truth: str, environments: str = "1") -> None:
    torch.set_num_threads(1)
    made = [lambda: Monitor(Scripted(truth, continuous=algorithm == "SAC")) for _ in range(int(environments))]
    model = getattr(stable_baselines3, algorithm)(
        "MlpPolicy", DummyVecEnv(made), policy_kwargs={"net_arch": [8]}, seed=3, device="cpu", **SMALL[algorithm]
    )
    callback = RolltapeCallback(project="sb3", id=algorithm, config={"note": "scripted"})
    model.learn(int(steps), callback=callback)
    callback.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
