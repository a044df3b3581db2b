"""`rolltape verify --store`: what is said, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cluster import Cluster

import rolltape
from rolltape.cli import main
from rolltape.store.clickhouse.address import parse_address
from rolltape.store.clickhouse.load import Loader


def _recorded_and_loaded(tapes: Path, address: str) -> None:
    with rolltape.init("p", dir=tapes, id="r") as run:
        run.log_batch({"a": [1.0] * 200}, step=list(range(200)))
    loader = Loader(tapes, address)
    loader.load(patience=20)
    loader.close()


def test_all_is_there(tapes: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    _recorded_and_loaded(tapes, address)
    assert main(["verify", "--store", address, str(tapes)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["path", "verdict", "tape", "stored", "entries", "problem"]
    assert row.split("\t")[1:5] == ["equal", "200", "200", "192"]


def test_missing_points_and_missing_entries_are_told(
    tapes: Path, address: str, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    _recorded_and_loaded(tapes, address)
    where = parse_address(address)
    shard = where.shard_of("p", "r")
    for table in ("entries", "points"):
        cluster.ask(shard, f"CREATE TABLE kept_{table} AS {table}", where.database)
        cluster.ask(shard, f"RENAME TABLE {table} TO old_{table}, kept_{table} TO {table}", where.database)
        assert main(["verify", "--store", address, str(tapes), "--json"]) == 1
        (one,) = json.loads(capsys.readouterr().out)["writers"]
        assert one["verdict"] == "missing"
        assert ("entries stand for 0 points" in one["problem"]) == (table == "entries")
    assert one["problem"] == "200 of 200 points are not stored"


def test_no_store_there_is_a_sentence(tapes: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    assert main(["verify", "--store", address, str(tapes)]) != 0
    assert "holds no rolltape store" in capsys.readouterr().err
    assert main(["verify", "--store", "clickhouse://127.0.0.1:1/db", str(tapes)]) != 0
    assert "does not answer" in capsys.readouterr().err
