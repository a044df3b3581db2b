"""Where the server listens, and what it says where it cannot."""

from __future__ import annotations

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
from rolltape.server import ports, serve, serve_in_background


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


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "localhost.example.org"])
def test_only_the_loopback(tmp_path: Path, host: str) -> None:
    with pytest.raises(StoreError, match="loopback"):
        serve(tmp_path / "new", host=host)
    assert not (tmp_path / "new").exists()


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
