"""The page in a real browser: a band is drawn, a live run grows, zoom asks again."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.server import serve_in_background

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, tapes: Path) -> Iterator[Any]:
    """A page on the store of this test; an error in its console fails the test."""
    tapes.mkdir(exist_ok=True)
    served = serve_in_background(tapes, None)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=served.url)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.set_default_timeout(20_000)
    yield page
    context.close()
    served.close()
    assert problems == []


def chart(page: Any, metric: str) -> Any:
    return page.locator(f'section.chart[data-metric="{metric}"]')


def wait_for_points(page: Any, metric: str, least: int) -> int:
    selector = f'section.chart[data-metric="{metric}"]'
    page.wait_for_function(
        "([selector, least]) => Number(document.querySelector(selector)?.dataset.points) >= least",
        arg=[selector, least],
    )
    return int(chart(page, metric).get_attribute("data-points"))


PAINTED = """
(section) => {
  // In the middle column of the plot: the share of pixels that differ from the plot's corner, and the strongest of them
  const canvas = section.querySelector('canvas'), over = section.querySelector('.u-over');
  const scale = canvas.width / canvas.getBoundingClientRect().width;
  const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
  const x = Math.round((box.x - origin.x + box.width * 0.47) * scale);
  const y = Math.round((box.y - origin.y) * scale), height = Math.round(box.height * scale);
  const pixels = canvas.getContext('2d').getImageData(x, y, 1, height).data;
  const alpha = Array.from({length: height}, (_, i) => pixels[4 * i + 3]);
  return {
    translucent: alpha.filter(a => a > 8 && a < 200).length / height,
    opaque: alpha.filter(a => a >= 200).length / height,
  };
}
"""


def record_band(amplitude: float) -> None:
    """A metric that swings at every step: its mean is a flat line, its band is as wide as the swing."""
    with rolltape.init(project="p", id=f"swing{amplitude}", name=f"swing {amplitude}") as run:
        for i in range(20_000):
            run.log(
                {"train/swing": amplitude if i % 2 else -amplitude, "train/frame": 2.0 - 4.0 * (i % 20_000 == 7)}, i
            )


def test_the_chart_draws_a_line_and_a_true_band(page: Any) -> None:
    record_band(1.0)
    page.goto("/")
    page.wait_for_selector('[data-ready="1"]')
    assert wait_for_points(page, "train/swing", 20_000) == 20_000
    page.wait_for_timeout(300)
    swing = chart(page, "train/swing").evaluate(PAINTED)
    flat = chart(page, "train/frame").evaluate(PAINTED)
    assert swing["translucent"] > 0.6, f"the band from -1 to 1 fills most of the plot: {swing}"
    assert 0 < swing["opaque"] < 0.3, f"the line at 0 is thin: {swing}"
    assert flat["translucent"] < 0.3, f"where min is max there is no band: {flat}"


def test_a_live_run_grows_and_a_new_run_appears(page: Any, script: Callable[..., Any]) -> None:
    trainer = script(
        """
        import sys, rolltape
        run = rolltape.init(project="p", id="live", name="the live one")
        for line in sys.stdin:
            for i in range(int(line)):
                run.log({"train/episode_return": float(i)})
            print("logged")
        """
    )

    def log(rows: int) -> None:
        trainer.process.stdin.write(f"{rows}\n")
        trainer.process.stdin.flush()
        assert trainer.line() == "logged"

    page.goto("/")
    page.wait_for_selector('[data-ready="1"]')
    log(100)
    row = page.wait_for_selector('li[data-run="p/live"]')
    assert row.get_attribute("data-status") == "running"
    if not chart(page, "train/episode_return").count():  # another project was open, or none
        page.locator('li[data-run="p/live"] input').first.check()
    assert wait_for_points(page, "train/episode_return", 100) == 100
    log(50)
    assert wait_for_points(page, "train/episode_return", 150) == 150
    log(5000)
    assert wait_for_points(page, "train/episode_return", 5150) == 5150
    trainer.kill()
    page.wait_for_selector('li[data-run="p/live"][data-status="killed"]')


def test_zoom_asks_again_at_the_new_resolution(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.random.default_rng(0).normal(size=100_000)})
    page.goto("/")
    assert wait_for_points(page, "loss", 100_000) == 100_000
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/curve" in request.url else None)
    plot = chart(page, "loss").locator(".u-over").bounding_box()
    y = plot["y"] + plot["height"] / 2
    page.mouse.move(plot["x"] + plot["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.35, y, steps=5)
    page.mouse.up()
    page.wait_for_function(
        """() => Number(document.querySelector('section.chart[data-metric="loss"]').dataset.points) < 20000"""
    )
    section = chart(page, "loss")
    low, high = (float(section.get_attribute(f"data-{end}")) for end in ("lo", "hi"))
    assert 20_000 < low < 30_000 < high < 40_000
    zoomed = [url for url in asked if "lo=" in url]
    assert zoomed and re.search(r"buckets=\d+", zoomed[-1])
    assert int(section.get_attribute("data-points")) == pytest.approx(high - low, abs=3)
    shared = page.url
    page.reload()
    page.wait_for_function("""() => document.querySelector('section.chart[data-metric="loss"]')?.dataset.points""")
    assert page.url == shared
    assert float(chart(page, "loss").get_attribute("data-lo")) == pytest.approx(low, rel=1e-3)


def test_hover_reads_values(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.full(1000, 7.25)})
    page.goto("/")
    wait_for_points(page, "loss", 1000)
    plot = chart(page, "loss").locator(".u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_timeout(200)
    assert "7.25" in chart(page, "loss").inner_text()


def test_names_with_markup_are_text(page: Any) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    with rolltape.init(project=evil, id="r", name=evil, config={evil: evil}) as run:
        run.log({evil: 1.0, "\u4f60\u597d/\U0001f600": 2.0})
    page.goto("/")
    page.wait_for_selector("section.chart")
    page.wait_for_timeout(300)
    assert page.title() != "owned"
    assert evil in page.inner_text("body")


def test_an_empty_store_says_what_to_do(page: Any) -> None:
    page.goto("/")
    page.wait_for_selector('[data-ready="1"]')
    assert "rolltape.init" in page.inner_text("body")


def test_lost_rows_and_failures_are_shown(page: Any) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"x": 1.0})
    run._writer.lost = 41
    run.close("failed", "ValueError: no such env")
    page.goto("/")
    row = page.wait_for_selector('li[data-run="p/r"][data-status="failed"]')
    assert "41" in row.inner_text()
    assert "no such env" in row.inner_html()
