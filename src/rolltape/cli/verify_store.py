"""`rolltape verify --store`: does a ClickHouse store have every point of these tapes, once?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rolltape.cli import output, text
from rolltape.cli.progress import Progress

if TYPE_CHECKING:
    from rolltape.store.clickhouse.counts import Comparison

_HEADER = ("path", "verdict", "tape", "stored", "entries", "problem")


def compare_with(path: Path, address: str, *, as_json: bool) -> int:
    """Compare, print, and give the exit status: 0 if nothing is missing. Raises StoreError."""
    from rolltape.store.clickhouse.counts import compare

    with Progress("Comparing", "tapes") as progress:
        found = compare(path, address, progress)
    if not found.writers:
        output.remark(f"There are no tapes in {path} yet.")
    if as_json:
        output.print_json({**asdict(found), "sound": found.sound})
    elif not output.to_terminal():
        rows = ([one.path, one.verdict, one.tape, one.stored, one.entries, one.problem] for one in found.writers)
        output.print_tsv(_HEADER, rows)
    elif found.writers:
        _print(found)
    return 0 if found.sound else 1


def _print(found: Comparison) -> None:
    from rich.text import Text

    from rolltape.cli.table import Column, table

    def numbers(title: str, values: list[int]) -> Column:
        return Column(title, [Text(text.count(value)) for value in values], right=True)

    marks = {True: ("✓ ", "green"), False: ("✗ ", "bold red")}
    writers = found.writers
    columns = [
        Column("stored", [Text.assemble(marks[one.sound], one.verdict) for one in writers]),
        Column("run", [Text(text.clean(f"{one.project}/{one.run}")) for one in writers], least=16),
        Column("writer", [Text(text.clean(one.writer)) for one in writers], least=10),
        numbers("on tape", [one.tape for one in writers]),
        numbers("in store", [one.stored for one in writers]),
    ]
    console = output.console()
    console.print(table(columns, console.width))
    for one in writers:
        if one.problem:
            console.print(Text(text.clean(f"{one.project}/{one.run} {one.writer}: {one.problem}")), soft_wrap=True)
    total = sum(one.tape for one in writers)
    bad = sum(not one.sound for one in writers)
    said = (
        f"all {total:,} points of {len(writers)} tapes are there, once"
        if found.sound
        else f"{bad} tapes are not whole there"
    )
    console.print(Text.assemble(marks[found.sound], said, f": {text.clean(found.address)}"))
