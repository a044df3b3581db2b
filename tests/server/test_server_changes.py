"""Notes, tags and the trash over HTTP: only where the page is writable, and nothing that was recorded changes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from rolltape.server import Served, changes, serve_in_background

S1, S2, OTHER = "cart%20pole/s1", "cart%20pole/s2", "other/o"


@pytest.fixture
def writable(tapes: Path) -> Iterator[Served]:
    with serve_in_background(tapes, 0, writable=True) as served:
        yield served


@pytest.fixture
def writer(writable: Served) -> Iterator[httpx.Client]:
    """Asks `writable` as its own page does."""
    headers = {"origin": writable.url.rstrip("/")}
    with httpx.Client(base_url=writable.url, headers=headers, trust_env=False) as client:
        yield client


def run(client: httpx.Client, key: str) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/api/run", params={"run": key}).json()
    return told


def recorded(tapes: Path) -> dict[Path, bytes]:
    """Every file but the notes."""
    return {path: path.read_bytes() for path in tapes.rglob("*") if path.is_file() and path.name != "notes.json"}


def test_a_page_that_only_reads(client: httpx.Client, served: Served, tapes: Path) -> None:
    before = recorded(tapes)
    for path, body in (("notes", {"runs": [S1], "note": "x"}), ("delete", {"runs": [S1]})):
        for content in (json.dumps(body), "not JSON"):
            headers = {"origin": served.url.rstrip("/"), "content-type": "application/json"}
            answer = client.post(f"/api/{path}", content=content, headers=headers)
            assert answer.status_code == 403
            assert "started read-only: start it with rolltape ui --writable" in answer.json()["error"]
    assert recorded(tapes) == before
    assert not list(tapes.rglob("notes.json"))
    assert client.get("/api/session").json()["writable"] is False


def test_tags_and_a_note(writer: httpx.Client, tapes: Path) -> None:
    assert writer.get("/api/session").json()["writable"] is True
    before = recorded(tapes)
    answer = writer.post("/api/notes", json={"runs": [S1, OTHER, S1], "add": ["good"], "remove": ["x"], "note": "hm\n"})
    assert answer.status_code == 200
    assert answer.json()["runs"] == [
        {"key": S1, "tags": ["good"], "note": "hm\n"},
        {"key": OTHER, "tags": ["good"], "note": "hm\n"},
    ]
    assert [(run(writer, key)["tags"], run(writer, key)["note"]) for key in (S1, S2, OTHER)] == [
        (["good"], "hm\n"),
        (["x"], ""),
        (["good"], "hm\n"),
    ]
    listed = {run["key"]: (run["tags"], run["note"]) for run in writer.get("/api/runs").json()["runs"]}
    assert listed == {S1: (["good"], "hm\n"), S2: (["x"], ""), OTHER: (["good"], "hm\n")}
    writer.post("/api/notes", json={"runs": [S1], "note": ""})
    writer.post("/api/notes", json={"runs": [S1], "add": ["x"]})
    assert (run(writer, S1)["tags"], run(writer, S1)["note"]) == (["x", "good"], ""), "as it was recorded, then the new"
    assert recorded(tapes) == before


def test_a_change_makes_a_new_answer_and_is_news(writer: httpx.Client) -> None:
    for path, params in (("/api/run", {"run": S1}), ("/api/runs", {})):
        etag = writer.get(path, params=params).headers["etag"]
        assert writer.get(path, params=params, headers={"if-none-match": etag}).status_code == 304
        version = writer.post("/api/notes", json={"runs": [S1], "note": path}).json()["version"]
        answer = writer.get(path, params=params, headers={"if-none-match": etag})
        assert answer.status_code == 200
        assert answer.json()["version"] >= version
    with writer.stream("GET", "/api/events") as stream:
        told = (json.loads(line[6:])["runs"] for line in stream.iter_lines() if line.startswith("data: "))
        assert S1 in next(told), "what changed shortly before"
        writer.post("/api/notes", json={"runs": [S2], "add": ["new"]})
        assert next(told) == [S2]


WRONG = [
    ({}, "nothing to change"),
    ({"note": ""}, "runs must be"),
    ({"runs": [], "note": ""}, "runs must be"),
    ({"runs": "a", "note": ""}, "runs must be"),
    ({"runs": [1], "note": ""}, "runs must be"),
    ({"runs": [S1] * 501, "note": ""}, "1 to 500"),
    ({"runs": [S1]}, "nothing to change"),
    ({"runs": [S1], "note": None}, "note must be text"),
    ({"runs": [S1], "note": 3}, "note must be text"),
    ({"runs": [S1], "note": "x" * 20_001}, "20000"),
    ({"runs": [S1], "note": "a\0b"}, "control"),
    ({"runs": [S1], "note": "\ud800"}, "note must be text"),
    ({"runs": [S1], "add": "x"}, "add must be"),
    ({"runs": [S1], "add": None}, "add must be"),
    ({"runs": [S1], "add": [""]}, "add must be"),
    ({"runs": [S1], "add": [" x"]}, "space around"),
    ({"runs": [S1], "add": ["a\nb"]}, "add must be"),
    ({"runs": [S1], "add": ["\ud800"]}, "add must be"),
    ({"runs": [S1], "add": ["x" * 101]}, "100 characters"),
    ({"runs": [S1], "add": [str(i) for i in range(101)]}, "100 tags"),
    ({"runs": [S1], "remove": [3]}, "remove must be"),
    ({"runs": [S1], "add": ["a"], "remove": ["a"]}, "both in add and in remove"),
    ({"runs": [S1], "note": "", "Note": ""}, "'Note'; it may hold runs, add, remove, note"),
    ([], "must be a JSON object"),
    ("x", "must be a JSON object"),
]


@pytest.mark.parametrize(("body", "said"), WRONG)
def test_wrong_notes(writer: httpx.Client, tapes: Path, body: Any, said: str) -> None:
    content = json.dumps(body)
    answer = writer.post("/api/notes", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert not list(tapes.rglob("notes.json"))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"runs": [], "runs": []}', b"[" * 60_000, b"nul"])
def test_bodies_that_are_no_json(writer: httpx.Client, content: bytes) -> None:
    for path in ("/api/notes", "/api/delete"):
        answer = writer.post(path, content=content, headers={"content-type": "application/json; charset=utf-8"})
        assert answer.status_code == 400
        assert "not JSON" in answer.json()["error"]


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_other_content_types(writer: httpx.Client, kind: str | None) -> None:
    """Those that a form of another site could send are among them."""
    headers = {} if kind is None else {"content-type": kind}
    answer = writer.post("/api/delete", content=json.dumps({"runs": [S1]}).encode(), headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]
    assert run(writer, S1)["key"] == S1


def test_a_body_that_is_too_long(writer: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    answer = writer.post("/api/notes", content=b" " * (64 << 10) + b"{}", headers=headers)
    assert answer.status_code == 413
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 4096
            yield b" " * 4096

    with contextlib.suppress(httpx.TransportError):  # the connection ends while more is sent
        assert writer.post("/api/notes", content=endless(), headers=headers).status_code == 413
    assert sent < 64 << 20
    assert writer.get("/api/session").status_code == 200


def test_a_body_that_does_not_come(writable: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_SLOWEST", 0.2)
    address = urlsplit(writable.url)
    head = (
        f"POST /api/notes HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: http://{address.netloc}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + b"{")
    with httpx.Client(base_url=writable.url, trust_env=False) as client:
        assert client.get("/api/session").status_code == 200


@pytest.mark.parametrize("path", ["/api/notes", "/api/delete"])
def test_runs_that_are_not_there(writer: httpx.Client, tapes: Path, path: str) -> None:
    outside = tapes.parent / "outside" / "r"
    outside.mkdir(parents=True)
    (outside / "run.json").write_text("{}")
    keys = ["x/y", "", "/", "../outside/r", "other/../other/o", "other/o/", "/other/o", str(outside), "o", ".trash/o"]
    for key in [*keys, "other\0/o", "\ud800", "o" * 5000]:
        body = {"runs": [S1, key]} | ({"note": "x"} if "notes" in path else {})
        answer = writer.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code == 404, key
        assert "is not in this store" in answer.json()["error"]
    assert run(writer, S1)["note"] == ""
    assert (outside / "run.json").exists()
    assert not list(tapes.parent.rglob("notes.json"))


def test_methods_and_parameters(writer: httpx.Client) -> None:
    for path in ("/api/notes", "/api/delete"):
        for method in ("GET", "PUT", "DELETE"):
            answer = writer.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
            assert "only POST" in answer.json()["error"]
        answer = writer.post(path, params={"runs": S1}, json={"runs": [S1], "note": "x"})
        assert answer.status_code == 400
        assert "'runs' is no parameter" in answer.json()["error"]
    assert writer.post("/api/runs").headers["allow"] == "GET, HEAD"


def test_notes_that_cannot_be_written(writer: httpx.Client, tapes: Path) -> None:
    (tapes / S1 / "notes.json").write_text("[]")
    answer = writer.post("/api/notes", json={"runs": [S1], "note": "x"})
    assert answer.status_code == 409
    assert "move it away" in answer.json()["error"]
    assert (tapes / S1 / "notes.json").read_text() == "[]"


def test_changes_at_one_time_are_all_made(writer: httpx.Client) -> None:
    def add(i: int) -> None:
        assert writer.post("/api/notes", json={"runs": [S1], "add": [f"t{i}"]}).status_code == 200

    threads = [threading.Thread(target=add, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run(writer, S1)["tags"]) == [*(f"t{i}" for i in range(8)), "x"]


# Delete


def test_delete_moves_to_the_trash(writer: httpx.Client, tapes: Path) -> None:
    before = {path.name: path.read_bytes() for path in (tapes / S1).iterdir() if path.is_file()}
    answer = writer.post("/api/delete", json={"runs": [S1, OTHER]})
    assert answer.status_code == 200
    moved = answer.json()["moved"]
    assert list(moved) == [S1, OTHER]
    place = Path(moved[S1])
    assert place.parent == tapes.resolve() / ".trash" / "cart%20pole"
    assert {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()} == before
    assert [run["key"] for run in writer.get("/api/runs").json()["runs"]] == [S2]
    assert writer.get("/api/run", params={"run": S1}).status_code == 404
    assert writer.post("/api/delete", json={"runs": [S1]}).status_code == 404
    assert writer.get(f"/api/media/.trash/other/{place.name}").status_code == 404


def test_a_running_run_is_not_moved(writer: httpx.Client, tapes: Path, live: Callable[[str], Any]) -> None:
    running = live("r")
    answer = writer.post("/api/delete", json={"runs": [S1, running.key]})
    assert answer.status_code == 409
    assert "'live/r' is running" in answer.json()["error"]
    assert run(writer, S1)["key"] == S1, "none of them is moved"
    assert writer.post("/api/notes", json={"runs": [running.key], "add": ["look"]}).status_code == 200
    running.log(1.0)
    assert run(writer, running.key)["tags"] == ["look"]
    running.close()
    deadline = time.monotonic() + 10
    while run(writer, running.key)["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert writer.post("/api/delete", json={"runs": [running.key]}).status_code == 200


def test_a_run_behind_a_link_is_not_moved(writer: httpx.Client, tapes: Path) -> None:
    outside = tapes.parent / "outside"
    (tapes / "other").rename(outside)
    (tapes / "other").symlink_to(outside)
    answer = writer.post("/api/delete", json={"runs": [S1, OTHER]})
    assert answer.status_code == 409
    assert "'other/o' lies behind a link" in answer.json()["error"]
    assert (outside / "o" / "run.json").exists()
    assert run(writer, S1)["key"] == S1, "none of them is moved"


@pytest.mark.parametrize("body", [{}, {"runs": []}, {"runs": [None]}, {"runs": {}}, {"runs": [S1], "note": "x"}])
def test_wrong_deletes(writer: httpx.Client, body: Any) -> None:
    assert writer.post("/api/delete", json=body).status_code == 400
    assert len(writer.get("/api/runs").json()["runs"]) == 3


def test_no_note_is_written_behind_a_link(writer: httpx.Client, tapes: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tapes / "other" / "o").rename(elsewhere)
    (tapes / "other" / "o").symlink_to(elsewhere)
    answer = writer.post("/api/notes", json={"runs": [OTHER], "note": "x"})
    assert answer.status_code in (404, 409), answer.text
    assert not (elsewhere / "notes.json").exists()
