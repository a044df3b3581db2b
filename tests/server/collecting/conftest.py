"""A server that collects, and runs to send to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import rolltape
from rolltape.recording.run import Run
from rolltape.server import serve_in_background
from rolltape.server.collecting.options import Collecting

sys.path.insert(0, str(Path(__file__).parent))

from original import Original, recorded, settle


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The directory of the server."""
    path = tmp_path / "there"
    path.mkdir()
    return path


@pytest.fixture
def collector(there: Path) -> Iterator[httpx.Client]:
    """Asks a server that collects in `there`."""
    with (
        serve_in_background(there, 0, collecting=Collecting()) as served,
        httpx.Client(base_url=served.url, trust_env=False) as client,
    ):
        yield client


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Run]:
    """A run that goes on, on the other machine."""
    with rolltape.init(project="p", id="live", dir=tmp_path / "here") as run:
        settle()
        yield run


@pytest.fixture
def ended(tmp_path: Path) -> Original:
    """A run that has ended, with at least five frames."""
    original = recorded(tmp_path / "here")
    assert len(original.spans()) >= 5
    return original
