"""The tables of a ClickHouse store: made, marked with a version, and checked before anything is asked of them.

Every table keeps the row of the highest ``ver`` of each key (`ReplacingMergeTree`), so that whatever is delivered twice
converges. ``layout`` says on each shard which version its tables have and which shard of how many it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rolltape.errors import StoreError
from rolltape.store.clickhouse.client import Client
from rolltape.store.clickhouse.native import Given

VERSION = 1


class Table(NamedTuple):
    """One table."""

    name: str
    columns: dict[str, str]  # name -> type, as 18.16 knows it
    key: tuple[str, ...]
    version: str  # the column by which a later row replaces an earlier one of the same key


_RUN = {"project": "String", "run": "String"}
_WRITER = {**_RUN, "writer": "String"}
_SERIES = {**_RUN, "metric": "String", "writer": "String"}

# Rows of the head are sent before they are a frame. A point's key is the half of the head (``block``: its generation,
# or 2^63 + the number of the frame where that has none) and its place among the metric's points of that block, ``row``:
# both are the same in head and frame. ``place`` is the generation of the half, and 2^63 + the number of the frame once
# it is one. So the row of the frame stays, and the order of a tape is that of ``place`` (frames first, then the head)
# and ``row``.
POINTS = Table(
    "points",
    {
        **_SERIES,
        "block": "UInt64",
        "row": "UInt32",
        "step": "Int64",
        "time": "Int64",
        "value": "Float64",
        "place": "UInt64",
    },
    ("project", "run", "metric", "writer", "block", "row"),
    "place",
)

# Every whole entry of tape/pyramid.py of the frames of a writer, at every level down to a single entry. ``count`` is
# the number of its points.
ENTRIES = Table(
    "entries",
    {
        **_SERIES,
        "level": "UInt8",
        "entry": "UInt64",
        "step_low": "Int64",
        "step_high": "Int64",
        "time_low": "Int64",
        "time_high": "Int64",
        "count": "UInt64",
        "finite": "UInt64",
        "total": "Float64",
        "spread": "Float64",
        "low": "Float64",
        "high": "Float64",
        "ver": "UInt64",
    },
    ("project", "run", "metric", "writer", "level", "entry"),
    "ver",
)

# ``frames``: ROWS frames whose points, entries and metrics are all stored. ``opening``: the CRC word of the tape's
# first frame, in hex. ``facts`` is JSON, made by tape_load.facts_of.
RUNS = Table(
    "runs",
    {
        **_WRITER,
        "opening": "String",
        "facts": "String",
        "frames": "UInt64",
        "points": "UInt64",
        "ended": "UInt8",
        "ver": "UInt64",
    },
    ("project", "run", "writer"),
    "ver",
)

# A metric of one writer. ``points`` counts all, ``framed`` those in frames: framed div 64 of them are in entries, the
# others are ``rest``: step[n] i64, time[n] i64, value[n] f64, one column after the other. Points of the head are those
# of `points` with ``generation`` < block < 2^63. Statistics are of all points but NaN and infinities; ``low`` is inf
# and ``high`` -inf where there is no other.
METRICS = Table(
    "metrics",
    {
        **_SERIES,
        "points": "UInt64",
        "framed": "UInt64",
        "generation": "UInt64",
        "rest": "String",
        "nonfinite": "UInt64",
        "first_step": "Int64",
        "last_step": "Int64",
        "first_time": "Int64",
        "last_time": "Int64",
        "low": "Float64",
        "high": "Float64",
        "total": "Float64",
        "last": "Float64",
        "ver": "UInt64",
    },
    ("project", "run", "metric", "writer"),
    "ver",
)

EVENTS = Table(
    "events",
    {**_WRITER, "seq": "UInt64", "json": "String", "ver": "UInt64"},
    ("project", "run", "writer", "seq"),
    "ver",
)

LAYOUT = Table(
    "layout",
    {"number": "UInt64", "version": "UInt32", "shard": "UInt32", "shards": "UInt32", "state": "String"},
    ("number",),
    "number",
)

TABLES = (POINTS, ENTRIES, RUNS, METRICS, EVENTS)
_WHOLE, _MAKING = "whole", "making"


class Layout(NamedTuple):
    """What a shard says of itself."""

    version: int
    shard: int
    shards: int
    state: str


def create(clients: list[Client]) -> list[int]:
    """Make the tables where they are not there yet. May be repeated, and by several at once.

    Returns a number for each shard that its tables keep: others of the same name have another.

    Raises:
        StoreError: a shard cannot be reached, or holds something else. Nothing was changed there.
    """
    layouts = [_layout_of(client) for client in clients]
    _agree(clients, layouts, made=False)
    for client, layout in zip(clients, layouts, strict=True):
        if layout is None or layout.state != _WHOLE:
            _create_on(client)
    check(clients)
    return [int(client.columns("SELECT min(number) AS began FROM layout")["began"][0]) for client in clients]


def check(clients: list[Client]) -> None:
    """See that every shard holds what this version reads and writes.

    Raises:
        StoreError: a shard cannot be reached, has no tables, other ones, or is another shard than it is named as.
    """
    _agree(clients, [_layout_of(client) for client in clients], made=True)
    for client in clients:
        there = client.columns(
            "SELECT table, name, type FROM system.columns WHERE database = {database} ORDER BY table, name",
            {"database": client.address.database},
        )
        found: dict[str, dict[str, str]] = {}
        for table, name, kind in zip(*(there.get(key, []) for key in ("table", "name", "type")), strict=True):
            plain = kind.decode().removeprefix("LowCardinality(").rstrip(")")
            found.setdefault(table.decode(), {})[name.decode()] = plain
        for one in TABLES:
            if one.name not in found:
                raise StoreError(_half(client, f"its table {one.name} is missing"))
            wrong = sorted(dict(found[one.name].items() ^ one.columns.items()))
            if wrong:
                raise StoreError(_half(client, f"columns of its table {one.name} are others: {', '.join(wrong)}"))


def _half(client: Client, what: str) -> str:
    return f"{_named(client)} says it has layout {VERSION}, but {what}: a migration stopped half way, or it was changed"


def _named(client: Client) -> str:
    return f"the database {client.address.database!r} of {client}"


def _layout_of(client: Client) -> Layout | None:
    """None: there is no layout."""
    there = client.columns(
        "SELECT name FROM system.tables WHERE database = {database} AND name = 'layout'",
        {"database": client.address.database},
        {"database": "system"},
    )
    if not there.get("name"):
        return None
    found = client.columns("SELECT version, shard, shards, state FROM layout ORDER BY number DESC LIMIT 1")
    if not found.get("state"):
        return None
    version, shard, shards = (int(found[name][0]) for name in ("version", "shard", "shards"))
    return Layout(version, shard, shards, found["state"][0].decode())


def _agree(clients: list[Client], layouts: list[Layout | None], *, made: bool) -> None:
    """Raises StoreError where shards do not fit each other, this version or the address."""
    for client, layout in zip(clients, layouts, strict=True):
        if layout is None:
            if made:
                what = f"{_named(client)} holds no rolltape store"
                raise StoreError(f"{what}; `rolltape serve --store …` or `rolltape ship` makes one")
            continue
        here = f"{client.shard + 1} of {len(clients)}"
        if layout.version > VERSION:
            newest = f"layout {layout.version}, and this rolltape knows {VERSION} and older"
            raise StoreError(f"{_named(client)} was made by a newer rolltape ({newest}): update rolltape")
        if layout.version < VERSION:
            raise StoreError(f"{_named(client)} has layout {layout.version}, which this rolltape no longer reads")
        if (layout.shard, layout.shards) != (client.shard, len(clients)):
            was = f"{layout.shard + 1} of {layout.shards}"
            raise StoreError(
                f"{_named(client)} is shard {was}, but the address names it as {here}: name all hosts in the order in "
                "which the store was made"
            )
        if made and layout.state != _WHOLE:
            raise StoreError(
                f"{_named(client)} is half made: a creation stopped there. Run what made it again, for instance "
                "`rolltape serve --store …`"
            )


def _create_on(client: Client) -> None:
    address = client.address
    client.execute(f"CREATE DATABASE IF NOT EXISTS `{address.database}`", database="default")
    client.execute(statement(client, LAYOUT))
    _mark(client, _MAKING)
    for table in TABLES:
        client.execute(statement(client, table))
    _mark(client, _WHOLE)


def _mark(client: Client, state: str) -> None:
    row: dict[str, list[bytes] | int] = {
        "number": time.time_ns(),
        "version": VERSION,
        "shard": client.shard,
        "shards": len(client.address.hosts),
        "state": [state.encode()],
    }
    columns: dict[str, tuple[str, Given]] = {
        name: (LAYOUT.columns[name], value if isinstance(value, list) else np.array([value], np.uint64))
        for name, value in row.items()
    }
    client.insert("layout", 1, columns)


def statement(client: Client, table: Table) -> str:
    """What makes a table on a shard. Raises StoreError: the server cannot be asked for its version."""
    dialect, address = client.dialect, client.address
    kinds = {name: dialect.column_type(table.name, name, kind) for name, kind in table.columns.items()}
    columns = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
    engine = f"ReplacingMergeTree({table.version})"
    if address.replicated:
        path = f"/clickhouse/rolltape/{address.database}/{client.shard}/{table.name}"
        engine = f"ReplicatedReplacingMergeTree('{path}', '{{replica}}', {table.version})"
    settings = dialect.table_settings(address.replicated)
    order = ", ".join(f"`{name}`" for name in table.key)
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}) ENGINE = {engine} ORDER BY ({order}){settings}"


def names_of(tables: Iterable[Table]) -> list[str]:
    """The names of tables."""
    return [table.name for table in tables]
