"""The heat map of a run's episodes: two modes are two dark bands where the mean is in neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rolltape

# Heights of 0, 40, 100 and 130 on an axis from -50 to 150 with 5 % more below and 2 % above
LEVELS = [(value + 60) / 214 for value in (0, 40, 100, 130)]

# The share of cells at heights from the lowest value to the highest that are as dark as the scale's upper half
DARKNESS = """
(heights) => {
  const canvas = document.querySelector('main.run canvas'), over = document.querySelector('main.run .u-over');
  const scale = canvas.width / canvas.getBoundingClientRect().width, context = canvas.getContext('2d');
  const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
  return heights.map((height) => {
    const y = Math.round((box.bottom - origin.y - height * box.height) * scale);
    let dark = 0;
    for (let i = 0; i < 50; i++) {
      const x = Math.round((box.x - origin.x + (0.0101 + 0.0199 * i) * box.width) * scale);
      const [r, g, b, a] = context.getImageData(x, y, 1, 1).data;
      if (a === 255 && r + g + b < 300 && b > r) dark++;
    }
    return dark / 50;
  });
}
"""


@pytest.fixture
def bimodal() -> None:
    """Episodes that end near 100 or near 0, half each, and some between -50 and 150 to widen the axis."""
    random = np.random.default_rng(0)
    returns = np.where(random.random(20_000) < 0.5, 100.0, 0.0) + random.normal(0, 2, 20_000)
    returns[:2] = -50, 150
    with rolltape.init(project="p", id="two") as run:
        run.log_batch({"train/episode_return": returns, "train/loss": returns * 0}, step=np.arange(20_000))
        run.log({"play": rolltape.Image(np.zeros((8, 8), np.uint8))}, step=5_000)


def open_episodes(page: Any, more: str = "") -> None:
    page.goto(f"/#run&run=p/two&tab=episodes{more}")
    page.wait_for_selector('section[data-metric="train/episode_return"][data-points]')
    page.wait_for_selector("main.run .u-over")
    page.wait_for_timeout(300)


def test_two_modes_are_two_dark_bands(page: Any, bimodal: None) -> None:
    open_episodes(page, "&theme=light")
    assert page.locator("section[data-points]").get_attribute("data-points") == "20000"
    low, between, high, above = page.evaluate(DARKNESS, LEVELS)
    assert low > 0.9 and high > 0.9, (low, high)
    assert between < 0.1 and above < 0.1, (between, above)


def test_the_tip_counts_the_points_of_a_cell(page: Any, bimodal: None) -> None:
    open_episodes(page)
    plot = page.locator("main.run .u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] * 0.5, plot["y"] + plot["height"] * 0.6)
    page.wait_for_selector(".tip")
    told = page.locator(".tip").inner_text()
    assert " to " in told and told.count("0 of ") == 1, told
    page.mouse.move(plot["x"] + plot["width"] * 0.5, plot["y"] + plot["height"] * 0.25)
    page.wait_for_function("() => !document.querySelector('.tip').innerText.includes('\\n0 of ')")
    told = page.locator(".tip").inner_text()
    assert "mean 5" in told or "mean 4" in told, "the mean of the column is in neither mode"


def test_zoom_axis_metric_and_media(page: Any, bimodal: None) -> None:
    open_episodes(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/histogram" in request.url else None)
    plot = page.locator("main.run .u-over").bounding_box()
    y = plot["y"] + 50
    page.mouse.click(plot["x"] + 0.2 * plot["width"], y)
    page.wait_for_selector('aside.media[data-step="5000"]')
    assert "at=" in page.url
    page.mouse.move(plot["x"] + 0.2 * plot["width"], y)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.4 * plot["width"], y, steps=4)
    page.mouse.up()
    page.wait_for_function("() => Number(document.querySelector('section[data-metric]').dataset.points) < 5000")
    assert "lo=" in asked[-1] and "run=p%2Ftwo" in asked[-1]
    shared, points = page.url, page.locator("section[data-metric]").get_attribute("data-points")
    second = page.context.new_page()
    second.goto(shared)
    second.wait_for_selector(f'section[data-points="{points}"]')
    page.locator("label", has_text="over").locator("select").select_option("relative")
    page.wait_for_selector('section[data-points="20000"]')
    assert "x=relative" in asked[-1] and "lo=" not in asked[-1]
    page.locator("label", has_text="metric").locator("select").select_option("train/loss")
    page.wait_for_selector('section[data-metric="train/loss"][data-points="20000"]')
    assert "emetric=" in page.url


def test_a_single_point_is_a_cell(page: Any) -> None:
    with rolltape.init(project="p", id="two") as run:
        run.log({"train/episode_return": 3.0}, step=7)
    open_episodes(page)
    assert page.locator("section[data-points]").get_attribute("data-points") == "1"
    assert "1 points" not in page.inner_text("main.run .how")


def test_dark_colours(page: Any, bimodal: None) -> None:
    open_episodes(page, "&theme=dark")
    bright = DARKNESS.replace("r + g + b < 300", "r + g + b > 380")
    low, between = page.evaluate(bright, LEVELS[:2])
    assert low > 0.9 and between < 0.1
