"""Photograph the screens of the page, in light and dark. The runs that they show are made up here.

.venv/bin/python docs/screens.py    (the page must be built; needs Chromium)
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import rolltape
from rolltape.server import serve_in_background

IMAGES = Path(__file__).parent / "images"

PROJECT, SWEEP = "locomotion", "ppo-sweep"
STEPS = 10_000_000
SEEDS = 6
# env -> algorithm -> (return of a good episode at the end, learning rate, seconds a run takes)
FIELD = {
    "walker": {"td3": (4300, 1e-3, 9200), "sac": (4700, 3e-4, 10400), "ppo": (3300, 3e-4, 3100)},
    "hopper": {"td3": (3000, 1e-3, 8700), "sac": (3300, 3e-4, 9900), "ppo": (2300, 3e-4, 2900)},
}

WIDE = 1280
LARGEST = 150_000  # bytes of a picture
GROUNDS = 16  # the most common colours, which are kept as they are
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def main() -> None:
    with tempfile.TemporaryDirectory() as root:
        running = record(Path(root))
        photograph(Path(root))
        running.close()


# The runs


def record(root: Path) -> rolltape.Run:
    """Record a sweep, and seeds of three algorithms on two tasks; the run that is given back still runs."""
    rng = np.random.default_rng(7)
    record_sweep(root, rng)
    for env, algorithms in FIELD.items():
        for algorithm, (top, lr, seconds) in algorithms.items():
            for seed in range(1, SEEDS + 1):
                run = rolltape.init(
                    project=PROJECT,
                    name=f"{algorithm}-{env}",
                    dir=root,
                    tags=["baseline"] if algorithm == "ppo" else [],
                    config={"algo": algorithm, "env": env, "lr": lr, "gamma": 0.99, "batch_size": 256, "seed": seed},
                )
                last = (algorithm, env, seed) == ("ppo", "hopper", SEEDS)
                failed = (algorithm, env, seed) == ("td3", "hopper", 4)
                end = int(STEPS * (0.55 if last or failed else 1))
                train(run, rng, top, end)
                if seed == 1:
                    film(run, rng)
                if last:
                    began(root, run, seconds // 2)
                    return run
                finish(run, failed)
                began(root, run, seconds * (1.04 - 0.01 * seed))
    raise AssertionError("the last run is given back")


def train(run: rolltape.Run, rng: np.random.Generator, top: float, end: int) -> None:
    """Log what an agent that ever more often does not fall would log: episodes are good or short, seldom between."""
    lengths = rng.integers(150, 600, 4 * end // 375 + 1)
    steps = np.cumsum(lengths)
    steps = steps[steps < end]
    pace, luck = rng.uniform(0.75, 1.4), rng.uniform(0.9, 1.08)
    share = steps / STEPS
    good = top * luck * (1 - np.exp(-4 * pace * share))
    falls = rng.random(len(steps)) < 0.08 + 0.75 * np.exp(-6 * pace * share)
    spread = rng.normal(0, 0.035 * top, len(steps))
    returns = np.where(falls, good * rng.beta(2, 7, len(steps)), good) + spread
    spread_lengths = np.clip(1000 * returns / (top * luck), 12, 1000)
    run.log_batch({"train/episode_return": returns, "train/episode_length": spread_lengths.round()}, step=steps)

    updates = np.arange(4096, end, 4096)
    share = updates / STEPS
    noise = rng.normal(0, 1, (3, len(updates)))
    run.log_batch(
        {
            "losses/value_loss": (0.9 * np.exp(-3 * share) + 0.12) * np.exp(0.3 * noise[0]),
            "losses/policy_loss": -0.02 * np.exp(-2 * share) + 0.004 * noise[1],
            "losses/entropy": 2.4 - 1.7 * share * pace + 0.05 * noise[2],
        },
        step=updates,
    )
    checks = np.arange(0, end + 1, 200_000)
    mean = top * luck * (1 - np.exp(-4 * pace * checks / STEPS)) * (1 - 0.35 * np.exp(-6 * pace * checks / STEPS))
    run.log_batch({"eval/episode_return": mean + rng.normal(0, 0.02 * top, len(checks))}, step=checks)


def record_sweep(root: Path, rng: np.random.Generator) -> None:
    for lr in (3e-5, 1e-4, 3e-4, 1e-3, 3e-3):
        for batch in (32, 64, 256):
            for optimiser in ("adam", "sgd"):
                best = 2600 * math.exp(-((math.log10(lr) + 3.4) ** 2) / 0.5) * (1 if optimiser == "adam" else 0.72)
                for seed in range(1, 4):
                    config = {"lr": lr, "batch_size": batch, "optimiser": optimiser, "seed": seed}
                    run = rolltape.init(project=SWEEP, name="ppo", dir=root, config=config)
                    top = best * (1 + 0.06 * math.log2(batch / 64)) * rng.uniform(0.85, 1.15)
                    steps = np.arange(1, 401) * 500
                    returns = 60 + top * (1 - np.exp(-steps / 60_000)) + rng.normal(0, 90, 400)
                    run.log_batch({"eval/episode_return": returns}, step=steps)
                    run.close()
                    began(root, run, (900 + 30_000 / batch) * rng.uniform(0.9, 1.1) * (1.1 if lr > 5e-4 else 1))


def finish(run: rolltape.Run, failed: bool) -> None:
    """Close a run, or let it fail."""
    with contextlib.suppress(RuntimeError), run:
        if failed:
            raise RuntimeError("CUDA error: out of memory")


def began(root: Path, run: rolltape.Run, seconds: float) -> None:
    """Let a run have begun earlier: what is made up here takes a moment, what it stands for took hours."""
    file = next(root.glob(f"*/{run.id}/run.json"))
    identity = json.loads(file.read_text())
    file.write_text(json.dumps({**identity, "started": identity["started"] - seconds}))


def film(run: rolltape.Run, rng: np.random.Generator) -> None:
    for share in (0.02, 0.1, 0.25, 0.4, 0.6, 0.8, 0.98):
        skill = 1 - math.exp(-4 * share)
        run.log({"eval/video": rolltape.Video(hops(skill, rng), fps=20)}, step=int(share * STEPS))


def hops(skill: float, rng: np.random.Generator, frames: int = 24) -> NDArray[np.uint8]:
    """A leg of three bones that hops over a ground with marks; without skill it leans and sinks. [t, 180, 320, 3]"""
    film = []
    for t in range(frames):
        phase = 2 * math.pi * t / frames
        height = 14 + 22 * skill * max(0.0, math.sin(phase)) - 10 * (1 - skill) * t / frames
        lean = (1 - skill) * (0.2 + 1.1 * t / frames) + 0.08 * math.sin(phase)
        bend = 0.55 - 0.35 * skill * math.sin(phase) + 0.3 * (1 - skill)
        foot = np.array([130.0, 148.0 - height + 14])
        ankle = foot - np.array([16.0, 2.0])
        knee = ankle + 40 * np.array([math.sin(bend + lean), -math.cos(bend + lean)])
        hip = knee + 40 * np.array([math.sin(lean - bend), -math.cos(lean - bend)])
        head = hip + 38 * np.array([math.sin(lean), -math.cos(lean)])
        picture = np.full((180, 320, 3), (241, 244, 247), float)
        stroke(picture, (0, 152), (320, 152), 1.2, (120, 130, 140))
        for mark in range(9):
            x = mark * 40 - 40 * skill * t / frames * 2 % 40
            stroke(picture, (x, 152), (x - 7, 162), 1.0, (150, 160, 170))
        stroke(picture, head, hip, 6.5, (11, 108, 179))
        stroke(picture, hip, knee, 5.0, (207, 86, 0))
        stroke(picture, knee, ankle, 4.0, (0, 138, 102))
        stroke(picture, (ankle[0] - 8, ankle[1]), (foot[0] + 14, foot[1]), 3.5, (60, 66, 72))
        film.append(picture.clip(0, 255).astype(np.uint8))
    return np.stack(film)


def stroke(picture: NDArray[Any], a: Any, b: Any, radius: float, color: tuple[int, int, int]) -> None:
    """Draw a line with round ends from a to b, (x, y) in pixels, with soft edges."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    along = ((x - a[0]) * (b - a)[0] + (y - a[1]) * (b - a)[1]) / max(1e-9, float((b - a) @ (b - a)))
    along = along.clip(0, 1)
    away = np.hypot(x - a[0] - along * (b - a)[0], y - a[1] - along * (b - a)[1])
    cover = (radius + 0.5 - away).clip(0, 1)[..., None]
    picture[:] = picture * (1 - cover) + np.asarray(color, float) * cover


# The pictures


def photograph(root: Path, images: Path = IMAGES) -> None:
    """Take every picture of the store under ``root``, in light and dark."""
    store = rolltape.open(root)
    run = next(info.key for info in store.runs(PROJECT) if info.name == "sac-hopper" and info.config["seed"] == 1)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with serve_in_background(root, 0) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        ids = groups_of(browser.new_page(base_url=served.url))
        hopper = ",".join(ids[f"{name}-hopper"] for name in ("sac", "td3", "ppo"))
        curves = f"&project={PROJECT}&pick={hopper}"
        table = f"&project={PROJECT}&open={ids['td3-hopper']},{ids['ppo-hopper']}"
        opened = f"&project={PROJECT}&run={quote(run)}&at={STEPS * 6 // 10}"
        # name -> address, the height of the window, what shows that it is drawn
        screens = {
            "page": (f"#curves{curves}", 800, ".chart[data-points]"),
            "screen-runs": (f"#runs{table}", 800, "td[data-column] svg"),
            "screen-curves": (f"#curves{curves}&lines=seeds&smooth=twema:0.9", 800, ".chart[data-points]"),
            "screen-run": (f"#run{opened}&rmetric=train/episode_return", 800, ".media img"),
            "screen-episodes": (f"#run{opened}&tab=episodes", 800, ".shades"),
            "screen-compare": (f"#compare{curves}", 1400, "[data-figure=improvement]"),
            "screen-sweep": (f"#sweep&project={SWEEP}", 1400, "[data-figure=importance]"),
        }
        for scheme in ("light", "dark"):
            for name, (address, height, drawn) in screens.items():
                page = browser.new_page(
                    base_url=served.url,
                    viewport={"width": WIDE, "height": height},
                    color_scheme=scheme,
                    device_scale_factor=1.5,
                    reduced_motion="reduce",
                )
                page.goto(address)
                page.wait_for_selector(drawn)
                page.wait_for_timeout(2000)  # curves, scores and sparklines come after the page
                if name == "page":
                    point_at_curve(page)
                save(page.screenshot(), images / f"{name}-{scheme}.png")
                page.close()
        browser.close()


def groups_of(page: Page) -> dict[str, str]:
    """The ids of groups by name."""
    told = page.request.get("api/groups", params={"project": PROJECT}).json()
    return {group["runs"][0]["name"]: group["id"] for group in told["groups"]}


def point_at_curve(page: Page) -> None:
    plot = page.locator(".chart .u-over").first.bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + plot["height"] * 0.4)
    page.wait_for_timeout(500)


def save(screenshot: bytes, file: Path) -> None:
    """Write the picture with as many colours as its size allows. The grounds keep theirs, or cards would be lost."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    pixels = np.asarray(picture).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    seen, times = np.unique(pixels, return_counts=True)
    grounds = seen[times.argsort()[-GROUNDS:]]
    for colors in (256, 160, 96, 64, 40, 24):
        few = picture.quantize(colors - GROUNDS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        places = np.asarray(few) + np.uint8(GROUNDS)
        for place, ground in enumerate(grounds):
            places[pixels == ground] = place
        packed = io.BytesIO()
        reduced = Image.fromarray(places)
        reduced.putpalette(b"".join(int(ground).to_bytes(3) for ground in grounds) + bytes(few.getpalette() or []))
        reduced.save(packed, "png", optimize=True)
        if packed.tell() <= LARGEST:
            break
    file.write_bytes(packed.getvalue())


if __name__ == "__main__":
    main()
