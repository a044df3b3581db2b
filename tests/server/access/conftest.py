"""A store of two projects behind a door, and a store that has only one of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import Doored, record

from rolltape.server import serve_in_background
from rolltape.server.access.token_file import changing


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory ``both`` with two projects, and ``one``, a copy of the first alone."""
    base = tmp_path_factory.mktemp("recorded")
    both = base / "both"
    both.mkdir()
    record(both, "pole cart", "mine")
    record(both, "hidden", "veiled")
    shutil.copytree(both / "pole%20cart", base / "one" / "pole%20cart", copy_function=shutil.copy2)
    return base


@pytest.fixture(scope="module")
def doored(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doored]:
    file = tmp_path_factory.mktemp("door") / "T"
    with changing(file):
        pass
    with serve_in_background(recorded / "both", 0, token_file=file, writable=True) as served:
        yield Doored(served, file, recorded / "both")
