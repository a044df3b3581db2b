"""A real browser on a served store. `on_page` has what tests read off a page.

ROLLTAPE_TEST_STATIC names a directory with another build of the page than the one in the package.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rolltape.server import Served, serve_in_background

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


class Site:
    """A store that is served; `restart` ends the server and starts another one at the same address."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.served: Served = serve_in_background(root, 0)

    @property
    def url(self) -> str:
        return self.served.url

    def stop(self) -> None:
        self.served.close()

    def restart(self) -> None:
        self.served.close()
        self.served = serve_in_background(self.root, int(self.url.rstrip("/").rpartition(":")[2]))


@pytest.fixture
def site(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The store of this test, served with the built page."""
    built = os.environ.get("ROLLTAPE_TEST_STATIC")
    if built:
        monkeypatch.setattr("rolltape.server.app.STATIC", Path(built))
    tapes.mkdir(exist_ok=True)
    site = Site(tapes)
    yield site
    site.stop()


@pytest.fixture
def problems() -> list[str]:
    """Errors in the console of `page`; a test that means to cause some clears it when it is done."""
    return []


@pytest.fixture
def page(browser: Any, site: Site, problems: list[str]) -> Iterator[Any]:
    """A page on the store of this test; an error in its console fails the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, base_url=site.url, accept_downloads=True, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)

    def watch(page: Any) -> None:
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    context.on("page", watch)  # a second page of the same reader is watched as well
    yield context.new_page()
    context.close()
    assert problems == []
