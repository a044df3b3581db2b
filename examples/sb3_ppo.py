"""Stable-Baselines3's PPO on CartPole, three seeds; the page shows every episode while they train.

    pip install 'rolltape[sb3]'
    python examples/sb3_ppo.py

The article's script of 2020 sent the mean of the last 100 episodes to Neptune. Here the one line is `callback=`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stable_baselines3 import PPO

from rolltape.frameworks.stable_baselines3 import RolltapeCallback
from rolltape.server import serve_in_background

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=10_000)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--tapes", type=Path, default=Path("tapes"))
options = parser.parse_args()

page = serve_in_background(options.tapes, None)
print(f"Watch: {page.url}", flush=True)
for seed in range(options.seeds):
    model = PPO("MlpPolicy", "CartPole-v1", seed=seed, verbose=1)
    callback = RolltapeCallback(project="sb3-ppo", dir=options.tapes)
    model.learn(options.steps, callback=callback)
    callback.close()
print(f"The page: {page.url}", flush=True)
if sys.stdin.isatty():
    input("Enter ends.")
