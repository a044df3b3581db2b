"""`rolltape sql`: questions in SQL, answered by DuckDB."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rolltape.cli import output, text
from rolltape.cli.ctrl_c import CtrlC
from rolltape.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_SHOWN = 1000  # rows on a terminal
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_LONG = {"HUGEINT", "UHUGEINT", "BIGNUM"}  # integers that Arrow has no type for
_FLOATS = {"FLOAT", "DOUBLE"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `sql` to the commands."""
    parser = subparsers.add_parser(
        "sql",
        help="ask questions in SQL",
        description="Ask the runs in SQL, answered by DuckDB (pip install 'rolltape[sql]'). Views: "
        "runs (run, project, id, name, status, started, ended, points, lost, tags, error, note); "
        "config (run, key, value as JSON, number); metrics (project, run, metric); "
        "points (project, run, metric, step, time, time_ns, value). run is project/id and the same in all of them. "
        "Only the tapes' parts that the conditions on run and metric leave are read, and nothing changes them. Several "
        "statements are separated by semicolons; the result of the last is shown. DuckDB reads and writes other files "
        "as ever.",
        epilog="Example: rolltape sql \"select run, max(value) from points where metric = 'return' group by all\"",
    )
    parser.add_argument("query", metavar="SQL", help="the statements; - reads them from stdin")
    parser.add_argument(
        "dir",
        nargs="?",
        metavar="DIR",
        help="directory of the tapes, https://… or clickhouse://… (default: $ROLLTAPE_DIR, else ./tapes)",
    )
    parser.add_argument("--json", action="store_true", help="the rows as a JSON list of objects")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from rolltape.store.export.extras import load
    from rolltape.store.export.sql import connect

    duckdb = load("duckdb", "sql")
    from rolltape.store import open

    query = sys.stdin.read() if args.query == "-" else args.query
    with closing(connect(open(args.dir))) as database, CtrlC(database.interrupt) as ended:
        try:
            _answer(database, query, args.json, ended)
        except (duckdb.Error, OSError) as error:
            if ended:
                raise KeyboardInterrupt from None
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the system, not of a query that fails while it is read
            raise StoreError(_one_line(str(error))) from None
    return 0


def _answer(database: DuckDBPyConnection, query: str, as_json: bool, ended: CtrlC) -> None:
    result = database.sql(query)
    if result is None:
        raise StoreError("there is no SQL statement")
    if as_json:
        _print_json(result, ended)
    elif output.to_terminal():
        _print_table(result)
    else:
        shown = _as_text(result)
        output.print_tsv(shown.columns, _rows(shown, ended))


def _as_text(result: DuckDBPyRelation) -> DuckDBPyRelation:
    """The result as DuckDB writes it: exact numbers, ISO dates, lists in brackets."""
    return result.project("cast(columns(*) as varchar)")


def _rows(result: DuckDBPyRelation, ended: CtrlC) -> Iterator[tuple[Any, ...]]:
    """The rows, in memory a batch at a time. The query runs at once, as far as to its first batch."""
    reader = result.to_arrow_reader()

    def rows() -> Iterator[tuple[Any, ...]]:
        for batch in reader:
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if ended:
                    raise KeyboardInterrupt
                yield row

    return rows()


def _print_json(result: DuckDBPyRelation, ended: CtrlC) -> None:
    """Rows as they come: numbers, truth values, texts and lists of them as such, all else as text."""
    kinds = [str(kind) for kind in result.types]
    asked = [f"#{i}" if _json_has(kind) else f"cast(#{i} as varchar)" for i, kind in enumerate(kinds, 1)]
    names = _as_text(result).columns  # no two of them the same
    before = "[\n"
    for row in _rows(result.project(", ".join(asked)), ended):
        cells = [_number(cell) if _is_number(kind) else cell for cell, kind in zip(row, kinds, strict=True)]
        told = output.plain(dict(zip(names, cells, strict=True)))
        print(f"{before}  {json.dumps(told, allow_nan=False)}", end="")
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")


def _json_has(kind: str) -> bool:
    return kind.removesuffix("[]") in {*_WHOLE, *_FLOATS, "BOOLEAN", "VARCHAR"}


def _is_number(kind: str) -> bool:
    return kind in {*_WHOLE, *_LONG, *_FLOATS} or kind.startswith("DECIMAL")


def _number(cell: Any) -> Any:
    """What was cast to text, as the number that it is."""
    if not isinstance(cell, str):
        return cell
    return float(cell) if "." in cell else int(cell)


def _print_table(result: DuckDBPyRelation) -> None:
    from rich.text import Text

    from rolltape.cli.table import Column, table

    right = [_is_number(str(kind)) for kind in result.types]
    shown = _as_text(result)
    rows = shown.limit(_SHOWN + 1).fetchall()
    more = len(rows) > _SHOWN
    columns = []
    for i, (name, number) in enumerate(zip(shown.columns, right, strict=True)):
        cells = [row[i] for row in rows[:_SHOWN]]
        plain = [Text("" if cell is None else text.clean(cell)) for cell in cells]
        columns.append(Column(text.clean(name), plain, right=number, least=None if number else 8))
    console = output.console()
    console.print(table(columns, console.width))
    if more:
        output.remark(f"These are the first {_SHOWN:,} rows; output that is piped has all.")


def _one_line(message: str) -> str:
    """DuckDB's message without the query that it repeats, and without our own traceback."""
    return " ".join(message.split("\n\nLINE ")[0].split(" Detail: Python exception:")[0].split())
