"""/api/run: everything of one run, bounded where a run may hold any number of texts, media and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

import rolltape
from rolltape.server.answers.run_contents import (
    LONGEST_TEXT,
    MOST_CHARACTERS,
    MOST_EVENTS,
    MOST_FILES,
    tell_events,
    tell_files,
)


def ask(client: httpx.Client, key: str) -> dict[str, Any]:
    answer = client.get("/api/run", params={"run": key})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def event(kind: str, i: int, **more: Any) -> dict[str, Any]:
    return {"name": "n", "kind": kind, "step": i, "time": i * 1_000_000_000, **more}


def test_files_and_events_of_a_run(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="p", id="r") as run:
        run.log({"frame": rolltape.Image(np.zeros((2, 2), np.uint8)), "loss": 1.0}, step=3)
        run.log({"said": "<b>hello</b>"}, step=4)
        (tapes / "table.bin").write_bytes(b"12345")
        run.log({"table": rolltape.File(tapes / "table.bin")}, step=5)
    told = ask(client, "p/r")
    assert [(one["kind"], one["name"], one["step"]) for one in told["events"]] == [
        ("image", "frame", 3),
        ("text", "said", 4),
        ("file", "table", 5),
    ]
    assert told["events"][1]["text"] == "<b>hello</b>"
    assert (told["texts"], told["media"], told["points"], told["lost"]) == (1, 2, 1, 0)
    files = {file["name"]: file for file in told["files"]}
    assert told["file_count"] == len(files)
    assert files["run.json"]["size"] == (tapes / "p" / "r" / "run.json").stat().st_size
    assert sum(name.endswith(".tape") for name in files) == 1
    media = {one["kind"]: files[f"media/{one['file']}"] for one in told["events"] if one["file"]}
    assert media["file"]["size"] == 5
    assert media["image"]["shown"] and not media["file"]["shown"]
    sent = [client.get(f"/api/media/p/r/{quote(name[6:])}") for name in files if name.startswith("media/")]
    assert [answer.status_code for answer in sent] == [200, 200]
    image = next(one["file"] for one in told["events"] if one["kind"] == "image")
    assert client.get(f"/api/media/p/r/{image}").headers["content-type"] == "image/png"


def test_a_hundred_thousand_texts_are_told_as_their_newest(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="p", id="many") as run:
        run.log({"frame": rolltape.Image(np.zeros((2, 2), np.uint8))}, step=0)
        for step in range(100_000):
            run.log({"said": f"line {step}"}, step=step)
    answer = client.get("/api/run", params={"run": "p/many"}, timeout=60)
    told = answer.json()
    texts = [one for one in told["events"] if one["kind"] == "text"]
    assert told["texts"] == 100_000
    assert [one["text"] for one in texts] == [f"line {step}" for step in range(100_000 - MOST_EVENTS, 100_000)]
    assert [one["kind"] for one in told["events"] if one["kind"] != "text"] == ["image"], "texts do not hide media"
    assert len(answer.content) < 1_000_000


def test_long_texts_are_cut_and_few_of_them_told() -> None:
    told = tell_events([event("text", i, text="x" * (LONGEST_TEXT + 7)) for i in range(500)])
    assert {(len(one["text"]), one["cut"]) for one in told["events"]} == {(LONGEST_TEXT, 7)}
    assert len(told["events"]) == MOST_CHARACTERS // LONGEST_TEXT
    assert told["events"][-1]["step"] == 499, "the newest"
    assert told["texts"] == 500


def test_media_are_bounded_by_themselves() -> None:
    told = tell_events([event("video", i, file=f"{i}.mp4") for i in range(MOST_EVENTS + 10)])
    assert [one["step"] for one in told["events"]] == list(range(10, MOST_EVENTS + 10))
    assert (told["texts"], told["media"]) == (0, MOST_EVENTS + 10)


def test_strange_events_are_told_as_far_as_they_go() -> None:
    told = tell_events([{"kind": "text", "text": 7}, {"time": "soon"}, {"kind": "text", "time": None, "text": None}])
    assert {(one["kind"], one["text"], one["time"]) for one in told["events"]} == {
        ("text", "7", 0.0),
        (None, None, 0.0),
        ("text", None, 0.0),
    }


def test_files_that_cannot_be_sent_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "not there")
    assert [file["name"] for file in tell_files(tmp_path)["files"]] == ["run.json"]
    assert tell_files(tmp_path / "not there") == {"files": [], "file_count": 0}


def test_many_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    for i in range(MOST_FILES + 5):
        (tmp_path / "media" / f"{i:05}.png").touch()
    (tmp_path / "z.tape").write_bytes(b"tape")
    told = tell_files(tmp_path)
    assert told["file_count"] == MOST_FILES + 6
    assert len(told["files"]) == MOST_FILES
    assert told["files"][0] == {"name": "z.tape", "size": 4, "shown": False}, "many media do not hide a tape"
