"""The screen of one run in a real browser: head, curve and media, settings, texts, files, live growth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.server import serve_in_background

EVIL = "<img src=x onerror=document.title='owned'>"


def open_run(page: Any, key: str, more: str = "") -> None:
    page.goto(f"/#run&run={key}{more}")
    page.wait_for_selector(f"main.run header.head[data-run={json.dumps(key)}]")


def tab(page: Any, name: str) -> None:
    page.locator("nav.tabs a", has_text=re.compile(f"^{name}")).click()


def at_share(page: Any, share: float) -> None:
    """Click the curve at a share of its width."""
    plot = page.locator("main.run .u-over").bounding_box()
    page.mouse.click(plot["x"] + share * plot["width"], plot["y"] + plot["height"] / 3)


def record_media() -> None:
    """Steps 0 to 1000; a video and an image at 100, 500 and 900, each of its own colour."""
    with rolltape.init(project="p", id="media", config={"seed": 1}) as run:
        run.log_batch({"eval/return": np.linspace(0, 10, 1001)}, step=np.arange(1001))
        for k, step in enumerate((100, 500, 900)):
            frames = np.full((4, 16, 24, 3), 80 * k, np.uint8)
            run.log({"play": rolltape.Video(frames, fps=4), "frame": rolltape.Image(frames[0])}, step=step)


def test_the_head_says_what_a_run_is(page: Any, tapes: Path) -> None:
    for seed in (1, 2, 3):
        tags = ["baseline"] if seed == 2 else []
        with rolltape.init(project="p", id=f"s{seed}", name="ppo", config={"seed": seed, "lr": 0.1}, tags=tags) as run:
            run.log({"loss": 1.0}, step=1234)
    open_run(page, "p/s2")
    head = page.locator("header.head")
    assert head.locator("h2").inner_text() == "ppo"
    facts = dict(zip(head.locator("dt").all_inner_texts(), head.locator("dd").all_inner_texts(), strict=True))
    assert facts["project"] == "p"
    assert facts["steps"] == "1\u202f234"
    assert facts["points"] == "1"
    assert facts["tags"] == "baseline"
    assert "finished" in head.locator(".status").inner_text()
    assert head.locator(".error, .rows-lost, .danger").count() == 0
    assert head.get_by_role("button", name="previous run of the group: seed 1").count() == 1
    page.keyboard.press("]")
    page.wait_for_selector('header.head[data-run="p/s3"]')
    assert "run=p/s3" in page.url
    page.keyboard.press("[")
    page.keyboard.press("[")
    page.wait_for_selector('header.head[data-run="p/s1"]')
    assert page.get_by_role("button", name=re.compile("previous run")).count() == 0
    page.go_back()
    page.wait_for_selector('header.head[data-run="p/s2"]')
    page.get_by_role("link", name="its group in Curves (3)").click()
    page.wait_for_selector('[data-screen="curves"]')
    assert "pick=" in page.url


def test_an_error_and_lost_rows_stand_out(page: Any) -> None:
    run = rolltape.init(project="p", id="bad")
    run.log({"x": 1.0})
    run._writer.lost = 41
    run.close("failed", f"ValueError: {EVIL}")
    open_run(page, "p/bad")
    assert EVIL in page.locator(".head .error").inner_text()
    lost = page.locator(".head .rows-lost").inner_text()
    assert "41 rows could not be recorded" in lost and "41 of writer" in lost
    assert page.locator(".head .status.failed .mark").count() == 1


def test_a_click_on_the_curve_shows_the_media_nearest_to_it(page: Any) -> None:
    record_media()
    open_run(page, "p/media")
    media = page.locator("aside.media")
    assert media.get_attribute("data-step") == "900", "the newest, where no place is chosen"
    at_share(page, 0.14)
    page.wait_for_selector('aside.media[data-step="100"]')
    images = media.locator("img")
    assert images.count() == 2
    assert {images.nth(i).get_attribute("alt") for i in range(2)} == {
        "frame, image at step 100",
        "play, video at step 100",
    }
    page.wait_for_function(
        "() => [...document.querySelectorAll('aside.media img')].every((i) => i.naturalWidth === 24)"
    )
    assert 120 < float(re.search(r"at=([\d.]+)", page.url)[1]) < 160
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('aside.media[data-step="500"]')
    assert "at=500" in page.url
    second = page.context.new_page()
    second.goto(page.url)
    second.wait_for_selector('aside.media[data-step="500"]')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('aside.media[data-step="900"]')
    assert media.get_by_role("button", name=re.compile("media after")).is_disabled()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('aside.media[data-step="500"]')


def test_the_curve_is_marked_where_media_were_logged(page: Any) -> None:
    record_media()
    open_run(page, "p/media")
    page.wait_for_selector(".u-over")
    page.wait_for_timeout(300)
    painted = """(shares) => {
      const canvas = document.querySelector('main.run canvas'), over = document.querySelector('main.run .u-over');
      const scale = canvas.width / canvas.getBoundingClientRect().width, context = canvas.getContext('2d');
      const box = over.getBoundingClientRect(), origin = canvas.getBoundingClientRect();
      const y = Math.round((box.bottom - origin.y - 3) * scale);
      return shares.map((share) => {
        const x = Math.round((box.x - origin.x + share * box.width) * scale);
        return context.getImageData(x, y, 1, 1).data[3] === 255;
      });
    }"""
    assert page.evaluate(painted, [0.102, 0.33, 0.502, 0.67, 0.902]) == [True, False, True, False, True], (
        "beside the lines of the grid"
    )


def test_zoom_asks_again_and_is_shared(page: Any) -> None:
    record_media()
    open_run(page, "p/media", "&at=500")
    page.wait_for_selector('section[data-points="1001"]')
    plot = page.locator("main.run .u-over").bounding_box()
    y = plot["y"] + 100
    page.mouse.move(plot["x"] + 0.4 * plot["width"], y)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.6 * plot["width"], y, steps=4)
    page.mouse.up()
    page.wait_for_function("() => Number(document.querySelector('section[data-metric]').dataset.points) < 300")
    assert "at=500" in page.url, "a drag is no click"
    shared, points = page.url, page.locator("section[data-metric]").get_attribute("data-points")
    second = page.context.new_page()
    second.goto(shared)
    second.wait_for_selector(f'section[data-points="{points}"]')
    page.get_by_role("button", name="whole run").click()
    page.wait_for_selector('section[data-points="1001"]')


def test_other_axes(page: Any) -> None:
    record_media()
    open_run(page, "p/media", "&x=time&at=500")
    page.wait_for_selector('section[data-points="1001"]')
    page.wait_for_selector("aside.media")
    page.locator("label", has_text="over").locator("select").select_option("process")
    page.wait_for_selector('section[data-points="1001"]')
    assert "no known place on the axis running time" in page.locator(".how").inner_text()
    assert "at=" not in page.url and page.locator("aside.media").count() == 0


def test_metrics_are_found_sorted_and_opened(page: Any) -> None:
    with rolltape.init(project="p", id="m") as run:
        for i in range(300):
            run.log({f"group/metric {i:03}": float(i)}, step=i)
        run.log({"wild": np.array([1.0, np.nan, np.inf])}, step=400)
    open_run(page, "p/m", "&tab=metrics")
    rows = page.locator("table.metrics tr[data-metric]")
    page.wait_for_selector("tr[data-metric]")
    assert "301 of 301 metrics" in page.inner_text("main.run")
    assert rows.count() < 100, "only rows in sight exist"
    head = page.locator("table.metrics thead")
    head.get_by_role("button", name="max").click()
    assert head.locator("th[aria-sort=descending]").inner_text() == "max ↓"
    assert rows.first.get_attribute("data-metric") == "group/metric 299"
    page.get_by_label("find a metric").fill("WILD")
    assert rows.count() == 1
    cells = rows.first.locator("td").all_inner_texts()
    assert cells == ["3", "inf", "1", "1", "1", "2", "400", "400"]
    page.get_by_label("find a metric").fill("metric 123")
    rows.first.get_by_role("button").click()
    page.wait_for_selector('section[data-metric="group/metric 123"][data-points="1"]')
    assert "rmetric=" in page.url


def test_settings_are_held_against_another_run(page: Any) -> None:
    for id, config in (
        ("a", {"lr": 0.1, "net": {"width": 64, "depth": 2}, "same": "x", "only": EVIL, "seed": 1}),
        ("b", {"lr": 0.2, "net": {"width": 64, "depth": 3}, "same": "x", "theirs": [1, 2], "seed": 1}),
    ):
        rolltape.init(project="p", id=id, name=id, config=config).close()
    open_run(page, "p/a", "&tab=config")
    settings = page.locator("table.pairs tbody tr")
    assert settings.count() == 6
    assert page.locator('tr[data-key="net.width"] td').inner_text() == "64"
    page.get_by_label("or any run").fill("p/b")
    page.keyboard.press("Enter")
    page.wait_for_selector('tr[data-key="lr"][data-sign="≠"]')
    found = [(row.get_attribute("data-key"), row.get_attribute("data-sign")) for row in settings.all()]
    assert found[:2] == [("lr", "≠"), ("net.depth", "≠")]
    assert found[2:4] == [("only", "+"), ("theirs", "−")]
    assert {sign for _, sign in found[4:]} == {""}
    assert "4 of 7 settings differ" in page.inner_text("main.run")
    assert EVIL in page.inner_text("table.pairs") and page.title() != "owned"
    second = page.context.new_page()
    second.goto(page.url)
    second.wait_for_selector('tr[data-key="theirs"][data-sign="−"]')
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="copy as JSON").click()
    page.get_by_text("copied", exact=True).wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["net"] == {"width": 64, "depth": 2}


def test_system_tells_where_it_ran_and_who_wrote(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log({"x": 1.0})
    open_run(page, "p/r", "&tab=system")
    keys = {row.get_attribute("data-key") for row in page.locator("table.pairs tr").all()}
    assert {"host", "python", "command", "packages.numpy"} <= keys
    writer = page.locator("table.writers tbody tr").inner_text()
    assert "finished" in writer


def test_texts_and_files_are_text(page: Any, tapes: Path) -> None:
    evil = tapes / "console.log"
    tapes.mkdir(exist_ok=True)
    evil.write_text("hello")
    with rolltape.init(project="p", id="r", name=EVIL, config={EVIL: EVIL}, tags=[EVIL]) as run:
        run.log({EVIL: EVIL, "metric <b>": 1.0}, step=1)
        run.log({"said": "second\nline"}, step=2)
        run.log({"console": rolltape.File(evil), EVIL + "i": rolltape.Image(np.zeros((2, 2), np.uint8))}, step=3)
    open_run(page, "p/r", "&tab=text")
    rows = page.locator("table.texts tbody tr")
    assert rows.count() == 2
    assert EVIL in rows.first.inner_text() and "second\nline" in rows.last.inner_text()
    page.get_by_label("find in texts").fill("SECOND")
    assert rows.count() == 1
    assert page.get_by_role("link", name="console output: console").get_attribute("download") is not None
    for name in ("Overview", "Metrics", "Episodes", "Config", "System", "Files"):
        tab(page, name)
        page.wait_for_timeout(150)
    names = page.locator("table.files tbody tr").all_inner_texts()
    assert any(name.startswith("run.json") for name in names)
    link = page.locator("table.files a[target]").get_attribute("href")
    assert page.request.get(f"/{link}").headers["content-type"] == "image/png"
    assert page.title() != "owned"


def test_a_run_without_metrics_and_one_that_is_not_there(page: Any, problems: list[str]) -> None:
    rolltape.init(project="p", id="empty").close()
    open_run(page, "p/empty")
    assert "This run has no metrics." in page.inner_text("main.run")
    for name, words in (
        ("Metrics", "0 of 0"),
        ("Episodes", "no metrics"),
        ("Config", "without a config"),
    ):
        tab(page, name)
        page.get_by_text(words).wait_for()
    page.goto("/#run&run=p/nobody")
    page.get_by_text("is not in this store").wait_for()
    assert page.locator("header.head").count() == 0
    problems.clear()


def test_many_texts_are_told_as_their_newest(page: Any) -> None:
    with rolltape.init(project="p", id="many") as run:
        for step in range(100_000):
            run.log({"said": f"line {step}"}, step=step)
    open_run(page, "p/many", "&tab=text")
    assert "the newest of 100\u202f000" in page.inner_text(".asked")
    rows = page.locator("table.texts tbody tr")
    assert rows.count() == 2000
    assert "line 99999" in rows.last.inner_text()
    assert page.locator(".sheet.tall").evaluate("(box) => box.scrollTop + box.clientHeight > box.scrollHeight - 40")


LIVE = """
import sys, rolltape
run = rolltape.init(project="p", id="live", name="live")
for line in sys.stdin:
    for i in range(int(line)):
        run.log({"train/episode_return": float(i)})
    run.log({"said": f"logged {line}"})
    print("logged")
"""


def test_a_live_run_grows_and_dies_under_the_page(page: Any, script: Callable[..., Any], tapes: Path) -> None:
    trainer = script(LIVE)

    def log(rows: int) -> None:
        trainer.process.stdin.write(f"{rows}\n")
        trainer.process.stdin.flush()
        assert trainer.line() == "logged"

    log(100)
    open_run(page, "p/live")
    page.wait_for_selector('section[data-points="100"]')
    page.evaluate("document.querySelector('main.run canvas').mine = true")
    page.get_by_label("metric").focus()
    log(400)
    page.wait_for_selector('section[data-points="500"]')
    assert page.evaluate("document.querySelector('main.run canvas').mine"), "the chart is kept"
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    tab(page, "Text")
    assert page.locator("table.texts tbody tr").count() == 2
    log(1)
    page.wait_for_function("() => document.querySelectorAll('table.texts tbody tr').length === 3")
    trainer.kill()
    page.wait_for_selector('header.head[data-status="killed"] .mark.killed')
    assert "tab=text" in page.url


@pytest.fixture
def writable(tapes: Path, site: Any) -> Iterator[str]:
    """The address of a server of this store that may write."""
    with serve_in_background(tapes, 0, writable=True) as served:
        yield served.url.rstrip("/")


def test_tags_note_and_deletion(page: Any, writable: str, problems: list[str]) -> None:
    for id in ("a", "b"):
        with rolltape.init(project="p", id=id, name=f"run {id}", tags=["old"]) as run:
            run.log({"x": 1.0})
    page.goto(f"{writable}/#run&run=p/a")
    page.get_by_label("add a tag").fill(EVIL)
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"remove tag {EVIL}").wait_for()
    page.get_by_role("button", name="remove tag old").click()
    page.wait_for_function("() => document.querySelectorAll('.head .tag').length === 1")
    page.get_by_role("button", name="add a note").click()
    page.get_by_label("note", exact=True).fill("first\nsecond")
    page.get_by_role("button", name="save").click()
    page.get_by_role("button", name="edit note").wait_for()
    page.reload()
    page.wait_for_selector(".head p.note")
    assert page.locator(".head p.note").inner_text().startswith("first\nsecond")
    assert EVIL in page.locator(".head .tags").inner_text() and page.title() != "owned"
    page.get_by_role("button", name="delete …").click()
    page.get_by_role("button", name="keep it").click()
    assert page.locator("dialog[open]").count() == 0
    page.get_by_role("button", name="delete …").click()
    page.get_by_role("button", name="delete", exact=True).click()
    page.get_by_text("This run was deleted; it lies in").wait_for()
    page.goto(f"{writable}/#run&run=p/b")
    page.wait_for_selector('header.head[data-run="p/b"]')
    page.goto("about:blank")  # its server ends before it does
    problems.clear()


def test_a_run_that_is_deleted_under_the_page_says_so(page: Any, tapes: Path, problems: list[str]) -> None:
    with rolltape.init(project="p", id="gone") as run:
        run.log({"x": 1.0})
    rolltape.init(project="p", id="stays").close()
    open_run(page, "p/gone")
    (tapes / "p" / "gone").rename(tapes.parent / "moved")
    page.get_by_text("This run was deleted from the store.").wait_for()
    assert page.locator("header.head h2").count() == 1, "what was read stays"
    problems.clear()


def test_few_points_are_a_line_without_a_band(page: Any) -> None:
    rng = np.random.default_rng(0)
    with rolltape.init(project="p", id="few") as run:
        steps = np.arange(12) * 100_000
        run.log_batch({"loss": np.zeros(12)}, step=steps)
        run.log_batch({"loss": np.array([9.0, -9.0])}, step=np.array([500_001, 500_001]))
    with rolltape.init(project="p", id="many") as run:
        run.log_batch({"loss": rng.normal(size=4000)}, step=np.arange(4000))
    open_run(page, "p/few")
    told = page.locator(".overview .how")
    assert "no band, as most buckets hold one point" in told.inner_text()
    assert coloured(page) < 0.03, "a line and dots"
    open_run(page, "p/many")
    page.wait_for_function("() => document.querySelector('.overview .how')?.textContent.includes('band: true min')")
    assert coloured(page) > 0.1, "a band"


def coloured(page: Any) -> float:
    """The share of the plot that is neither white nor grey."""
    page.wait_for_timeout(300)
    share: float = page.evaluate("""() => {
        const canvas = document.querySelector('.overview canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let n = 0;
        for (let i = 0; i < data.length; i += 4) n += data[i + 3] > 0 && Math.abs(data[i] - data[i + 2]) > 12;
        return n / (data.length / 4);
    }""")
    return share


def test_there_is_no_tab_of_texts_without_texts(page: Any) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log({"x": 1.0})
        open_run(page, "p/r")
        tabs = page.locator("nav.tabs a")
        assert not any("Text" in name for name in tabs.all_inner_texts())
        run.log({"said": "something"})
        page.locator("nav.tabs a", has_text="Text 1").wait_for()
    with rolltape.init(project="p", id="s") as run:
        run.log({"x": 1.0})
    open_run(page, "p/s", "&tab=text")
    assert "This run logged no texts." in page.inner_text("main.run"), "an address that names it shows it"
