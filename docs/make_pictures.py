"""Make the pictures of the documentation: train the demo, open the page in Chromium, photograph it.

.venv/bin/python docs/make_pictures.py [DIRECTORY OF TAPES THAT THE DEMO MADE]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import two_ways
from playwright.sync_api import sync_playwright

import rolltape
from rolltape.server import serve_in_background

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    tapes = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    if len(sys.argv) == 1:
        subprocess.run([sys.executable, "-m", "rolltape", "demo", "--no-ui", "--dir", str(tapes)], check=True)
    draw_two_ways(tapes)
    served = serve_in_background(tapes, None)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": 1280, "height": 860}, color_scheme=scheme, device_scale_factor=1.5
            )
            page.goto(served.url)
            page.wait_for_selector("section.chart[data-points]")
            for row in page.locator("li[data-run]").all():
                if not row.inner_text().split()[0].endswith(("s1", "s2")):
                    row.locator("input").first.uncheck()
            page.wait_for_timeout(1000)
            plot = page.locator("section.chart .u-over").first.bounding_box()
            page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + plot["height"] * 0.4)
            page.wait_for_timeout(500)
            page.screenshot(path=IMAGES / f"page-{scheme}.png")
        browser.close()
    served.close()


def draw_two_ways(tapes: Path) -> None:
    store = rolltape.open(tapes)
    run = next(info.key for info in store.runs() if info.name == "reinforce-s3")
    points = store.points(run, "train/episode_return")
    curve = store.curve("train/episode_return", runs=[run], buckets=50)
    for scheme, colors in (("light", two_ways.LIGHT), ("dark", two_ways.DARK)):
        (IMAGES / f"two-ways-{scheme}.svg").write_text(two_ways.draw(points, curve, colors))


if __name__ == "__main__":
    main()
