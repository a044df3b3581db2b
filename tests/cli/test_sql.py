"""`rolltape sql`."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.cli import main, sql
from rolltape.cli.ctrl_c import CtrlC
from rolltape.store import DirectoryStore
from rolltape.store.export.sql import connect

EVIL = "l'oss \"x\"\n'; drop table points; -- 名前"


def record(id: str, points: int = 3, project: str = "p", metrics: tuple[str, ...] = ("loss",), **options: Any) -> None:
    with rolltape.init(project=project, id=id, **options) as run:
        for step in range(points):
            run.log({metric: step + number / 4 for number, metric in enumerate(metrics)}, step=step)


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[list[str]]]:
    """The rows below the header of a query's answer."""

    def rows(query: str, *argv: str) -> list[list[str]]:
        assert main(["sql", query, *argv]) == 0
        return [line.split("\t") for line in capsys.readouterr().out.splitlines()][1:]

    return rows


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Which metrics of which runs were read from the tapes."""
    seen: list[tuple[str, str]] = []
    taken = DirectoryStore.scan

    def scan(self: DirectoryStore, run: str, metric: str, *rest: Any) -> Iterator[Any]:
        seen.append((run, metric))
        return taken(self, run, metric, *rest)

    monkeypatch.setattr(DirectoryStore, "scan", scan)
    return seen


def test_points(capsys: pytest.CaptureFixture[str]) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log({"loss": 0.5}, step=7)
    assert main(["sql", "from points"]) == 0
    header, row = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert header == ["project", "run", "metric", "step", "time", "time_ns", "value"]
    assert row[:4] + row[6:] == ["p", "p/one", "loss", "7", "0.5"]
    assert int(row[5]) == rolltape.open().points("one", "loss").time[0]
    assert row[4][:2] == "20"


def test_exact_numbers(ask: Callable[..., list[list[str]]]) -> None:
    values = [0.1, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1 / 3]
    steps = np.array([2**63 - 1, -(2**63), 0, 1, 2, 3, 4], np.int64)
    times = np.array([-(2**62), 2**62, -1, 1001, 1_700_000_000_123_456_789, 5, 6], np.int64)
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a": np.array(values)}, step=steps, time=times)
    rows = ask("select value, step, time_ns, epoch_us(time) from points")
    assert [float(row[0]).hex() for row in rows] == [value.hex() for value in values]
    assert [int(row[1]) for row in rows] == steps.tolist()
    assert [int(row[2]) for row in rows] == times.tolist()
    assert [int(row[3]) for row in rows][3:5] == [1, 1_700_000_000_123_456]
    above = ask("select count(*) from points where value > 1")
    assert above == [["2"]], "inf, and NaN, which is above all numbers in SQL"


def test_runs_config_and_metrics(ask: Callable[..., list[list[str]]]) -> None:
    record("one", config={"lr": 0.1, "net": {"n": 64}}, tags=["a", "b"], name="first")
    record("two", project="q", metrics=("a", "b"))
    assert ask("select run, project, id, name, status, points, lost, tags, error from runs where id = 'one'") == [
        ["p/one", "p", "one", "first", "finished", "3", "0", "[a, b]", ""]
    ]
    assert ask("from config order by key") == [["p/one", "lr", "0.1", "0.1"], ["p/one", "net.n", "64", "64.0"]]
    assert ask("from metrics order by all") == [["p", "p/one", "loss"], ["q", "q/two", "a"], ["q", "q/two", "b"]]
    joined = "select number, max(points.value) from points join config using (run) where key = 'lr' group by all"
    assert ask(joined) == [["0.1", "2.0"]]


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("metric = 'b'", {("p/one", "b"), ("q/two", "b")}),
        ("metric = 'b' and run = 'q/two'", {("q/two", "b")}),
        ("metric = 'b' and step > 1 and value < 9", {("p/one", "b"), ("q/two", "b")}),
        ("metric in ('b', 'c')", {("p/one", "b"), ("q/two", "b"), ("q/two", "c")}),
        ("metric = 'a' or metric = 'c'", {("p/one", "a"), ("q/two", "a"), ("q/two", "c")}),
        ("project = 'p'", {("p/one", "a"), ("p/one", "b")}),
        ("metric >= 'b'", {("p/one", "b"), ("q/two", "b"), ("q/two", "c")}),
        ("metric <> 'a'", {("p/one", "b"), ("q/two", "b"), ("q/two", "c")}),
        ("metric = 'nope'", set()),
        ("metric = 'loss''; drop table points; --'", set()),
    ],
)
def test_only_what_the_conditions_leave_is_read(
    condition: str, read: set[tuple[str, str]], scanned: list[tuple[str, str]], ask: Callable[..., list[list[str]]]
) -> None:
    record("one", metrics=("a", "b"))
    record("two", metrics=("a", "b", "c"), project="q")
    found = ask(f"select distinct run, metric from points where {condition}")
    assert set(scanned) == read
    assert len(scanned) == len(read)
    assert {(run, metric) for run, metric in found} == read


def test_questions_about_runs_read_no_points(
    scanned: list[tuple[str, str]], ask: Callable[..., list[list[str]]]
) -> None:
    record("one")
    ask("select count(*) from runs, config, metrics")
    assert scanned == []


def test_conditions_choose_the_same_points_as_without_help(ask: Callable[..., list[list[str]]]) -> None:
    """Against a table, on which DuckDB does everything itself."""
    record("one", 5, metrics=("a", "b", EVIL))
    record("two", 5, metrics=("a",), project="q")
    evil = EVIL.replace("'", "''")
    for condition in (
        "metric = 'a' and step >= 2",
        f"metric = '{evil}'",
        "not (metric = 'a' and run = 'p/one')",
        "metric between 'a' and 'az' and value in (1, 2, 1.25)",
        "step = 1 or metric = 'b'",
        "metric is null",
        "metric is not null and time_ns > 0 and time > '2001-01-01'",
        "length(metric) = 1 and run > 'p/a'",
        "metric in (select metric from metrics where project = 'q')",
        "(metric, step) in (('a', 1), ('b', 2))",
    ):
        told = "select count(*), sum(value), sum(step), min(time_ns) from"
        expected = ask(f"create table t as from points; {told} t where {condition}")
        assert ask(f"{told} points where {condition}") == expected, condition


def test_names_are_text_and_nothing_else(ask: Callable[..., list[list[str]]]) -> None:
    record("one", metrics=(EVIL,), project=EVIL, name=EVIL)
    shown = EVIL.replace("\n", "\\n")
    assert ask("select project, metric, count(*) from points group by all") == [[shown, shown, "3"]]
    assert ask("select name from runs") == [[shown]]


def test_half_a_character_in_a_name(ask: Callable[..., list[list[str]]]) -> None:
    record("one", metrics=("a\ud800b", "c"))
    assert ask("select metric, count(*) from points where metric = 'a\\ud800b' group by 1") == [["a\\\\ud800b", "3"]]


def test_points_of_many_batches(monkeypatch: pytest.MonkeyPatch, ask: Callable[..., list[list[str]]]) -> None:
    from rolltape.store.export import arrow

    monkeypatch.setattr(arrow, "ROWS", 100)
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a": np.arange(2550.0), "b": np.ones(2550)}, step=np.arange(2550))
    assert ask("select metric, count(*), sum(value), max(step) from points group by 1 order by 1") == [
        ["a", "2550", "3249975.0", "2549"],
        ["b", "2550", "2550.0", "2549"],
    ]
    assert ask("select count(*) from points") == [["5100"]]
    assert ask("select step from points where step > 1234 and metric = 'b' order by step limit 1") == [["1235"]]


def test_a_join_that_needs_no_points_ends_well(tapes: Path) -> None:
    """A reader that goes on in the background would crash Python when it ends."""
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({f"m{i}": np.arange(20_000.0) for i in range(20)}, step=np.arange(20_000))
    done = shell("ROLLTAPE sql \"select count(*) from points join runs using (run) where id = 'nope'\"")
    assert (done.returncode, done.stdout, done.stderr) == (0, "count_star()\n0\n", "")
    done = shell('ROLLTAPE sql "from points limit 1"')
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 2, "")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    record("one", tags=["a", EVIL], name=EVIL)
    query = """select name, tags, points, 'nan'::double as x, null as y, 1.5 as d, 3::decimal(4, 2) as e, true as t,
        sum(1) as s, date '2026-01-02' as day, {'a': 1} as o, [1, 2] as l, 1::hugeint << 100 as big, 7 as name,
        timestamptz '2026-01-02 00:00:00+00' as w, 0.25::float as f, -1::bigint as n
        from runs group by all"""
    assert main(["sql", query, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    (row,) = json.loads(out, parse_constant=pytest.fail)
    assert row.pop("w").startswith("2026-01-0")
    assert row == {
        "name": EVIL,
        "tags": ["a", EVIL],
        "points": 3,
        "x": None,
        "y": None,
        "d": 1.5,
        "e": 3.0,
        "t": True,
        "s": 1,
        "day": "2026-01-02",
        "o": "{'a': 1}",
        "l": [1, 2],
        "big": 1 << 100,
        "name_1": 7,
        "f": 0.25,
        "n": -1,
    }
    assert isinstance(row["e"], float)


@pytest.mark.parametrize(("query", "rows"), [("select 1 as a where false", 0), ("from range(3) t(a)", 3)])
def test_json_is_a_list(query: str, rows: int, tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    assert main(["sql", query, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"a": i} for i in range(rows)]


def test_an_empty_store(tapes: Path, ask: Callable[..., list[list[str]]]) -> None:
    tapes.mkdir()
    assert ask("select count(*), max(value) from points where metric = 'x'") == [["0", ""]]
    assert ask("from runs") == ask("from config") == ask("from metrics") == ask("from points") == []
    rolltape.init(project="p", id="none").close()
    assert ask("select run, points from runs") == [["p/none", "0"]]
    assert ask("from points") == []


def test_several_statements(ask: Callable[..., list[list[str]]]) -> None:
    record("one")
    assert ask("create table t as select max(step) m from points; insert into t values (9); from t;") == [["2"], ["9"]]


def test_other_statements(ask: Callable[..., list[list[str]]], tmp_path: Path) -> None:
    record("one")
    assert ask("describe points")[6][:2] == ["value", "DOUBLE"]
    assert [row[0] for row in ask("show tables")] == ["config", "metrics", "points", "runs"]
    path = tmp_path / "x.csv"
    assert ask(f"copy (select step, value from points) to '{path}'") == [["3"]]
    assert ask(f"select count(*) from points join '{path}' using (step)") == [["3"]], "their own files"


def test_from_stdin(monkeypatch: pytest.MonkeyPatch, ask: Callable[..., list[list[str]]]) -> None:
    record("one")
    monkeypatch.setattr(sys, "stdin", io.StringIO("select count(*)\n-- how many\nfrom points -- there are"))
    assert ask("-") == [["3"]]


def test_directory(tapes: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[..., list[list[str]]]) -> None:
    record("one")
    monkeypatch.delenv("ROLLTAPE_DIR")
    assert ask("select id from runs", str(tapes)) == [["one"]]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("selec 1", 'rolltape: Parser Error: syntax error at or near "selec"\n'),
        ("select nope from points", 'Referenced column "nope" not found in FROM clause!'),
        ("from nowhere", "Table with name nowhere does not exist!"),
        ("", "there is no SQL statement"),
        ("-- nothing", "there is no SQL statement"),
        ("select 1; select 'x'::int", "Could not convert string 'x'"),
        ("select 'x'::int; select 1", "Could not convert string 'x'"),
        ("insert into points values (1)", "rolltape: "),
        ("select ?", "rolltape: "),
        ("select error('interrupted')", "rolltape: Invalid Input Error: interrupted\n"),
        ("select case i when 700000 then error('late') end from range(800000) t(i)", "Invalid Input Error: late\n"),
        ("from ended", "Table with name ended does not exist!"),  # a variable of ours
        ("from 'missing.csv'", "rolltape: "),
    ],
)
def test_errors_are_one_line(query: str, why: str, tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    assert main(["sql", query]) == 2
    out, err = capsys.readouterr()
    assert out == "" or "late" in query, "not even a header"
    assert why in err
    assert err.startswith("rolltape: ")
    assert err.count("\n") == 1
    assert "LINE 1" not in err


@pytest.mark.parametrize("query", ["select max(value) from points", "from points"])
def test_a_tape_that_cannot_be_read(
    query: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before there is an answer, and in the midst of it."""
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a": np.arange(300_000.0), "b": np.arange(300_000.0)}, step=np.arange(300_000))
    taken = DirectoryStore.scan

    def scan(self: DirectoryStore, run: str, metric: str, *rest: Any) -> Iterator[Any]:
        if metric == "b":
            raise rolltape.TapeError("the tape is broken")
        return taken(self, run, metric, *rest)

    monkeypatch.setattr(DirectoryStore, "scan", scan)
    assert main(["sql", query]) == 2
    err = capsys.readouterr().err
    assert "the tape is broken" in err
    assert "Traceback" not in err


def test_on_a_terminal(terminal: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    record("one", name="evil \x1b]0;owned\x07 [red]x[/]")
    out = terminal("sql", "select name, points, error from runs")
    assert "\x1b]0;" not in out
    assert "[red]x[/]" in out
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert lines[0].split() == ["name", "points", "error"]
    assert lines[1].rstrip().endswith("     3"), "numbers stand right"
    assert len(lines) == 2
    assert len(terminal("sql", "select 1 as x where false").splitlines()) == 1
    assert capsys.readouterr().err == ""


def test_a_terminal_is_not_flooded(terminal: Callable[..., str], tapes: Path, capsys: Any) -> None:
    tapes.mkdir()
    assert len(terminal("sql", "from range(1000)").splitlines()) == 1001
    assert capsys.readouterr().err == ""
    assert len(terminal("sql", "from range(100000000000)").splitlines()) == 1001
    assert capsys.readouterr().err == "These are the first 1,000 rows; output that is piped has all.\n"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -W error -m rolltape"
    return subprocess.run(
        ["bash", "-c", command.replace("ROLLTAPE", python)], capture_output=True, text=True, timeout=60
    )


def test_a_broken_pipe_is_quiet_and_quick(tapes: Path) -> None:
    tapes.mkdir()
    done = shell('ROLLTAPE sql "from range(100000000000) t(i)" | head -2; echo ${PIPESTATUS[0]}')
    assert (done.stdout, done.stderr) == ("i\n0\n141\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "query",
    ["select count(*) from range(100000000000) t(i) where i % 7 = 3", "from range(100000000000)", "from points"],
)
def test_ctrl_c(query: str, tapes: Path) -> None:
    """Wherever it strikes: in DuckDB, in our reader, between two batches."""
    record("one")
    code = (
        "import sys; from rolltape.cli import main, sql; taken = sql._answer\n"
        "from rolltape.store.export.selection import Selection; import itertools; blocks = Selection.blocks\n"
        "Selection.blocks = lambda *a: itertools.cycle(blocks(*a))\n"
        "def answer(*a):\n"
        "    print('ready', file=sys.stderr, flush=True); taken(*a)\n"
        f"sql._answer = answer; sys.exit(main(['sql', {query!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_ctrl_c_between_rows_that_are_there_already(tapes: Path) -> None:
    tapes.mkdir()
    with connect(rolltape.open()) as database, CtrlC(lambda: None) as ended:
        rows = sql._rows(database.sql("from range(10)"), ended)
        assert next(rows) == (0,)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            next(rows)


def test_ctrl_c_works_as_before_afterwards(tapes: Path) -> None:
    tapes.mkdir()
    before = signal.getsignal(signal.SIGINT)
    assert main(["sql", "select 1"]) == 0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("missing", ["duckdb", "pyarrow"])
def test_without_the_extra(missing: str, tapes: Path) -> None:
    tapes.mkdir()
    query = ["sql", "from runs"]
    code = f"import sys; sys.modules[{missing!r}] = None; from rolltape.cli import main; sys.exit(main({query}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rolltape: this needs {missing} (")
    assert done.stderr.endswith("): pip install 'rolltape[sql]'\n")


def test_connect_is_there_for_scripts() -> None:
    record("one")
    with connect(rolltape.open()) as database:
        assert database.sql("select sum(value) from points").fetchall() == [(3.0,)]
        for setting, value in (("python_enable_replacements", False), ("autoinstall_known_extensions", False)):
            assert database.sql(f"select current_setting('{setting}')").fetchall() == [(value,)]
