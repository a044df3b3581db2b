"""A page with much to show: how soon it is useful, how soon a chart of many long runs is there and follows a zoom."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.ui_tools import TOOLS
from benchmarks.ui_browser import first_drawn, fresh_page
from benchmarks.ui_rolltape import METRIC
from benchmarks.ui_servers import serving

DRAWN = TOOLS["rolltape"].drawn
USEFUL = f"document.querySelector('[data-ready=\"1\"]') && {DRAWN.strip()}"
SECTION = f'section.chart[data-metric="{METRIC}"]'
WINDOWS = ((0.2, 0.7), (0.1, 0.4), (0.5, 0.9), (0.3, 0.45), (0.6, 0.8))  # shares of the plot that are dragged across
# ms from the first question for a curve to the chart.
_ASKED = """() => Math.min(...performance.getEntriesByType('resource')
  .filter(entry => entry.name.includes('/api/curve')).map(entry => entry.startTime))"""
# Notes when the mouse button goes up, and when the chart of another window, which is what is asked for then, is there.
_FOLLOW = """selector => {
  const section = document.querySelector(selector);
  window.redrawn = null;
  let began = 0;
  addEventListener('mouseup', () => (began = performance.now()), {capture: true, once: true});
  const changes = new MutationObserver(() => {
    changes.disconnect();
    requestAnimationFrame(() => {
      const {port1, port2} = new MessageChannel();
      port1.onmessage = () => (window.redrawn = performance.now() - began);
      port2.postMessage(0);
    });
  });
  changes.observe(section, {attributeFilter: ['data-lo', 'data-hi']});
}"""


def useful_paints(browser: Any, root: str, cache: str, times: int) -> list[float]:
    """ms from navigation until the runs are listed and the first chart is drawn, each of a server just started."""
    found = []
    for _ in range(times):
        with serving("benchmarks.ui_rolltape", root, cache=cache) as server, fresh_page(browser) as page:
            found.append(first_drawn(page, server.url, USEFUL))
    return found


def draws(browser: Any, root: str, cache: str, times: int) -> dict[str, Any]:
    """The chart of many long runs: ms of its ``first`` draws, of pages just opened, from the question that the page
    asks to the frame that shows it, and from navigation (``opened``); and of its redraws after a ``zoom`` by dragging.
    """
    found: dict[str, Any] = {"first": [], "opened": [], "zoom": [], "points": 0}
    with serving("benchmarks.ui_rolltape", root, cache=cache) as server:
        with fresh_page(browser) as page:  # makes the indexes
            first_drawn(page, server.url, DRAWN)
        for _ in range(times):
            with fresh_page(browser) as page:
                opened = first_drawn(page, server.url, DRAWN)
                found["opened"].append(opened)
                found["first"].append(opened - page.evaluate(_ASKED))
                found["points"] = int(page.locator(SECTION).get_attribute("data-points"))
                page.wait_for_timeout(500)
                found["zoom"] += [_zoom(page, low, high) for low, high in WINDOWS]
    return found


def _zoom(page: Any, low: float, high: float) -> float:
    """ms from the end of a drag across a part of the plot to its redraw; then the whole is shown again."""
    before = page.evaluate("selector => [document.querySelector(selector).dataset.lo, location.hash]", SECTION)
    plot = page.locator(f"{SECTION} .u-over").bounding_box()
    y = plot["y"] + plot["height"] / 2
    page.mouse.move(plot["x"] + plot["width"] * low, y)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * high, y, steps=4)
    page.evaluate(_FOLLOW, SECTION)
    page.mouse.up()
    page.wait_for_function("() => window.redrawn")
    taken = float(page.evaluate("() => window.redrawn"))
    page.mouse.move(1, 1)
    page.evaluate("hash => { location.hash = hash }", before[1])
    page.wait_for_function(
        "([selector, low]) => document.querySelector(selector).dataset.lo === low", arg=[SECTION, before[0]]
    )
    page.wait_for_timeout(200)
    return taken
