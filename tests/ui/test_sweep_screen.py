"""Sweep: settings, scores and selection as /api/sweep says."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from itertools import product
from typing import Any

import numpy as np
import pytest
from on_page import SVG, asked, open_page, rows_of, saved

import rolltape

METRIC = "eval/return"
RATES = (1e-4, 3e-4, 1e-3, 1e-2)


def record(config: dict[str, Any], score: float, seeds: int = 2) -> None:
    for seed in range(seeds):
        with rolltape.init(project="p", name="sweep", config={**config, "seed": seed}) as run:
            run.log_batch({METRIC: np.full(20, score + seed), "loss": np.full(20, 1 / (1 + score))})


def record_sweep() -> None:
    """24 groups whose score is told by the learning rate, nearly."""
    for i, (lr, batch, optimiser) in enumerate(product(RATES, (32, 64, 128), ("adam", "sgd"))):
        record({"lr": lr, "batch": batch, "optimiser": optimiser}, 100.0 + 50 * np.log10(lr / 1e-4) + i % 5)


def opened(page: Any, address: str = "/#sweep", least: int = 24) -> dict[str, Any]:
    open_page(page, address)
    page.wait_for_function("least => Number(document.querySelector('.parallel')?.dataset.lines) >= least", arg=least)
    return asked(page, "api/sweep")


def selected(page: Any) -> int:
    return int(page.locator(".selection [data-selected]").get_attribute("data-selected"))


def axis_box(page: Any, key: str) -> dict[str, float]:
    """The part of an axis that can be dragged along."""
    titles = page.locator(".parallel .axis-title title").all_text_contents()
    place = next(i for i, title in enumerate(titles) if title.startswith(f"{key}:"))
    found: dict[str, float] = page.locator(".parallel .grip").nth(place).bounding_box()
    return found


def brush(page: Any, key: str, low: float, high: float) -> None:
    """Drag from one share of the axis to another, from the bottom."""
    page.locator(".parallel").scroll_into_view_if_needed()
    box = axis_box(page, key)
    x, bottom = box["x"] + box["width"] / 2, box["y"] + box["height"]
    page.mouse.move(x, bottom - low * box["height"])
    page.mouse.down()
    page.mouse.move(x, bottom - high * box["height"], steps=4)
    page.mouse.up()


def test_the_numbers_are_those_of_the_api(page: Any) -> None:
    record_sweep()
    answer = opened(page)
    assert len(answer["groups"]) == 24 and selected(page) == 24
    assert page.locator(".parallel path[data-group]").count() == 24
    comment, rows = rows_of(saved(page, "save the numbers of Settings and score as CSV"))
    assert comment == f"# {answer['method']}"
    by_name = {group["name"]: group for group in answer["groups"]}
    assert len(rows) == 24
    for row in rows:
        group = by_name[row["group"]]
        assert float(row["score"]) == group["score"] and int(row["n"]) == 2
        assert (float(row["lr"]), int(row["batch"]), row["optimiser"]) == tuple(
            group["config"][key] for key in ("lr", "batch", "optimiser")
        )
    _, rows = rows_of(saved(page, "save the numbers of Importance as CSV"))
    told = {one["key"]: one for one in answer["importance"]["keys"]}
    assert {row["key"]: float(row["importance"]) for row in rows} == {
        key: one["importance"] for key, one in told.items()
    }
    assert rows[0]["key"] == "lr"
    best = max(answer["groups"], key=lambda group: group["score"])
    assert page.locator('[data-figure="best"] tbody tr').first.get_attribute("data-group") == best["id"]
    text = page.inner_text('[data-figure="importance"]')
    assert "not distinguishable from chance" in text and "scores rise with it" in text
    _, rows = rows_of(saved(page, "save the numbers of Score against wall time as CSV"))
    front = {row["group"] for row in rows if row["front"] == "true"}
    assert front == {group["name"] for group in answer["groups"] if group["front"]}
    assert all(name in page.inner_text('[data-figure="pareto"]') for name in list(front)[:3])


def test_brushes_select_and_combine_and_are_shared(page: Any) -> None:
    record_sweep()
    opened(page)
    brush(page, "lr", 0.4, 0.9)  # logarithmic from 1e-4 to 1e-2: 1e-3 lies at one half
    assert selected(page) == 6
    brush(page, "optimiser", 0.05, 0.45)
    assert selected(page) == 3
    rows = page.locator('[data-figure="best"] tbody tr')
    assert rows.count() == 3 and all("adam" in text and "0.001" in text for text in rows.all_inner_texts())
    shared = page.context.new_page()
    opened(shared, page.url)
    assert selected(shared) == 3
    assert shared.locator(".chip").all_inner_texts() == page.locator(".chip").all_inner_texts()
    page.locator(".chip", has_text="optimiser").click()
    assert selected(page) == 6
    box = axis_box(page, "lr")  # a click without a drag takes the brush away
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    assert selected(page) == 24


def test_brushing_by_keyboard_and_moving_axes(page: Any) -> None:
    record_sweep()
    opened(page)
    titles = page.locator(".parallel .axis-title")
    before = [title.split(":")[0] for title in page.locator(".parallel .axis-title title").all_text_contents()]
    titles.nth(before.index("batch")).focus()
    page.keyboard.press("Enter")
    page.get_by_label("batch from").fill("60")
    page.keyboard.press("Tab")
    assert selected(page) == 16
    page.get_by_label("batch to").fill("100")
    page.keyboard.press("Tab")
    assert selected(page) == 8
    direction = "right" if before.index("batch") == 0 else "left"
    page.get_by_label(f"move batch {direction}").click()
    after = [title.split(":")[0] for title in page.locator(".parallel .axis-title title").all_text_contents()]
    assert after != before and sorted(after) == sorted(before) and "axes=" in page.url
    page.keyboard.press("Escape")
    shared = page.context.new_page()
    opened(shared, page.url)
    assert [title.split(":")[0] for title in shared.locator(".parallel .axis-title title").all_text_contents()] == after


def test_titles_are_dragged(page: Any) -> None:
    record_sweep()
    opened(page)
    titles = page.locator(".parallel .axis-title")
    first, third = (titles.nth(i).bounding_box() for i in (0, 2))
    before = page.locator(".parallel .axis-title title").all_text_contents()
    page.mouse.move(first["x"] + 5, first["y"] + 8)
    page.mouse.down()
    page.mouse.move(third["x"] + third["width"] + 30, first["y"] + 8, steps=5)
    page.mouse.up()
    after = page.locator(".parallel .axis-title title").all_text_contents()
    assert after == [before[1], before[2], before[0], before[3]]


def test_lines_and_selections_open_in_curves(page: Any) -> None:
    record_sweep()
    answer = opened(page)
    brush(page, "lr", 0.9, 1.0)
    page.get_by_role("button", name="draw these in Curves").click()
    page.wait_for_function("() => location.hash.startsWith('#curves')")
    wanted = {group["id"] for group in answer["groups"] if group["config"]["lr"] == 1e-2}
    assert len(wanted) == 6 and all(one in page.url for one in wanted) and page.url.count(",") == 5
    opened(page)
    line = page.locator(".parallel path[data-group]").last
    box = page.locator(".parallel").bounding_box()
    numbers = [float(n) for n in line.get_attribute("d").replace("M", " ").replace("L", " ").split()]
    x, y = (numbers[-4] + numbers[-2]) / 2, (numbers[-3] + numbers[-1]) / 2
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_selector(".hovered")
    assert "lr = " in page.inner_text(".hovered") and "n = 2" in page.inner_text(".hovered")
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_function("() => location.hash.startsWith('#curves')")
    assert page.url.count(",") == 0


def test_the_parameter_of_the_scatter_is_in_the_address(page: Any) -> None:
    record_sweep()
    opened(page)
    assert "lr (logarithmic)" in page.inner_text('[data-figure="against"]')
    page.get_by_label("setting that scores are drawn against").select_option("optimiser")
    assert "against=optimiser" in page.url
    assert page.locator('[data-figure="against"] circle').count() == 24
    _, rows = rows_of(saved(page, "save the numbers of Score against as CSV"))
    assert {row["optimiser"] for row in rows} == {"adam", "sgd"}


@pytest.mark.parametrize("title", ["Settings and score", "Score against", "Importance", "Score against wall time"])
def test_a_saved_figure_is_a_file_by_itself(page: Any, title: str) -> None:
    record_sweep()
    answer = opened(page, "/#sweep&theme=dark")
    text = saved(page, f"save {title} as SVG")
    root = ET.fromstring(text)
    method = root.findtext(f"{SVG}desc") or ""
    assert answer["importance"]["method"] in method if title == "Importance" else method == answer["method"]
    background = root.find(f"{SVG}rect")
    assert background is not None and background.get("fill") == "#ffffff"
    assert "#e3e7ea" not in text and "#9ba6b0" not in text, "no ink of the dark page"
    assert "var(--" not in text and "style=" not in text
    if title == "Settings and score":
        assert len([path for path in root.iter(f"{SVG}path") if path.get("data-group")]) == 24


def test_empty_states(page: Any) -> None:
    record({"lr": 1e-3}, 5.0)
    opened(page, least=1)
    assert "There is one group" in page.inner_text("main")
    assert "Nothing can be said" in page.inner_text('[data-figure="importance"]')
    record({"lr": 1e-4}, 6.0)
    page.wait_for_function("() => document.querySelector('.parallel').dataset.lines === '2'")
    assert "There is one group" not in page.inner_text("main")
    page.locator(".toolbar select").first.select_option("loss")
    page.wait_for_function("() => location.hash.includes('cmetric=loss')")
    assert page.get_by_label("lower is better").is_checked()
    page.goto(page.url.replace("cmetric=loss", "cmetric=nothing"))
    page.wait_for_selector("text=No run has a score in nothing yet")


def test_the_filter_narrows_the_sweep(page: Any) -> None:
    record_sweep()
    opened(page)
    page.fill("#filter", "sgd")
    page.wait_for_function("() => document.querySelector('.parallel').dataset.lines === '12'")
    page.fill("#filter", "optimiser = 'sgd' and batch = 32")
    page.wait_for_function("() => document.querySelector('.parallel').dataset.lines === '4'")
    assert page.locator('[data-figure="best"] tbody tr').count() == 4


def test_names_with_markup_are_text(page: Any) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    for i in range(6):
        record({evil: f"{evil}{i}", "lr": 10.0**-i}, float(i))
    opened(page, least=6)
    page.locator(".parallel .axis-title").first.press("Enter")
    page.wait_for_timeout(200)
    assert page.title() != "owned" and "<img src=x" in page.inner_text('[data-figure="best"]')
    ET.fromstring(saved(page, "save Settings and score as SVG"))


def test_a_thousand_groups_stay_fluent(page: Any) -> None:
    rng = np.random.default_rng(0)
    for i in range(1000):
        config = {
            "lr": float(10 ** rng.uniform(-5, -2)),
            "batch": int(2 ** rng.integers(4, 10)),
            "gamma": float(rng.uniform(0.9, 0.999)),
            "optimiser": f"o{i % 3}",
        }
        with rolltape.init(project="p", name="sweep", id=f"r{i}", config=config) as run:
            run.log_batch({METRIC: np.full(3, -((np.log10(config["lr"]) + 3) ** 2))})
    page.set_default_timeout(90_000)
    opened(page, least=1000)
    page.wait_for_function("() => document.querySelector('.selection [data-selected]').dataset.selected === '1000'")
    assert page.locator("canvas.pixels").count() == 1
    box = axis_box(page, "lr")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.2
    page.mouse.move(x, y)
    page.mouse.down()
    times = []
    for step in range(1, 21):
        start = time.perf_counter()
        page.mouse.move(x, y + step * 8)
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        times.append(time.perf_counter() - start)
    page.mouse.up()
    assert 0 < selected(page) < 1000
    print(f"brush with 1,000 groups: median {1000 * np.median(times):.0f} ms a move")
    assert np.median(times) < 0.25, "far above 50 ms, also on a busy machine"


def test_it_outlives_a_restart_of_the_server(page: Any, site: Any, problems: list[str]) -> None:
    record_sweep()
    opened(page)
    brush(page, "lr", 0.6, 1.05)
    before = selected(page)
    assert 0 < before < 24
    site.stop()
    page.get_by_text("Connection lost").wait_for()
    assert selected(page) == before, "what was drawn stays"
    record({"lr": 1e-2, "batch": 256, "optimiser": "adam"}, 300.0)
    site.restart()
    page.wait_for_function("() => Number(document.querySelector('.parallel').dataset.lines) === 25")
    page.wait_for_selector(".banner", state="hidden")
    assert selected(page) == before + 1, "the brush stays, and holds the new group"
    assert page.locator(".figures .bad").count() == 0
    problems.clear()


def test_labels_of_the_front_are_whole_and_tell_groups_apart(page: Any) -> None:
    for lr, score in ((1e-4, 10.0), (3e-4, 20.0)):
        record({"lr": lr, "a_setting_with_a_long_name": "and a long value of it", "z": "also"}, score)
    record({"lr": 1e-2, "a_setting_with_a_long_name": "another", "z": "no"}, 1.0)
    answer = opened(page, least=3)
    front = [group["name"] for group in answer["groups"] if group["front"]]
    labels = page.locator('[data-figure="pareto"] g[paint-order] text').all_text_contents()
    assert labels and not any("…" in label for label in labels)
    for label in labels:
        assert sum(set(label.split(" · ")) <= set(name.split(" · ")) for name in front) == 1
    plot = page.locator('[data-figure="pareto"] svg').bounding_box()
    for label in page.locator('[data-figure="pareto"] g[paint-order] text').all():
        box = label.bounding_box()
        assert plot["x"] <= box["x"] and box["x"] + box["width"] <= plot["x"] + plot["width"]
