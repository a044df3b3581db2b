"""Where the server listens, and what it says where it cannot."""

from __future__ import annotations

import contextlib
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from rolltape.errors import StoreError
from rolltape.server import ports, serve_in_background


def test_the_next_free_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST_PORT", port)
        with serve_in_background(tmp_path) as served:
            assert served.url != f"http://127.0.0.1:{port}/"
            assert httpx.get(served.url + "api/runs", trust_env=False).status_code == 200
        with pytest.raises(StoreError, match=f"port {port}"):
            serve_in_background(tmp_path, port)
        monkeypatch.setattr(ports, "_MORE", 0)
        with serve_in_background(tmp_path) as served:
            assert not served.url.endswith(f":{port}/")


def test_a_given_port_can_be_had_again_at_once(tmp_path: Path) -> None:
    with serve_in_background(tmp_path, 0) as served:
        port = int(served.url.rstrip("/").rpartition(":")[2])
        httpx.get(served.url, trust_env=False)
    with serve_in_background(tmp_path, port) as served:
        assert served.url == f"http://127.0.0.1:{port}/"


def test_answers_are_not_delayed(tmp_path: Path) -> None:
    with serve_in_background(tmp_path, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        took = []
        for _ in range(60):
            began = time.perf_counter()
            client.get("/api/runs")
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.03  # 0.002; 0.04 where the system waits for more to send


@pytest.mark.parametrize("host", ["192.0.2.7", "host.invalid", "", "local host", "http://localhost", "localhost:80"])
def test_no_host_of_this_machine(tmp_path: Path, host: str) -> None:
    with pytest.raises(StoreError, match="cannot listen at"):
        serve_in_background(tmp_path / "new", 0, host=host)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "x" * 201, "no spaces in the token", "ünïcödë" * 4])
def test_no_token_that_is_easy_or_odd(tmp_path: Path, token: str) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(StoreError, match="token must be 16 to 200"):
            serve_in_background(tmp_path / "new", 0, host=host, token=token)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["", "a b", "http://a", "a:80", "a/b", "[::1", "*", "ä.example"])
def test_no_name_of_a_host(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="not the name of a host"):
        serve_in_background(tmp_path / "new", 0, allowed_hosts=[name])


def test_the_addresses_are_told() -> None:
    with ports.listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        assert ports.urls_of(bound) == [f"http://127.0.0.1:{port}/"]
        assert ports.is_loopback(bound)
    with ports.listen("0.0.0.0", 0) as bound:
        port = bound.getsockname()[1]
        urls = ports.urls_of(bound)
        assert f"http://{socket.gethostname()}:{port}/" in urls
        assert not any("0.0.0.0" in url for url in urls), "that address leads nowhere"
        assert not ports.is_loopback(bound)
        assert ports.is_everywhere(bound)


def test_a_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with ports.listen("LocalHost", 0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    with ports.listen("box.example", 0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def test_ctrl_c_with_pages_that_listen(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rolltape.server import serve\n"
        "serve(Path(sys.argv[1]), port=0, on_ready=lambda urls: print(urls[0], flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False) as client, contextlib.ExitStack() as streams:
            listening = [streams.enter_context(client.stream("GET", "/api/events")).iter_bytes() for _ in range(3)]
            assert all(map(next, listening))
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
            assert time.monotonic() - began < 5


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_no_such_port(tmp_path: Path, port: int) -> None:
    with pytest.raises(StoreError, match="0 to 65535"):
        serve_in_background(tmp_path, port)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "tapes"):
        with pytest.raises(StoreError, match="file"):
            serve_in_background(place, 0)


def test_no_thread_is_left(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with serve_in_background(tmp_path, 0) as served:
        httpx.get(served.url + "api/runs", trust_env=False)
    deadline = time.monotonic() + 5  # the worker of the last request ends a moment later
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(threading.enumerate()) <= before


def test_a_process_ends_without_closing(tmp_path: Path) -> None:
    code = (
        "import sys, urllib.request; from rolltape.server import serve_in_background; "
        "served = serve_in_background(sys.argv[1], 0); print(urllib.request.urlopen(served.url + 'api/runs').status)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=20, check=True
    )
    assert (ended.stdout, ended.stderr) == ("200\n", "")


def test_importing_loads_no_server() -> None:
    code = "import sys, rolltape.server; print([m for m in ('uvicorn', 'starlette', 'anyio') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "[]\n"


def test_ipv6(tmp_path: Path) -> None:
    try:
        bound = ports.listen("::1", 0)
    except StoreError as error:  # a machine without IPv6: told, with the address
        assert "::1" in str(error)
        return
    with bound:
        assert ports.url_of(bound).startswith("http://[::1]:")
