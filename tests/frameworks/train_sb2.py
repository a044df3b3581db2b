"""Trains a Stable Baselines 2 algorithm on the scripted environment: algorithm, truth, steps, then options."""

# ruff: noqa: E402

from __future__ import annotations

import argparse
from functools import partial

import tensorflow1_shim

tensorflow1_shim.install()

import gym
import stable_baselines
from gym_script import Scripted
from stable_baselines import logger
from stable_baselines.bench import Monitor
from stable_baselines.common.vec_env import DummyVecEnv

import rolltape
from rolltape.frameworks.stable_baselines import RolltapeKVWriter

parser = argparse.ArgumentParser()
parser.add_argument("algorithm")
parser.add_argument("truth")
parser.add_argument("steps", type=int)
parser.add_argument("--environments", type=int, default=1)
parser.add_argument("--monitor", action="store_true")
parser.add_argument("--verbose", type=int, default=0)
parser.add_argument("--writers", type=int, default=1)
parser.add_argument("--learn", type=int, default=1, help="how often")
options = parser.parse_args()


def environment() -> gym.Env:
    scripted = Scripted(options.truth)
    return Monitor(scripted, None) if options.monitor else scripted


SETTINGS = {"PPO2": {"n_steps": 32}, "DQN": {"learning_starts": 50}}

run = rolltape.init(id="r", config={"seed": 1})
for _ in range(options.writers):
    logger.Logger.CURRENT.output_formats.append(RolltapeKVWriter(run))
model = getattr(stable_baselines, options.algorithm)(
    "MlpPolicy",
    DummyVecEnv([environment for _ in range(options.environments)]),
    verbose=options.verbose,
    seed=1,
    n_cpu_tf_sess=1,
    **SETTINGS.get(options.algorithm, {}),
)
for i in range(options.learn):
    learn = partial(model.learn, options.steps, reset_num_timesteps=i == 0)
    learn(log_interval=20) if options.algorithm == "DQN" else learn()
run.close()
