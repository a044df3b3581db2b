"""What RLlib's training scripts share: a small Ray, and PPO as small as it can be in the scripted environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from gymnasium_script import Scripted
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.env.multi_agent_env import MultiAgentEnv
from ray.tune import register_env


class Pair(MultiAgentEnv):  # type: ignore[misc]
    """The scripted environment for two agents, the second of which gets twice the reward."""

    def __init__(self, truth: str) -> None:
        super().__init__()
        self._alone = Scripted(truth)
        self.agents = self.possible_agents = ["one", "two"]
        self.observation_spaces = dict.fromkeys(self.agents, self._alone.observation_space)
        self.action_spaces = dict.fromkeys(self.agents, self._alone.action_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observation, _ = self._alone.reset(seed=seed)
        return dict.fromkeys(self.agents, observation), {}

    def step(self, actions: Any) -> Any:
        observation, reward, ends, _, _ = self._alone.step(0)
        rewards = {"one": reward, "two": 2 * reward}
        return dict.fromkeys(self.agents, observation), rewards, {"__all__": ends}, {"__all__": False}, {}


@contextmanager
def session() -> Iterator[None]:
    """Ray with four processors, as far as it knows."""
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    register_env("scripted", lambda config: Scripted(config["truth"]))
    register_env("pair", lambda config: Pair(config["truth"]))
    try:
        yield
    finally:
        ray.shutdown()


def ppo(truth: str, *callbacks: Any, runners: int = 0) -> Any:
    """PPO whose episodes are cut by every call to sample: they have 3 to 9 steps, a call 40 by all runners."""
    return (
        PPOConfig()
        .environment("scripted", env_config={"truth": truth})
        .env_runners(num_env_runners=runners)
        .training(train_batch_size_per_learner=40, minibatch_size=20, num_epochs=1)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[4]))
        .debugging(seed=1)
        .callbacks(list(callbacks))
    )
