"""What tests read off a page, and how they open one."""

from __future__ import annotations

from typing import Any


def open_page(page: Any, address: str = "/") -> None:
    """Go to an address and wait until the groups are there."""
    page.goto(address)
    page.wait_for_selector('[data-ready="1"]')


def chart(page: Any, metric: str) -> Any:
    return page.locator(f"section.chart[data-metric={quoted(metric)}]")


def quoted(text: str) -> str:
    """As a string of CSS."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wait_for_points(page: Any, metric: str, least: int) -> int:
    """Wait until the chart has drawn so many points; returns how many it has."""
    selector = f"section.chart[data-metric={quoted(metric)}]"
    page.wait_for_function(
        "([selector, least]) => Number(document.querySelector(selector)?.dataset.points) >= least",
        arg=[selector, least],
    )
    return int(chart(page, metric).get_attribute("data-points"))
