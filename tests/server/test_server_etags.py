"""An answer is sent once: 304 until something that was asked about has changed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from frames import read_curve

import rolltape
from rolltape.curves import group_runs
from rolltape.server import serve_in_background

QUESTIONS = [
    "/api/runs",
    "/api/metrics",
    "/api/metrics?run=live/r",
    "/api/curve?metric=loss&run=live/r&run=other/o",
    "/api/curve?metric=loss",
    "/api/curve?metric=loss&metric=episodes&run=live/r&run=other/o&smooth=ema:0.5&band=none",
    "/api/histogram?metric=loss&run=live/r",
    "/api/run?run=live/r",
]


def ask(client: httpx.Client, question: str, etag: str | None = None) -> httpx.Response:
    return client.get(question, headers={"if-none-match": etag} if etag else {})


@pytest.mark.parametrize("question", QUESTIONS)
def test_304_until_the_run_grows(client: httpx.Client, live: Callable[[str], Any], question: str) -> None:
    run = live("r")
    first = ask(client, question)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    assert etag.startswith('"')
    for _ in range(3):
        again = ask(client, question, etag)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "no-cache"
    run.log(0.25)
    grown = ask(client, question, etag)
    assert grown.status_code == 200
    assert grown.headers["etag"] != etag
    assert ask(client, question, grown.headers["etag"]).status_code == 304


def test_what_was_not_asked_about_changes_nothing(client: httpx.Client, live: Callable[[str], Any]) -> None:
    run = live("r")
    question = "/api/curve?metric=loss&run=cart%2520pole/s1"
    etag = ask(client, question).headers["etag"]
    run.log(0.25)
    assert ask(client, question, etag).status_code == 304


def test_a_groups_answer_is_new_when_one_of_its_runs_grows(
    client: httpx.Client, tapes: Path, live: Callable[[str], Any]
) -> None:
    runs = [live("s1"), live("s2")]
    group = next(group for group in group_runs(rolltape.open(tapes).runs()) if group.project == "live")
    assert len(group.runs) == 2
    question = f"/api/curve?metric=loss&group={group.id}"
    for run in runs:
        first = ask(client, question)
        assert ask(client, question, first.headers["etag"]).status_code == 304
        run.log(0.25)
        grown = ask(client, question, first.headers["etag"])
        assert (grown.status_code, grown.content == first.content) == (200, False)


def test_a_line_that_is_called_otherwise_has_a_new_answer(
    client: httpx.Client, tapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer may have the name of a moment ago: that one is not the answer with the new name."""
    age = 1.5
    monkeypatch.setattr("rolltape.server.grouping._RECENT", age)
    question = "/api/curve?metric=speed&run=other/o"

    def label(answer: httpx.Response) -> str:
        return str(read_curve(answer).told("speed", "other/o")["label"])

    with rolltape.init(project="other", id="o", dir=tapes) as run:
        run.log({"speed": 4.0})
        time.sleep(age)
        assert label(ask(client, question)) == "o"
        run.describe(name="better known")
        run.log({"speed": 5.0})
        second = ask(client, question)
        assert label(second) == "o", "the look at names is not old enough for another one"
        time.sleep(age)
        third = ask(client, question, second.headers["etag"])
        assert third.status_code == 200
        assert label(third) == "better known"
        assert ask(client, question, third.headers["etag"]).status_code == 304


def test_a_killed_run_has_a_new_answer(client: httpx.Client, live: Callable[[str], Any]) -> None:
    run = live("r")
    first = ask(client, "/api/run?run=live/r")
    assert first.json()["status"] == "running"
    run.kill()
    second = ask(client, "/api/run?run=live/r", first.headers["etag"])
    assert second.status_code == 200
    assert second.json()["status"] == "killed"


def test_another_question_has_another_etag(client: httpx.Client) -> None:
    etags = {ask(client, question).headers["etag"] for question in QUESTIONS if "live" not in question}
    etags |= {ask(client, f"/api/curve?metric=loss&buckets={n}").headers["etag"] for n in (1, 2, 3)}
    assert len(etags) == 6


def test_the_forms_of_if_none_match(client: httpx.Client) -> None:
    etag = ask(client, "/api/runs").headers["etag"]
    for known in (f'"a", {etag}', f"W/{etag}", "*"):
        assert ask(client, "/api/runs", known).status_code == 304
    for unknown in ('"a"', etag.strip('"'), ""):
        assert client.get("/api/runs", headers={"if-none-match": unknown}).status_code == 200


def test_a_restarted_server_knows_no_old_etag(tapes: Path) -> None:
    etags = set()
    for _ in range(2):
        with serve_in_background(tapes, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
            etags.add(ask(client, "/api/runs").headers["etag"])
    assert len(etags) == 2


def test_a_run_that_comes_back_is_another_run(client: httpx.Client, tapes: Path) -> None:
    question = "/api/metrics?run=other/o"
    first = ask(client, question)
    shutil.rmtree(tapes / "other")
    assert ask(client, question, first.headers["etag"]).status_code == 404
    with rolltape.init(project="other", id="o", dir=tapes) as run:
        run.log({"height": 3.0}, step=5)
    second = ask(client, question, first.headers["etag"])
    assert [metric["name"] for metric in second.json()["metrics"]] == ["height"]


def test_304_comes_before_any_work(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = ask(client, "/api/curve?metric=loss").headers["etag"]

    def never(*_args: object) -> None:
        raise AssertionError("no curve is needed")

    monkeypatch.setattr("rolltape.server.answers.curve.tell_curve", never)
    assert ask(client, "/api/curve?metric=loss", etag).status_code == 304
