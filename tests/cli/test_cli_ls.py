"""`rolltape ls`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import rolltape
from rolltape.cli import main
from rolltape.cli.runs import differences
from rolltape.store.notes import change_notes

HEADER = ["status", "project", "name", "id", "started", "ended", "points", "lost", "config", "note"]
EVIL = "evil \x1b]0;owned\x07 [red]name[/] 名前"


def record(id: str, points: int = 3, project: str = "p", **options: Any) -> None:
    with rolltape.init(project=project, id=id, **options) as run:
        for i in range(points):
            run.log({"loss": float(i)}, step=i)


def tsv(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def test_columns(capsys: pytest.CaptureFixture[str]) -> None:
    record("one", config={"lr": 0.1, "path": "C:\\tab\there"}, name="first")
    assert main(["ls"]) == 0
    header, row = tsv(capsys.readouterr().out)
    assert header == HEADER
    cells = dict(zip(header, row, strict=True))
    assert [cells[name] for name in ("status", "project", "name", "id")] == ["finished", "p", "first", "one"]
    assert float(cells["ended"]) >= float(cells["started"]) > 1e9
    assert (cells["points"], cells["lost"]) == ("3", "0")
    assert json.loads(cells["config"].replace("\\\\", "\\")) == {"lr": 0.1, "path": "C:\\tab\there"}


def test_a_running_run_has_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    with rolltape.init(project="p", id="one"):
        main(["ls"])
    assert tsv(capsys.readouterr().out)[1][:6:5] == ["running", ""]


def test_project_and_directory(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one", project="a")
    record("two", project="b")
    assert main(["ls", str(tapes), "--project", "b"]) == 0
    assert [row[3] for row in tsv(capsys.readouterr().out)[1:]] == ["two"]


def test_names_cannot_break_the_table_or_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    record("one", name=EVIL + "\ttab\nline")
    main(["ls"])
    row = tsv(capsys.readouterr().out)[1]
    assert len(row) == len(HEADER)
    assert row[2] == "evil \\x1b]0;owned\\x07 [red]name[/] 名前\\ttab\\nline"


def test_a_note(tapes: Path, capsys: pytest.CaptureFixture[str], terminal: Callable[..., str]) -> None:
    record("one")
    assert "note" not in terminal("ls").splitlines()[0], "no column where nobody wrote one"
    change_notes(tapes / "p" / "one", [], note=f"took long\n{EVIL}")
    record("two")
    main(["ls"])
    rows = {row[3]: row[-1] for row in tsv(capsys.readouterr().out)[1:]}
    assert rows == {"one": "took long\\nevil \\x1b]0;owned\\x07 [red]name[/] 名前", "two": ""}
    main(["ls", "--json"])
    assert json.loads(capsys.readouterr().out)[1]["note"] == f"took long\n{EVIL}"
    shown = terminal("ls")
    assert "note" in shown.splitlines()[0] and "took long evil" in shown and "\x1b]0" not in shown


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    record("one", config={"seed": 1}, tags=["a"], name=EVIL)
    assert main(["ls", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii(), "nothing in it can steer a terminal"
    (run,) = json.loads(out, parse_constant=pytest.fail)
    assert run["key"] == "p/one"
    assert (run["config"], run["tags"], run["name"], run["points"]) == ({"seed": 1}, ["a"], EVIL, 3)
    assert set(run) == set(rolltape.open().run("one").__slots__)


def test_json_is_strict_where_run_json_is_not(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    path = tapes / "p" / "one" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "config": {"lr": float("nan")}}))
    main(["ls", "--json"])
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)[0]["config"] == {"lr": None}


def test_an_empty_store_is_no_error(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    assert main(["ls"]) == 0
    out, err = capsys.readouterr()
    assert tsv(out) == [HEADER]
    assert err == f"There are no runs in {tapes} yet.\n"
    assert main(["ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_no_store_is_an_error(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls"]) == 2
    assert capsys.readouterr().err == f"rolltape: there is no directory {tapes}\n"


def test_a_killed_run(script: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    recording = script(
        """
        import rolltape, time
        run = rolltape.init(project="p", id="one")
        for i in range(100): run.log({"x": i})
        print("ready"); time.sleep(60)
        """
    )
    recording.line()
    recording.kill()
    main(["ls"])
    row = tsv(capsys.readouterr().out)[1]
    assert (row[0], row[6]) == ("killed", "100")


def test_table_on_a_terminal(terminal: Callable[..., str]) -> None:
    record("one", name=EVIL, config={"lr": 0.1, "seed": 1})
    record("two", name="second", config={"lr": 0.1, "seed": 2})
    out = terminal("ls")
    assert "\x1b[32m● \x1b[0mfinished" in out
    assert "]0;owned\x07" not in out, "the name must not set the title"
    assert "[red]name[/]" in out
    assert "\x1b[2mseed=\x1b[0m2" in out
    assert "lr=" not in out, "what does not differ is not shown"
    assert "lost" not in out
    assert "2 runs in p" in out


def test_no_color(terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    record("one")
    out = terminal("ls")
    assert "● finished" in out
    assert "\x1b[32m" not in out


def test_lost_rows_are_shown(terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    run = rolltape.init(project="p", id="one")
    run._writer.lost = 1234
    run.close()
    assert "\x1b[1;31m1.23k\x1b[0m" in terminal("ls")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_fit(width: int, terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for i in range(3):
        record(f"2026080{i}-101530-abc123", project=f"a-long-project-{i}", name=f"名前-{i}", config={"seed": i})
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal("ls")).split("\n\n")[0].splitlines()
    assert len(lines) == 4, "one line for each run"
    assert max(map(cell_len, lines)) <= width
    if width >= 80:
        assert "20260802-101530-abc123" in lines[1], "ids are there to be copied"
        assert "seed=2" in lines[1]


def test_differences() -> None:
    configs = [{"lr": 1, "net": {"n": 64}, "flag": True}, {"lr": 1, "net": {"n": 32}, "flag": 1}, {"lr": 1}]
    assert differences(configs) == [{"net.n": 64, "flag": True}, {"net.n": 32, "flag": 1}, {}]
    assert differences([{"a": 1}]) == [{}]
    assert differences([]) == []


def test_where(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (1, 2):
        with rolltape.init(project="p", id=f"r{seed}", config={"seed": seed}) as run:
            run.log({"loss": seed})
    assert main(["ls", "--where", "seed < 2 and last.loss = 1", "--json"]) == 0
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == ["r1"]
    assert main(["ls", "--where", "sed < 2"]) == 0
    assert "No run has a config key 'sed' (did you mean 'seed'?)." in capsys.readouterr().err
    assert main(["ls", "--where", "seed <"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["    seed <", "          ^"]
