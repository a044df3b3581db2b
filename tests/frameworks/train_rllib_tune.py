"""A grid of two learning rates by Tune, each with a remote environment runner. One trial fails and is resumed.

Arguments: a folder for what is left behind. Prints name, status and error of each run before it is resumed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ray import tune
from ray.rllib.callbacks.callbacks import RLlibCallback
from rllib_session import ppo, session

import rolltape
from rolltape.frameworks.rllib import RolltapeLoggerCallback, RolltapeRLlibCallback

FOLDER = Path(sys.argv[1])


class FailsOnce(RLlibCallback):  # type: ignore[misc]
    """Ends the trial of the larger learning rate in its second iteration, the first time."""

    def on_train_result(self, *, algorithm: Any, result: dict[str, Any], **kwargs: Any) -> None:
        if algorithm.config.lr == 0.1 and algorithm.iteration == 1 and not (FOLDER / "failed").exists():
            (FOLDER / "failed").touch()
            raise RuntimeError("the learning rate is absurd")


if __name__ == "__main__":
    with session():
        config = ppo(str(FOLDER / "truth"), RolltapeRLlibCallback, FailsOnce, runners=1)
        config.training(lr=tune.grid_search([0.001, 0.1]))
        tuner = tune.Tuner(
            "PPO",
            param_space=config,
            run_config=tune.RunConfig(
                name="grid",
                storage_path=str(FOLDER / "results"),
                stop={"training_iteration": 3},
                verbose=0,
                callbacks=[RolltapeLoggerCallback(project="grid"), RolltapeLoggerCallback(project="grid")],
            ),
        )
        tuner.fit()
        print(json.dumps([[run.config["lr"], run.status, run.error] for run in rolltape.open().runs()]))
        tuner = tune.Tuner.restore(str(FOLDER / "results" / "grid"), "PPO", resume_errored=True, param_space=config)
        tuner.fit()
