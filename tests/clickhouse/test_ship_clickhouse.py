"""`rolltape ship` into ClickHouse: by hand all of a directory, started by init the runs that were meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import rolltape
from rolltape.cli import main
from rolltape.store.clickhouse.counts import compare

Stored = Callable[[str, str], list[list[str]]]

_TRAIN = """
import rolltape

with rolltape.init("p", id="meant") as run:
    for step in range(500):
        run.log({"loss": 1.0 / (step + 1)}, step=step)
"""


def _record(tapes: Path, id: str) -> None:
    with rolltape.init("p", id=id, dir=tapes) as run:
        for step in range(300):
            run.log({"loss": float(step)}, step=step)


def test_by_hand_every_run_is_delivered(tapes: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    for id in ("a", "b", "c"):
        _record(tapes, id)
    assert main(["ship", str(tapes), address, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["problems"] == []
    assert said["points"] >= 900
    assert [(one.tape, one.verdict) for one in compare(tapes, address).writers] == [(300, "equal")] * 3
    assert main(["ship", str(tapes), address, "--json"]) == 0  # all of it is there already
    assert [one.verdict for one in compare(tapes, address).writers] == ["equal"] * 3


def test_what_init_starts_sends_no_run_that_was_not_meant(
    tapes: Path, address: str, stored: Stored, tmp_path: Path
) -> None:
    _record(tapes, "private")
    environment = {
        **os.environ,
        "ROLLTAPE_SHIP": address,
        "ROLLTAPE_DIR": str(tapes),
        "ROLLTAPE_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run([sys.executable, "-c", _TRAIN], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    until = time.monotonic() + 60.0
    while time.monotonic() < until and not _stored(address, stored):
        time.sleep(0.2)
    time.sleep(1.0)  # in which others would come
    assert _stored(address, stored) == [["meant", "500", "1"]]


def _stored(address: str, stored: Stored) -> list[list[str]]:
    """Run, points and whether it has ended, of the runs that were sent whole; nothing before there are tables."""
    try:
        found = stored(address, "SELECT run, points, ended FROM runs FINAL")
    except Exception:  # the schema is made by who ships first
        return []
    return found if found and all(row[2] == "1" for row in found) else []
