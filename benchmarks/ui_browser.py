"""A headless Chromium without a GPU or a network, and when a page has drawn something."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # fonts and telemetry of others
)
SIZE = {"width": 1280, "height": 800}
TIMEOUT = 60_000  # ms

# Looks in every frame, and notes the ms from navigation to the end of the frame after the first in which it is true.
_WATCH = """
(() => {
  const look = () => {
    let drawn = false;
    try { drawn = DRAWN } catch {}
    if (!drawn) return requestAnimationFrame(look);
    requestAnimationFrame(() => {
      const {port1, port2} = new MessageChannel();
      port1.onmessage = () => (window.firstDrawn = performance.now());
      port2.postMessage(0);
    });
  };
  requestAnimationFrame(look);
})()
"""


class NoBrowser(Exception):
    """There is no browser here; the message says what is missing."""


class BrowserError(Exception):
    """A page did not do what was waited for; the message is the browser's."""


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser.

    Raises:
        NoBrowser: Chromium or playwright is not installed.
        BrowserError: from within.
    """
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        raise NoBrowser("Chromium is not installed")
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0], args=list(FLAGS))
        try:
            yield browser
        except Error as error:
            raise BrowserError(str(error).strip().splitlines()[0]) from error
        finally:
            browser.close()


@contextlib.contextmanager
def fresh_page(browser: Any) -> Iterator[Any]:
    """A page of a context of its own, so with nothing in its cache."""
    context = browser.new_context(viewport=SIZE)
    try:
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        yield page
    finally:
        context.close()


def first_drawn(page: Any, address: str, drawn: str) -> float:
    """ms from navigation until ``drawn``, JavaScript, is true and painted."""
    page.add_init_script(_WATCH.replace("DRAWN", drawn.strip()))
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => window.firstDrawn")
    return float(page.evaluate("() => window.firstDrawn"))


def next_frame(page: Any) -> None:
    """Return when what is to be drawn has been drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
