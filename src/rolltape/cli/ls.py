"""`rolltape ls`: the runs of a store."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rolltape.cli import output, text
from rolltape.cli.runs import differences

if TYPE_CHECKING:
    from rich.text import Text

    from rolltape.store import RunInfo

_HEADER = ("status", "project", "name", "id", "started", "ended", "points", "lost", "config", "note")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ls` to the commands."""
    parser = subparsers.add_parser(
        "ls",
        help="list the runs, newest first",
        description="List the runs, newest first. On a terminal the last column shows where their configs differ.",
    )
    parser.add_argument(
        "dir",
        nargs="?",
        metavar="DIR",
        help="directory of the tapes, https://… or clickhouse://… (default: $ROLLTAPE_DIR, else ./tapes)",
    )
    parser.add_argument("--project", metavar="P", help="only the runs of this project")
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        help="only the runs of which this is true: \"lr < 3e-4 and status = 'finished'\"; names are fields of the run "
        "and keys of its config, last.METRIC is the last value of a metric",
    )
    parser.add_argument("--json", action="store_true", help="everything known of each run, as a JSON list")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from rolltape.store import open
    from rolltape.store.where import compile_where

    store = open(args.dir)
    infos = store.runs(args.project, args.where)
    if not infos:
        which = f" of a project {args.project!r}" if args.project is not None else ""
        if args.where is None:
            output.remark(f"There are no runs{which} in {store.root} yet.")
        else:
            output.remark(f"There are no runs{which} in {store.root} of which this is true: {args.where}")
            for told in compile_where(args.where).unknown(store.runs(args.project)):
                output.remark(f"{told[0].upper()}{told[1:]}.")
    if args.json:
        output.print_json([asdict(info) for info in infos])
    elif not output.to_terminal():
        output.print_tsv(_HEADER, (_raw(info) for info in infos))
    elif infos:
        _print_table(infos, str(store.root))
    return 0


def _raw(info: RunInfo) -> list[object]:
    told = (info.status, info.project, info.name, info.id, info.started, info.ended, info.points, info.lost)
    return [*told, output.compact(info.config), info.note]


def _print_table(infos: list[RunInfo], root: str) -> None:
    from rich.text import Text

    from rolltape.cli.table import Column, table

    def plain(cells: list[str], style: str = "") -> list[Text]:
        return [Text(text.clean(cell), style) for cell in cells]

    console = output.console()
    now = time.time()
    projects = sorted({info.project for info in infos})
    columns = [Column("status", [status(info.status) for info in infos])]
    if len(projects) > 1:
        columns.append(Column("project", plain([info.project for info in infos]), least=10))
    if any(info.name != info.id for info in infos):
        columns.append(Column("name", plain([info.name for info in infos], "bold"), least=10))
    columns += [
        Column("id", plain([info.id for info in infos]), least=22),
        Column("started", plain([text.ago(info.started, now) for info in infos]), right=True, gives_way=2),
        Column("duration", plain([lasted(info, now) for info in infos]), right=True, gives_way=3),
        Column("points", plain([text.count(info.points) for info in infos]), right=True),
    ]
    if any(info.lost for info in infos):
        lost = [text.count(info.lost) if info.lost else "" for info in infos]
        columns.append(Column("lost", plain(lost, "bold red"), right=True))
    if any(info.note for info in infos):
        columns.append(Column("note", plain([" ".join(info.note.split()) for info in infos]), least=12, gives_way=1))
    differing = [_entries(entries) for entries in differences([info.config for info in infos])]
    if any(differing):
        columns.append(Column("config", differing, least=12, gives_way=1))
    console.print(table(columns, console.width))
    what = "1 run" if len(infos) == 1 else f"{len(infos)} runs"
    where = projects[0] if len(projects) == 1 else f"{len(projects)} projects"
    console.print(Text(f"\n{what} in {text.clean(where)} · {text.clean(root)}", "dim"), soft_wrap=True)


def status(word: str) -> Text:
    """A coloured dot and the word."""
    from rich.text import Text

    return Text.assemble(("● ", output.STATUS_STYLES.get(word, "")), text.clean(word))


def lasted(info: RunInfo, now: float) -> str:
    """How long a run took, or has run so far."""
    return text.duration((now if info.ended is None else info.ended) - info.started)


def _entries(entries: dict[str, Any]) -> Text:
    from rich.text import Text

    line = Text()
    for key, entry in entries.items():
        line.append(" " if line else "").append(f"{text.clean(key)}=", "dim").append(short(entry))
    return line


def short(entry: object, longest: int = 24) -> str:
    """A config's entry in a few characters."""
    if isinstance(entry, float):
        return f"{entry:.6g}"
    plain = text.clean(entry if isinstance(entry, str) else output.compact(entry))
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
