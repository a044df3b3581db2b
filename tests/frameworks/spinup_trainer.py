"""The calls that Spinning Up's VPG and PPO make, around a policy that learns nothing: TRUTH OUT EPOCHS STEPS [mpi].

Spinning Up itself cannot be installed on a Python of today. The environment is the scripted one.
"""

from __future__ import annotations

import sys
import time
import types
from typing import Any

import torch
from gymnasium_script import Scripted

import rolltape.frameworks.spinningup

# A stand-in for the package around logx.py, which is what install() replaces.
for name in ("spinup", "spinup.utils"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = []
rolltape.frameworks.spinningup.install(project="spinup")

from spinup.utils.logx import EpochLogger  # type: ignore[import-not-found]  # noqa: E402


def vpg(
    env_fn: Any,
    actor_critic: Any = torch.nn.Linear,
    seed: int = 0,
    steps_per_epoch: int = 100,
    epochs: int = 3,
    max_ep_len: int = 1000,
    logger_kwargs: Any = None,
    save_freq: int = 2,
    processes: int = 1,
    rank: int = 0,
) -> None:
    logger = EpochLogger(**(logger_kwargs or {}))
    logger.save_config(locals())
    torch.manual_seed(seed + 10000 * rank)
    env = env_fn()
    policy = actor_critic(2, 2)
    logger.log("\nNumber of parameters: \t pi: 6, \t v: 6\n")
    local_steps = steps_per_epoch // processes
    logger.setup_pytorch_saver(policy)
    start_time = time.time()
    (o, _), ep_ret, ep_len = env.reset(), 0.0, 0
    for epoch in range(epochs):
        for t in range(local_steps):
            with torch.no_grad():
                v = policy(torch.as_tensor(o)).sum().numpy()
            o, r, d, _, _ = env.step(0)
            ep_ret += r
            ep_len += 1
            logger.store(VVals=v)
            timeout = ep_len == max_ep_len
            terminal = d or timeout
            if terminal or t == local_steps - 1:
                if terminal:
                    logger.store(EpRet=ep_ret, EpLen=ep_len)
                (o, _), ep_ret, ep_len = env.reset(), 0.0, 0
        if (epoch % save_freq == 0) or (epoch == epochs - 1):
            logger.save_state({"env": 1}, None)
        logger.store(LossPi=0.5, LossV=2.0, KL=0.01, Entropy=0.69, DeltaLossPi=-0.1, DeltaLossV=-0.2)
        logger.log_tabular("Epoch", epoch)
        logger.log_tabular("EpRet", with_min_and_max=True)
        logger.log_tabular("EpLen", average_only=True)
        logger.log_tabular("VVals", with_min_and_max=True)
        logger.log_tabular("TotalEnvInteracts", (epoch + 1) * steps_per_epoch)
        for key in ("LossPi", "LossV", "DeltaLossPi", "DeltaLossV", "Entropy", "KL"):
            logger.log_tabular(key, average_only=True)
        logger.log_tabular("Time", time.time() - start_time)
        logger.dump_tabular()


def main(truth: str, out: str, epochs: str, steps: str, *mpi: str) -> None:
    rank, processes = 0, 1
    if mpi:
        from mpi4py import MPI

        rank, processes = MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size()
    vpg(
        lambda: Scripted(f"{truth}{rank or ''}"),
        epochs=int(epochs),
        steps_per_epoch=int(steps),
        seed=3,
        logger_kwargs={"output_dir": out, "exp_name": "vpg"},
        processes=processes,
        rank=rank,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
