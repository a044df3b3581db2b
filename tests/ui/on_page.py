"""What tests read off a page and take away from it, and how they open one."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx

SVG = "{http://www.w3.org/2000/svg}"


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


def asked(page: Any, route: str) -> dict[str, Any]:
    """The answer to the page's last question on a route, asked again."""
    urls = page.evaluate(
        "route => performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes(route))", route
    )
    found: dict[str, Any] = httpx.get(urls[-1]).json()
    return found


def saved(page: Any, label: str) -> str:
    """The text of the file that a button saves."""
    with page.expect_download() as download:
        page.get_by_label(label, exact=True).click()
    return Path(download.value.path()).read_text("utf-8")


def rows_of(text: str) -> tuple[str, list[dict[str, str]]]:
    """The comment and the rows of a CSV file."""
    first, rest = text.split("\n", 1)
    return first, list(csv.DictReader(io.StringIO(rest)))
