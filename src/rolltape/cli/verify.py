"""`rolltape verify`: say exactly what of a store, project, run or tape can be read, and what not."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rolltape.cli import output, text
from rolltape.cli.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from rolltape.store.verify import FileCheck, Report, TapeCheck

_HEADER = (
    "path",
    "status",
    "frames",
    "points",
    "readable_bytes",
    "size",
    "head_rows",
    "hidden_frames",
    "problems",
    "notes",
)
_SUFFIX = 6  # random characters at the end of a writer's name
_MARKS = {"ended": "green", "live": "cyan", "killed": "magenta", "unknown": "yellow", "unreadable": "red"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `verify` to the commands."""
    parser = subparsers.add_parser(
        "verify",
        help="say exactly what can be read and what not",
        description="Check every frame of every tape and say exactly what can be read and what not. Nothing is "
        "changed. A frame or row that a kill cut is normal. Exit code 0: everything can be read; 1: something is "
        "damaged or cannot be read; 2: wrong usage.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="a directory of tapes, a project, a run or one .tape file (default: $ROLLTAPE_DIR, else ./tapes)",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="instead compare, writer by writer, with what a ClickHouse store (clickhouse://…) has of these tapes",
    )
    parser.add_argument("--json", action="store_true", help="everything as a JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from rolltape.store.verify import verify

    path = Path(args.path or os.environ.get("ROLLTAPE_DIR") or "tapes").expanduser().resolve()
    if args.store is not None:
        from rolltape.cli.verify_store import compare_with

        return compare_with(path, args.store, as_json=args.json)
    with Progress("Checking") as progress:
        report = verify(path, progress)
    if not report.tapes and not report.files:
        output.remark(f"There are no tapes in {path} yet.")
    if args.json:
        output.print_json({**asdict(report), "sound": report.sound})
    elif not output.to_terminal():
        output.print_tsv(_HEADER, (_raw(check) for check in report.checks))
    elif report.tapes or report.files:
        _print_report(output.console(), report)
    return 0 if report.sound else 1


def _raw(check: FileCheck) -> list[object]:
    told = asdict(check)
    return ["; ".join(told[name]) if name in ("problems", "notes") else told.get(name) for name in _HEADER]


def _print_report(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    from rolltape.cli.table import Column, table

    def numbers(title: str, told: list[str], gives_way: int = 0) -> Column:
        return Column(title, [Text(one) for one in told], right=True, gives_way=gives_way)

    tapes = report.tapes
    if tapes:
        columns = [
            Column("status", [_status(check) for check in tapes]),
            Column("tape", _names(report), least=24),
            numbers("frames", [text.count(check.frames) for check in tapes]),
            numbers("points", [text.count(check.points) for check in tapes]),
            numbers("readable", [text.size(check.readable_bytes) for check in tapes], gives_way=1),
        ]
        projects = _projects(report)
        if len(set(projects)) > 1:
            columns.insert(1, Column("project", [Text(text.clean(project)) for project in projects], least=10))
        if any(check.head_rows for check in tapes):
            columns.append(numbers("head rows", [text.count(c.head_rows) if c.head_rows else "" for c in tapes], 2))
        if any(check.hidden_frames for check in tapes):
            hidden = [Text(text.count(c.hidden_frames) if c.hidden_frames else "", "red") for c in tapes]
            columns.append(Column("hidden", hidden, right=True))
        console.print(table(columns, console.width))
        console.print()
    for check in report.checks:
        if check.problems or check.notes:
            console.print(Text(_place(report, check.path), "bold" if check.problems else ""), soft_wrap=True)
            told = Table.grid(padding=(0, 1), pad_edge=False)
            for line in check.problems:
                told.add_row("", Text("✗", "red"), Text(text.clean(line)))
            for line in check.notes:
                told.add_row("", Text("·", "dim"), Text(text.clean(line), "dim"))
            console.print(told)
            console.print()
    console.print(_sum(report))


def _status(check: TapeCheck) -> Text:
    from rich.text import Text

    mark = ("✗ ", "bold red") if check.problems else ("✓ ", "green")
    return Text.assemble(mark, (check.status, _MARKS[check.status]))


def _place(report: Report, path: Path) -> str:
    """The path as seen from what was asked for."""
    inside = path != report.path and path.is_relative_to(report.path)
    return text.clean(path.relative_to(report.path) if inside else path.name)


def _names(report: Report) -> list[Text]:
    """The run's directory, with the end of the tape's name where it has several; one tape's name if asked for one."""
    from rich.text import Text

    if not report.path.is_dir():
        return [Text(text.clean(check.path.name)) for check in report.tapes]
    in_run = Counter(check.path.parent for check in report.tapes)
    names = []
    for check in report.tapes:
        which = f"/…{check.path.stem[-_SUFFIX:]}" if in_run[check.path.parent] > 1 else ""
        names.append(Text(text.clean(check.path.parent.name + which)))
    return names


def _projects(report: Report) -> list[str]:
    """The directory above each tape's run, as far as it was asked for."""
    above = [check.path.parent.parent for check in report.tapes]
    return [path.name if path.is_relative_to(report.path) else "" for path in above]


def _sum(report: Report) -> Text:
    from rich.text import Text

    tapes = report.tapes
    bad = sum(bool(check.problems) for check in report.checks)
    what = _number(len(tapes), "tape") + (f" of {_number(report.runs, 'run')}" if report.runs else "")
    points = f"{sum(check.points for check in tapes):,} points in {what} can be read"
    if report.sound:
        return Text.assemble(("✓ ", "green"), f"Everything is readable: {points}.")
    hidden = sum(check.hidden_frames for check in tapes)
    behind = f", {_number(hidden, 'whole frame')} cannot be reached" if hidden else ""
    return Text.assemble(("✗ ", "bold red"), f"{_number(bad, 'file')} damaged or not readable; {points}{behind}.")


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
