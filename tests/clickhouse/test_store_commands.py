"""`rolltape ls`, `show`, `export` and `sql` answer from ClickHouse as they do from a directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from test_store import load

import rolltape
from rolltape.cli import main

Said = Callable[..., str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def ask(*arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    return ask


def test_commands_say_the_same(address: str, tapes: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rolltape.recording.init.git_dirty", lambda _: None)
    with rolltape.init(project="p", config={"lr": 0.1}) as run:
        for step in range(500):
            run.log({"loss": step / 3, "return": -step}, step=step)
        run.log({"note": "hello"})
    load(tapes, address)
    here = str(tapes)
    assert json.loads(said("ls", address, "--json")) == json.loads(said("ls", here, "--json"))
    assert json.loads(said("show", run.id, "--dir", address, "--json")) == json.loads(
        said("show", run.id, "--dir", here, "--json")
    )
    assert said("export", address, "-o", "-") == said("export", here, "-o", "-")
    pytest.importorskip("duckdb")
    query = "select metric, count(*) as n, max(value) as most from points group by all order by all"
    assert said("sql", query, address) == said("sql", query, here)


def test_the_page_shows_directories_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", "clickhouse://me:secret@127.0.0.1:1/rl", "--no-open"]) != 0
    told = capsys.readouterr().err
    assert "directories only so far" in told
    assert "secret" not in told
