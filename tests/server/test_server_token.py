"""A server that others can reach lets in who knows its token, and nobody else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from rolltape.server import Served, ports, serve_in_background

TOKEN = "the-token.of~this_test"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_in_background(tmp_path_factory.mktemp("locked"), 0, token=TOKEN, writable=True) as served:
        yield served


@pytest.fixture
def asker(locked: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=locked.url, trust_env=False) as client:
        yield client


def port_of(served: Served) -> int:
    port = urlsplit(served.url).port
    assert port is not None
    return port


def test_without_it(asker: httpx.Client) -> None:
    for path in ("/", "/favicon.svg", "/assets/x.js", "/nope"):
        page = asker.get(path)
        assert page.status_code == 401
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "rolltape ui</code> printed" in page.text
        assert "refresh" not in page.text
    for path in ("/api/runs", "/api/events", "/api/session", "/api/nope", "/api/openapi.json", "/api/media/a/b/c"):
        answer = asker.get(path)
        assert answer.status_code == 401
        assert "token" in answer.json()["error"]
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert TOKEN not in answer.text
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        assert asker.request(method, "/api/notes", headers={"origin": str(asker.base_url)}).status_code == 401


def test_the_way_in(locked: Served, asker: httpx.Client) -> None:
    answer = asker.get("/", params={"token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert answer.headers["cache-control"] == "no-store"
    cookie = SimpleCookie(answer.headers["set-cookie"])[f"rolltape-{port_of(locked)}"]
    assert cookie["httponly"] is True
    assert (cookie["samesite"].lower(), cookie["path"], cookie["domain"]) == ("strict", "/", "")
    assert TOKEN not in cookie.value
    assert asker.get("/").status_code == 200, "the client keeps cookies"
    assert asker.get("/api/runs").json()["runs"] == []
    origin = {"origin": locked.url.rstrip("/")}
    assert asker.post("/api/notes", json={}).status_code == 403
    assert asker.post("/api/notes", json={}, headers={"origin": "http://evil.example"}).status_code == 403
    assert asker.post("/api/notes", json={}, headers=origin).status_code == 400


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/?a=1&token={}&b=%26x", "/?a=1&b=%26x"),
        ("/?token={}&view=x%20y+z&view=2", "/?view=x%20y+z&view=2"),
        ("/api/runs?token={}", "/api/runs"),
        ("/api/media/a%2520b/c/d%20e.png?token={}", "/api/media/a%2520b/c/d%20e.png"),
        ("/?%74oken={}&q", "/?q"),
        ("//evil.example?token={}", "/evil.example"),
        ("/%2Fevil.example?token={}", "/evil.example"),
        ("/%5C%5Cevil.example?token={}", "/%5C%5Cevil.example"),
        ("/%0d%0aSet-Cookie:x?token={}&x=%0d%0a", "/%0D%0ASet-Cookie%3Ax?x=%0d%0a"),
        ("/%ff?token={}", "/%EF%BF%BD"),
    ],
)
def test_the_address_without_it(locked: Served, asked: str, shown: str) -> None:
    with socket.create_connection(("127.0.0.1", port_of(locked)), timeout=5) as connection:
        target = asked.format(TOKEN)
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[0].startswith("HTTP/1.1 303")
    assert f"location: {shown}" in head
    assert sum(line.startswith("set-cookie:") for line in head) == 1


@pytest.mark.parametrize(
    "query",
    ["token=", "token", "token=wrong", f"token={TOKEN}x", f"token={TOKEN}&token=x", "token=%ff", "token=%ED%A0%80"],
)
def test_a_wrong_one(asker: httpx.Client, query: str) -> None:
    for path in ("/", "/api/runs"):
        answer = asker.get(f"{path}?{query}")
        assert answer.status_code == 401
        assert "not the one of this server" in answer.text
        assert "set-cookie" not in answer.headers


def test_it_is_no_way_in_for_anything_but_get(asker: httpx.Client, locked: Served) -> None:
    answer = asker.post("/api/notes", params={"token": TOKEN}, headers={"origin": locked.url.rstrip("/")})
    assert answer.status_code == 401


def test_a_bearer(asker: httpx.Client) -> None:
    for right in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
        assert asker.get("/api/runs", headers={"authorization": right}).status_code == 200
        assert asker.post("/api/notes", json={}, headers={"authorization": right}).status_code == 400, "no Origin"
    for wrong in ("Bearer", "Bearer x", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN} x"):
        assert asker.get("/api/runs", headers={"authorization": wrong}).status_code == 401
        assert asker.post("/api/notes", json={}, headers={"authorization": wrong}).status_code == 401
    assert asker.get("/api/runs", headers={b"authorization": b"Bearer \xff\xfe"}).status_code == 401


def test_cookies(asker: httpx.Client, locked: Served) -> None:
    name = f"rolltape-{port_of(locked)}"
    asker.get("/", params={"token": TOKEN})
    right = asker.cookies[name]
    asker.cookies.clear()
    for cookie, status in [
        (f"{name}={right}", 200),
        (f"a=b; {name}={right}; c", 200),
        (f"{name}=x; {name}={right}", 200),
        (f"{name}={TOKEN}", 401),
        (f"{name}={right}0", 401),
        (f"{name}=", 401),
        (f"rolltape-1={right}", 401),
        (";;=;" * 100, 401),
        (f"{name}=\xff", 401),
    ]:
        headers = {b"cookie": cookie.encode("latin-1")}
        assert asker.get("/api/runs", headers=headers).status_code == status, cookie


def test_other_hosts_are_refused_first(asker: httpx.Client) -> None:
    headers = {"host": "evil.example", "authorization": f"Bearer {TOKEN}"}
    assert asker.get("/api/runs", headers=headers).status_code == 421
    answer = asker.get("/", params={"token": TOKEN}, headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert "set-cookie" not in answer.headers


def test_a_link_on_another_site_leads_on(asker: httpx.Client) -> None:
    """A browser sends no strict cookie with it; coming from the page that it is answered it does."""
    away = asker.get('/"><x?a=1&b', headers={"sec-fetch-site": "cross-site"})
    assert '<meta http-equiv="refresh" content="0; url=/%22%3E%3Cx?a=1&amp;b">' in away.text
    for site in ("same-origin", "same-site", "none"):
        assert "refresh" not in asker.get("/", headers={"sec-fetch-site": site}).text


def test_all_interfaces(tmp_path: Path) -> None:
    with serve_in_background(tmp_path, 0, host="0.0.0.0", allowed_hosts=["Tapes.example", "10.9.8.7"]) as served:
        assert served.token is not None
        assert len(served.token) >= 32
        bearer = {"authorization": f"Bearer {served.token}"}
        here = f"http://127.0.0.1:{port_of(served)}/api/session"
        assert httpx.get(here, trust_env=False).status_code == 401
        assert httpx.get(here, headers=bearer, trust_env=False).status_code == 200
        own = socket.gethostname()
        for name in (own, own.upper(), f"{own}:80", "tapes.example", "10.9.8.7", "localhost", "[::1]"):
            assert httpx.get(here, headers={**bearer, "host": name}, trust_env=False).status_code == 200, name
        for name in ("10.9.8.6", "127.0.0.2", "evil.example", f"{own}.evil.example", "[::ffff:127.0.0.2]"):
            answer = httpx.get(here, headers={**bearer, "host": name}, trust_env=False)
            assert answer.status_code == 421
            sentence = answer.json()["error"]
            assert sentence.endswith(f"if it were started with --allow-host {name}")
            assert "rolltape ui" not in sentence  # it may be `rolltape serve`
        address = urlsplit(served.url).hostname
        assert address is not None
        assert address != "0.0.0.0"
        if address != own:  # this machine has an address, which is its name wherever it was reached at that
            assert httpx.get(served.url + "api/session", headers=bearer, trust_env=False).status_code == 200
            answer = httpx.get(here, headers={**bearer, "host": address}, trust_env=False)
            assert answer.status_code == 421, "it came to another address"


def test_addresses_of_a_connection_by_either_protocol(tmp_path: Path) -> None:
    try:
        ports.listen("::", 0).close()
    except Exception:
        return  # a machine without IPv6: nothing to see
    with serve_in_background(tmp_path, 0, host="::", token=TOKEN) as served:
        here = f"http://127.0.0.1:{port_of(served)}/api/session"
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert httpx.get(here, headers=bearer, trust_env=False).status_code == 200
        assert httpx.get(here, headers={**bearer, "host": "[::2]"}, trust_env=False).status_code == 421


def test_the_loopback_needs_none(tmp_path: Path) -> None:
    with serve_in_background(tmp_path, 0) as served:
        assert served.token is None
        assert httpx.get(served.url, params={"token": "x"}, trust_env=False).status_code == 200
