"""The scripted environment for Gymnasium."""

from __future__ import annotations

import os
from typing import Any

import gymnasium
import numpy as np
from contract import Script


class Scripted(gymnasium.Env[Any, Any]):
    """Two actions (or a continuous one), neither of which matters."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's)

    def __init__(self, truth: str | os.PathLike[str], continuous: bool = False) -> None:
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
        box = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space: Any = box if continuous else gymnasium.spaces.Discrete(2)
        self._script = Script(truth)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._script.reset()
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward, ends = self._script.step()
        return self.observation_space.sample(), reward, ends, False, {}
