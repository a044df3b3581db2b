"""Moving along x: zoom, pan, reset; by mouse, by keys and by address."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from on_page import chart, open_page, wait_for_points

import rolltape


def record(points: int = 100_000) -> None:
    with rolltape.init(project="p", id="r") as run:
        values = np.random.default_rng(0).normal(size=points)
        run.log_batch({"loss": values, "other": values}, step=np.arange(points))


def ends(page: Any, metric: str = "loss") -> tuple[float, float]:
    section = chart(page, metric)
    return float(section.get_attribute("data-lo")), float(section.get_attribute("data-hi"))


def wait_for_other_ends(page: Any, before: tuple[float, float], metric: str = "loss") -> tuple[float, float]:
    page.wait_for_function(
        "([metric, lo, hi]) => { const d = document.querySelector(`section.chart[data-metric=${metric}]`).dataset;"
        " return Number(d.lo) !== lo || Number(d.hi) !== hi; }",
        arg=[metric, *before],
    )
    return ends(page, metric)


def drag(page: Any, start: float, end: float, metric: str = "loss") -> None:
    """Along the plot, in shares of its width."""
    plot = chart(page, metric).locator(".u-over").bounding_box()
    y = plot["y"] + plot["height"] / 2
    page.mouse.move(plot["x"] + plot["width"] * start, y)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * end, y, steps=5)
    page.mouse.up()


def test_zoom_asks_again_at_the_new_resolution(page: Any) -> None:
    record()
    open_page(page)
    assert wait_for_points(page, "loss", 100_000) == 100_000
    wait_for_points(page, "other", 100_000)
    whole = ends(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/curve" in request.url else None)
    drag(page, 0.25, 0.35)
    low, high = wait_for_other_ends(page, whole)
    assert 20_000 < low < 30_000 < high < 40_000
    zoomed = [url for url in asked if "lo=" in url]
    assert zoomed and re.search(r"buckets=\d+", zoomed[-1])
    assert int(chart(page, "loss").get_attribute("data-points")) == pytest.approx(high - low, abs=3)
    wait_for_other_ends(page, whole, "other")
    assert ends(page, "other") == (low, high), "the other chart follows"
    assert "reset zoom" in page.locator(".toolbar").inner_text()

    shared = page.url
    page.reload()
    page.wait_for_function("""() => document.querySelector('section.chart[data-metric="loss"]')?.dataset.points""")
    assert page.url == shared
    assert ends(page) == (low, high)

    chart(page, "loss").locator(".u-over").dblclick()
    assert wait_for_other_ends(page, (low, high)) == whole
    assert "zoom" not in page.url


def test_a_chart_shows_the_old_data_at_the_new_range_while_it_waits(page: Any) -> None:
    record()
    open_page(page)
    wait_for_points(page, "loss", 100_000)
    held: list[Any] = []
    page.route("**/api/curve*", lambda route: held.append(route))
    drag(page, 0.4, 0.6)
    page.wait_for_function("() => document.querySelector('section.chart .plot.waiting')")
    assert chart(page, "loss").locator("canvas").count() == 1
    assert "reset zoom" in page.locator(".toolbar").inner_text()
    for route in held:
        route.continue_()
    page.unroute("**/api/curve*")
    page.wait_for_function("() => !document.querySelector('section.chart .plot.waiting')")


def test_answers_to_outdated_questions_are_dropped(page: Any) -> None:
    record()
    open_page(page)
    wait_for_points(page, "loss", 100_000)
    held: list[Any] = []
    page.route("**/api/curve*lo=1000&*", lambda route: held.append(route))
    for window in ("1000:2000", "5000:6000"):
        page.evaluate("zoom => { location.hash = `#curves&zoom=${zoom}`; }", window)
        page.wait_for_timeout(100)
    wait_for_other_ends(page, (0.0, 99_999.0))
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)
    assert ends(page) == (5000.0, 6000.0)


def test_pan_by_mouse_and_wheel(page: Any) -> None:
    record()
    open_page(page, "/#curves&zoom=40000:60000")
    wait_for_points(page, "loss", 10_000)
    page.keyboard.down("Shift")
    drag(page, 0.75, 0.25)
    page.keyboard.up("Shift")
    low, high = wait_for_other_ends(page, (40_000.0, 60_000.0))
    page.wait_for_timeout(400)
    low, high = ends(page)
    assert low == pytest.approx(50_000, abs=700)
    assert high - low == pytest.approx(20_000, abs=5)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -500)
    page.keyboard.up("Control")
    assert wait_for_other_ends(page, (low, high))[0] == pytest.approx(low - 10_000, abs=700)


def test_keys_move_and_scale_the_window(page: Any) -> None:
    record()
    open_page(page)
    wait_for_points(page, "loss", 100_000)
    whole = ends(page)
    page.keyboard.press("+")
    halved = wait_for_other_ends(page, whole)
    assert halved[1] - halved[0] == pytest.approx((whole[1] - whole[0]) / 2, rel=0.01)
    page.keyboard.press("ArrowRight")
    moved = wait_for_other_ends(page, halved)
    assert moved[0] - halved[0] == pytest.approx(0.2 * (halved[1] - halved[0]), rel=0.01)
    page.keyboard.press("ArrowLeft")
    back = wait_for_other_ends(page, moved)
    assert back == pytest.approx(halved, abs=2)
    page.keyboard.press("-")
    assert wait_for_other_ends(page, back) == whole
    page.keyboard.press("+")
    wait_for_other_ends(page, whole)
    page.keyboard.press("0")
    page.wait_for_function("() => !location.hash.includes('zoom')")


def test_another_axis_starts_unzoomed(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        for i in range(200):
            run.log({"loss": float(i), "episodes": i // 10}, step=1000 * i)
    open_page(page, "/#curves&zoom=1000:50000")
    wait_for_points(page, "loss", 10)
    before = ends(page)
    page.get_by_label("x-axis").select_option("episodes")
    assert wait_for_other_ends(page, before) == (0.0, 19.0)
    assert "zoom" not in page.url
    assert "x=episodes" in page.url
    for axis, told in (("relative", "time since start"), ("process", "running time"), ("time", "date and time")):
        page.get_by_label("x-axis").select_option(axis)
        chart(page, "loss").locator("thead", has_text=told).wait_for()
        assert int(chart(page, "loss").get_attribute("data-points")) == 200
