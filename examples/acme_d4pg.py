"""D4PG of Acme on MountainCarContinuous: train some episodes, evaluate five, and so on, all in one run.

    python examples/acme_d4pg.py --seed 1

Needs the packages in tests/environments/acme-tf.txt: pip install --no-deps -r tests/environments/acme-tf.txt
"""

# ruff: noqa: E402

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# dm-launchpad has no package for today's Python, and today's Reverb another signature. These stand in for them.
sys.path.append(str(Path(__file__).parent.parent / "tests" / "stubs"))
import acme_shims

acme_shims.install()

import acme
import gym
import numpy as np
import sonnet as snt
import tensorflow as tf
from acme import specs, wrappers
from acme.agents.tf import actors, d4pg
from acme.tf import networks
from acme.tf import utils as tf2_utils

import rolltape
from rolltape.frameworks.acme import logger_factory
from rolltape.server import serve_in_background


def main() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--episodes-per-eval", type=int, default=10)
    parser.add_argument("--max-episode-steps", type=int, default=999)
    parser.add_argument("--seed", type=int, default=0)
    config = parser.parse_args()
    tf.random.set_seed(config.seed)
    np.random.seed(config.seed)

    with rolltape.init(project="mountain-car", name=f"d4pg-s{config.seed}", config=config, tags=["acme"]) as run:
        page = serve_in_background(run.directory.parent.parent, None)
        print(f"Watch: {page.url}", flush=True)
        loggers = logger_factory(run, time_delta=1.0)  # of the terminal; the tape gets every row
        eval_logger = loggers("eval", aggregate_regex="return")

        environment = make_environment(config)
        policy, agent = make_agent(specs.make_environment_spec(environment), config, loggers("learner"))
        actor = actors.FeedForwardActor(snt.Sequential([tf2_utils.batch_concat, policy]))

        train_loop = acme.EnvironmentLoop(environment, agent, logger=loggers("train", smoothing_regex="return"))
        eval_loop = acme.EnvironmentLoop(environment, actor, logger=eval_logger)
        for _ in range(config.episodes // config.episodes_per_eval):
            train_loop.run(num_episodes=config.episodes_per_eval)
            eval_loop.run(num_episodes=5)
            eval_logger.dump()

    print(f"The page: {page.url}", flush=True)
    if sys.stdin.isatty():
        input("Enter ends.")


def make_environment(config: argparse.Namespace) -> acme.wrappers.SinglePrecisionWrapper:
    environment = gym.make("MountainCarContinuous-v0", max_episode_steps=config.max_episode_steps)
    environment.seed(config.seed)
    return wrappers.SinglePrecisionWrapper(wrappers.GymWrapper(environment))


def make_agent(
    spec: specs.EnvironmentSpec, config: argparse.Namespace, logger: acme.utils.loggers.Logger
) -> tuple[snt.Module, d4pg.D4PG]:
    """The policy without noise, and the agent that learns it."""
    actions = int(np.prod(spec.actions.shape))
    policy = snt.Sequential([
        networks.LayerNormMLP((256, 256, 256), activate_final=True),
        networks.NearZeroInitializedLinear(actions),
        networks.TanhToSpec(spec.actions),
    ])  # fmt: skip
    critic = snt.Sequential([
        networks.CriticMultiplexer(),
        networks.LayerNormMLP((512, 512, 256), activate_final=True),
        networks.DiscreteValuedHead(-150.0, 150.0, 51),
    ])  # fmt: skip
    agent = d4pg.D4PG(
        spec,
        policy,
        critic,
        tf2_utils.batch_concat,
        logger=logger,
        checkpoint=False,
    )
    return policy, agent


if __name__ == "__main__":
    main()
