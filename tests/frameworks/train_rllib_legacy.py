"""Old-style loggers of Tune, beside the callback, for a function that is trained. Arguments: a folder for results."""

from __future__ import annotations

import sys
from typing import Any

import ray
from ray import tune
from ray.tune.logger import LegacyLoggerCallback

from rolltape.frameworks.tune import RolltapeLoggerCallback, RolltapeTuneLogger


def train(config: dict[str, Any]) -> None:
    for n in range(3):
        tune.report({"loss": config["lr"] * n, "nested": {"n": n}})
    if config["lr"] == 2:
        raise RuntimeError("too fast")


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    legacy = LegacyLoggerCallback([RolltapeTuneLogger])
    tune.Tuner(
        train,
        param_space={"lr": tune.grid_search([1, 2]), "logger_config": {"project": "old"}},
        run_config=tune.RunConfig(
            storage_path=sys.argv[1],
            verbose=0,
            callbacks=[legacy, RolltapeLoggerCallback(project="old"), RolltapeLoggerCallback(project="new")],
        ),
    ).fit()
    ray.shutdown()
