"""Spinning Up's PPO on CartPole, with its own code unchanged; the page shows every episode while it trains.

    git clone https://github.com/openai/spinningup
    python examples/spinningup_ppo.py --checkout spinningup

Needs PyTorch, mpi4py, joblib and gym 0.25. In the article logx.py had to be replaced; here the one line is `install`.
"""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path

import rolltape.frameworks.spinningup
from rolltape.server import serve_in_background

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--checkout", type=Path, default=Path("spinningup"), help="where Spinning Up was cloned to")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--steps", type=int, default=4000, help="of an epoch")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--tapes", type=Path, default=Path("tapes"))
options = parser.parse_args()
if not (options.checkout / "spinup").is_dir():
    parser.error(f"there is no Spinning Up in {options.checkout}: git clone https://github.com/openai/spinningup")

# Spinning Up's own __init__ imports algorithms for TensorFlow 1; its parts can be had without it.
spinup = sys.modules["spinup"] = types.ModuleType("spinup")
spinup.__path__ = [str(options.checkout / "spinup")]
rolltape.frameworks.spinningup.install(project="spinningup-ppo", dir=options.tapes)

import gym  # noqa: E402
from spinup.algos.pytorch.ppo.ppo import ppo  # noqa: E402

page = serve_in_background(options.tapes, None)
print(f"Watch: {page.url}", flush=True)
for seed in range(options.seeds):
    ppo(
        lambda: gym.make("CartPole-v1"),
        ac_kwargs={"hidden_sizes": [64, 64]},
        seed=seed,
        steps_per_epoch=options.steps,
        epochs=options.epochs,
        logger_kwargs={"output_dir": f"data/ppo_s{seed}", "exp_name": "ppo"},
    )
print(f"The page: {page.url}", flush=True)
if sys.stdin.isatty():
    input("Enter ends.")
