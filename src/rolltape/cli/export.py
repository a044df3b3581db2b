"""`rolltape export`: points as Parquet, CSV or JSON lines."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rolltape.cli import output, text
from rolltape.cli.progress import Progress
from rolltape.cli.runs import find_run
from rolltape.errors import StoreError

if TYPE_CHECKING:
    from rolltape.store import RunInfo, Store
    from rolltape.store.export.selection import Selection

_FORMATS = ("parquet", "csv", "jsonl")
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `export` to the commands."""
    parser = subparsers.add_parser(
        "export",
        help="write points as Parquet, CSV or JSON lines",
        description="Write every point as it was logged, one row each: project, run (as project/id), metric, step, "
        "time, value. Parquet keeps every bit (pip install 'rolltape[parquet]') and the runs' configs in its "
        "metadata. CSV and JSON lines have the time in nanoseconds since 1970 as time_ns, and numbers that read back "
        'the same; JSON has NaN and infinities as the texts "NaN", "Infinity" and "-Infinity". Texts, images and '
        "other media are not points and stay where they are.",
    )
    parser.add_argument(
        "dir",
        nargs="?",
        metavar="DIR",
        help="directory of the tapes, https://… or clickhouse://… (default: $ROLLTAPE_DIR, else ./tapes)",
    )
    parser.add_argument("--project", metavar="P", help="only the runs of this project")
    parser.add_argument(
        "--run", metavar="R", action="append", dest="runs", help="only this run (id or its beginning); repeatable"
    )
    parser.add_argument("--metric", metavar="M", action="append", dest="metrics", help="only this metric; repeatable")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to; - is stdout, which is also meant where output is piped"
    )
    parser.add_argument("--format", choices=_FORMATS, help="default: as the name of FILE ends; csv for stdout")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    form = _format(args.format, args.output)
    write = _writer(form)

    from rolltape.store import open
    from rolltape.store.export.selection import Selection
    from rolltape.store.export.whole_file import whole_file

    store = open(args.dir)
    infos = _runs(store, args.runs, args.project)
    if not infos:
        output.remark(f"There are no runs in {store.root} yet.")
    selection = Selection(store, [info.key for info in infos], args.metrics)
    total = sum(info.points for info in selection.runs) if args.metrics is None else None
    began = time.monotonic()
    with Progress("Exporting", "points") as bar:

        def progress(written: int) -> None:
            bar(written, total)

        if args.output in (None, "-"):
            points = write(selection, sys.stdout.buffer, progress)
            sys.stdout.buffer.flush()
            where = ""
        else:
            path = Path(args.output)
            with whole_file(path, replace=args.force) as file:
                points = write(selection, file, progress)
            where = f" to {path} ({text.size(path.stat().st_size)})"
    metrics = len({series.metric for series in selection.series})
    what = f"{_number(points, 'point')} of {_number(metrics, 'metric')} in {_number(len(infos), 'run')}"
    output.remark(f"Exported {what}{where} in {text.duration(time.monotonic() - began)}.")
    return 0


def _format(asked: str | None, where: str | None) -> str:
    """Which format is meant. Raises StoreError where that cannot be."""
    if where is None and output.to_terminal():
        raise StoreError("say where to: -o FILE (a name that ends in .parquet, .csv or .jsonl), or -o - for stdout")
    if where in (None, "-"):
        if asked == "parquet":
            raise StoreError("Parquet needs a file: -o FILE.parquet")
        return asked or "csv"
    suffix = Path(str(where)).suffix.lower()
    form = asked or _SUFFIXES.get(suffix)
    if form is None:
        raise StoreError(f"{where}: no format is known by that name; say --format {', '.join(_FORMATS)}")
    return form


def _writer(form: str) -> Callable[[Selection, BinaryIO, Callable[[int], None]], int]:
    if form == "parquet":
        from rolltape.store.export.parquet import write_parquet

        return write_parquet
    from rolltape.store.export.lines import write_csv, write_jsonl

    return write_csv if form == "csv" else write_jsonl


def _runs(store: Store, wanted: list[str] | None, project: str | None) -> list[RunInfo]:
    if wanted is None:
        infos = store.runs(project)
        if not infos and project is not None:
            raise StoreError(f"there are no runs of a project {project!r} in {store.root}")
        return infos
    infos = list({info.key: info for info in (find_run(store, run) for run in wanted)}.values())
    for info in infos:
        if project is not None and info.project != project:
            raise StoreError(f"run {info.key} is of project {info.project!r}, not {project!r}")
    return infos


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
