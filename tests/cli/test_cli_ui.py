"""`rolltape ui`, with a server that only notes what it is asked for; and what the real one refuses."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import rolltape.server
from rolltape.cli import main

URL = "http://127.0.0.1:7070/"
PLAIN = {"token": None, "allowed_hosts": [], "writable": False}


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLTAPE_TOKEN", raising=False)


@pytest.fixture
def urls() -> list[str]:
    """Where the server says it is."""
    return [URL]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, urls: list[str]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def serve(
        directory: Path, host: str, port: int | None, on_ready: Callable[[list[str]], None], **more: object
    ) -> None:
        calls.append({"directory": directory, "host": host, "port": port, **more})
        on_ready(urls)
        raise KeyboardInterrupt

    monkeypatch.setattr(rolltape.server, "serve", serve)
    return calls


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", calls.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return calls


def test_it_serves_and_opens(
    tmp_path: Path, served: list[dict[str, Any]], opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ui", str(tmp_path), "--port", "0", "--host", "localhost"]) == 0, "Ctrl-C is how it ends"
    assert served == [{"directory": tmp_path, "host": "localhost", "port": 0, **PLAIN}]
    assert opened == [URL]
    out, err = capsys.readouterr()
    assert f"{tmp_path} is shown at {URL}\n" in out
    assert err == ""
    for word in ("token", "writable", "every network interface"):
        assert word not in out


def test_no_open(tmp_path: Path, served: list[dict[str, Any]], opened: list[str]) -> None:
    assert main(["ui", str(tmp_path), "--no-open"]) == 0
    assert served == [{"directory": tmp_path, "host": "127.0.0.1", "port": None, **PLAIN}]
    assert opened == []


@pytest.mark.skipif("sys.platform in ('darwin', 'win32')", reason="there is always a display")
def test_no_display(tmp_path: Path, served: list[object], opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert main(["ui", str(tmp_path)]) == 0
    assert (len(served), opened) == (1, [])


def test_a_missing_directory_is_not_made(tapes: Path, served: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui"]) == 2
    assert capsys.readouterr().err == f"rolltape: there is no directory {tapes}\n"
    assert not tapes.exists()
    assert served == []


def test_further_options(tmp_path: Path, served: list[dict[str, Any]], opened: list[str]) -> None:
    options = ["--token", "sixteen-or-more.", "--allow-host", "a.example", "--allow-host", "10.0.0.9", "--writable"]
    assert main(["ui", str(tmp_path), *options]) == 0
    told = {"token": "sixteen-or-more.", "allowed_hosts": ["a.example", "10.0.0.9"], "writable": True}
    assert {name: served[0][name] for name in told} == told


def test_the_token_of_the_environment(
    tmp_path: Path, served: list[dict[str, Any]], opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLTAPE_TOKEN", "from-the-environment")
    assert main(["ui", str(tmp_path)]) == 0
    assert main(["ui", str(tmp_path), "--token", "from-the-command-line"]) == 0
    monkeypatch.setenv("ROLLTAPE_TOKEN", "")
    assert main(["ui", str(tmp_path)]) == 0
    assert [call["token"] for call in served] == ["from-the-environment", "from-the-command-line", None]


@pytest.mark.parametrize("urls", [["http://10.1.2.3:7070/?token=abc", "http://box:7070/?token=abc"]])
def test_what_is_said_where_others_may_look(
    tmp_path: Path, served: list[object], opened: list[str], urls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ui", str(tmp_path), "--host", "0.0.0.0", "--writable"]) == 0
    out = capsys.readouterr().out
    assert [out.count(url) for url in urls] == [1, 1]
    for said in ("every network interface of this machine (0.0.0.0)", "token in it", "It is writable"):
        assert said in out
    assert opened == urls[:1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "host.invalid"], "cannot listen at host.invalid"),
        (["--host", "not a host"], "cannot listen at not a host"),
        (["--host", "192.0.2.7", "--port", "0"], "192.0.2.7"),
        (["--token", "short"], "the token must be 16 to 200 characters"),
        (["--token", "has a space in it, and more"], "A-Z a-z 0-9"),
        (["--token", ""], "the token must be"),
        (["--allow-host", "http://a.example"], "'http://a.example' is not the name of a host"),
        (["--allow-host", "a.example:80"], "no port"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", str(tmp_path), "--no-open", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rolltape: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", str(tmp_path), "--no-open", "--port", str(port)]) == 2
    assert f"cannot listen at port {port} of 127.0.0.1" in capsys.readouterr().err
    for port in ("70000", "-1", "x"):
        assert main(["ui", str(tmp_path), f"--port={port}"]) == 2


def test_the_real_one_on_all_interfaces(tmp_path: Path) -> None:
    code = "import sys; from rolltape.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "ui", str(tmp_path), "--no-open", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)/\?token=([\w-]{32})$", line.strip())
        assert found, line
        url = f"http://127.0.0.1:{found[1]}/api/session"
        assert httpx.get(url, trust_env=False).status_code == 401
        told = httpx.get(url, headers={"authorization": f"Bearer {found[2]}"}, trust_env=False)
        assert told.json()["writable"] is False
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
