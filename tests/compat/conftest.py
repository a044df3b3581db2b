"""What every test of a stand-in has: nothing warned about yet, and no project of another test."""

from __future__ import annotations

import pytest

from rolltape.compat.neptune import legacy, nothing


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nothing, "told", set())
    monkeypatch.setattr(legacy, "project", None)
    monkeypatch.setattr(legacy, "session", None)
    for name in ("NEPTUNE_PROJECT", "NEPTUNE_MODE"):
        monkeypatch.delenv(name, raising=False)
