"""What the tests of the command line share."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest

from rolltape.cli import main


class Screen(io.StringIO):
    """A stdout that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a command shows on a colour terminal of 100 columns: ``terminal("ls", code=0)``."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")

    def look(*argv: str, code: int = 0) -> str:
        with contextlib.redirect_stdout(Screen()) as screen:
            assert main(argv) == code
        return screen.getvalue()

    return look
