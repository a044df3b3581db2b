"""``algo.train()``: one environment runner in this process, then two remote ones, then a logger of one's own.

Arguments: a folder for what is left behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from ray.rllib.callbacks.callbacks import RLlibCallback
from rllib_session import ppo, session

import rolltape
from rolltape.frameworks.rllib import RolltapeRLlibCallback

FOLDER = Path(sys.argv[1])


class Custom(RLlibCallback):  # type: ignore[misc]
    """Adds to a result what people add to results."""

    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        result["custom"] = {"flag": True, "series": [1.0, 2.0], "phase": "warm-up", "odd": object()}


class Kept:
    """Ten lines of the user's own."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.lock = threading.Lock()  # cannot be pickled

    def write(self, values: Any) -> None:
        self.rows.append({name: value for name, value in values.items() if isinstance(value, float | int)})

    def close(self) -> None:
        self.rows.append({"closed": True})


def local() -> None:
    """Evaluates in every second iteration, goes on from a checkpoint, and has the callback twice."""
    run = RolltapeRLlibCallback.to(project="local")
    config = ppo(str(FOLDER / "local"), Custom, run, RolltapeRLlibCallback.to(project="local"))
    config.evaluation(
        evaluation_interval=2,
        evaluation_duration=3,
        evaluation_config={"env_config": {"truth": str(FOLDER / "evaluation")}},
    )
    algorithm = config.build_algo()
    for _ in range(4):
        algorithm.train()
    checkpoint = algorithm.save(str(FOLDER / "checkpoint"))
    algorithm.stop()
    config.environment(env_config={"truth": str(FOLDER / "resumed")}).callbacks(
        RolltapeRLlibCallback.to(project="resumed")
    )
    algorithm = config.build_algo()
    for _ in range(2):
        algorithm.restore(checkpoint)
        algorithm.train()
    algorithm.stop()


def remote() -> None:
    run = rolltape.init(project="remote", config={"mine": 1})
    algorithm = ppo(str(FOLDER / "remote"), RolltapeRLlibCallback.to(run), runners=2).build_algo()
    for _ in range(3):
        algorithm.train()
    algorithm.stop()
    run.log({"still/open": 1.0})


def recreated() -> None:
    """One of two environment runners dies after the first iteration."""
    algorithm = ppo(str(FOLDER / "recreated"), RolltapeRLlibCallback.to(project="recreated"), runners=2).build_algo()
    algorithm.train()
    processes = algorithm.env_runner_group.foreach_env_runner(lambda _: os.getpid(), local_env_runner=False)
    os.kill(processes[0], signal.SIGKILL)
    while algorithm.env_runner_group.num_remote_worker_restarts() < 1:
        algorithm.train()
    algorithm.train()
    algorithm.stop()


def own_logger() -> None:
    kept = Kept()
    algorithm = ppo(str(FOLDER / "own"), RolltapeRLlibCallback.to(kept)).build_algo()
    algorithm.train()
    algorithm.save(str(FOLDER / "own checkpoint"))
    algorithm.stop()
    (FOLDER / "own.json").write_text(json.dumps(kept.rows))


def agents() -> None:
    """Two agents whose rewards are the script's, and twice that."""
    config = ppo(str(FOLDER / "agents"), RolltapeRLlibCallback.to(project="agents")).environment(
        "pair", disable_env_checking=True
    )
    config.multi_agent(policies={"shared"}, policy_mapping_fn=lambda agent, episode, **more: "shared")
    algorithm = config.build_algo()
    algorithm.train()
    algorithm.stop()


if __name__ == "__main__":
    with session():
        local()
        remote()
        recreated()
        own_logger()
        agents()
