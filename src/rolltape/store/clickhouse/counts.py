"""Is every point of the tapes in ClickHouse? Counts per writer, each key once, against what the tapes hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rolltape.errors import StoreError, TapeError
from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.address import Address, parse_address
from rolltape.store.clickhouse.client import clients
from rolltape.store.clickhouse.tapes import Tapes
from rolltape.tape.pyramid import BASE
from rolltape.tape.reader import TapeReader

Verdict = Literal["equal", "behind", "missing", "more", "unreadable"]  # behind: a live tape of which some is on its way


@dataclass(frozen=True, slots=True)
class WriterCount:
    """One tape and what is stored of it. ``entries``: points that the entries of level 0 stand for."""

    path: Path
    project: str
    run: str
    writer: str
    tape: int  # points that can be read of it, those in the head included
    stored: int
    entries: int
    verdict: Verdict
    problem: str = ""  # in words

    @property
    def sound(self) -> bool:
        """Whether nothing is missing that should be there."""
        return self.verdict in ("equal", "behind")


@dataclass(slots=True)
class Comparison:
    """Every tape of a directory, beside the store."""

    address: str
    writers: list[WriterCount] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every point of every tape is stored, once."""
        return all(writer.sound for writer in self.writers)


def compare(
    directory: Path, address: str | Address, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Comparison:
    """Count the points of every tape under a directory, and those that the store has of its writer.

    Args:
        directory: of a store, a project or one run.
        address: of the ClickHouse store.
        progress: told how many tapes are done, and how many there are.

    Raises:
        StoreError: the store cannot be reached or read, or there is nothing at ``directory``.
    """
    if not directory.exists():
        raise StoreError(f"there is nothing at {directory}")
    address = address if isinstance(address, Address) else parse_address(address)
    shards = clients(address, 600.0)
    schema.check(shards)
    tapes = Tapes(directory).look()
    found = Comparison(str(address))
    for done, tape in enumerate(tapes.values()):
        progress(done, len(tapes))
        who = {"project": tape.project, "run": tape.run, "writer": tape.path.stem}
        try:
            reader = TapeReader(tape.path)
        except (TapeError, OSError) as error:
            unread = WriterCount(tape.path, tape.project, tape.run, tape.path.stem, 0, 0, 0, "unreadable", str(error))
            found.writers.append(unread)
            continue
        client = shards[address.shard_of(tape.project, tape.run)]
        where = "WHERE project = {project} AND run = {run} AND writer = {writer}"
        stored = client.columns(f"SELECT count() AS n FROM points FINAL {where}", who)
        entries = client.columns(
            f"SELECT sum(count) AS n, count() AS rows FROM entries FINAL {where} AND level = 0", who
        )
        there = int(stored["n"][0]) if len(stored.get("n", [])) else 0
        summed = int(entries["n"][0]) if len(entries.get("n", [])) else 0
        if there != reader.points and reader.alive:  # what came since the first look is not missing
            reader.refresh()
        found.writers.append(_judged(tape.path, who, reader, there, summed))
    progress(len(tapes), len(tapes))
    return found


def _judged(path: Path, who: dict[str, str], reader: TapeReader, stored: int, entries: int) -> WriterCount:
    told = reader.points
    verdict: Verdict = "equal"
    problem = ""
    if stored > told:
        verdict, problem = "more", f"{stored - told:,} points more are stored than the tape holds"
    elif stored < told and reader.alive:
        verdict, problem = "behind", f"{told - stored:,} points of a live tape are not stored yet"
    elif stored < told:
        verdict, problem = "missing", f"{told - stored:,} of {told:,} points are not stored"
    elif not reader.alive and entries != _in_entries(reader):
        verdict, problem = "missing", f"entries stand for {entries:,} points where {_in_entries(reader):,} belong"
    return WriterCount(path, who["project"], who["run"], who["writer"], told, stored, entries, verdict, problem)


def _in_entries(reader: TapeReader) -> int:
    """Points that are in whole entries."""
    return sum(int(reader.counts(metric).sum()) // BASE * BASE for metric in reader.metrics())
