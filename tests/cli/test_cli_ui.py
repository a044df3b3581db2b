"""`rolltape ui`, with a server that only notes what it is asked for."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest

import rolltape.server
from rolltape.cli import main

URL = "http://127.0.0.1:7070/"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str, int | None]]:
    calls: list[tuple[Path, str, int | None]] = []

    def serve(
        directory: Path, host: str = "127.0.0.1", port: int | None = None, *, on_ready: Callable[[str], None]
    ) -> None:
        calls.append((directory, host, port))
        on_ready(URL)
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
    tmp_path: Path,
    served: list[tuple[Path, str, int | None]],
    opened: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["ui", str(tmp_path), "--port", "0", "--host", "localhost"]) == 0, "Ctrl-C is how it ends"
    assert served == [(tmp_path, "localhost", 0)]
    assert opened == [URL]
    out, err = capsys.readouterr()
    assert f"{tmp_path} is shown at {URL}" in out
    assert err == ""


def test_no_open(tmp_path: Path, served: list[object], opened: list[str]) -> None:
    assert main(["ui", str(tmp_path), "--no-open"]) == 0
    assert served == [(tmp_path, "127.0.0.1", None)]
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
