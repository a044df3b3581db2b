"""What the reader sets for the charts: each control does what it says, and the address holds it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from on_page import chart, open_page, wait_for_points

import rolltape


def record(seeds: int = 4, points: int = 500) -> None:
    """Two groups of noisy seeds, with two metrics and one spike each."""
    for lr in (0.1, 0.2):
        for seed in range(seeds):
            rng = np.random.default_rng([seed, int(10 * lr)])
            values = 2 + lr + rng.normal(0, 0.2, points)
            values[points // 2] = 500.0
            config = {"lr": lr, "seed": seed}
            with rolltape.init(project="p", id=f"lr{lr}s{seed}", name="alg", config=config) as run:
                run.log_batch({"loss": values, "train/entropy": np.linspace(1, 0.5, points)}, step=np.arange(points))


def view(page: Any) -> Any:
    panel = page.locator(".view .panel")
    if panel.count() == 0:
        page.get_by_role("button", name="View: centre").click()
    return panel


def wait_for_lines(page: Any, metric: str, n: int) -> None:
    page.wait_for_function(
        "([metric, n]) => document.querySelector(`section.chart[data-metric='${metric}']`)?.dataset.lines == n",
        arg=[metric, n],
    )


def shared_with_a_second_page(page: Any) -> Any:
    second = page.context.new_page()
    open_page(second, page.url)
    return second


PIXELS = """
(section) => {
  const canvas = section.querySelector('canvas');
  return canvas.toDataURL().length + ':' + canvas.toDataURL().slice(-2000);
}
"""


LOWEST = """
(section, share) => {
  // How far down a column of the plot is painted in strong colour, 0 to 1
  const canvas = section.querySelector('canvas'), over = section.querySelector('.u-over');
  const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
  const context = canvas.getContext('2d');
  const data = context.getImageData(box.x - origin.x + box.width * share, box.y - origin.y, 1, box.height).data;
  let lowest = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 100 && Math.max(data[i], data[i + 2]) - Math.min(data[i], data[i + 2]) > 40) lowest = i;
  }
  return lowest / data.length;
}
"""


def settled(page: Any, metric: str) -> str:
    page.wait_for_timeout(400)
    page.wait_for_function("() => !document.querySelector('section.chart .waiting')")
    return str(chart(page, metric).evaluate(PIXELS))


def y_labels_reach(page: Any, metric: str) -> float:
    """The spread of the lines in pixels tells how the y-axis is scaled: rows with strong colour."""
    return float(
        chart(page, metric).evaluate("""(section) => {
          const canvas = section.querySelector('canvas');
          const {width, height} = canvas, data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
          let rows = 0;
          for (let y = 0; y < height; y++) {
            let n = 0;
            for (let x = 60; x < width; x++) {
              const i = 4 * (y * width + x);
              if (data[i + 3] > 150 && Math.max(data[i], data[i + 2]) - Math.min(data[i], data[i + 2]) > 40) n++;
            }
            if (n > 20) rows++;
          }
          return rows / height;
        }""")
    )


def test_seeds_are_lines_of_their_own(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    page.locator(".segments label", has_text="seeds").click()
    wait_for_lines(page, "loss", 8)
    assert "true min and max" in chart(page, "loss").locator("thead").inner_text()
    assert chart(page, "loss").locator("tbody tr", has_text="seed 3").count() == 2
    second = shared_with_a_second_page(page)
    wait_for_lines(second, "loss", 8)
    page.locator("body").press("s")
    wait_for_lines(page, "loss", 2)


def test_smoothing_changes_the_line(page: Any) -> None:
    record()
    open_page(page, "/#curves&outliers=ignore")
    wait_for_lines(page, "loss", 2)
    rough = y_labels_reach(page, "loss")
    pictures = {settled(page, "loss")}
    for method in ("twema", "ema", "gaussian", "mean", "median"):
        page.get_by_label("Smoothing", exact=True).select_option(method)
        chart(page, "loss").locator("footer", has_text="smoothed").wait_for()
        pictures.add(settled(page, "loss"))
    assert len(pictures) == 6, "every method draws another line"
    assert y_labels_reach(page, "loss") != rough
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/curve" in request.url else None)
    slider = page.get_by_label("Amount of smoothing")
    slider.fill("150")
    page.wait_for_function("() => !location.hash.includes('median:11')")
    page.wait_for_timeout(300)
    assert asked and "smooth=median%3A" in asked[-1]
    second = shared_with_a_second_page(page)
    assert second.get_by_label("Smoothing", exact=True).input_value() == "median"
    assert second.get_by_label("Amount of smoothing").input_value() == slider.input_value()


@pytest.mark.parametrize("center", ["mean", "median", "iqm"])
def test_centre(page: Any, center: str) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    view(page).get_by_label("centre of the seeds").select_option(center)
    name = {"iqm": "IQM"}.get(center, center)
    chart(page, "loss").locator("thead th:nth-child(3)", has_text=name).wait_for()
    chart(page, "loss").locator("footer", has_text=f"{name} over 4 seeds").wait_for()
    assert f"center={center}" in page.url


def test_every_band_is_named(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    names = {
        "minmax": "true min and max",
        "std": "std",
        "stderr": "stderr",
        "iqr": "25–75 %",
        "none": "no band",
        "ci": "CI",
    }
    pictures = set()
    for band, name in names.items():
        view(page).get_by_label("band").select_option(band)
        chart(page, "loss").locator("thead th:nth-child(4)", has_text=name).wait_for()
        pictures.add(settled(page, "loss"))
    assert len(pictures) == len(names)


def test_log_axes_and_ends(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    pictures = {settled(page, "loss")}
    for change in (
        lambda: view(page).get_by_label("log y").check(),
        lambda: view(page).get_by_label("log x").check(),
        lambda: view(page).get_by_label("lowest y").fill("1"),
        lambda: (view(page).get_by_label("highest y").fill("4"), page.keyboard.press("Enter")),
    ):
        change()
        pictures.add(settled(page, "loss"))
    assert len(pictures) >= 4
    page.keyboard.press("Tab")
    page.wait_for_function("() => location.hash.includes('y=1:4')")
    assert "beyond the y-axis" in chart(page, "loss").locator("footer").inner_text()
    assert page.get_by_role("button", name="View: centre").inner_text() == "View · 3"
    second = shared_with_a_second_page(page)
    wait_for_lines(second, "loss", 2)
    assert settled(second, "loss") == settled(page, "loss")


def test_what_a_log_axis_cannot_show_is_told(page: Any) -> None:
    values = np.full(1000, 10.0)
    values[:100] = 1.0
    values[400:600] = -1.0
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": values})
    open_page(page, "/#curves&logy=1")
    wait_for_points(page, "loss", 1000)
    assert "values ≤ 0 cannot be drawn on a log axis" in chart(page, "loss").locator("footer").inner_text()
    page.wait_for_timeout(200)
    low, high = (chart(page, "loss").evaluate(LOWEST, share) for share in (0.05, 0.5))
    assert low > high > 0, "the line does not fall where its values have no place on the axis"


def test_outliers_may_leave_the_axis_and_are_counted(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    page.wait_for_timeout(200)
    flat = y_labels_reach(page, "loss")
    view(page).get_by_label("y-axis leaves out").check()
    chart(page, "loss").locator("footer", has_text="beyond the y-axis, marked at its edge").wait_for()
    page.wait_for_timeout(200)
    assert y_labels_reach(page, "loss") > 2 * flat, "the noise fills the plot now"
    assert "outliers=ignore" in page.url


def test_sizes(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    widths = []
    for size in ("small", "medium", "large"):
        view(page).get_by_label("charts").select_option(size)
        page.wait_for_timeout(200)
        box = chart(page, "loss").bounding_box()
        widths.append(box["width"])
        assert box["x"] + box["width"] <= 1280
    assert widths[0] <= widths[1] < widths[2] or widths[0] < widths[2]


def test_pin_and_find(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    chart(page, "train/entropy").get_by_role("button", name="pin to the top").click()
    pinned = page.locator('[data-section="pinned"] section.chart')
    pinned.wait_for()
    assert pinned.get_attribute("data-metric") == "train/entropy"
    assert chart(page, "train/entropy").count() == 1
    second = shared_with_a_second_page(page)
    second.locator('[data-section="pinned"] section.chart').wait_for()
    page.get_by_label("Find metrics").fill("LOSS")
    page.wait_for_function("() => document.querySelectorAll('section.chart').length === 1")
    assert "find=LOSS" in page.url
    page.get_by_label("Find metrics").fill("")
    chart(page, "train/entropy").get_by_role("button", name="unpin").click()
    page.wait_for_function("() => !document.querySelector('[data-section=pinned]')")
    page.get_by_role("button", name="train 1").click()
    page.wait_for_function("() => document.querySelectorAll('section.chart').length === 1")
    assert "fold=train" in page.url


def test_combine_enlarge_and_save(page: Any, tmp_path: Path) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    chart(page, "loss").get_by_role("button", name="combine").click()
    chart(page, "loss").get_by_label("train/entropy").check()
    wait_for_lines(page, "loss", 4)
    page.keyboard.press("Escape")
    assert "chart=loss%7Ctrain/entropy" in page.url
    labels = chart(page, "loss").locator("tbody .name").all_inner_texts()
    assert sum(label.endswith("· loss") for label in labels) == 2
    assert sum(label.endswith("· train/entropy") for label in labels) == 2
    dashes = chart(page, "loss").locator("tbody svg line")
    assert len({line.get_attribute("stroke-dasharray") for line in dashes.all()}) == 2

    chart(page, "loss").get_by_role("button", name="enlarge").click()
    page.wait_for_timeout(300)
    assert chart(page, "loss").bounding_box()["width"] > 900
    second = shared_with_a_second_page(page)
    wait_for_lines(second, "loss", 4)
    assert second.locator("section.chart.big").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('section.chart.big')")

    for ending in ("PNG", "CSV"):
        chart(page, "loss").get_by_role("button", name="save").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=ending).click()
        download.value.save_as(tmp_path / ending)
    assert (tmp_path / "PNG").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "CSV").read_text().splitlines()))
    assert {row["metric"] for row in rows} == {"loss", "train/entropy"}
    assert {row["seeds"] for row in rows} == {"4"}
    assert all(float(row["low"]) <= float(row["center"]) <= float(row["high"]) for row in rows)
    assert {row["center is"] for row in rows} <= {"IQM", "mean"}


def test_a_click_in_the_legend_isolates_a_line(page: Any) -> None:
    record()
    open_page(page)
    wait_for_lines(page, "loss", 2)
    rows = chart(page, "loss").locator("tbody tr")
    rows.nth(1).locator("button").click()
    page.wait_for_function("() => document.querySelectorAll('section.chart[data-metric=loss] tr.off').length === 1")
    assert "off" not in (rows.nth(1).get_attribute("class") or "")
    assert "only=" in page.url
    rows.nth(1).locator("button").dblclick()
    page.wait_for_function("() => !document.querySelector('tr.off')")
    rows.nth(0).hover()
    page.wait_for_selector("section.chart .u-over canvas.highlight")
    page.mouse.move(5, 5)
    page.wait_for_function("() => !document.querySelector('canvas.highlight')")


def test_a_click_at_a_run_opens_it_there(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log_batch({"loss": np.full(1000, 7.25)})
    open_page(page)
    wait_for_points(page, "loss", 1000)
    plot = chart(page, "loss").locator(".u-over").bounding_box()
    x = plot["x"] + plot["width"] / 2
    top = None
    for share in np.linspace(0.1, 0.9, 17):
        page.mouse.move(x, plot["y"] + plot["height"] * share)
        page.wait_for_timeout(30)
        if page.locator(".u-over.opens").count():
            top = plot["y"] + plot["height"] * share
            break
    assert top is not None
    page.mouse.dblclick(x, top)
    page.wait_for_timeout(500)
    assert "#run" not in page.url, "a double click resets the zoom, and opens nothing"
    page.mouse.click(x, top)
    page.wait_for_function("() => location.hash.startsWith('#run')")
    assert "run=p/r" in page.url
    at = int(page.url.split("at=")[1].split("&")[0])
    assert 480 < at < 520


def test_the_sentence_below_a_chart_is_whole_in_two_lines(page: Any) -> None:
    rng = np.random.default_rng(0)
    for name in ("ppo", "sac"):
        for seed in range(5):
            with rolltape.init(project="p", name=name, config={"algo": name, "seed": seed}) as run:
                n = 20_000 - 997 * seed
                run.log_batch({"train/return": rng.normal(size=n)}, step=np.arange(n) * 50)
    open_page(page)
    wait_for_points(page, "train/return", 100_000)
    sentence = chart(page, "train/return").locator("footer p").first
    told = sentence.inner_text()
    assert told.startswith("IQM over") and "percentile bootstrap of whole runs" in told and "points" in told
    assert sentence.evaluate("p => p.scrollHeight <= p.clientHeight && p.clientHeight <= 2 * 17")
    assert "2000 resamples" in sentence.get_attribute("title"), "all of it, on hovering"
