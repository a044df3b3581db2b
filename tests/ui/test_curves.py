"""The charts in a real browser: lines, true bands, marks, and names that try to be something else."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from on_page import chart, open_page, wait_for_points

import rolltape

PAINTED = """
(section) => {
  // In one column of the plot: the shares of pixels that are translucent and opaque
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

COLOURED = """
(section, share) => {
  // Pixels of strong colour in one column of the plot
  const canvas = section.querySelector('canvas'), over = section.querySelector('.u-over');
  const scale = canvas.width / canvas.getBoundingClientRect().width;
  const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
  const [x, y, height] = [box.x - origin.x + box.width * share, box.y - origin.y, box.height].map(at => at * scale);
  const data = canvas.getContext('2d').getImageData(x, y, 1, height).data;
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 100 && Math.max(data[i], data[i + 2]) - Math.min(data[i], data[i + 2]) > 40) n++;
  }
  return n;
}
"""

PEAKS = """
(section) => {
  // Runs of columns that are painted in the upper third of the plot, grid lines left out
  const canvas = section.querySelector('canvas'), over = section.querySelector('.u-over');
  const scale = canvas.width / canvas.getBoundingClientRect().width;
  const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
  const x = Math.round((box.x - origin.x) * scale), width = Math.round(box.width * scale);
  const y = Math.round((box.y - origin.y + box.height * 0.3) * scale);
  const context = canvas.getContext('2d');
  const coloured = i => {
    for (const dy of [0, 7, 13]) {
      const [r, g, b, a] = context.getImageData(x + i, y + dy, 1, 1).data;
      if (a < 20 || Math.max(r, g, b) - Math.min(r, g, b) < 24) return false;
    }
    return true;
  };
  let peaks = 0, inside = false;
  for (let i = 0; i < width; i++) {
    const now = coloured(i);
    if (now && !inside) peaks++;
    inside = now;
  }
  return peaks;
}
"""


def record_seeds(n: int = 4, points: int = 400, metric: str = "loss") -> None:
    """A group of seeds around a falling line, each with an offset of its own."""
    rng = np.random.default_rng(0)
    for seed in range(n):
        with rolltape.init(project="p", id=f"s{seed}", name="alg", config={"lr": 0.1, "seed": seed}) as run:
            run.log_batch({metric: np.linspace(2, 1, points) + 0.1 * seed + rng.normal(0, 0.05, points)})


def test_the_chart_draws_a_line_and_a_true_band(page: Any) -> None:
    with rolltape.init(project="p", id="swing") as run:
        at = np.arange(20_000)
        run.log_batch({"train/swing": np.where(at % 2, 1.0, -1.0), "train/frame": 2.0 - 4.0 * (at == 7)}, step=at)
    open_page(page)
    assert wait_for_points(page, "train/swing", 20_000) == 20_000
    page.wait_for_timeout(300)
    swing = chart(page, "train/swing").evaluate(PAINTED)
    flat = chart(page, "train/frame").evaluate(PAINTED)
    assert swing["translucent"] > 0.6, f"the band from -1 to 1 fills most of the plot: {swing}"
    assert 0 < swing["opaque"] < 0.3, f"the line at 0 is thin: {swing}"
    assert flat["translucent"] < 0.3, f"where min is max there is no band: {flat}"


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_spike_is_seen_at_every_zoom(page: Any, seeds: int) -> None:
    points, spikes = 30_000, [500 + 1000 * i for i in range(30)]
    for seed in range(seeds):
        values = np.random.default_rng(seed).normal(0, 0.01, points)
        values[spikes[seed::seeds]] = 1.0
        with rolltape.init(project="p", id=f"s{seed}", name="spiky", config={"seed": seed}) as run:
            run.log_batch({"loss": values}, step=np.arange(points))
    for low, high, told in ((0, 30_000, 30), (0, 10_000, 10), (12_000, 15_000, 3)):
        page.goto("about:blank")
        zoom = "" if told == 30 else f"&zoom={low}:{high}"
        open_page(page, f"/#curves&size=large&band=minmax{zoom}")
        wait_for_points(page, "loss", 1)
        page.wait_for_timeout(300)
        assert chart(page, "loss").evaluate(PEAKS) == told, f"{low} to {high}"


def test_the_legend_names_centre_band_and_n(page: Any) -> None:
    record_seeds(4)
    open_page(page)
    wait_for_points(page, "loss", 1600)
    head = chart(page, "loss").locator("thead").inner_text()
    row = chart(page, "loss").locator("tbody tr").first.inner_text()
    footer = chart(page, "loss").locator("footer").inner_text()
    assert re.search(r"latest.*step.*(mean|IQM).*95 %.*CI.*seeds", head, re.S)
    assert row.split()[-1] == "4"
    assert "4 seeds" in footer
    assert "1\u202f600 points" in footer


def test_hover_reads_values_in_all_charts(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.full(1000, 7.25), "other": np.linspace(0, 1000, 1000)})
    open_page(page)
    wait_for_points(page, "loss", 1000)
    wait_for_points(page, "other", 1000)
    plot = chart(page, "loss").locator(".u-over").bounding_box()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] / 2)
    page.wait_for_timeout(300)
    for metric, value in (("loss", 7.25), ("other", 500)):
        assert "at the cursor" in chart(page, metric).inner_text()
        told = chart(page, metric).locator("td.strong").inner_text()
        assert float(told) == pytest.approx(value, rel=0.05)


def test_nan_is_marked_and_told(page: Any) -> None:
    values = np.linspace(1, 2, 400)
    values[200:203] = [np.nan, np.inf, -np.inf]
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": values})
    open_page(page)
    wait_for_points(page, "loss", 400)
    assert "3 values are NaN or infinite" in chart(page, "loss").locator("footer").inner_text()
    coloured = chart(page, "loss").evaluate("""(section) => {
      const canvas = section.querySelector('canvas'), over = section.querySelector('.u-over');
      const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
      const x = box.x - origin.x + box.width * 0.45, y = box.y - origin.y + box.height - 3;
      const pixels = canvas.getContext('2d').getImageData(x, y, box.width * 0.1, 1).data;
      let n = 0;
      for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i + 3] > 100 && Math.max(pixels[i], pixels[i + 2]) - Math.min(pixels[i], pixels[i + 2]) > 40) n++;
      }
      return n;
    }""")
    assert coloured >= 3, "there is a mark at the bottom edge, though the line is well above it"


def test_a_restart_breaks_the_line(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.ones(1000)}, step=np.arange(1000))
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.ones(1000)}, step=np.arange(2000, 3000))
    open_page(page)
    wait_for_points(page, "loss", 2000)
    assert "1 restart" in chart(page, "loss").locator("footer").inner_text()
    page.wait_for_timeout(200)
    assert chart(page, "loss").evaluate(COLOURED, 0.2) > 0
    assert chart(page, "loss").evaluate(COLOURED, 0.5) == 0, "nothing is drawn between 999 and 2000"
    assert chart(page, "loss").evaluate(COLOURED, 0.8) > 0


def test_names_with_markup_are_text(page: Any) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    metrics = [evil, "\u4f60\u597d/\U0001f600", "a,b&c=d|e%7C#f", "100 %+1"]
    for seed in (1, 2):
        with rolltape.init(project="p", id=f"r{seed}", name=evil, config={evil: evil, "seed": seed}) as run:
            for i in range(3):
                run.log({metric: float(i) for metric in metrics})
    open_page(page)
    for metric in metrics:
        chart(page, metric).scroll_into_view_if_needed()
        assert wait_for_points(page, metric, 6) == 6
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert evil in page.inner_text("main")
    for metric in metrics:
        page.locator(f"section.chart >> nth={metrics.index(metric)}").scroll_into_view_if_needed()
        chart(page, metric).get_by_role("button", name="pin to the top").click()
        page.wait_for_timeout(50)
    odd = metrics[2]
    chart(page, odd).get_by_role("button", name="combine").click()
    chart(page, odd).get_by_label(metrics[3], exact=True).check()
    page.keyboard.press("Escape")
    second = page.context.new_page()
    open_page(second, page.url)
    chart(second, odd).scroll_into_view_if_needed()
    assert wait_for_points(second, odd, 12) == 12
    pinned = second.locator('[data-section="pinned"] section.chart')
    second.wait_for_selector('[data-section="pinned"]')
    assert [one.get_attribute("data-metric") for one in pinned.all()] == metrics


def test_an_empty_store_says_what_to_do(page: Any) -> None:
    open_page(page)
    assert "rolltape.init" in page.inner_text("body")


def test_empty_places_say_why(page: Any) -> None:
    record_seeds(2)
    open_page(page, "/#curves&find=nosuch")
    page.get_by_text("No metric is called “nosuch”").wait_for()
    page.get_by_role("button", name="show all").click()
    wait_for_points(page, "loss", 800)
    page.get_by_role("button", name="draw none").click()
    page.get_by_text("Choose groups on the left").wait_for()
    page.goto("about:blank")
    open_page(page, "/#curves&zoom=5000:6000")
    page.get_by_text("no points in this window").wait_for()


def test_what_the_server_refuses_is_told_in_the_chart(page: Any, problems: list[str]) -> None:
    record_seeds(2)
    open_page(page, "/#curves&x=nosuch")
    chart(page, "loss").locator(".bad").wait_for()
    assert "nosuch" in chart(page, "loss").locator(".bad").inner_text()
    assert all("404" in problem for problem in problems)
    problems.clear()


def test_lost_rows_and_failures_are_shown(page: Any) -> None:
    run = rolltape.init(project="p", id="r")
    run.log({"x": 1.0})
    run._writer.lost = 41
    run.close("failed", "ValueError: no such env")
    open_page(page)
    row = page.wait_for_selector("aside li.group")
    assert "41" in row.inner_text()
    assert "no such env" in row.inner_html()
