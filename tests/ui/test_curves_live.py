"""Charts of runs that go on: they grow, keep what the reader set, and outlive their server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from on_page import chart, open_page, wait_for_points

import rolltape

WRITER = """
import sys, rolltape
run = rolltape.init(project="p", id="live", name="the live one")
for line in sys.stdin:
    for i in range(int(line)):
        run.log({"train/episode_return": float(i)})
    print("logged")
"""
METRIC = "train/episode_return"


def log(trainer: Any, rows: int) -> None:
    trainer.process.stdin.write(f"{rows}\n")
    trainer.process.stdin.flush()
    assert trainer.line() == "logged"


def test_a_live_run_grows_and_dies(page: Any, script: Callable[..., Any]) -> None:
    trainer = script(WRITER)
    open_page(page)
    log(trainer, 100)
    page.wait_for_selector("aside li.group .mark.running")
    assert wait_for_points(page, METRIC, 100) == 100
    page.wait_for_timeout(1500)
    begun = time.monotonic()
    log(trainer, 50)
    assert wait_for_points(page, METRIC, 150) == 150
    assert time.monotonic() - begun < 3, "about a second, on a machine with nothing else to do"
    log(trainer, 5000)
    assert wait_for_points(page, METRIC, 5150) == 5150
    trainer.kill()
    page.wait_for_selector("aside li.group .mark.killed")
    assert wait_for_points(page, METRIC, 5150) == 5150


def test_growth_keeps_zoom_and_the_picture(page: Any, script: Callable[..., Any]) -> None:
    trainer = script(WRITER)
    open_page(page, "/#curves&zoom=50:400")
    log(trainer, 200)
    assert wait_for_points(page, METRIC, 100) == 150
    page.evaluate("() => { window.canvas = document.querySelector('section.chart canvas'); }")
    log(trainer, 100)
    assert wait_for_points(page, METRIC, 250) == 250
    assert page.evaluate("() => window.canvas === document.querySelector('section.chart canvas')")
    assert float(chart(page, METRIC).get_attribute("data-lo")) == 50
    assert "zoom=50:400" in page.url
    page.wait_for_timeout(300)
    log(trainer, 1000)
    assert wait_for_points(page, METRIC, 351) == 351, "the window, both its ends in it, is full"


def test_a_new_metric_and_a_new_seed_appear(page: Any) -> None:
    with rolltape.init(project="p", id="s0", name="alg", config={"seed": 0}) as run:
        run.log_batch({"loss": np.ones(100)})
        open_page(page)
        wait_for_points(page, "loss", 100)
        run.log({"fresh": 1.0})
        wait_for_points(page, "fresh", 1)
    with rolltape.init(project="p", id="s1", name="alg", config={"seed": 1}) as run:
        run.log_batch({"loss": np.ones(100)})
    assert wait_for_points(page, "loss", 200) == 200
    assert chart(page, "loss").get_attribute("data-lines") == "1", "it joined its group"


def test_the_page_outlives_a_restart_of_its_server(page: Any, site: Any, problems: list[str]) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.ones(100)})
        open_page(page, "/#curves&zoom=0:1000")
        wait_for_points(page, "loss", 100)
        site.stop()
        page.get_by_text("Connection lost").wait_for()
        assert chart(page, "loss").locator("canvas").count() == 1, "what was drawn stays"
        run.log_batch({"loss": np.ones(100)})
        site.restart()
        assert wait_for_points(page, "loss", 200) == 200
        page.wait_for_selector(".banner", state="hidden")
        assert "zoom=0:1000" in page.url
    problems.clear()


def test_fifty_lines(page: Any) -> None:
    for index in range(50):
        with rolltape.init(project="p", id=f"r{index:02}", name=f"run {index:02}", config={"lr": index}) as run:
            run.log_batch({"loss": np.linspace(1, index, 2000), "other": np.linspace(index, 1, 2000)})
    open_page(page)
    page.get_by_role("button", name="draw all").click()
    wait_for_points(page, "loss", 100_000)
    wait_for_points(page, "other", 100_000)
    assert chart(page, "loss").get_attribute("data-lines") == "50"
    assert "no bands for more than 12 lines" in chart(page, "loss").locator("footer").inner_text()
    assert chart(page, "loss").locator("tbody tr:not(.skip)").count() < 35, "only the rows in sight exist"
    assert chart(page, "loss").locator(".legend").bounding_box()["height"] < 280
    chart(page, "loss").locator(".legend").evaluate("(box) => box.scrollTo(0, 10000)")
    chart(page, "loss").locator("tbody tr").get_by_text("run 00").wait_for()
    plot = chart(page, "loss").locator(".u-over").bounding_box()
    page.evaluate("""() => {
      window.slow = 0;
      let last = performance.now();
      const look = (now) => {
        window.slow = Math.max(window.slow, now - last);
        last = now;
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }""")
    for step in range(40):
        page.mouse.move(plot["x"] + 20 + 8 * step, plot["y"] + plot["height"] / 2)
    assert page.evaluate("() => window.slow") < 400, "the longest frame while the cursor moves, in ms"


def test_a_thousand_metrics(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        for step in range(3):
            run.log({f"group{i % 10}/metric {i:04}": float(step) for i in range(1000)})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/curve" in request.url else None)
    open_page(page)
    page.wait_for_selector("section.chart[data-points]")
    page.wait_for_timeout(500)
    assert page.locator("section.chart").count() == 1000
    assert len(asked) < 20, "only charts near what is in sight ask"
    page.evaluate("() => scrollTo(0, document.body.scrollHeight / 2)")
    page.wait_for_timeout(1000)
    assert page.locator(".uplot").count() < 20, "charts far away are taken down again"
    page.get_by_label("Find metrics").fill("0777")
    assert wait_for_points(page, "group7/metric 0777", 3) == 3
