"""Other sites, other paths and other names are kept out."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from rolltape.server import Served, api, security
from rolltape.server.files import find_file
from rolltape.server.replies import STYLE_HASH, html_page


def raw(served: Served, request: bytes) -> tuple[int, bytes]:
    """Send bytes that no client library would; the status and the whole answer."""
    address = urlsplit(served.url)
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:7070", "[::1]", "[::1]:7070"])
def test_hosts_of_the_loopback(asker: httpx.Client, host: str) -> None:
    assert asker.get("/api/runs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("evil.example:7070", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("0.0.0.0", 421),
        ("[::]", 421),
        ("", 400),
        ("localhost:x", 400),
        ("a@localhost", 400),
        ("localhost/", 400),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/runs", "/api/events", "/nope"])
def test_other_hosts(asker: httpx.Client, host: str, status: int, path: str) -> None:
    answer = asker.get(path, headers={"host": host})
    assert answer.status_code == status
    assert "Host" in answer.json()["error"]


def test_no_host(steady: Served) -> None:
    assert raw(steady, b"GET /api/runs HTTP/1.0\r\n\r\n")[0] == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://"])
def test_the_origin_of_anything_but_get(asker: httpx.Client, origin: str) -> None:
    assert asker.post("/api/runs", headers={"origin": origin}).status_code == 403
    assert asker.get("/api/runs", headers={"origin": origin}).status_code == 200


def test_the_own_origin(asker: httpx.Client, steady: Served) -> None:
    assert asker.post("/api/runs", headers={"origin": steady.url.rstrip("/")}).status_code == 405


def test_what_changes_anything_tells_its_origin(asker: httpx.Client, steady: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = asker.request(method, "/api/notes")
        assert answer.status_code == 403
        assert "Origin header is missing" in answer.json()["error"]
    origin = steady.url.rstrip("/").encode()
    host = urlsplit(steady.url).netloc.encode()
    for lines in (b"Origin: " + origin + b"\r\nOrigin: " + origin, b"Origin: " + origin + b"/", b"Origin:"):
        request = b"POST /api/notes HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n" + lines + b"\r\n\r\n"
        assert raw(steady, request)[0] == 403


def test_a_bearer_is_no_way_around_the_origin_where_there_is_no_token(asker: httpx.Client) -> None:
    answer = asker.post("/api/notes", headers={"authorization": "Bearer x"})
    assert answer.status_code == 403
    assert "Origin header is missing" in answer.json()["error"]


@pytest.mark.parametrize(
    ("came_to", "name", "same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "[::ffff:10.0.0.1]", True),
        ("fe80::1%eth0", "[FE80::1]", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::1", "127.0.0.1", False),
        ("10.0.0.1", "box", False),
        ("/run/a.socket", "box", False),
    ],
)
def test_the_address_that_a_request_came_to(came_to: str, name: str, same: bool) -> None:
    assert security._came_to({"server": (came_to, 80)}, name) is same


def test_no_more_requests_than_can_be_answered(asker: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MOST_AT_A_TIME", 2)
    with contextlib.ExitStack() as streams:
        listening = [streams.enter_context(asker.stream("GET", "/api/events")).iter_bytes() for _ in range(2)]
        assert all(map(next, listening))
        answer = asker.get("/api/runs")
        assert answer.status_code == 503
        assert "try again" in answer.json()["error"]
        assert answer.headers["retry-after"]
    deadline = time.monotonic() + 10  # the server notices a moment later that they left
    while (status := asker.get("/api/runs").status_code) == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status == 200


def test_no_more_listeners_than_that(asker: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_MOST_LISTENERS", 1)
    with asker.stream("GET", "/api/events") as stream:
        listening = stream.iter_bytes()
        assert next(listening)
        answer = asker.get("/api/events")
        assert answer.status_code == 503
        assert "listen already" in answer.json()["error"]
        assert asker.get("/api/runs").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/runs", "/api/nope", "/api/events", "/nope"])
def test_headers(asker: httpx.Client, path: str) -> None:
    headers = asker.head(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'self'",
        "style-src": f"'self' {STYLE_HASH}",
        "img-src": "'self' data: blob:",
        "media-src": "'self'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_the_only_style_in_a_page_is_the_one_that_is_allowed() -> None:
    (style,) = re.findall("<style>(.*?)</style>", bytes(html_page("a", "b").body).decode(), re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in STYLE_HASH


SECRET = b"the secret"
ATTEMPTS = [
    "/api/media/other/o/../run.json",
    "/api/media/other/o/..%2Frun.json",
    "/api/media/other/o/%2e%2e%2frun.json",
    "/api/media/other/o/..%5Crun.json",
    "/api/media/other/../secret.png/x",
    "/api/media/..%2Fsecret/o/secret.png",
    "/api/media/../secret/secret.png",
    "/api/media/%2e%2e/secret/secret.png",
    "/api/media/other/%2e%2e/secret.png",
    "/api/media/other/o/%2Fetc%2Fpasswd",
    "/api/media/other/o//etc/passwd",
    "/api/media/other/o/secret.png%00.png",
    "/api/media/other%00/o/secret.png",
    "/api/media/other/o/out.png",
    "/api/media/other/o/deep",
    "/api/media/other/o/deep/secret.png",
    "/api/media/other/o/.hidden.png",
    "/api/media/other/o/.",
    "/api/media/other/o/..",
    "/api/media/other/o/" + "a" * 5000,
    "/api/media/linked/o/secret.png",
    "/api/media/norun/o/secret.png",
    "/../secret.png",
    "/%2e%2e/__init__.py",
    "/..%2f__init__.py",
    "/assets/../../__init__.py",
    "/assets/%2e%2e/%2e%2e/app.py",
    "//etc/passwd",
    "/%2Fetc%2Fpasswd",
    "/.stamp",
    "/index.html%00",
    "/assets",
    "/assets/",
]


def test_nothing_outside_is_served(served: Served, tapes: Path) -> None:
    media = tapes / "other" / "o" / "media"
    media.mkdir()
    outside = tapes.parent / "secret"
    outside.mkdir()
    for place in (outside, tapes, tapes.parent):
        (place / "secret.png").write_bytes(SECRET)
    (outside / "run.json").write_text("{}")
    (outside / "media").mkdir()
    (outside / "media" / "secret.png").write_bytes(SECRET)
    (media / ".hidden.png").write_bytes(SECRET)
    (media / "out.png").symlink_to(outside / "secret.png")
    (media / "deep").symlink_to(outside)
    linked = tapes / "linked" / "o"
    linked.mkdir(parents=True)
    (linked / "run.json").write_text("{}")
    (linked / "media").symlink_to(outside)
    (tapes / "norun" / "o" / "media").mkdir(parents=True)
    (tapes / "norun" / "o" / "media" / "secret.png").write_bytes(SECRET)
    for path in ATTEMPTS:
        status, answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert status in (400, 404), answer
        assert SECRET not in answer
        assert b"root:" not in answer
        assert b"rolltape" not in answer.split(b"\r\n\r\n", 1)[1].replace(path.encode(), b"")


def test_a_link_inside_is_followed_and_loops_and_pipes_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = find_file(tmp_path, "link.png")
    assert found is not None
    assert found[0] == (tmp_path / "a.png").resolve()
    for name in ("loop.png", "pipe.png", "", "..", ".", "a.png/", "\ud800"):
        assert find_file(tmp_path, name) is None
