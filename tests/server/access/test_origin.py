"""HTTPS and proxies: which scheme and address a request came by, and what follows for cookies and Origin."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from rolltape.server import Served, serve_in_background
from rolltape.server.access.origin import came
from rolltape.server.access.token_file import changing, make_token
from rolltape.server.security import Guard
from rolltape.server.token import Token

TOKEN = "the-token.of~this_test"


@pytest.mark.parametrize(
    ("client", "headers", "direct", "proxied"),
    [
        (("10.0.0.1", 1), {}, ("10.0.0.1", "http"), ("10.0.0.1", "http")),
        (("10.0.0.1", 1), {"x-forwarded-proto": "https"}, ("10.0.0.1", "http"), ("10.0.0.1", "https")),
        (("10.0.0.1", 1), {"x-forwarded-proto": "https, http"}, ("10.0.0.1", "http"), ("10.0.0.1", "http")),
        (("10.0.0.1", 1), {"x-forwarded-proto": "gopher"}, ("10.0.0.1", "http"), ("10.0.0.1", "http")),
        (("10.0.0.1", 1), {"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, ("10.0.0.1", "http"), ("2.2.2.2", "http")),
        (("10.0.0.1", 1), {"x-forwarded-for": "1.1.1.1, x"}, ("10.0.0.1", "http"), ("10.0.0.1", "http")),
        (("::ffff:10.0.0.1", 1), {}, ("10.0.0.1", "http"), ("10.0.0.1", "http")),
        (("::1", 1), {}, ("::1", "http"), ("::1", "http")),
        (("2001:db8::1:2", 1), {}, ("2001:db8::/64", "http"), ("2001:db8::/64", "http")),
        (None, {}, ("unknown", "http"), ("unknown", "http")),
    ],
)
def test_where_it_came_from(
    client: object, headers: dict[str, str], direct: tuple[str, str], proxied: tuple[str, str]
) -> None:
    scope: Scope = {"type": "http", "client": client, "scheme": "http"}
    for behind, wanted in ((False, direct), (True, proxied)):
        way = came(scope, Headers(headers), behind_proxy=behind)
        assert (way.address, way.scheme, way.known) == (*wanted, behind)


@pytest.fixture(scope="module", params=["token", "file"])
def doors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Served, Served]]:
    """A token, and two servers that know it: one that trusts a proxy, and one that does not."""
    place = tmp_path_factory.mktemp("doors")
    given: dict[str, object] = {"token": TOKEN}
    text = TOKEN
    if request.param == "file":
        with changing(place / "T") as tokens:
            text, _ = make_token(tokens, ["admin"])
        given = {"token_file": place / "T"}
    with (
        serve_in_background(place / "a", 0, writable=True, behind_proxy=True, **given) as proxied,  # type: ignore[arg-type]
        serve_in_background(place / "b", 0, writable=True, **given) as plain,  # type: ignore[arg-type]
    ):
        yield text, proxied, plain


def enter(served: Served, token: str, **headers: str) -> httpx.Response:
    return httpx.get(served.url, params={"token": token}, headers=headers, trust_env=False)


def test_cookies_are_secure_where_the_browser_came_by_https(doors: tuple[str, Served, Served]) -> None:
    token, proxied, plain = doors
    for served, told, secure in [(proxied, "https", True), (proxied, "http", False), (plain, "https", False)]:
        answer = enter(served, token, **{"x-forwarded-proto": told})
        assert answer.status_code == 303
        cookie = SimpleCookie(answer.headers["set-cookie"])[f"rolltape-{urlsplit(served.url).port}"]
        assert bool(cookie["secure"]) is secure, (served.url, told)


@pytest.mark.parametrize(
    ("told", "origin", "behind", "without"),
    [
        ("https", "https", 400, 400),
        ("https", "http", 403, 400),  # without the option a proxy that does HTTPS may stand before the server, or none
        ("http", "http", 400, 400),
        ("http", "https", 403, 400),
    ],
)
def test_the_origin_is_of_the_scheme(
    doors: tuple[str, Served, Served], told: str, origin: str, behind: int, without: int
) -> None:
    token, *both = doors
    for served, status in zip(both, (behind, without), strict=True):
        cookie = enter(served, token).headers["set-cookie"].partition(";")[0]
        own = f"{origin}://{urlsplit(served.url).netloc}"
        headers = {"cookie": cookie, "origin": own, "x-forwarded-proto": told}
        answer = httpx.post(f"{served.url}api/notes", json={}, headers=headers, trust_env=False)
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("origin", "status"), [("https://localhost", 200), ("http://localhost", 403), (None, 403)])
def test_the_server_itself_speaks_https(origin: str | None, status: int) -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    token = Token(TOKEN, 7070)
    sent: list[Message] = []

    async def ask(method: str, query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {
            "type": "http",
            "method": method,
            "scheme": "https",
            "path": "/",
            "query_string": query,
            "headers": [(b"host", b"localhost"), *headers],
            "client": ("127.0.0.1", 1),
        }

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await Guard(answer, token=token)(scope, receive, send)

    anyio.run(ask, "GET", f"token={TOKEN}".encode(), [])
    cookies = dict(sent[0]["headers"])[b"set-cookie"].lower()
    assert b"; secure" in cookies
    headers = [(b"cookie", f"{token.cookie}={token.cookie_value}".encode())]
    anyio.run(ask, "POST", b"", headers + ([] if origin is None else [(b"origin", origin.encode())]))
    assert sent[2]["status"] == status
    if origin is None:
        assert b"https://localhost" in sent[3]["body"]


def test_a_client_behind_a_proxy_is_bounded_by_its_own_address(tmp_path: Path) -> None:
    with changing(tmp_path / "T"):
        pass
    with (
        serve_in_background(tmp_path / "a", 0, token_file=tmp_path / "T", behind_proxy=True) as served,
        httpx.Client(base_url=served.url, trust_env=False, headers={"authorization": "Bearer x"}) as client,
    ):
        statuses = [client.get("/", headers={"x-forwarded-for": "1.1.1.1"}).status_code for _ in range(22)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert client.get("/", headers={"x-forwarded-for": "1.1.1.1, 2.2.2.2"}).status_code == 401
