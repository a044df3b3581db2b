"""What a server answers: tokens, bounds, a proxy's small ones, waits; and addresses that are none."""

from __future__ import annotations

import http.client
import http.server
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collecting_server import Server, Shipping, points, record, same, shipped, until

import rolltape
from rolltape.errors import StoreError
from rolltape.store.shipping.connection import Address, parse_address, read_token

Ship = Callable[..., Shipping]
_Reply = tuple[int, dict[str, str], bytes]
_TOKEN = "rtk_0123456789abcdefghij"


@contextmanager
def answering(
    *answers: _Reply | Callable[[bytes, dict[str, str]], _Reply],
) -> Iterator[tuple[str, list[tuple[float, int, Any]]]]:
    """A server that gives these answers, the last one for ever: its address, and when, how large and what was asked."""
    asked: list[tuple[float, int, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = answers[min(len(asked), len(answers) - 1)]
            status, headers, said = answer(body, dict(self.headers)) if callable(answer) else answer
            asked.append((time.monotonic(), len(body), dict(self.headers)))
            self.send_response(status)
            for name, value in {"content-length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://x", "must be http://HOST or https://HOST"),
        ("https://", "must be http://HOST"),
        ("http://x:99999", "cannot be understood"),
        ("http://x?token=secret", "must hold no token"),
        ("http://ada:secret@x", "must hold no token"),
    ],
)
def test_addresses_that_are_none(text: str, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        parse_address(text)


def test_addresses() -> None:
    assert parse_address("https://a.b/") == Address("https", "a.b", 443, "/api/ship")
    assert parse_address("http://[::1]:70/x/") == Address("http", "::1", 70, "/x/api/ship")
    assert str(parse_address("http://[::1]:70/x/")) == "http://[::1]:70/x"
    assert parse_address("http://a.b").is_open()
    assert not any(parse_address(text).is_open() for text in ("https://a.b", "http://127.0.0.2", "http://localhost:1"))


def test_a_token_is_the_first_line_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_TOKEN", "from-environment")
    assert read_token(None) == "from-environment"
    file = tmp_path / "t"
    for text, wanted in ((" one \ntwo\n", "one"), ("\n", None), ("a b", None), ("ä", None)):
        file.write_text(text, encoding="utf-8")
        if wanted is None:
            with pytest.raises(StoreError, match="token"):
                read_token(file)
        else:
            assert read_token(file) == wanted
    with pytest.raises(StoreError, match="cannot read the token"):
        read_token(tmp_path / "none")


def test_a_wrong_token_ends_it_with_the_servers_sentence(here: Path, tmp_path: Path, shipping: Ship) -> None:
    record(here, rows=10)
    server = Server(tmp_path / "there", "--token", _TOKEN)
    try:
        assert "token" in shipped(shipping(here, server.url), code=2)
        wrong = shipped(shipping(here, server.url, ROLLTAPE_TOKEN="wrong"), code=2)
        assert "token" in wrong and "wrong" not in wrong.replace("wrong token", "")
        (tmp_path / "t").write_text(f"{_TOKEN}\n")
        shipped(shipping(here, server.url, "--token-file", tmp_path / "t", ROLLTAPE_TOKEN="wrong"))
        same(here, server.directory)
    finally:
        server.kill()


def test_a_server_that_is_no_collector(here: Path, shipping: Ship) -> None:
    record(here, rows=10)
    with answering((404, {}, b"no")) as (url, _):
        assert "there is no rolltape serve at this address" in shipped(shipping(here, url), code=2)
    with answering((302, {"location": "https://other"}, b"")) as (url, _):
        assert "it sends elsewhere, to https://other" in shipped(shipping(here, url), code=2)
    with answering((200, {}, b"<html>")) as (url, _):
        assert "is no rolltape serve" in shipped(shipping(here, url), code=2)


def test_it_waits_as_long_as_the_server_asks(here: Path, shipping: Ship) -> None:
    record(here, rows=10)
    busy = json.dumps({"error": "too much"}).encode()
    with answering((503, {"retry-after": "2"}, busy), (429, {"retry-after": "1"}, busy), (507, {}, busy)) as told:
        url, asked = told
        process = shipping(here, url)
        until(lambda: len(asked) >= 5)
        process.kill()
        waits = [later[0] - sooner[0] for sooner, later in itertools.pairwise(asked)]
        assert 2.0 <= waits[0] < 3.5 and 1.0 <= waits[1] < 2.2
        assert waits[3] > 0.9  # it backs off where nothing is asked
        assert process.communicate()[1].count("too much") == 1  # told once


def test_a_proxy_that_takes_small_bodies_only(here: Path, server: Server, shipping: Ship) -> None:
    with rolltape.init(project="p", id="r", dir=here) as run:
        for _ in range(40):
            run.log_batch({"x": np.random.default_rng(1).normal(size=3_000)})
    sizes = []

    def forward(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        sizes.append(len(body))
        if len(body) > 150_000:
            return 413, {}, b"<html>"
        line = http.client.HTTPConnection("127.0.0.1", server.port)
        line.request("POST", "/api/ship", body, {"content-type": headers["Content-Type"]})
        answer = line.getresponse()
        said = answer.read()
        line.close()
        return answer.status, {}, said

    with answering(forward) as (url, _):
        shipped(shipping(here, url))
    assert max(sizes) > 150_000
    same(here, server.directory)


def test_an_outage_costs_nothing_but_time(here: Path, server: Server, shipping: Ship) -> None:
    server.kill()
    record(here)
    process = shipping(here, server.url)
    time.sleep(2)
    server.start()
    told = shipped(process)
    assert told.count("cannot reach") == 1 and told.count("takes runs again") == 1
    same(here, server.directory)


def test_the_first_shipment_is_small_and_none_is_larger_than_may_be(here: Path, shipping: Ship) -> None:
    record(here)
    with answering((500, {}, b"")) as (url, asked):
        process = shipping(here, url)
        until(lambda: len(asked) >= 2)
        process.kill()
    assert all(size <= 256 << 10 for _, size, _ in asked)
    assert "Authorization" not in asked[0][2]


def test_more_runs_than_parts_fit_into_a_shipment(here: Path, server: Server, shipping: Ship) -> None:
    for number in range(150):
        record(here, f"r{number}", rows=3)
    shipped(shipping(here, server.url))
    same(here, server.directory)
    assert points(server.directory, "r149") == points(here, "r149")
