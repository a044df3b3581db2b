"""Trains D4PG (TensorFlow) of Acme on the scripted environment: truth, episodes [, truth of the evaluation]."""

# ruff: noqa: E402

from __future__ import annotations

import sys

import acme_shims

acme_shims.install()

import acme
import numpy as np
import sonnet as snt
from acme.agents.tf import actors, d4pg
from acme.tf import networks
from acme.tf import utils as tf2_utils
from dm_env_script import Scripted

import rolltape
from rolltape.frameworks.acme import logger_factory

environment = Scripted(sys.argv[1])
spec = acme.make_environment_spec(environment)
size = int(np.prod(spec.actions.shape))
small = networks.LayerNormMLP((8,), activate_final=True)
policy = snt.Sequential([small, networks.NearZeroInitializedLinear(size), networks.TanhToSpec(spec.actions)])
body = networks.LayerNormMLP((8,), activate_final=True)
critic = snt.Sequential([networks.CriticMultiplexer(), body, networks.DiscreteValuedHead(-9.0, 9.0, 5)])

run = rolltape.init(id="r", config={"seed": 1})
loggers = logger_factory(run, terminal=False)
agent = d4pg.D4PG(
    spec,
    policy,
    critic,
    tf2_utils.batch_concat,
    batch_size=4,
    min_replay_size=50,
    samples_per_insert=2,
    logger=loggers("learner"),
    checkpoint=False,
)
train = acme.EnvironmentLoop(environment, agent, logger=loggers("train", smoothing_regex="return"))
if len(sys.argv) == 3:
    train.run(num_episodes=int(sys.argv[2]))
else:
    actor = actors.FeedForwardActor(snt.Sequential([tf2_utils.batch_concat, policy]))
    told = loggers("eval", aggregate_regex="return")
    evaluation = acme.EnvironmentLoop(Scripted(sys.argv[3]), actor, logger=told)
    for _ in range(int(sys.argv[2]) // 10):
        train.run(num_episodes=10)
        evaluation.run(num_episodes=5)
        told.dump()
run.close()
