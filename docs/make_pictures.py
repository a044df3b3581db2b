"""Make the pictures of the documentation from runs: of the demo, of the examples that were run before, and of the page.

.venv/bin/python docs/make_pictures.py [DIRECTORY OF TAPES OF THE DEMO] [DIRECTORY OF TAPES OF EXAMPLES]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import screens
from panels import DARK, LIGHT, Episodes, Line, Panel, draw
from two_ways import two_ways

import rolltape
from rolltape.store import DirectoryStore

IMAGES = Path(__file__).parent / "images"

# project -> name of the picture, what it shows left, and the metrics left (the framework's) and right (every episode)
FRAMEWORKS = {
    "sb3-ppo": ("sb3", "Stable-Baselines3 logs", "rollout/ep_rew_mean", "rollout/ep_rew"),
    "sb2-ppo2": ("sb2", "Stable Baselines logs", "ep_reward_mean", "ep_reward"),
    "rllib-ppo-grid": ("rllib", "RLlib reports", "env_runners/episode_return_mean", "env_runners/episode_return"),
    "spinup-replay": ("spinup", "Spinning Up logs", "AverageEpRet", "EpRet"),
    "mountain-car": ("acme", "The average that smooths", "train/episode_return_smoothed_0.99", "train/episode_return"),
}


def main() -> None:
    given = [Path(argument) for argument in sys.argv[1:]]
    tapes = given[0] if given else Path(tempfile.mkdtemp())
    if not given:
        subprocess.run([sys.executable, "-m", "rolltape", "demo", "--no-ui", "--dir", str(tapes)], check=True)
    draw_two_ways(tapes)
    screens.main()
    if len(given) > 1:
        draw_frameworks(given[1])


def draw_two_ways(tapes: Path) -> None:
    store = rolltape.open(tapes)
    run = next(info.key for info in store.runs() if info.name == "reinforce-s3")
    points = store.points(run, "train/episode_return")
    curve = store.curve("train/episode_return", runs=[run], buckets=50)
    save("two-ways", two_ways(points, curve), points.step.max(), 0, points.value.max())


def draw_frameworks(tapes: Path) -> None:
    store: DirectoryStore = rolltape.open(tapes)
    for project, (picture, title, logged, raw) in FRAMEWORKS.items():
        for info in store.runs(project)[:1]:
            theirs, points = store.points(info.key, logged), store.points(info.key, raw)
            curve = store.curve(raw, runs=[info.key], buckets=50)
            panels = [
                Panel(title, f"{logged}: {len(theirs.step)} points", Line(theirs.step.astype(float), theirs.value)),
                Panel("rolltape also keeps", f"{raw}: all {len(points.step):,} episodes", Episodes(points, curve)),
            ]
            save(picture, panels, points.step.max(), min(0, points.value.min()), points.value.max())


def save(name: str, panels: list[Panel], steps: float, lowest: float, highest: float) -> None:
    for scheme, colors in (("light", LIGHT), ("dark", DARK)):
        (IMAGES / f"{name}-{scheme}.svg").write_text(draw(panels, "episode return", steps, lowest, highest, colors))


if __name__ == "__main__":
    main()
