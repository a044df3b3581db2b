"""A store of strange runs and a server that shows it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rolltape
from rolltape.server import Served, serve_in_background
from rolltape.store import DirectoryStore
from rolltape.store.remote.store import RemoteStore

ODD = b"odd \xff\x80 \xc3\xa4 %FF&=+#"
BITS = [0x7FF8000000000123, 0xFFF8000000000001, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1]


def record(root: Path) -> Path:
    """Two projects: seeds, a run taken up again, strange numbers and names, a directory that is not UTF-8."""
    for seed in (1, 2):
        config = {"lr": 1e-3, "seed": seed, "nan": float("nan"), "inf": [float("-inf")], "deep": {"a": {"b": "ä\n"}}}
        with rolltape.init(project="cart pole", id=f"s{seed}", config=config, tags=["x", "ü"], dir=root) as run:
            for step in range(1000):
                loss = float("nan") if step % 7 == 0 else 1.0 / (step + seed)
                run.log({"loss": loss, "episodes": step // 10}, step=2 * step)
            run.log({"said": "line\none \u2028 ✓", "frame": rolltape.Image(np.zeros((2, 2)))}, step=3)
    values = np.array([struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in BITS])
    steps = np.array([2**63 - 1, -(2**63), 2**53 + 1, 0, -1, 7])
    with rolltape.init(project="other", id="strange", dir=root) as run:
        run.log_batch({"loss": values, "a b/ü&=+%#?": values}, step=steps)
        run.log_batch({"long": np.random.default_rng(0).normal(size=200_000)}, step=np.arange(200_000) * 3)
        run.log({"only a text": "of it"}, step=1)
    for first in (0, 400):  # taken up again before where it ended
        with rolltape.init(project="other", id="resumed", dir=root) as run:
            for step in range(first, first + 600):
                run.log({"loss": step * 0.1, "episodes": step // 10}, step=step)
    with rolltape.init(project="other", id="one point", dir=root) as run:
        run.log({"loss": 1.0}, step=5)
    with rolltape.init(project="other", id="odd", dir=root) as run:
        run.log({"loss": 2.0, "speed": 3.0}, step=5)
    with rolltape.init(project="other", id="empty", dir=root):
        pass
    (root / "other" / "odd").rename(root / "other" / os.fsdecode(ODD))
    return root


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("remote"))


@pytest.fixture(scope="session")
def shown(recorded: Path) -> Iterator[Served]:
    """A server for tests that change nothing."""
    with serve_in_background(recorded, 0) as served:
        yield served


@pytest.fixture
def here(recorded: Path) -> DirectoryStore:
    """The store where it lies."""
    return DirectoryStore(recorded)


@pytest.fixture
def there(shown: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteStore]:
    """The same through the server."""
    monkeypatch.delenv("ROLLTAPE_TOKEN", raising=False)
    store = rolltape.open(shown.url)
    assert isinstance(store, RemoteStore)
    yield store
    store.close()
