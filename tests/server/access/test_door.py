"""Who is let in with which token, over real sockets."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from doors import Doored

from rolltape.errors import StoreError
from rolltape.server import serve_in_background
from rolltape.server.access import bounds, door


def origin(doored: Doored) -> dict[str, str]:
    return {"origin": doored.served.url.rstrip("/")}


def cookie_name(doored: Doored) -> str:
    return f"rolltape-{urlsplit(doored.served.url).port}"


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is one for all tests, which try more wrong tokens together than one address may."""
    take = bounds.Allowances.take

    def often(self: bounds.Allowances, key: object) -> float:
        return 0.0 if self._burst == door._ATTEMPTS and self._every == door._EVERY else take(self, key)  # type: ignore[arg-type]

    monkeypatch.setattr(bounds.Allowances, "take", often)


def test_without_a_token(doored: Doored) -> None:
    with doored.client() as client:
        for path in ("/api/runs", "/api/events", "/api/openapi.json", "/api/nope", "/api/media/a/b/c"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == 'Bearer realm="rolltape"'
            assert "no token" in answer.json()["error"]
        page = client.get("/")
        assert page.status_code == 401
        assert page.headers["content-type"].startswith("text/html")
        assert "?token=" in page.text
        for path in ("/api/ship", "/api/notes", "/api/delete"):
            assert client.post(path, headers=origin(doored)).status_code == 401


SCOPES = ["admin", "read:*", "read:hidden", "write:*", "write:hidden"]
ROUTES = [
    ("GET", "/", {"admin", "read:*", "read:hidden"}),
    ("GET", "/api/runs", {"admin", "read:*", "read:hidden"}),
    ("HEAD", "/api/session", {"admin", "read:*", "read:hidden"}),
    ("GET", "/api/openapi.json", {"admin", "read:*", "read:hidden"}),
    ("POST", "/api/ship", {"admin", "write:*", "write:hidden"}),
    ("POST", "/api/notes", {"admin"}),
    ("POST", "/api/delete", {"admin"}),
    ("PUT", "/api/runs", {"admin"}),
    ("OPTIONS", "/api/ship", {"admin"}),
]


@pytest.mark.parametrize(("method", "path", "who"), ROUTES)
def test_what_each_scope_may_do(doored: Doored, method: str, path: str, who: set[str]) -> None:
    for scope in SCOPES:
        token = doored.make(scope)
        with doored.client(token) as client:
            answer = client.request(method, path)
        refused = answer.headers.get("www-authenticate", "").endswith('error="insufficient_scope"')
        assert refused == (scope not in who), (scope, answer.status_code, answer.text[:200])
        assert answer.status_code != 401
        if refused:
            assert answer.status_code == 403
            if path.startswith("/api/") and method != "HEAD":
                need = "read:PROJECT" if method == "GET" else "scope admin"
                need = "write:PROJECT" if (method, path) == ("POST", "/api/ship") else need
                assert need in answer.json()["error"]
                assert doored.ids[token] in answer.json()["error"]


def test_only_admin_sees_that_it_is_writable(doored: Doored) -> None:
    for scope, writable in [("admin", True), ("read:*", False), ("read:hidden", False)]:
        with doored.client(doored.make(scope)) as client:
            assert client.get("/api/session").json()["writable"] is writable


def test_unknown_revoked_and_expired(doored: Doored) -> None:
    token = doored.make("admin")
    short = doored.make("admin", days=0.4 / 86400)
    with doored.client(token) as client, doored.client(short) as other:
        assert client.get("/api/runs").status_code == 200
        doored.revoke(token)
        answer = client.get("/api/runs")
        assert answer.status_code == 401
        assert "revoked" in answer.json()["error"]
        assert answer.headers["www-authenticate"] == 'Bearer realm="rolltape", error="invalid_token"'
        time.sleep(0.5)
        answer = other.get("/api/runs")
        assert answer.status_code == 401
        assert "expired" in answer.json()["error"]
        assert other.get("/", params={"token": short}, headers={"authorization": ""}).status_code == 401
    for wrong in (token[:-1], token + "x", "-", "rtk_", "x" * 5000, "rtk_*"):
        with doored.client(wrong) as client:
            assert client.get("/api/runs").status_code == 401


def test_a_hash_is_no_token(doored: Doored) -> None:
    doored.make("admin")
    for entry in json.loads(doored.file.read_text())["tokens"]:
        for text in (entry["sha256"], entry["id"]):
            with doored.client(text) as client:
                assert client.get("/api/runs").status_code == 401


def test_a_browser_gets_a_cookie(doored: Doored) -> None:
    token = doored.make("read:hidden")
    with doored.client() as client:
        answer = client.get("/", params={"token": token, "view": "x"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/?view=x"
        assert answer.headers["cache-control"] == "no-store"
        cookie = SimpleCookie(answer.headers["set-cookie"])[cookie_name(doored)]
        assert cookie["httponly"] is True
        assert (cookie["samesite"].lower(), cookie["path"], cookie["secure"]) == ("strict", "/", "")
        assert token not in cookie.value
        assert token[4:] not in cookie.value
        assert {run["project"] for run in client.get("/api/runs").json()["runs"]} == {"hidden"}
        assert client.post("/api/notes", headers=origin(doored)).status_code == 403
        value = cookie.value
        client.cookies.clear()
        id, _, seal = value.partition(".")
        another = doored.ids[doored.make("admin")]
        for given, status in [
            (value, 200),
            (value + "0", 401),
            (f"{another}.{seal}", 401),
            (id, 401),
            (f"{id}.", 401),
            (token, 401),
            ("", 401),
            ("\xff.\xff", 401),
        ]:
            headers = {b"cookie": f"{cookie_name(doored)}={given}".encode("latin-1")}
            assert client.get("/api/runs", headers=headers).status_code == status, given
        assert client.get("/api/runs", headers={"cookie": f"rolltape-1={value}"}).status_code == 401
        right = {"cookie": f"{cookie_name(doored)}=x; {cookie_name(doored)}={value}"}
        assert client.get("/api/runs", headers=right).status_code == 200
        assert client.get("/api/runs", headers={**right, "authorization": "Basic x"}).status_code == 200
        assert client.get("/api/runs", headers={**right, "authorization": "Bearer x"}).status_code == 401
        doored.revoke(token)
        assert client.get("/api/runs", headers=right).status_code == 401


def test_a_cookie_needs_an_origin_to_change_anything(doored: Doored) -> None:
    token = doored.make("admin")
    with doored.client() as client:
        client.get("/", params={"token": token})
        assert client.post("/api/notes", json={}).status_code == 403
        assert client.post("/api/notes", json={}, headers={"origin": "http://evil.example"}).status_code == 403
        assert client.post("/api/notes", json={}, headers=origin(doored)).status_code == 400
        assert client.post("/api/ship", params={"token": token}, headers={"cookie": ""}).status_code == 401
    with doored.client(token) as client:
        assert client.post("/api/notes", json={}).status_code == 400, "a bearer needs none"


def test_no_cookie_for_who_may_not_see_the_page(doored: Doored) -> None:
    with doored.client() as client:
        for query in ({"token": doored.make("write:*")}, {"token": "x"}, {"token": [doored.make("admin"), "x"]}):
            answer = client.get("/", params=query)
            assert answer.status_code in (401, 403)
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("by", ["bearer", "cookie"])
def test_a_stream_ends_when_its_token_is_revoked(doored: Doored, by: str) -> None:
    token, other = doored.make("read:hidden"), doored.make("admin")
    with doored.client(token if by == "bearer" else None) as client, doored.client(other) as stays:
        if by == "cookie":
            client.get("/", params={"token": token})
        with client.stream("GET", "/api/events") as stream, stays.stream("GET", "/api/events") as kept:
            lines, staying = stream.iter_lines(), kept.iter_lines()
            assert next(lines) == "retry: 2000"
            assert next(staying) == "retry: 2000"
            time.sleep(1.2)
            since = time.monotonic()
            doored.revoke(token)
            rest = list(lines)  # ends as an answer should: else httpx raises
            assert time.monotonic() - since < 3
            assert not any("evil" in line for line in rest)
            ended = threading.Event()
            threading.Thread(target=lambda: (list(staying), ended.set()), daemon=True).start()
            assert not ended.wait(1.5)
            doored.revoke(other)
            assert ended.wait(5)
        assert client.get("/api/events").status_code == 401


def test_a_broken_file_lets_nobody_in(doored: Doored) -> None:
    token = doored.make("admin")
    good = doored.file.read_bytes()
    with doored.client(token) as client:
        try:
            for content in (b"{", b""):
                doored.file.write_bytes(content)
                answer = client.get("/api/runs")
                assert answer.status_code == 503
                assert answer.headers["retry-after"]
                assert "token file" in answer.json()["error"]
        finally:
            doored.file.write_bytes(good)
        assert client.get("/api/runs").status_code == 200


def test_what_is_refused_is_logged_without_the_token(doored: Doored, caplog: pytest.LogCaptureFixture) -> None:
    token = doored.make("write:hidden")
    with caplog.at_level(logging.WARNING, "rolltape.server"), doored.client(token) as client:
        deadline = time.monotonic() + 15  # the tests before have used up this address's lines
        while "needs the scope read" not in caplog.text and time.monotonic() < deadline:
            client.get(f"/api/x%1b[31m%0a{token}", params={"token": token})
            time.sleep(0.3)
    line = next(record.getMessage() for record in caplog.records if "needs the scope read" in record.getMessage())
    assert re.match(r"refused 403: GET /api/x\\u001b\[31m\\u000artk_\.\.\. from 127\.0\.0\.1 with token ", line), line
    assert doored.ids[token] in line
    assert "not told" in line
    assert token not in caplog.text
    assert token[4:] not in caplog.text


def test_how_often_an_address_may_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(door, "_ATTEMPTS", 3)
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "T"
    from rolltape.server.access.token_file import changing

    with changing(file):
        pass
    with serve_in_background(tmp_path / "tapes", 0, token_file=file) as served:
        doored = Doored(served, file, tmp_path)
        right = doored.make("admin")
        with doored.client() as client:
            assert {client.get("/api/runs").status_code for _ in range(10)} == {401}, "no token is no attempt"
        with doored.client("wrong") as client:
            assert [client.get("/api/runs").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
            answer = client.get("/api/runs")
            assert int(answer.headers["retry-after"]) in (1, 2, 3)
            assert "too many wrong tokens" in answer.json()["error"]
            assert client.get("/", params={"token": "y"}, headers={"authorization": ""}).status_code == 429
        with doored.client(right) as client:
            assert client.get("/api/runs").status_code == 200, "others may share the address"
        time.sleep(3.1)
        with doored.client("wrong") as client:
            assert [client.get("/api/runs").status_code for _ in range(2)] == [401, 429]


def test_no_more_at_a_time_of_one_token_than_that(doored: Doored, monkeypatch: pytest.MonkeyPatch) -> None:
    token = doored.make("admin")
    the_door = next(one for one in doored.served._server._app.user_middleware if "door" in one.kwargs).kwargs["door"]
    monkeypatch.setattr(the_door._under_way, "most", 2)
    with doored.client(token) as client, contextlib.ExitStack() as streams:
        open = [streams.enter_context(client.stream("GET", "/api/events")).iter_lines() for _ in range(2)]
        assert all(map(next, open))
        answer = client.get("/api/runs")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        assert "at one time" in answer.json()["error"]
    with doored.client(token) as client:
        deadline = time.monotonic() + 10
        while (status := client.get("/api/runs").status_code) == 429 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert status == 200


def test_other_hosts_are_refused_first(doored: Doored) -> None:
    with doored.client(doored.make("admin"), host="evil.example") as client:
        assert client.get("/api/runs").status_code == 421


def test_a_token_and_a_token_file_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="one of the two"):
        serve_in_background(tmp_path, 0, token="x" * 20, token_file=tmp_path / "T")
    with pytest.raises(StoreError, match="cannot be read"):
        serve_in_background(tmp_path, 0, token_file=tmp_path / "T")
    (tmp_path / "T").write_text("{}")
    with pytest.raises(StoreError, match="format must be 1"):
        serve_in_background(tmp_path, 0, token_file=tmp_path / "T")


def test_browsers_stay_known_when_the_server_is_started_again(
    doored: Doored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "cache"))
    token = doored.make("admin")
    port = 0
    value = ""
    for round in range(3):
        with serve_in_background(tmp_path / "tapes", port, token_file=doored.file) as served:
            if not round:
                port = urlsplit(served.url).port or 0
                answer = httpx.get(served.url, params={"token": token}, trust_env=False)
                value = answer.headers["set-cookie"].partition(";")[0]
            status = httpx.get(f"{served.url}api/runs", headers={"cookie": value}, trust_env=False).status_code
            assert status == (401 if round == 2 else 200)
        key = tmp_path / "cache" / "cookie.key"
        assert key.stat().st_mode & 0o777 == 0o600
        if round == 1:
            key.unlink()


def test_a_collector_takes_what_the_scope_allows(tmp_path: Path) -> None:
    from rolltape.server.access.token_file import changing
    from rolltape.server.collecting.options import Collecting

    def asking(project: str) -> bytes:
        part = {"kind": "frames", "project": project, "run": "r", "writer": "w", "first": 0, "opening": 0, "bytes": 0}
        header = json.dumps({"parts": [part]}).encode()
        return b"RTS1" + len(header).to_bytes(4, "little") + header

    with changing(tmp_path / "T"):
        pass
    with serve_in_background(tmp_path / "spool", 0, token_file=tmp_path / "T", collecting=Collecting()) as served:
        doored = Doored(served, tmp_path / "T", tmp_path / "spool")
        for scope, project, allowed in [
            ("write:a", "a", True),
            ("write:a", "b", False),
            ("write:a", "A", False),
            ("write:a", "*", False),
            ("write:*", "b", True),
            ("admin", "b", True),
        ]:
            kind = {"content-type": "application/x-rolltape-shipment"}
            with doored.client(doored.make(scope)) as client:
                answer = client.post("/api/ship", content=asking(project), headers=kind)
            assert answer.status_code == 200, answer.text
            (part,) = answer.json()["parts"]
            assert (part.get("status") == 403) is not allowed, (scope, project, part)
