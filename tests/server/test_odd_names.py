"""Directories whose names are not UTF-8: every route that lists such a run also answers about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from frames import read_curve, read_histogram
from hypothesis import given
from hypothesis import strategies as st

import rolltape
from rolltape.server import serve_in_background
from rolltape.server.odd_names import meant, told
from rolltape.server.strict_json import encode

ODD = b"odd \xff\x80 \xc3\xa4 %FF"


@pytest.fixture
def client(tapes: Path) -> Iterator[httpx.Client]:
    """A store of a run in a directory of an odd name, served writable."""
    for name, level in (("odd", 7.0), ("plain", 1.0)):
        with rolltape.init(project="p", id=name, name=name, config={"seed": 1}) as run:
            run.log_batch({"loss": np.full(100, level)})
            run.log({"frame": rolltape.Image(np.zeros((4, 4, 3), np.uint8))}, step=5)
    try:
        (tapes / "p" / "odd").rename(tapes / "p" / os.fsdecode(ODD))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    with serve_in_background(tapes, 0, writable=True) as served, httpx.Client(base_url=served.url) as client:
        yield client


def key_of_odd(client: httpx.Client) -> str:
    groups = client.get("/api/groups", params={"project": "p"}).json()["groups"]
    (run,) = next(group["runs"] for group in groups if group["name"] == "odd")
    key: str = run["key"]
    assert key.startswith("p/odd ") and key.endswith(" ä %FF")
    return key


def test_all_that_is_asked_of_a_run(client: httpx.Client) -> None:
    key = key_of_odd(client)
    (run,) = client.get("/api/runs", params={"run": key}).json()["runs"]
    assert (run["key"], run["name"]) == (key, "odd")
    details = client.get("/api/run", params={"run": key}).json()
    assert (details["key"], details["points"]) == (key, 100)
    (file,) = [event["file"] for event in details["events"] if event["kind"] == "image"]
    assert client.get("/api/media/" + "/".join(quote(part, safe="") for part in (*key.split("/"), file))).is_success
    (loss,) = client.get("/api/summaries", params={"run": key}).json()["metrics"]
    assert (loss["metric"], loss["last"]) == ("loss", 7.0)
    assert [one["name"] for one in client.get("/api/metrics", params={"run": key}).json()["metrics"]] == ["loss"]
    asked = {"metric": "loss", "run": key, "buckets": 4}
    assert [line["id"] for line in read_curve(client.get("/api/curve", params=asked)).header["lines"]] == [key]
    assert read_histogram(client.get("/api/histogram", params=asked)).header["points"] == 100


def test_a_group_with_it_in(client: httpx.Client) -> None:
    key = key_of_odd(client)
    ids = [group["id"] for group in client.get("/api/groups", params={"project": "p"}).json()["groups"]]
    curve = read_curve(client.get("/api/curve", params={"metric": "loss", "group": ids, "seeds": 1}))
    assert {line["id"] for line in curve.header["lines"]} == {key, "p/plain"}
    answer = client.get("/api/compare", params={"metric": "loss", "group": ids}).json()
    assert {one for group in answer["groups"] for one in group["keys"]} == {key, "p/plain"}


def test_it_is_noted_and_deleted(client: httpx.Client, tapes: Path) -> None:
    key = key_of_odd(client)
    origin = {"origin": str(client.base_url).rstrip("/")}
    noted = client.post("/api/notes", json={"runs": [key], "note": "odd"}, headers=origin)
    assert noted.json()["runs"] == [{"key": key, "tags": [], "note": "odd"}]
    moved = client.post("/api/delete", json={"runs": [key]}, headers=origin)
    assert list(moved.json()["moved"]) == [key]
    left = [run["key"] for run in client.get("/api/runs").json()["runs"]]
    assert "p/plain" in left and key not in left
    assert len(list((tapes / ".trash" / "p").iterdir())) == 1


def test_the_news_name_it_alike(client: httpx.Client) -> None:
    key = key_of_odd(client)
    assert encode({"runs": [key]}) == encode({"runs": ["p/" + os.fsdecode(ODD)]})


@given(st.binary(min_size=1, max_size=20))
def test_any_name_comes_back(name: bytes) -> None:
    text = os.fsdecode(name)
    if any(0xEF80 <= ord(letter) <= 0xEFFF for letter in text):
        return  # nobody calls a directory so
    left: Any = told(text)
    assert left.encode().decode() == left
    assert meant(left) == text
