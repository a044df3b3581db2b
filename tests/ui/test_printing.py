"""On paper: all charts, also those that nobody has scrolled to, in dark ink on white."""

from __future__ import annotations

from typing import Any

import numpy as np
from on_page import open_page

import rolltape

METRICS = 30
DRAWN = "document.querySelectorAll('section.chart .uplot').length"
# What stands for the browser's dialog: how many charts there are to print
HEARD = f"window.print = () => {{ window.printed = {DRAWN}; }}"


def record_many() -> None:
    for seed in (1, 2):
        with rolltape.init(project="p", name="ppo", config={"seed": seed}) as run:
            run.log_batch({f"part/m{i:02}": np.full(50, i) for i in range(METRICS)})


def test_all_charts_are_printed(page: Any) -> None:
    record_many()
    open_page(page)
    page.wait_for_selector("section.chart .uplot")
    assert page.evaluate(DRAWN) < METRICS
    page.emulate_media(media="print")
    page.wait_for_function(f"() => {DRAWN} === {METRICS}")
    footers = page.locator("section.chart footer")
    assert footers.count() == METRICS, "each says how it was made"
    assert not page.locator(".toolbar").is_visible()
    widths = page.evaluate("[...document.querySelectorAll('section.chart')].map(e => e.scrollWidth - e.clientWidth)")
    assert max(widths) <= 0
    assert len(page.pdf(format="A4")) > 10_000
    page.emulate_media(media="screen")
    page.wait_for_function(f"() => {DRAWN} < {METRICS}")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator(f"[data-metric='part/m{METRICS - 1}'] .uplot").wait_for()


def test_the_keys_print_when_all_are_drawn(page: Any) -> None:
    record_many()
    page.add_init_script(HEARD)
    for keys in ("Control+p", "p"):
        open_page(page, "/#curves&theme=dark")
        page.wait_for_selector("section.chart .uplot")
        assert page.evaluate(DRAWN) < METRICS
        page.keyboard.press(keys)
        page.wait_for_function("() => window.printed")
        assert page.evaluate("window.printed") == METRICS
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(f"() => {DRAWN} < {METRICS} && document.documentElement.dataset.theme === 'dark'")
        page.reload()


def test_only_the_charts_that_are_found_are_printed(page: Any) -> None:
    record_many()
    page.add_init_script(HEARD)
    open_page(page, "/#curves&find=m1")
    page.wait_for_selector("section.chart .uplot")
    page.keyboard.press("p")
    page.wait_for_function("() => window.printed")
    assert page.evaluate("window.printed") == 10


def test_other_screens_leave_printing_to_the_browser(page: Any) -> None:
    record_many()
    open_page(page, "/#runs")
    page.evaluate("addEventListener('keydown', event => { window.kept = !event.defaultPrevented; })")
    page.keyboard.press("Control+p")
    assert page.evaluate("window.kept")
