"""Runs Acme's environment loop without an agent that learns: truth, episodes. Needs no TensorFlow."""

from __future__ import annotations

import sys
from typing import Any

import acme
import numpy as np
from dm_env_script import Scripted

import rolltape
from rolltape.frameworks.acme import make_logger


class Still(acme.Actor):
    """Does nothing, and learns nothing."""

    def select_action(self, observation: Any) -> Any:
        return np.zeros(1, np.float32)

    def observe_first(self, timestep: Any) -> None:
        pass

    def observe(self, action: Any, next_timestep: Any) -> None:
        pass

    def update(self, wait: bool = False) -> None:
        pass


if __name__ == "__main__":
    with rolltape.init(id="r") as run:
        loop = acme.EnvironmentLoop(Scripted(sys.argv[1]), Still(), logger=make_logger(run, "train", terminal=False))
        loop.run(num_episodes=int(sys.argv[2]))
