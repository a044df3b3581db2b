"""`rolltape show`: one run, its metrics, writers and last texts."""

from __future__ import annotations

import argparse
import fnmatch
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rolltape.cli import output, text
from rolltape.cli.ls import lasted, short, status
from rolltape.cli.progress import Progress
from rolltape.cli.runs import find_run
from rolltape.errors import MetricNotFound

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from rolltape.store import Curve, MetricSummary, RunInfo, Store, WriterInfo

_BUCKETS = 24
_FEWEST_BUCKETS = 8
_TEXTS = 10  # the last ones that are shown
_LONGEST_TEXT = 500
_HEADER = ("metric", "points", "nonfinite", "first_step", "last_step", "last", "min", "mean", "max")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `show` to the commands."""
    parser = subparsers.add_parser(
        "show",
        help="show one run: config, metrics, texts",
        description="Show one run: how it ended, its config and environment, every metric in numbers and as a line "
        "of means over its steps, its writing processes where there is more to say, and its last texts.",
    )
    parser.add_argument("which", metavar="RUN", help="its id, a beginning that only its id has, or project/id")
    parser.add_argument(
        "--dir",
        metavar="DIR",
        help="directory of the tapes, https://… or clickhouse://… (default: $ROLLTAPE_DIR, else ./tapes)",
    )
    parser.add_argument("--metric", metavar="GLOB", help="only metrics whose names match, such as 'train/*'")
    parser.add_argument("--json", action="store_true", help="everything as a JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from rolltape.store import open

    store = open(args.dir)
    info = find_run(store, args.which)
    with Progress("Indexing") as progress:
        summaries = store.summaries(info.key, progress)
    if args.metric is not None:
        summaries = [one for one in summaries if fnmatch.fnmatchcase(one.metric, args.metric)]
        if not summaries:
            raise MetricNotFound(f"run {info.key} has no metric that matches {args.metric!r}")
    if args.json:
        output.print_json(
            {
                "run": asdict(info),
                "metrics": [{**asdict(one), "curve": _curve(store, info.key, one)} for one in summaries],
                "writers": [asdict(writer) for writer in store.writers(info.key)],
                "events": store.events(info.key),
            }
        )
    elif not output.to_terminal():
        output.print_tsv(_HEADER, (list(asdict(one).values()) for one in summaries))
    else:
        console = output.console()
        console.print(_header(info))
        if summaries:
            console.print()
            console.print(_metrics(console, store, info.key, summaries))
        writers = store.writers(info.key)
        if len(writers) > 1 or any(writer.problem or writer.lost for writer in writers):
            console.print()
            _print_writers(console, writers)
        texts = [event for event in store.events(info.key) if event.get("kind") == "text"]
        if texts:
            console.print()
            _print_texts(console, texts)
    return 0


def _curve(store: Store, run: str, summary: MetricSummary) -> dict[str, Any] | None:
    if not summary.points:
        return None
    curve: Curve = store.curve(summary.metric, runs=[run], buckets=_BUCKETS)
    return {"x": curve.x, "edges": curve.edges.tolist(), "mean": curve.runs[run].mean.tolist()}


def _header(info: RunInfo) -> RenderableType:
    """The panel of what is known of the run."""
    from rich import box
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    now = time.time()

    def fact(name: str, told: Text | str) -> None:
        if told:
            facts.add_row(name, told if isinstance(told, Text) else text.clean(told))

    state = status(info.status)
    if info.exit_code:
        state.append(f"  exit code {text.clean(info.exit_code)}", "dim")
    fact("status", state)
    if info.error:
        fact("error", Text(text.clean(info.error), "red"))
    fact("project", info.project)
    fact("id", info.id if info.name != info.id else "")
    fact("tags", ", ".join(map(str, info.tags)))
    fact("note", Text("\n".join(map(text.clean, info.note.splitlines()))))
    fact("started", f"{text.moment(info.started)} ({text.ago(info.started, now)})")
    fact("duration", lasted(info, now) + (" so far" if info.ended is None else ""))
    fact("points", f"{info.points:,}")
    if info.lost:
        fact("lost", Text(f"{info.lost:,} rows could not be recorded", "bold red"))
    fact("config", _entries(info.config))
    for name, told in _environment(info.environment):
        fact(name, told)
    title = Text(f" {text.clean(info.name)} ", "bold")
    return Panel(facts, title=title, title_align="left", box=box.ROUNDED, border_style="dim", padding=(0, 1))


def _entries(config: dict[str, Any]) -> Text:
    from rich.text import Text

    line = Text()
    for key, entry in config.items():
        line.append("  " if line else "").append(f"{text.clean(key)}=", "dim").append(short(entry, longest=200))
    return line


def _environment(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """What is told of where the run ran; the facts come from disk and may be anything."""
    facts = []
    git = environment.get("git")
    if isinstance(git, dict) and git.get("commit"):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        facts.append(("commit", f"{str(git['commit'])[:10]}{dirty}"))
    host, python = environment.get("host"), environment.get("python")
    if host:
        facts.append(("host", str(host)))
    if python:
        facts.append(("python", str(python)))
    command = environment.get("command")
    if command:
        facts.append(("command", " ".join(map(str, command)) if isinstance(command, list) else str(command)))
    return facts


def _metrics(console: Console, store: Store, run: str, summaries: list[MetricSummary]) -> Table:
    from rich.text import Text

    from rolltape.cli.table import Column, left_over, table

    def numbers(title: str, cells: list[str], style: str = "", gives_way: int = 0) -> Column:
        return Column(title, [Text(cell, style) for cell in cells], right=True, gives_way=gives_way)

    def values(name: str, gives_way: int = 0) -> Column:
        return numbers(name, [_value(getattr(one, name)) for one in summaries], gives_way=gives_way)

    columns = [
        Column("metric", [Text(text.clean(one.metric), "bold") for one in summaries], least=20),
        numbers("points", [text.count(one.points) for one in summaries]),
        numbers("steps", [_steps(one) for one in summaries], "dim", gives_way=2),
        values("last"),
        values("min"),
        values("mean", gives_way=1),
        values("max"),
    ]
    if any(one.nonfinite for one in summaries):
        strange = [text.count(one.nonfinite) if one.nonfinite else "" for one in summaries]
        columns.insert(2, numbers("NaN/inf", strange, "yellow"))
    room = console.width - _FEWEST_BUCKETS
    buckets = max(_FEWEST_BUCKETS, min(_BUCKETS, left_over(columns, room) + _FEWEST_BUCKETS))
    lines = [Text(_line(store, run, one, buckets), "cyan") for one in summaries]
    columns.append(Column("curve", lines, least=_FEWEST_BUCKETS))
    return table(columns, console.width)


def _line(store: Store, run: str, summary: MetricSummary, buckets: int) -> str:
    if not summary.points:
        return ""
    curve = store.curve(summary.metric, runs=[run], buckets=buckets)
    return text.sparkline(curve.runs[run].mean.tolist())


def _value(number: float | None) -> str:
    return "" if number is None else text.value(number)


def _steps(summary: MetricSummary) -> str:
    if summary.first_step is None or summary.last_step is None:
        return ""
    if summary.first_step == summary.last_step:
        return text.count(summary.first_step)
    return f"{text.count(summary.first_step)}..{text.count(summary.last_step)}"


def _print_writers(console: Console, writers: list[WriterInfo]) -> None:
    from rich.text import Text

    from rolltape.cli.table import Column, table

    columns = [
        Column("writer", [Text(text.clean(writer.name)) for writer in writers], least=24),
        Column("status", [status(writer.status) for writer in writers]),
        Column("frames", [Text(text.count(writer.frames)) for writer in writers], right=True),
        Column("points", [Text(text.count(writer.points)) for writer in writers], right=True),
    ]
    if any(writer.lost for writer in writers):
        lost = [Text(text.count(writer.lost) if writer.lost else "", "bold red") for writer in writers]
        columns.append(Column("lost", lost, right=True))
    if any(writer.parent for writer in writers):
        parents = [
            Text(f"forked from {text.clean(writer.parent)}" if writer.parent else "", "dim") for writer in writers
        ]
        columns.append(Column("parent", parents, least=16, gives_way=1))
    console.print(table(columns, console.width))
    for writer in writers:
        if writer.problem:
            console.print(Text(f"{text.clean(writer.name)}: {text.clean(writer.problem)}", "yellow"))
    if any(writer.problem for writer in writers):
        console.print(Text("`rolltape verify` tells what can be read.", "dim"))


def _print_texts(console: Console, texts: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = texts[-_TEXTS:]
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column("step", justify="right", style="dim", no_wrap=True)
    grid.add_column("text", no_wrap=True, overflow="ellipsis", max_width=30, style="bold")
    grid.add_column("" if len(shown) == len(texts) else f"the last {len(shown)} of {len(texts)}", overflow="fold")
    for event in shown:
        told = str(event.get("text", ""))
        lines = [text.clean(line) for line in told[:_LONGEST_TEXT].splitlines() or [""]]
        if len(told) > _LONGEST_TEXT:
            lines[-1] += "…"
        grid.add_row(
            Text(text.clean(event.get("step", ""))), Text(text.clean(event.get("name", ""))), Text("\n".join(lines))
        )
    console.print(grid)
