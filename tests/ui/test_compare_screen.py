"""Compare: what the page shows and exports is what /api/compare says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from on_page import SVG, asked, open_page, rows_of, saved

import rolltape

METRIC = "eval/return"


def record(name: str, level: float, seeds: int, **config: Any) -> None:
    rng = np.random.default_rng(round(level))
    for seed in range(1, seeds + 1):
        with rolltape.init(
            project="p", name=f"{name}_seed{seed}", config={"algo": name, "seed": seed, **config}
        ) as run:
            values = level + rng.normal(0, 3, 100) + rng.normal(0, 4)
            run.log_batch({METRIC: values, "loss": 1 / (1 + values**2)}, step=np.arange(100) * 10)


def record_six() -> None:
    for place, name in enumerate(("dqn_v1", "a&b", "50%", "ppo", "sac", "td3")):
        record(name, 20.0 * place + 5, 3 + place % 3)


def opened(page: Any, address: str = "/#compare") -> dict[str, Any]:
    open_page(page, address)
    page.wait_for_selector('[data-figure="table"] tbody tr')
    return asked(page, "api/compare")


def test_the_numbers_are_those_of_the_api(page: Any) -> None:
    record_six()
    answer = opened(page)
    assert len(answer["groups"]) == 6
    for group in answer["groups"]:
        cells = page.locator(f'[data-figure="table"] tr[data-group="{group["id"]}"] td').all_inner_texts()
        assert cells[0] == str(group["n"]) and group["n"] in (3, 4, 5)
        for cell, statistic in zip(cells[1:4], ("mean", "median", "iqm"), strict=True):
            shown = [
                float(part.replace("−", "-"))
                for part in cell.replace("[", "").replace("]", "").replace(",", "").split()
            ]
            told = group[statistic]
            assert shown == pytest.approx([told["center"], told["low"], told["high"]], abs=0.06)
    assert answer["method"] in page.inner_text("section.method")
    best = max(answer["groups"], key=lambda group: group["iqm"]["center"])
    assert page.locator('[data-figure="table"] tbody tr').first.get_attribute("data-group") == best["id"]


def test_csv_files_hold_every_digit_and_the_method(page: Any) -> None:
    record_six()
    answer = opened(page)
    comment, rows = rows_of(saved(page, "save the table as CSV"))
    assert comment == f"# {answer['method']}"
    by_label = {group["label"]: group for group in answer["groups"]}
    assert len(rows) == 6
    base = rows[0]["baseline"]
    pairs = {(pair["x"], pair["y"]): pair for pair in answer["improvement"]["pairs"]}
    for row in rows:
        group = by_label[row["group"]]
        for statistic in ("mean", "median", "iqm"):
            told = [group[statistic][end] for end in ("center", "low", "high")]
            assert [float(row[name]) for name in (statistic, f"{statistic}_low", f"{statistic}_high")] == told
        assert float(row["std"]) == group["std"]
        best = int(np.argmax(group["scores"]))
        assert row["best_seed"] == str(group["seeds"][best])
        if row["group"] == base:
            assert row["p_better"] == ""
        else:
            assert float(row["p_better"]) == pairs[group["id"], by_label[base]["id"]]["p"]
    _, drawn = rows_of(saved(page, "save the numbers of Performance profile as CSV"))
    assert len(drawn) == 6 * len(answer["profile"]["taus"])
    _, matrix = rows_of(saved(page, "save the numbers of Probability of improvement as CSV"))
    assert len(matrix) == 30
    _, drawn = rows_of(saved(page, "save the numbers of Scores as CSV"))
    assert sum(row["statistic"].startswith("run ") for row in drawn) == sum(group["n"] for group in answer["groups"])


@pytest.mark.parametrize("title", ["Scores", "Performance profile", "Sample efficiency", "Probability of improvement"])
def test_a_saved_figure_is_a_file_by_itself(page: Any, title: str) -> None:
    record_six()
    answer = opened(page, "/#compare&theme=dark")
    page.wait_for_selector(f'section.figure[aria-label="{title}"] svg')
    text = saved(page, f"save {title} as SVG")
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    assert root.findtext(f"{SVG}title") == title
    method = root.findtext(f"{SVG}desc")
    assert method == answer["method"] if title != "Sample efficiency" else method and METRIC in method
    background = root.find(f"{SVG}rect")
    assert background is not None and background.get("fill") == "#ffffff", "light also in the dark"
    assert "dqn_v1" in "".join(root.itertext())
    assert "#e3e7ea" not in text and "#9ba6b0" not in text, "no ink of the dark page"
    assert "var(--" not in text and "style=" not in text


def test_latex_and_markdown_escape(page: Any) -> None:
    record_six()
    answer = opened(page)
    latex = saved(page, "save the table as LaTeX")
    for name in ("dqn\\_v1", "a\\&b", "50\\%"):
        assert name in latex
    body = latex.split("\\midrule")[1].split("\\bottomrule")[0]
    lines = [line for line in body.strip().split("\n") if line.strip()]
    assert len(lines) == 6 and all(line.replace("\\&", "").count("&") == 7 and line.endswith("\\\\") for line in lines)
    assert "\\toprule" in latex and "P(X \\textgreater{} Y)" in latex
    markdown = saved(page, "save the table as Markdown").split("\n")
    assert len(markdown) == 6 + 2 + 3 and all(line.count("|") == 9 for line in markdown[:8])
    assert "dqn\\_v1" in "".join(markdown)
    assert len(answer["method"]) < len(latex)


def test_what_is_chosen_is_in_the_address(page: Any) -> None:
    record_six()
    opened(page)
    page.locator(".toolbar select").nth(0).select_option("loss")
    page.wait_for_function("() => location.hash.includes('cmetric=loss')")
    assert page.get_by_label("lower is better").is_checked(), "a loss is better when it is small"
    page.locator(".toolbar select").nth(1).select_option("max")
    page.locator(".toolbar select").nth(2).select_option("0.9")
    page.get_by_label("lower is better").uncheck()
    page.get_by_label("baseline").select_option(label="ppo")
    page.wait_for_function("() => document.querySelector('section.method').textContent.includes('90 %')")
    shared = page.context.new_page()
    shared.goto(page.url)
    shared.wait_for_selector('[data-figure="table"] tbody tr')
    answer = asked(shared, "api/compare")
    assert answer["metric"] == "loss" and answer["score"] == "the largest value of each run" and not answer["lower"]
    assert "90 %" in answer["method"]
    assert not shared.get_by_label("lower is better").is_checked()
    page.wait_for_timeout(300)
    assert shared.inner_text('[data-figure="table"] table') == page.inner_text('[data-figure="table"] table')
    row = shared.locator('[data-figure="table"] tbody tr', has_text="baseline")
    assert row.count() == 1 and row.locator("th").inner_text() == "ppo"


def test_few_groups_are_told_in_words(page: Any) -> None:
    record("ppo", 10.0, 5)
    record("sac", 90.0, 5)
    answer = opened(page)
    labels = {group["id"]: group["label"] for group in answer["groups"]}
    pair = next(pair for pair in answer["improvement"]["pairs"] if labels[pair["x"]] == "sac")
    text = page.inner_text('[data-figure="improvement"]')
    assert f"P(sac > ppo) = {pair['p']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}], n = 5, 5" in text
    assert "sac is better" in text


def test_one_or_two_seeds_have_no_interval(page: Any) -> None:
    record("many", 10.0, 5)
    record("two", 90.0, 2)
    opened(page)
    text = page.inner_text('[data-figure="intervals"]')
    assert "two has fewer than 3 runs" in text and "n = 2 · no interval below 3" in text
    assert "too few runs to tell" in page.inner_text('[data-figure="improvement"]')
    row = page.locator('[data-figure="table"] tr', has_text="two").first.inner_text()
    assert "[" not in row


def test_tasks_make_one_algorithm_of_groups(page: Any) -> None:
    for env, scale in (("Ant", 1.0), ("Hopper", 3.0)):
        for name, level in (("ppo", 10.0), ("sac", 60.0)):
            record(name, level * scale, 3, env_id=env)
    assert len(opened(page)["groups"]) == 4
    page.locator(".toolbar label", has_text="tasks").locator("select").select_option("env_id")
    page.wait_for_function("() => document.querySelectorAll('[data-figure=table] tbody tr').length === 2")
    assert "optimality gap" in page.inner_text('[data-figure="intervals"]')
    assert "Normalised scores over 2 tasks" in page.inner_text('[data-figure="intervals"]')


def test_empty_states(page: Any) -> None:
    record("ppo", 10.0, 3)
    open_page(page, "/#compare")
    page.wait_for_selector("text=One group is chosen")
    page.locator('aside input[type="checkbox"]').uncheck()
    page.wait_for_selector("text=Choose two groups")


def test_it_grows_with_its_runs(page: Any) -> None:
    record("ppo", 10.0, 3)
    record("sac", 50.0, 3)
    answer = opened(page)
    counted = {group["label"]: group["n"] for group in answer["groups"]}
    assert counted == {"ppo": 3, "sac": 3}
    run = rolltape.init(project="p", name="sac_seed9", config={"algo": "sac", "seed": 9})
    run.log_batch({METRIC: np.full(50, 55.0)})
    run.close()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-figure=table] td:nth-child(2)')].some(e => e.textContent === '4')"
    )


def test_names_with_markup_are_text(page: Any) -> None:
    evil = "<img src=x onerror=document.title='owned'>\x01]]>"
    record(evil, 10.0, 3)
    record("plain", 20.0, 3)
    opened(page)
    assert page.title() != "owned" and "<img src=x" in page.inner_text('[data-figure="table"]')
    root = ET.fromstring(saved(page, "save Scores as SVG"))
    assert "<img src=x" in "".join(root.itertext())
    _, rows = rows_of(saved(page, "save the table as CSV"))
    assert any(row["group"].startswith("<img src=x") for row in rows)


def test_it_outlives_a_restart_of_the_server(page: Any, site: Any, problems: list[str]) -> None:
    record("a", 10.0, 3)
    record("b", 20.0, 3)
    opened(page)
    site.stop()
    page.get_by_text("Connection lost").wait_for()
    assert page.locator('[data-figure="table"] tbody tr').count() == 2, "what was drawn stays"
    record("b", 30.0, 5)
    site.restart()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-figure=\"table\"] tbody tr')].some("
        "row => row.querySelector('td').textContent === '8')"
    )
    page.wait_for_selector(".banner", state="hidden")
    assert page.locator(".figures .bad").count() == 0
    problems.clear()
