"""RLlib's PPO on CartPole by Tune, a grid of three learning rates; the page shows every episode while they train.

    pip install 'rolltape[rllib]'
    python examples/rllib_ppo_grid.py

The article's script of 2020 sent chosen keys of each result to Neptune. Here two lines are rolltape's: one in the
algorithm's config for the episodes, one in Tune's for the results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import ray
from ray import tune
from ray.rllib.algorithms.ppo import PPOConfig

from rolltape.frameworks.rllib import RolltapeLoggerCallback, RolltapeRLlibCallback
from rolltape.server import serve_in_background

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--iterations", type=int, default=25)
parser.add_argument("--lr", type=float, nargs="+", default=[0.01, 0.001, 0.0001])
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--tapes", type=Path, default=Path("tapes"))
options = parser.parse_args()

page = serve_in_background(options.tapes, None)
print(f"Watch: {page.url}", flush=True)
ray.init(include_dashboard=False)
config = (
    PPOConfig()
    .environment("CartPole-v1")
    .env_runners(num_env_runners=0)
    .training(lr=tune.grid_search(options.lr), train_batch_size_per_learner=1000)
    .debugging(seed=options.seed)
    .callbacks(RolltapeRLlibCallback)
)
tune.Tuner(
    "PPO",
    param_space=config,
    run_config=tune.RunConfig(
        stop={"training_iteration": options.iterations, "env_runners/episode_return_mean": 200.0},
        callbacks=[RolltapeLoggerCallback(project="rllib-ppo-grid", dir=options.tapes)],
        verbose=1,
    ),
).fit()
ray.shutdown()
print(f"The page: {page.url}", flush=True)
if sys.stdin.isatty():
    input("Enter ends.")
