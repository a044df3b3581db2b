"""Trains SAC (JAX) of Acme on the scripted environment, its learner's logger made by the builder: truth, episodes."""

# ruff: noqa: E402

from __future__ import annotations

import sys

import acme_shims

acme_shims.install()

import acme
from acme.agents.jax import sac
from acme.jax.layouts import local_layout
from dm_env_script import Scripted

import rolltape
from rolltape.frameworks.acme import logger_factory

environment = Scripted(sys.argv[1])
spec = acme.make_environment_spec(environment)
networks = sac.make_networks(spec, hidden_layer_sizes=(8, 8))
config = sac.SACConfig(batch_size=4, min_replay_size=1, samples_per_insert_tolerance_rate=float("inf"))
with rolltape.init(id="r", config={"seed": 1}) as run:
    loggers = logger_factory(run, terminal=False)
    agent = local_layout.LocalLayout(
        seed=1,
        environment_spec=spec,
        builder=sac.SACBuilder(config, logger_fn=loggers),
        networks=networks,
        policy_network=sac.apply_policy_and_sample(networks),
        batch_size=4,
        samples_per_insert=2,
        min_replay_size=20,
        checkpoint=False,
    )
    acme.EnvironmentLoop(environment, agent, logger=loggers("train")).run(num_episodes=int(sys.argv[2]))
