"""`rolltape export`."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import rolltape
from rolltape.cli import export, main
from rolltape.cli import progress as bar
from rolltape.store.export import lines

BITS = [0x7FF8000000000001, 0x8000000000000000, 0x7FF0000000000000, 0xFFF0000000000000, 1, 0x3FB999999999999A]
VALUES = np.array(BITS, np.uint64).view(np.float64)
STEPS = np.array([2**63 - 1, -(2**63), 0, 5, 5, -1], np.int64)
TIMES = np.array([-(2**62), 2**62, 0, 1, 1_700_000_000_123_456_789, 1], np.int64)
EVIL = "l'oss \"x\",\r\n'; drop table points; -- 名前 \x1b[31m"
HEADER = "project,run,metric,step,time_ns,value"


def record(id: str, points: int = 3, project: str = "p", metrics: tuple[str, ...] = ("loss",)) -> None:
    with rolltape.init(project=project, id=id) as run:
        for step in range(points):
            run.log(dict.fromkeys(metrics, step / 4), step=step)


def record_extremes() -> None:
    with rolltape.init(project=EVIL, id="one") as run:
        run.log_batch({EVIL: VALUES}, step=STEPS, time=TIMES)


def files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if not path.is_dir()]


def same(values: list[float]) -> bool:
    """Whether they are VALUES, but for the payload of NaN."""
    found = np.array(values, np.float64)
    return np.isnan(found[0]) and found[1:].view(np.uint64).tolist() == BITS[1:]


def test_csv_reads_back_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_extremes()
    path = tmp_path / "x.csv"
    assert main(["export", "-o", str(path)]) == 0
    assert path.read_bytes().startswith(HEADER.encode() + b"\n")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["project"], row["metric"]) for row in rows} == {(EVIL, EVIL)}
    assert {row["run"] for row in rows} == {rolltape.open().run("one").key}
    assert [int(row["step"]) for row in rows] == STEPS.tolist()
    assert [int(row["time_ns"]) for row in rows] == TIMES.tolist()
    assert same([float(row["value"]) for row in rows])
    assert [row["value"] for row in rows] == ["nan", "-0.0", "inf", "-inf", "5e-324", "0.1"], "as short as can be"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Exported 6 points of 1 metric in 1 run to {path} (")


def test_jsonl_reads_back_the_same(tmp_path: Path) -> None:
    record_extremes()
    path = tmp_path / "x.jsonl"
    assert main(["export", "-o", str(path)]) == 0
    assert path.read_bytes().isascii()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    assert list(rows[0]) == HEADER.split(",")
    assert {(row["project"], row["metric"]) for row in rows} == {(EVIL, EVIL)}
    assert [row["step"] for row in rows] == STEPS.tolist()
    assert [row["time_ns"] for row in rows] == TIMES.tolist()
    assert [row["value"] for row in rows[:4]] == ["NaN", -0.0, "Infinity", "-Infinity"]
    assert same([float(row["value"]) for row in rows])


def test_parquet_reads_back_the_same(tmp_path: Path) -> None:
    record_extremes()
    path = tmp_path / "x.parquet"
    assert main(["export", "-o", str(path)]) == 0
    table = pq.read_table(path)
    assert table["metric"].to_pylist() == [EVIL] * 6
    assert table["value"].to_numpy().view(np.uint64).tolist() == BITS


def test_pandas_and_polars_read_the_lines(tmp_path: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a,b": np.random.default_rng(0).normal(size=5000)}, step=np.arange(5000))
    expected = rolltape.open().points("one", "a,b")
    for name in ("x.csv", "x.jsonl"):
        assert main(["export", "-o", str(tmp_path / name)]) == 0
    tables: list[Any] = [
        pd.read_csv(tmp_path / "x.csv"),
        pl.read_csv(tmp_path / "x.csv"),
        pl.read_ndjson(tmp_path / "x.jsonl"),
    ]
    for table in tables:
        assert set(table["metric"]) == {"a,b"}
        assert np.array_equal(table["step"].to_numpy(), expected.step)
        assert np.array_equal(table["time_ns"].to_numpy(), expected.time)
        assert np.array_equal(table["value"].to_numpy(), expected.value)


def test_blocks_of_text_leave_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_ROWS", 7)
    record("one", 50, metrics=("a", "b"))
    assert main(["export", "-o", str(tmp_path / "x.csv")]) == 0
    with (tmp_path / "x.csv").open() as file:
        rows = [(row["metric"], int(row["step"])) for row in csv.DictReader(file)]
    assert rows == [(metric, step) for metric in ("a", "b") for step in range(50)]


@pytest.mark.parametrize(
    ("argv", "form"),
    [
        (["-o", "x.csv"], "csv"),
        (["-o", "x.JSONL"], "jsonl"),
        (["-o", "x.ndjson"], "jsonl"),
        (["-o", "x.pq"], "parquet"),
        (["-o", "x.csv", "--format", "jsonl"], "jsonl"),
        (["-o", "plain", "--format", "parquet"], "parquet"),
    ],
)
def test_formats(argv: list[str], form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("one", 1)
    monkeypatch.chdir(tmp_path)
    assert main(["export", *argv]) == 0
    start = (tmp_path / argv[1]).read_bytes()[:4]
    assert start == {"csv": b"proj", "jsonl": b'{"pr', "parquet": b"PAR1"}[form]


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["-o", "x.txt"], "no format is known by that name; say --format parquet, csv, jsonl"),
        (["-o", "x"], "no format is known"),
        (["-o", "-", "--format", "parquet"], "Parquet needs a file"),
        (["--format", "parquet"], "Parquet needs a file"),
        (["-o", "x.csv", "--run", "nope"], "there is no run 'nope'"),
        (["-o", "x.csv", "--metric", "nope"], "none of the runs has a metric 'nope'"),
        (["-o", "x.csv", "--project", "nope"], "there are no runs of a project 'nope'"),
        (["-o", "x.csv", "--project", "q", "--run", "one"], "run p/one is of project 'p', not 'q'"),
        (["-o", "missing/x.csv"], "there is no directory"),
        (["-o", "."], "no format is known"),
        (["-o", ".", "--format", "csv"], "is no regular file"),
        (["nowhere", "-o", "x.csv"], "there is no directory"),
    ],
)
def test_refusals(
    argv: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record("one")
    monkeypatch.chdir(tmp_path)
    assert main(["export", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rolltape: ")
    assert why in err
    assert err.count("\n") == 1
    assert files(tmp_path) == []


def test_a_format_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--format", "xlsx"]) == 2
    assert "invalid choice: 'xlsx'" in capsys.readouterr().err


def test_which_points(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    record("one", 2, metrics=("a", "b"))
    record("two", 3, metrics=("a",))
    record("three", 1, project="q")

    def told(*argv: str) -> set[tuple[str, str]]:
        assert main(["export", *argv]) == 0
        rows = list(csv.reader(io.StringIO(capsysbinary.readouterr().out.decode())))
        assert rows[0] == HEADER.split(",")
        return {(row[1], row[2]) for row in rows[1:]}

    every = {("p/one", "a"), ("p/one", "b"), ("p/two", "a"), ("q/three", "loss")}
    assert told() == every
    assert told("--project", "p") == every - {("q/three", "loss")}
    assert told("--run", "one", "--run", "q/three", "--run", "one") == every - {("p/two", "a")}
    assert told("--run", "tw") == {("p/two", "a")}, "the beginning of an id"
    assert told("--metric", "b", "--metric", "loss") == {("p/one", "b"), ("q/three", "loss")}
    assert told("--run", "one", "--metric", "a") == {("p/one", "a")}


def test_no_points_at_all(tapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tapes.mkdir()
    for name in ("x.csv", "x.jsonl", "x.parquet"):
        assert main(["export", "-o", str(tmp_path / name)]) == 0
        told = capsys.readouterr().err.splitlines()
        assert told[0] == f"There are no runs in {tapes} yet."
        assert told[1].startswith("Exported 0 points of 0 metrics in 0 runs to ")
    assert (tmp_path / "x.csv").read_text() == HEADER + "\n"
    assert (tmp_path / "x.jsonl").read_text() == ""
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 0
    rolltape.init(project="p", id="none").close()
    assert main(["export", "-o", str(tmp_path / "y.csv")]) == 0
    assert capsys.readouterr().err.startswith("Exported 0 points of 0 metrics in 1 run to ")


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    path = tmp_path / "x.csv"
    path.write_text("precious")
    assert main(["export", "-o", str(path)]) == 2
    assert capsys.readouterr().err == f"rolltape: {path} exists already: --force replaces it\n"
    assert path.read_text() == "precious"
    assert main(["export", "-o", str(path), "--force"]) == 0
    assert path.read_text().startswith(HEADER)


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("one")
    path = tmp_path / "x.csv"
    taken = lines.write_csv

    def slow(*arguments: Any) -> int:
        path.write_text("precious")
        return taken(*arguments)

    monkeypatch.setattr(lines, "write_csv", slow)
    assert main(["export", "-o", str(path)]) == 2
    assert path.read_text() == "precious"
    assert files(tmp_path) == ["x.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_force_follows_a_link_and_leaves_devices_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record("one")
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert main(["export", "-o", str(tmp_path / "link.csv"), "--force"]) == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith(HEADER)
    assert main(["export", "-o", str(tmp_path / "pipe.csv"), "--force"]) == 2
    assert "is no regular file" in capsys.readouterr().err
    assert (tmp_path / "pipe.csv").is_fifo()


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_file_has_the_mode_of_any_other(tmp_path: Path) -> None:
    record("one")
    before = os.umask(0o027)
    try:
        assert main(["export", "-o", str(tmp_path / "x.csv")]) == 0
    finally:
        os.umask(before)
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_broken_export_leaves_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record("one", metrics=("a", "b"))
    path = tmp_path / name
    path.write_text("old")
    taken = rolltape.store.DirectoryStore.scan

    def scan(self: Any, run: str, metric: str, *rest: Any) -> Any:
        if metric == "b":
            raise rolltape.TapeError("b cannot be read")
        return taken(self, run, metric, *rest)

    monkeypatch.setattr(rolltape.store.DirectoryStore, "scan", scan)
    assert main(["export", "-o", str(path), "--force"]) == 2
    assert capsys.readouterr().err == "rolltape: b cannot be read\n"
    assert path.read_text() == "old"
    assert files(tmp_path) == [name]


def run_shell(command: str) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -W error -m rolltape"
    return subprocess.run(
        ["bash", "-c", command.replace("ROLLTAPE", python)], capture_output=True, text=True, timeout=60
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_ctrl_c_cleans_up(name: str, tmp_path: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a": np.arange(300_000.0)}, step=np.arange(300_000))
    code = (
        "import sys, time; from rolltape.cli import main; from rolltape.store.export.selection import Selection;"
        "taken = Selection.blocks\n"
        "def blocks(*a):\n"
        "    yield from taken(*a)\n"
        "    print('ready', flush=True); time.sleep(60)\n"
        f"Selection.blocks = blocks; sys.exit(main(['export', '-o', {str(tmp_path / name)!r}]))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.glob(".*.part"))) == 1
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert files(tmp_path) == []


def test_a_broken_pipe_is_quiet(tapes: Path) -> None:
    with rolltape.init(project="p", id="one") as run:
        run.log_batch({"a": np.arange(100_000.0)}, step=np.arange(100_000))
    done = run_shell("ROLLTAPE export | head -1; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == (f"{HEADER}\n141\n", "")


def test_a_pipe_that_is_closed_from_the_start_is_quiet(tapes: Path) -> None:
    record("one")
    done = run_shell("(sleep 1; env -u PYTHONUNBUFFERED ROLLTAPE export; echo $? >&2) | true")
    assert done.stderr == "141\n", "nothing was exported"


def test_piped_output_is_csv_and_nothing_else(tapes: Path) -> None:
    record("one")
    done = run_shell("ROLLTAPE export | cat; ROLLTAPE export --format jsonl | wc -l")
    assert done.stdout.splitlines()[0] == HEADER
    assert done.stdout.splitlines()[4:] == ["3"]
    assert done.stderr.splitlines()[0].startswith("Exported 3 points of 1 metric in 1 run in ")


def test_a_terminal_is_not_flooded_unless_asked(
    terminal: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    record("one")
    assert terminal("export", code=2) == ""
    assert "say where to: -o FILE" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_lines_need_no_other_package(form: str, tapes: Path) -> None:
    record("one")
    blocked = "import sys; [sys.modules.__setitem__(n, None) for n in ('pyarrow', 'duckdb', 'pandas')];"
    code = blocked + f"from rolltape.cli import main; sys.exit(main(['export', '--format', {form!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "p/one" in done.stdout


def test_without_pyarrow_the_extra_is_named(tapes: Path, tmp_path: Path) -> None:
    record("one")
    code = (
        "import sys; sys.modules['pyarrow'] = None; from rolltape.cli import main;"
        f"sys.exit(main(['export', '-o', {str(tmp_path / 'x.parquet')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rolltape: this needs pyarrow (")
    assert done.stderr.endswith("): pip install 'rolltape[parquet]'\n")
    assert files(tmp_path) == []


class Onlooker(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_those_who_look_on_and_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record("one", 50)
    for seen, patience, shown in ((True, 0.0, True), (True, 60.0, False), (False, 0.0, False)):
        screen = Onlooker() if seen else io.StringIO()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setattr(bar, "_PATIENCE", patience)
        assert main(["export", "--force", "-o", str(tmp_path / "x.csv")]) == 0
        assert ("Exporting" in screen.getvalue()) is shown, (seen, patience)
        assert ("50 points" in screen.getvalue().split("Exported")[0]) is shown


def test_progress_counts_points_of_all_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("one", 50, metrics=("a", "b"))
    totals: list[int | None] = []
    counts: list[int] = []

    class Seen(bar.Progress):
        def __call__(self, done: int, total: int | None) -> None:
            counts.append(done)
            totals.append(total)

    monkeypatch.setattr(export, "Progress", Seen)
    for form in ("csv", "jsonl", "parquet"):
        counts.clear()
        assert main(["export", "--force", "--format", form, "-o", str(tmp_path / "x")]) == 0
        assert counts[-1] == 100
        assert counts == sorted(counts)
    assert set(totals) == {100}
    totals.clear()
    assert main(["export", "--force", "--metric", "a", "-o", str(tmp_path / "x.csv")]) == 0
    assert set(totals) == {None}, "nobody knows how many points one metric has"


def test_a_live_run_can_be_exported(tmp_path: Path) -> None:
    run = rolltape.init(project="p", id="one")
    run.log({"a": 1.0})
    assert main(["export", "-o", str(tmp_path / "x.csv")]) == 0
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 2
