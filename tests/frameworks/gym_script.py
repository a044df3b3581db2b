"""The scripted environment for Gym 0.25: four values a step."""

from __future__ import annotations

import os
from typing import Any

import gym
import numpy as np
from contract import Script


class Scripted(gym.Env):  # type: ignore[misc]
    """Two actions, neither of which matters."""

    def __init__(self, truth: str | os.PathLike[str]) -> None:
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self._script = Script(truth)

    def reset(self) -> Any:
        self._script.reset()
        return self.observation_space.sample()

    def step(self, action: Any) -> tuple[Any, float, bool, dict[str, Any]]:
        reward, ends = self._script.step()
        return self.observation_space.sample(), reward, ends, {}
