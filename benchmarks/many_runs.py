"""A store of many small finished runs, as a sweep leaves it, and how long it takes to list them.

python -m benchmarks.many_runs DIRECTORY RUNS     make such a store
python -m benchmarks.many_runs --time DIRECTORY   time `rolltape.open` and `runs()` on it, twice in this process
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rolltape.tape.columns import encode_rows
from rolltape.tape.frame import Kind, pack_frame
from rolltape.tape.rows import Group, Schema

PROJECTS = 10
ROWS = 120  # of each tape: about 2 KB
METRICS = ("train/return", "train/length", "loss", "lr")
_SECOND = 1_000_000_000
_BEGAN = 1_700_000_000  # unix seconds at which the first of the runs began


def make_store(root: Path, runs: int) -> None:
    """Write ``runs`` finished runs into ``root``, an empty or missing directory: run.json and one tape each."""
    rows = [_rows(seed) for seed in range(16)]
    for number in range(runs):
        project, name = f"project-{number % PROJECTS}", f"run-{number:06d}"
        began = _BEGAN + 60 * number
        directory = root / project / name
        directory.mkdir(parents=True)
        (directory / "run.json").write_text(json.dumps(_identity(project, name, number, began), indent=1))
        (directory / f"host-{number}.tape").write_bytes(_tape(project, name, number, began, rows[number % len(rows)]))


def config(number: int) -> dict[str, Any]:
    """The 40 keys of run ``number``: what PPO takes, some swept, some random."""
    rng = random.Random(number)
    return {
        "seed": number,
        "env_id": rng.choice(["CartPole-v1", "Ant-v5", "Walker2d-v5"]),
        "total_timesteps": rng.choice([1_000_000, 10_000_000]),
        "learning_rate": 10 ** rng.uniform(-5, -2),
        "num_envs": rng.choice([8, 16, 64]),
        "num_steps": 2048,
        "anneal_lr": rng.random() < 0.5,
        "gamma": 1 - 10 ** rng.uniform(-3, -1),
        "gae_lambda": rng.uniform(0.9, 1.0),
        "num_minibatches": 32,
        "update_epochs": 10,
        "norm_adv": True,
        "clip_coef": round(rng.uniform(0.1, 0.3), 2),
        "clip_vloss": True,
        "ent_coef": 10 ** rng.uniform(-4, -1),
        "vf_coef": 0.5,
        "max_grad_norm": 0.5,
        "target_kl": None,
        "optimizer": {"name": "adam", "beta1": 0.9, "beta2": rng.uniform(0.9, 0.999), "eps": 1e-5, "decay": 0.0},
        "network": {"hidden": [64, 64], "activation": "tanh", "init_std": rng.uniform(0.1, 1), "layer_norm": False},
        "normalize_observation": True,
        "normalize_reward": rng.random() < 0.5,
        "clip_observation": 10.0,
        "clip_reward": 10.0,
        "frame_stack": 1,
        "action_repeat": rng.choice([1, 2, 4]),
        "capture_video": False,
        "torch_deterministic": True,
        "cuda": True,
        "eval_every": 100_000,
        "eval_episodes": 10,
        "save_every": 1_000_000,
        "checkpoint": None,
        "exp_name": "ppo_continuous_action",
        "note": rng.choice(["", "again with the new reward"]),
    }


def _identity(project: str, name: str, number: int, began: int) -> dict[str, Any]:
    return {
        "format": 1,
        "id": name,
        "project": project,
        "name": f"ppo {number}",
        "config": config(number),
        "tags": ["sweep", "baseline"] if number % 5 == 0 else ["sweep"],
        "started": float(began),
        "environment": {
            "python": "3.11.9",
            "host": "node-17",
            "user": "someone",
            "cwd": "/home/someone/project",
            "command": ["train.py", "--seed", str(number % 10)],
            "git": {"commit": f"{number:040x}", "branch": "main", "dirty": False},
            "packages": {"numpy": "2.2.0", "torch": "2.5.1", "gymnasium": "1.0.0"},
        },
    }


def _rows(seed: int) -> bytes:
    """The payload of a ROWS frame."""
    rng = np.random.default_rng(seed)
    step = np.arange(ROWS) * 2048
    moment = (_BEGAN + np.arange(ROWS)) * _SECOND
    values = rng.normal(size=(len(METRICS), ROWS)).astype(np.float32).astype(np.float64)
    values[-1] = 3e-4
    return encode_rows([Group(Schema(1, METRICS), step, moment, values, None, 1000)], 1)


def _tape(project: str, name: str, number: int, began: int, rows: bytes) -> bytes:
    opening = {
        "run": name,
        "project": project,
        "parent": None,
        "host": "node-17",
        "pid": number,
        "machine": "elsewhere",
        "began": 1,
        "mapped": True,
    }
    schema = {"schema": 1, "metrics": METRICS}
    end = {"status": "finished", "error": None, "exit_code": 0, "lost": 0, "points": ROWS * len(METRICS), "facts": {}}
    frames: list[tuple[Kind, bytes, int]] = [
        (Kind.OPEN, json.dumps(opening).encode(), 0),
        (Kind.SCHEMA, json.dumps(schema).encode(), 0),
        (Kind.ROWS, rows, ROWS * len(METRICS)),
        (Kind.END, json.dumps(end).encode(), 0),
    ]
    return b"".join(
        pack_frame(kind, seq, payload, points=points, time=(began + 10 * seq) * _SECOND)
        for seq, (kind, payload, points) in enumerate(frames)
    )


def time_list(root: Path) -> list[float]:
    """Seconds for `rolltape.open` and `runs()` on ``root`` in this process, and for `runs()` once more."""
    import rolltape
    import rolltape.store

    taken = []
    begun = time.perf_counter()
    store = rolltape.open(root)
    for _ in range(2):
        store.runs()
        taken.append(time.perf_counter() - begun)
        begun = time.perf_counter()
    return taken


if __name__ == "__main__":
    if sys.argv[1] == "--time":
        print(*(f"{seconds:.3f} s" for seconds in time_list(Path(sys.argv[2]))))
    else:
        make_store(Path(sys.argv[1]), int(sys.argv[2]))
