"""The scripted environment for dm_env."""

from __future__ import annotations

import os
from typing import Any

import dm_env
import numpy as np
from contract import Script
from dm_env import specs


class Scripted(dm_env.Environment):
    """A continuous action, which does not matter."""

    def __init__(self, truth: str | os.PathLike[str]) -> None:
        self._script = Script(truth)
        self._dice = np.random.default_rng(0)

    def _observation(self) -> Any:
        return self._dice.uniform(-1, 1, 2).astype(np.float32)

    def reset(self) -> dm_env.TimeStep:
        self._script.reset()
        return dm_env.restart(self._observation())

    def step(self, action: Any) -> dm_env.TimeStep:
        reward, ends = self._script.step()
        kind = dm_env.StepType.LAST if ends else dm_env.StepType.MID
        return dm_env.TimeStep(kind, np.float32(reward), np.float32(not ends), self._observation())

    def observation_spec(self) -> specs.BoundedArray:
        return specs.BoundedArray((2,), np.float32, -1, 1)

    def action_spec(self) -> specs.BoundedArray:
        return specs.BoundedArray((1,), np.float32, -1, 1)

    def reward_spec(self) -> specs.Array:
        return specs.Array((), np.float32)

    def discount_spec(self) -> specs.BoundedArray:
        return specs.BoundedArray((), np.float32, 0, 1)
