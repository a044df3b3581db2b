"""`rolltape show`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rolltape
from rolltape.cli import main
from rolltape.store.notes import change_notes

EVIL = "evil \x1b]0;owned\x07 [red]name[/] 名前"
HEADER = ["metric", "points", "nonfinite", "first_step", "last_step", "last", "min", "mean", "max"]


def tsv(out: str) -> list[list[str]]:
    return [line.split("\t") for line in out.splitlines()]


def record(id: str, project: str = "p", name: str | None = None) -> None:
    with rolltape.init(project=project, id=id, name=name, config={"lr": 0.1}, tags=["t"]) as run:
        for i in range(100):
            run.log({"train/return": float(i), "train/loss": float("nan") if i == 50 else 1.0}, step=10 * i)
        run.log({"eval/return": 7.0, "note": "hello [bold]\x1b[31m\nsecond"}, step=1000)


def test_metrics_in_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    assert main(["show", "one"]) == 0
    assert tsv(capsys.readouterr().out) == [
        HEADER,
        ["eval/return", "1", "0", "1000", "1000", "7.0", "7.0", "7.0", "7.0"],
        ["train/loss", "100", "1", "0", "990", "1.0", "1.0", "1.0", "1.0"],
        ["train/return", "100", "0", "0", "990", "99.0", "0.0", "49.5", "99.0"],
    ]


def test_a_note(tapes: Path, capsys: pytest.CaptureFixture[str], terminal: Callable[..., str]) -> None:
    record("one")
    facts = [line[:20] for line in terminal("show", "one").splitlines()]
    assert not any("note" in fact for fact in facts)
    change_notes(tapes / "p" / "one", ["t"], note=f"took long\n{EVIL}")
    shown = terminal("show", "one").split("eval/return")[0]
    lines = [line for line in shown.splitlines() if "took long" in line or "name[/]" in line]
    assert len(lines) == 2 and "note" in lines[0] and "\\x1b]0;owned" in lines[1] and "\x1b]0" not in shown
    main(["show", "one", "--json"])
    assert json.loads(capsys.readouterr().out)["run"]["note"] == f"took long\n{EVIL}"


def test_glob(capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    assert main(["show", "one", "--metric", "*/return"]) == 0
    assert [row[0] for row in tsv(capsys.readouterr().out)[1:]] == ["eval/return", "train/return"]
    assert main(["show", "one", "--metric", "nope*"]) == 2
    assert capsys.readouterr().err == "rolltape: run p/one has no metric that matches 'nope*'\n"


def test_a_metric_of_nothing_finite(capsys: pytest.CaptureFixture[str]) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log({"x": float("inf")}, step=3)
    assert main(["show", "one"]) == 0
    assert tsv(capsys.readouterr().out)[1] == ["x", "1", "1", "3", "3", "inf", "", "", ""]
    assert main(["show", "one", "--json"]) == 0
    (metric,) = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["metrics"]
    assert (metric["last"], metric["nonfinite"], metric["mean"]) == (None, 1, None)


def test_the_last_value_is_the_one_logged_last(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (rolltape.init(project="p", id="one") for _ in range(2))
    first.log({"x": 1.0}, step=1)
    second.log({"x": 2.0}, step=2)
    second.close()
    first.log({"x": 3.0}, step=0)
    first.close()
    main(["show", "one"])
    assert tsv(capsys.readouterr().out)[1][3:6] == ["0", "2", "3.0"]


def test_a_run_without_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    rolltape.init(project="p", id="one").close()
    assert main(["show", "one"]) == 0
    assert tsv(capsys.readouterr().out) == [HEADER]


@pytest.mark.parametrize("wanted", ["alpha-1", "al", "p/alpha-1", "p/al"])
def test_ways_to_name_a_run(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    record("alpha-1")
    record("beta-1")
    assert main(["show", wanted, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["id"] == "alpha-1"


def test_a_whole_id_wins_over_a_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    record("run-1")
    record("run-10")
    assert main(["show", "run-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["id"] == "run-1"


def test_an_ambiguous_beginning_names_the_runs(capsys: pytest.CaptureFixture[str]) -> None:
    record("run-1")
    record("run-2")
    assert main(["show", "run"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "rolltape: 'run' stands for 2 runs: p/run-2, p/run-1\n"


def test_the_same_id_in_two_projects(capsys: pytest.CaptureFixture[str]) -> None:
    record("one", project="a")
    record("one", project="b")
    assert main(["show", "one"]) == 2
    assert "stands for 2 runs: b/one, a/one" in capsys.readouterr().err
    assert main(["show", "b/one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"]["project"] == "b"


def test_an_unknown_run(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one", name="friendly")
    for wanted in ("nope", ""):
        assert main(["show", wanted]) == 2
        assert capsys.readouterr().err == f"rolltape: there is no run {wanted!r} in {tapes}\n"
    assert main(["show", "friendly"]) == 2
    assert capsys.readouterr().err.endswith("; runs of that name: p/one\n")


def test_json_has_everything(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    assert main(["show", "one", "--json", "--dir", str(tapes)]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert list(told) == ["run", "metrics", "writers", "events"]
    assert told["run"]["config"] == {"lr": 0.1}
    assert [metric["metric"] for metric in told["metrics"]] == ["eval/return", "train/loss", "train/return"]
    curve = told["metrics"][2]["curve"]
    assert (len(curve["edges"]), len(curve["mean"])) == (25, 24)
    assert told["writers"][0]["status"] == "finished"
    assert told["events"][0]["text"] == "hello [bold]\x1b[31m\nsecond"


@pytest.mark.parametrize("width", [80, 100])
def test_on_a_terminal(width: int, tapes: Path, terminal: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    record("one", name=EVIL)
    identity = tapes / "p" / "one" / "run.json"
    told = json.loads(identity.read_text())
    told["environment"] |= {"git": {"commit": "0123456789abcdef", "dirty": True}, "command": ["train.py", "\x1b[2J"]}
    identity.write_text(json.dumps(told))
    out = terminal("show", "one")
    assert "\x1b[31m\n" not in out
    assert "\x07" not in out
    assert "\x1b[2J" not in out
    assert "evil \\x1b]0;owned\\x07 [red]name[/] 名前" in out
    assert "hello [bold]\\x1b[31m" in out
    assert "▁" in out
    assert "█" in out
    assert "writer" not in out, "one writer without a problem is nothing to tell"
    for fact in ("finished", "lr=", sys.version.split()[0], "0123456789 ", "NaN/inf", "train.py \\x1b[2J"):
        assert fact in out, fact


def test_writers_are_shown_where_one_has_a_problem(
    script: Callable[..., Any], tapes: Path, terminal: Callable[..., str]
) -> None:
    assert script("import rolltape; rolltape.init(project='p', id='one').close()").wait()[0] == 0
    (tape,) = (tapes / "p" / "one").glob("*.tape")
    tape.write_bytes(tape.read_bytes()[:-3])
    out = terminal("show", "one")
    assert "is cut" in out
    assert "killed" in out


def test_how_a_run_failed(terminal: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="diverged"), rolltape.init(project="p", id="one") as run:
        run.log({"x": 1.0})
        raise ValueError("diverged [red]badly[/]")
    assert "ValueError: diverged [red]badly[/]" in terminal("show", "one")
