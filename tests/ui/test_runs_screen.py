"""The table of runs in a real browser: groups, scores, sorting, filtering, columns, selection, and 10,000 rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from on_page import open_page

import rolltape
from rolltape.server import serve_in_background

NAMES = "main.runs tr[data-group] .name"


def record(optimizer: str, lr: float, seed: int, value: float, **more: Any) -> None:
    config = {"optimizer": optimizer, "lr": lr, "gamma": 0.99, "seed": seed}
    with rolltape.init(project="sweep", name="ppo", config=config, **more) as run:
        run.log_batch({"train/episode_return": [0.0, 2 * value, value], "loss": [3.0, 2.0, 1.0]}, step=[0, 50, 100])


@pytest.fixture
def sweep(tapes: Path) -> None:
    for optimizer, lr, values in (("adam", 1e-3, [3, 5, 4]), ("adam", 1e-4, [7, 9, 8]), ("sgd", 1e-3, [1, 2, 1.5])):
        for seed, value in enumerate(values):
            record(optimizer, lr, seed, value)


def open_runs(page: Any, address: str = "#runs") -> None:
    page.goto(f"/{address}")
    page.wait_for_selector('[data-ready="1"]')
    page.wait_for_selector("main.runs tr[data-group]")


def names(page: Any) -> list[str]:
    return list(page.locator(NAMES).all_inner_texts())


def cells(page: Any, column: str) -> list[str]:
    return [text.replace("\n", " ") for text in page.locator(f'td[data-column="{column}"]').all_inner_texts()]


def test_a_row_is_a_group_with_its_seeds_as_marks(page: Any, sweep: None) -> None:
    open_runs(page)
    assert names(page) == [
        "lr=0.001 · optimizer=sgd",
        "lr=0.0001 · optimizer=adam",
        "lr=0.001 · optimizer=adam",
    ]
    assert page.locator("tr[data-group] .marks").first.get_attribute("aria-label") == "3 runs: 3 finished"
    assert page.locator("tr[data-group]").first.locator(".mark.finished").count() == 3
    heads = page.locator("thead th .title").all_inner_texts()
    assert "lr" in heads and "optimizer" in heads and "gamma" not in heads, "what never varies has no column"
    page.get_by_text("the same in all: 1 setting").click()
    assert "gamma" in page.locator(".shared dl").inner_text()


def test_scores_are_those_of_the_server_with_interval_and_n(page: Any, sweep: None, site: Any) -> None:
    open_runs(page)
    page.wait_for_function("() => document.querySelector('td[data-column^=\"last:\"] .n')")
    shown = cells(page, "last:train/episode_return")
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        groups = client.get("/api/groups", params={"value": "last:train/episode_return"}).json()["groups"]
    for text, group in zip(shown, groups, strict=True):
        center, low, high, n, _ = group["values"][0]
        assert text.split()[0] == f"{center:.4g}" or float(text.split()[0]) == pytest.approx(center, rel=1e-3)
        assert f"n={n}" in text
        bounds = [float(part.replace("−", "-")) for part in text.split("[")[1].split("]")[0].split(", ")]
        assert bounds == pytest.approx([low, high], rel=1e-3)
    page.get_by_role("combobox", name="over seeds").select_option("median")
    page.wait_for_function(
        "() => document.querySelector('td[data-column^=\"last:\"] .score').title.startsWith('median')"
    )
    assert "stat=median" in page.url


def test_sorting_lives_in_the_address(page: Any, sweep: None, site: Any) -> None:
    open_runs(page)
    page.wait_for_function("() => document.querySelector('td[data-column^=\"last:\"] .n')")
    page.locator("thead th", has_text="last, over seeds").locator("button").click()
    assert [float(text.split()[0]) for text in cells(page, "last:train/episode_return")] == [8, 4, 1.5]
    page.locator("thead th", has_text="last, over seeds").locator("button").click()
    assert [float(text.split()[0]) for text in cells(page, "last:train/episode_return")] == [1.5, 4, 8]
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_function("() => document.querySelectorAll('td[data-column^=\"last:\"] .n').length == 3")
    assert [float(text.split()[0]) for text in cells(other, "last:train/episode_return")] == [1.5, 4, 8]


def test_filters_by_words_and_by_condition(page: Any, sweep: None) -> None:
    open_runs(page)
    page.fill("#filter", "adam")
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 2")
    page.fill("#filter", "lr < 5e-4")
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 1")
    page.fill("#filter", "nothing_like_it = 3")
    page.wait_for_selector("text=No run matches.")
    assert "nothing_like_it" in page.locator(".filter .problem").inner_text()


def test_a_mistaken_condition_is_told_below_the_field(page: Any, sweep: None, problems: list[str]) -> None:
    open_runs(page)
    page.fill("#filter", "lr <")
    page.wait_for_selector('.filter [role="alert"]')
    assert "lr <" in page.locator('.filter [role="alert"]').inner_text()
    assert len(names(page)) == 3, "the last good answer stays"
    problems.clear()


def test_columns_are_chosen_moved_and_removed(page: Any, sweep: None) -> None:
    open_runs(page)
    page.get_by_role("button", name="columns", exact=True).click()
    chooser = page.get_by_role("dialog")
    chooser.get_by_label("Search columns to add").fill("mean loss")
    chooser.get_by_role("button", name="+ mean, over seeds · loss").click()
    chooser.get_by_role("button", name="remove speed").or_(chooser.get_by_role("button", name="remove steps/s")).click()
    chooser.get_by_role("button", name="done").click()
    page.wait_for_function("() => document.querySelector('td[data-column=\"mean:loss\"] .n')")
    assert {text.split()[0] for text in cells(page, "mean:loss")} == {"2"}
    assert "steps/s" not in page.locator("thead th .title").all_inner_texts()
    assert "mean:loss" in page.url
    page.get_by_role("button", name="columns", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="reset").click()
    page.get_by_role("dialog").get_by_role("button", name="done").click()
    assert "steps/s" in page.locator("thead th .title").all_inner_texts()


def test_a_group_opens_to_its_runs_and_a_run_to_its_screen(page: Any, sweep: None) -> None:
    open_runs(page)
    page.locator("tr[data-group] .fold").first.click()
    page.wait_for_function("() => document.querySelectorAll('tr[data-run]').length == 3")
    assert "open=" in page.url
    page.locator("tr[data-run] .name").first.click()
    page.wait_for_selector('[data-screen="run"]')
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('tr[data-run]').length == 3")


def test_drawn_groups_go_along_to_the_curves(page: Any, sweep: None) -> None:
    open_runs(page)
    page.locator("thead input.draw").uncheck()
    page.locator("tr[data-group] input.draw").nth(1).check()
    page.get_by_role("button", name="curves", exact=True).click()
    page.wait_for_selector('[data-screen="curves"]')
    assert page.locator("aside input.draw:checked").count() == 1
    assert page.url.split("pick=")[1].split("&")[0] == page.locator("aside .group:has(:checked)").get_attribute(
        "data-group"
    )


def test_colours_and_hidden_groups(page: Any, sweep: None) -> None:
    open_runs(page)
    page.get_by_role("button", name="colour", exact=True).click()
    page.get_by_role("button", name="colour 5 for lr=0.001 · optimizer=sgd").click()
    page.get_by_role("button", name="done").click()
    color = page.locator("tr[data-group] input.draw").first.evaluate("box => getComputedStyle(box).color")
    assert color == "rgb(169, 116, 0)"
    page.locator("thead input.draw").uncheck()
    page.locator("tr[data-group] input.draw").first.check()
    page.get_by_role("button", name="hide", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 2")
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 2")
    page.get_by_role("button", name="show 1 hidden").click()
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 3")


def test_a_run_that_starts_appears_without_losing_anything(page: Any, sweep: None) -> None:
    open_runs(page, "#runs&sort=-config.lr")
    page.locator("tr[data-group] .fold").first.click()
    record("rmsprop", 1e-2, 0, 3)
    page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 4")
    assert names(page)[0] == "lr=0.01 · optimizer=rmsprop"
    assert page.locator("tr[data-run]").count() == 3, "what was open stays open"


def test_markup_in_names_is_text(page: Any, tapes: Path) -> None:
    hostile = '<img src=x onerror="document.title=1">'
    with rolltape.init(
        project="p&a=b,c", name=hostile, config={"<b>key</b>": "<i>å, &#38;</i>", "seed": 1}, tags=["<u>"]
    ) as run:
        run.log({"a,b|<s>": 1.0})
    with rolltape.init(project="p&a=b,c", name=hostile, config={"<b>key</b>": "2", "seed": 1}) as run:
        run.log({"a,b|<s>": 2.0})
    open_runs(page, "#runs")
    assert all(name.startswith("<b>key</b>=") for name in names(page))
    assert page.locator("main img, main i, main u, main s").count() == 0
    page.locator("thead th", has_text="<b>key</b>").locator("button").click()
    address = page.url
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector("main.runs tr[data-group]")
    assert other.locator("thead th[aria-sort]").count() == 1
    other.get_by_role("button", name="columns", exact=True).click()
    other.get_by_label("Search columns to add").fill("last a,b")
    other.get_by_role("button", name="+ last, over seeds · a,b|<s>").or_(
        other.get_by_role("button", name="remove last, over seeds · a,b|<s>")
    ).first.wait_for()


def test_keys_move_draw_and_open(page: Any, sweep: None) -> None:
    open_runs(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator("tr.cursor").get_attribute("data-name") == "lr=0.0001 · optimizer=adam"
    page.keyboard.press("x")
    assert page.locator("tr.cursor input.draw").is_checked() is False
    page.keyboard.press("e")
    page.wait_for_function("() => document.querySelectorAll('tr[data-run]').length == 3")
    page.keyboard.press("?")
    assert "draw the row" in page.get_by_role("dialog", name="Keyboard shortcuts").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_selector('[data-screen="run"]')


def test_ten_thousand_groups_scroll_with_few_rows_in_the_page(page: Any, tapes: Path) -> None:
    project = tapes / "many"
    for i in range(10_000):
        directory = project / f"r{i:05}"
        directory.mkdir(parents=True)
        told = {"id": directory.name, "project": "many", "name": "ppo", "config": {"lr": i}, "started": 1e9 + i}
        (directory / "run.json").write_text(json.dumps(told))
    open_runs(page)
    page.wait_for_function("() => document.querySelector('.counts').innerText.startsWith('10000 groups')")
    assert page.locator("main.runs tr").count() < 120
    page.locator(".table").evaluate("box => box.scrollTop = box.scrollHeight")
    page.wait_for_function(
        "() => [...document.querySelectorAll('tr[data-group] .name')].some(name => name.innerText == 'lr=0')"
    )
    assert page.locator("main.runs tr").count() < 120


def test_no_runs_and_one_run(page: Any, tapes: Path) -> None:
    page.goto("/#runs")
    page.wait_for_selector("text=No runs yet")
    with rolltape.init(project="p", name="the first") as run:
        run.log({"loss": 1.0})
    page.wait_for_selector("main.runs tr[data-group]")
    assert names(page) == ["the first"]


def test_a_read_only_server_offers_no_changes(page: Any, sweep: None) -> None:
    open_runs(page)
    for name in ("tag", "note", "delete"):
        button = page.get_by_role("button", name=name, exact=True)
        assert button.is_disabled()
        assert "--writable" in button.get_attribute("title")


def test_tags_notes_and_deleting_where_the_server_is_writable(page: Any, sweep: None, tapes: Path) -> None:
    with serve_in_background(tapes, 0, writable=True) as served:
        page.goto(f"{served.url}#runs&cols=tags,note")
        page.wait_for_selector("main.runs tr[data-group]")
        page.locator("thead input.draw").uncheck()
        page.locator("tr[data-group] input.draw").first.check()
        page.get_by_role("button", name="tag", exact=True).click()
        page.get_by_label("Tags, with commas between").fill("to-repeat, <b>new</b>")
        page.get_by_role("button", name="add", exact=True).click()
        page.wait_for_function("() => document.querySelectorAll('tr[data-group] .tag').length == 2")
        page.get_by_role("toolbar").get_by_role("button", name="note", exact=True).click()
        page.get_by_role("textbox", name="Note").fill("diverged after the <i>update</i>")
        page.get_by_role("button", name="save", exact=True).click()
        page.wait_for_function("() => document.querySelector('td[data-column=note]').innerText.includes('<i>')")
        told = [json.loads(path.read_text()) for path in tapes.glob("sweep/*/notes.json")]
        assert len(told) == 3 and all(one["note"].startswith("diverged") for one in told)
        page.get_by_role("button", name="delete", exact=True).click()
        dialog = page.get_by_role("dialog")
        assert "Delete 3 runs?" in dialog.inner_text()
        dialog.get_by_role("button", name="cancel").click()
        assert len(names(page)) == 3, "nothing is deleted before it is confirmed"
        page.get_by_role("button", name="delete", exact=True).click()
        dialog.get_by_role("button", name="delete").click()
        page.wait_for_function("() => document.querySelectorAll('main.runs tr[data-group]').length == 2")
        assert len(list(tapes.glob(".trash/sweep/*/run.json"))) == 3, "nothing recorded is lost"
        page.goto("about:blank")


@pytest.mark.parametrize("screen", ["runs", "curves", "compare", "sweep"])
def test_of_a_mistaken_condition_in_the_address_only_that_is_told(
    page: Any, sweep: None, problems: list[str], screen: str
) -> None:
    open_page(page, f"/#{screen}&where=lr+%3C")
    page.wait_for_selector('.filter [role="alert"]')
    page.wait_for_timeout(300)
    assert page.locator(".hint, .banner:visible").count() == 0, "no word of runs that do not match"
    page.fill("#filter", "lr < 1")
    page.wait_for_selector(".filter .problem", state="hidden")
    page.wait_for_selector("[data-group], section.chart, [data-figure]")
    problems.clear()


def test_seeds_are_listed_by_number(page: Any) -> None:
    for seed in (10, 1, 2):
        with rolltape.init(project="p", name="ppo", config={"seed": seed}) as run:
            run.log_batch({"loss": np.ones(10)})
    open_runs(page)
    page.locator("tr[data-group] .fold").first.click()
    page.wait_for_function("() => document.querySelectorAll('tr[data-run]').length == 3")
    seeds = page.locator("tr[data-run] .name").all_inner_texts()
    assert seeds == ["seed 1", "seed 2", "seed 10"]
    page.goto("/#curves&lines=seeds")
    page.wait_for_selector(".chart tbody tr .name")
    assert [name.split(" · ")[-1] for name in page.locator(".chart tbody .name").all_inner_texts()] == seeds
    marks = page.locator("aside li.group .marks").get_attribute("title")
    assert [line.partition(":")[0] for line in marks.splitlines()] == seeds
