"""A token for one project sees what it would see if the store had no other."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import Doored

import rolltape
from rolltape.errors import RunNotFound
from rolltape.server import Served, serve_in_background
from rolltape.server.access import views
from rolltape.server.openapi import document
from rolltape.server.reading.questions import PARTS
from rolltape.store import DirectoryStore

MINE, OTHER = "pole%20cart/mine-1", "hidden/veiled-1"


@pytest.fixture(scope="module")
def alone(recorded: Path) -> Iterator[httpx.Client]:
    """A store that has nothing but the one project."""
    with (
        serve_in_background(recorded / "one", 0) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def limited(doored: Doored) -> Iterator[httpx.Client]:
    with doored.client(doored.make("read:pole cart")) as client:
        yield client


@pytest.fixture(scope="module")
def admin(doored: Doored) -> Iterator[httpx.Client]:
    with doored.client(doored.make("admin")) as client:
        yield client


def groups_of(client: httpx.Client) -> dict[str, str]:
    """The ids of the groups by project."""
    found = client.get("/api/groups").json()["groups"]
    return {group["runs"][0].partition("/")[0] if "runs" in group else group["id"]: group["id"] for group in found}


def questions(mine: str, other: str) -> dict[str, list[str]]:
    """For each route what is asked of it; ``mine`` and ``other`` are ids of groups."""
    lines = [
        f"run={MINE}",
        f"group={mine}",
        f"run={OTHER}",
        f"group={other}",
        f"run={MINE}&run={OTHER}",
        f"group={mine}&group={other}",
    ]
    lines += ["run=veiled-1", "run=mine-1", "run=hidden/veiled-2", "run=HIDDEN/veiled-1", "run=../both/hidden/veiled-1"]
    metrics = ["loss", "metric-mine", "metric-veiled"]
    wheres = [
        "",
        "&where=project%20=%20'hidden'",
        "&where=last.metric-veiled%20%3E%200",
        "&find=veiled",
        "&project=hidden",
        "&project=pole%20cart",
    ]
    several = [
        f"{one}&{two}"
        for one, two in [(lines[0], "run=pole%2520cart/mine-2"), (lines[0], lines[2]), (lines[1], lines[3])]
    ]
    return {
        "/api/session": [""],
        "/api/runs": ["", *lines],
        "/api/groups": [f"value=max:{metric}{where}" for metric in metrics for where in wheres]
        + ["brief=1", "seed=key-veiled", "ignore=lr"],
        "/api/metrics": ["", *lines],
        "/api/curve": [f"metric={m}&buckets=20&{line}" for m in metrics for line in ["", *lines]]
        + [f"metric=loss&x=metric-veiled&{line}" for line in lines[:3]],
        "/api/histogram": [f"metric={m}&{line}" for m in metrics for line in lines],
        "/api/compare": [f"metric={m}&{line}" for m in metrics for line in [*several, *lines]],
        "/api/sweep": [f"metric={m}{where}" for m in metrics for where in wheres],
        "/api/run": lines,
        "/api/summaries": lines,
        "/api/store/runs": ["", "project=hidden", "where=last.metric-veiled%20%3E%200", "where=key-veiled%20is%20null"],
        "/api/store/run": [f"part={part}&{line}" for part in PARTS for line in lines],
        "/api/store/summaries": lines,
        "/api/store/points": [f"metric={m}&{line}" for m in metrics for line in lines],
        "/api/events": [],
        "/api/openapi.json": [""],
        "/api/media/{project}/{run}/{file}": [
            "pole%2520cart/mine-1/mine.png",
            "hidden/veiled-1/veiled.png",
            "HIDDEN/veiled-1/veiled.png",
            "hidden/veiled-1/nope.png",
            "hidden/nope/nope.png",
            "%2568idden/veiled-1/veiled.png",
        ],
    }


def told(answer: httpx.Response, root: str) -> tuple[Any, ...]:
    """What an answer tells, without what differs from process to process."""
    kept = {name: answer.headers.get(name) for name in ("content-type", "content-length", "cache-control", "allow")}
    body = answer.content.replace(root.encode(), b"/ROOT")
    kept.pop("content-length")
    if answer.headers["content-type"] == "application/octet-stream":
        length = int.from_bytes(body[:4], "little")
        header = json.loads(body[4 : 4 + length])
        header.pop("version")
        return answer.status_code, kept, header, body[4 + length :]
    if answer.headers["content-type"] == "application/json":
        said = json.loads(body)
        if isinstance(said, dict):
            said.pop("version", None)
        return answer.status_code, kept, said
    return answer.status_code, kept, body


def test_every_route_tells_what_a_store_without_the_others_would(
    limited: httpx.Client, alone: httpx.Client, admin: httpx.Client, recorded: Path
) -> None:
    ids = {line["id"] for line in admin.get("/api/groups").json()["groups"]}
    (mine,) = {line["id"] for line in alone.get("/api/groups").json()["groups"]}
    (other,) = ids - {mine}
    asked = questions(mine, other)
    gets = {path for path, methods in document()["paths"].items() if "get" in methods}
    assert asked.keys() == gets, "every route that answers GET is asked"
    answers = 0
    for route, queries in asked.items():
        for query in queries:
            url = f"{route.partition('{')[0]}{query}" if "{" in route else f"{route}?{query}"
            seen, should = limited.get(url), alone.get(url)
            assert told(seen, str(recorded / "both")) == told(should, str(recorded / "one")), url
            if "veiled" not in query and "hidden" not in query:
                assert b"veiled" not in seen.content, url
            answers += seen.status_code == 200
    assert answers > 30, "most of that has an answer"
    for url in ("/api/runs", "/api/groups", "/api/metrics", "/api/curve?metric=loss", "/api/sweep?metric=loss"):
        text = limited.get(url).text
        assert "mine" in text, url
        assert "veiled" not in text, url
        assert "veiled" in admin.get(url).text, url
    assert admin.get("/api/media/hidden/veiled-1/veiled.png").content == b"image-veiled"
    assert limited.get("/api/media/pole%2520cart/mine-1/mine.png").content == b"image-mine"


def test_etags_are_of_the_view(limited: httpx.Client, admin: httpx.Client) -> None:
    tag = admin.get("/api/runs").headers["etag"]
    assert limited.get("/api/runs", headers={"if-none-match": tag}).status_code == 200
    own = limited.get("/api/runs").headers["etag"]
    assert limited.get("/api/runs", headers={"if-none-match": own}).status_code == 304
    assert admin.get("/api/runs", headers={"if-none-match": own}).status_code == 200


def test_several_projects_and_none(doored: Doored) -> None:
    for scopes, projects in [
        (["read:pole cart", "read:hidden"], {"pole cart", "hidden"}),
        (["read:*"], {"pole cart", "hidden"}),
        (["read:nope"], set()),
        (["read:hid"], set()),
        (["read:hidden", "write:pole cart"], {"hidden"}),
        (["read:Hidden"], set()),
        (["read:pole%20cart"], set()),
        (["read:."], set()),
        (["read:.."], set()),
        (["read:.trash"], set()),
    ]:
        with doored.client(doored.make(*scopes)) as client:
            assert {run["project"] for run in client.get("/api/runs").json()["runs"]} == projects, scopes


def test_news_of_others_are_no_news(doored: Doored) -> None:
    keys: set[str] = set()
    with doored.client(doored.make("read:pole cart")) as client, client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        time.sleep(0.6)
        for project in ("hidden", "newcomer", "pole cart"):
            rolltape.init(project=project, id="new", dir=doored.root).close()
        for line in lines:
            if line.startswith("data: "):
                keys |= set(json.loads(line.removeprefix("data: "))["runs"])
            if "pole%20cart/new" in keys:
                break
    # The others of the project may be news to a listener, as their list was never asked for in this view
    assert "pole%20cart/new" in keys
    assert not [key for key in keys if not key.startswith("pole%20cart/")]


def test_views_that_nobody_used_for_long_are_closed(doored: Doored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 2)
    with doored.client(doored.make("read:first")) as client, client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert next(lines)
        for name in ("second", "third"):
            with doored.client(doored.make(f"read:{name}")) as other:
                assert other.get("/api/runs").status_code == 200
        assert not re.search("data", "".join(lines)), "its stream ends"
        assert client.get("/api/runs").json()["runs"] == []


def test_a_server_with_streams_in_views_ends_quickly(recorded: Path, tmp_path: Path) -> None:
    from rolltape.server.access.token_file import changing

    with changing(tmp_path / "T"):
        pass
    served: Served = serve_in_background(recorded / "both", 0, token_file=tmp_path / "T")
    doored = Doored(served, tmp_path / "T", recorded / "both")
    with doored.client(doored.make("read:hidden")) as client, client.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert next(lines)
        began = time.monotonic()
        served.close()
        list(lines)
        assert time.monotonic() - began < 0.9


def test_a_store_of_some_projects(recorded: Path) -> None:
    whole = DirectoryStore(recorded / "both")
    whole.runs()
    some = DirectoryStore(recorded / "both", frozenset({"pole%20cart"}))
    keys = {info.key for info in some.runs()}
    assert keys
    assert all(key.startswith("pole%20cart/") for key in keys)
    assert {files.key for files in some.run_files()} == keys
    marks, open = some.standing()
    assert marks.keys() | set(open) == keys
    assert some.mark(OTHER) is None
    for run in (OTHER, "veiled-1", "hidden/veiled-1"):
        with pytest.raises(RunNotFound):
            some.files(run)
        with pytest.raises(RunNotFound):
            some.curves(["loss"], [run])
    with pytest.raises(RunNotFound):
        some.files_of(OTHER)
    assert some.files("mine-1").key == MINE
    some._listing._spent = 1.0
    some._listing.save()
    assert OTHER in {info.key for info in DirectoryStore(recorded / "both").runs()}


def test_the_catalogue_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rolltape.store import listing, run_directories

    monkeypatch.setattr(listing, "_WORTH", 0.0)
    monkeypatch.setattr(run_directories, "_SETTLED", 0)
    for project in ("a", "b"):
        rolltape.init(project=project, id="r", dir=tmp_path).close()
    DirectoryStore(tmp_path).runs()
    from rolltape.store.catalogue import Catalogue

    catalogue = Catalogue.of(tmp_path.resolve())
    assert catalogue is not None
    assert catalogue.load().keys() == {"a/r", "b/r"}
    some = DirectoryStore(tmp_path, {"a"})
    assert [info.key for info in some.runs()] == ["a/r"]
    rolltape.init(project="a", id="s", dir=tmp_path).close()
    assert len(some.runs()) == 2
    assert catalogue.load().keys() == {"a/r", "a/s", "b/r"}
