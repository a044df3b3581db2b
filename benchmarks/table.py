"""The two tables, printed and as JSON."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.measure import Peer
from benchmarks.row import Row

_COLOURS = {"ok": "green", "missed": "bold red"}


def rows_table(rows: Sequence[Row]) -> Table:
    """What is promised."""
    table = Table(title="rolltape: asked and reached", title_justify="left")
    for heading in ("what", "asked", "reached", "ok?"):
        table.add_column(heading)
    for row in rows:
        table.add_row(row.what, row.asked, row.reached, row.verdict, style=None if row.ok is not False else "bold")
        table.columns[3]._cells[-1] = f"[{_COLOURS.get(row.verdict, 'dim')}]{row.verdict}[/]"
    return table


def peers_table(peers: Sequence[Peer]) -> Table:
    """What others cost in the same run. Medians a call in µs; the whole includes flush and close."""
    table = Table(title="the same of others (µs a call)", title_justify="left")
    table.add_column("peer")
    for heading in ("1 scalar", "10 scalars", "10: whole", "10: CPU of all", "bytes a point", "× append (1)"):
        table.add_column(heading, justify="right")
    for peer in peers:
        if peer.problem:
            continue
        size = peer.whole["bytes"]
        table.add_row(
            peer.title,
            _us(peer.one["log"] / 1000),
            _us(peer.ten["log"] / 1000),
            _us(peer.whole["wall"]),
            _us(peer.whole["cpu"]),
            f"{size:.1f}" if size else "–",
            f"{peer.one['log'] / peer.one['append']:.1f}",
        )
    return table


def print_tables(console: Console, rows: Sequence[Row], peers: Sequence[Peer]) -> None:
    """The first table, then the peers' where there are any, then a line for each that was left out."""
    console.print(rows_table(rows))
    if peers:
        console.print(peers_table(peers))
    for peer in peers:
        if peer.problem:
            console.print(f"{peer.title} skipped: {peer.problem}", markup=False, highlight=False)


def as_json(rows: Sequence[Row], peers: Sequence[Peer], quick: bool, load: Sequence[float]) -> dict[str, Any]:
    """Everything that was measured, with what is needed to judge it."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_before": list(load),
        "load_after": list(os.getloadavg()),
        "quick": quick,
        "rows": [asdict(row) for row in rows],
        "peers": [asdict(peer) for peer in peers],
    }


def _us(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"
