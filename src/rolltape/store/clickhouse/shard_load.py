"""The loader of one shard: which frames come next, their inserts, and what is noted of them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rolltape.errors import TapeError
from rolltape.store.cache_directory import cache_directory
from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.client import Client, Unreachable
from rolltape.store.clickhouse.journal import Journal, Piece
from rolltape.store.clickhouse.native import bytes_text, encode_block, text_bytes
from rolltape.store.clickhouse.tape_load import (
    OTHERS,
    Owner,
    Rows,
    TapeLoad,
    encoded_entries,
    encoded_points,
    encoded_rows,
    opening_of,
)
from rolltape.store.clickhouse.tapes import Chosen, OwnedTape, Tapes

BATCH = 1 << 19  # points of an insert, but for frames that alone have more
_LOOK = 0.4  # s between two looks at the tapes
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # s before another try


class _Unsent(NamedTuple):
    """What was made of some frames and may not be stored yet."""

    rows: Rows
    token: str
    upto: list[tuple[TapeLoad, int]]


class ShardLoader:
    """What `load.Loader` does for one shard. Not for several threads at once, but `points` and `problems`."""

    def __init__(
        self,
        directory: Path,
        client: Client,
        store: int,
        moved: Callable[[int, int, int], None],
        tell: Callable[[str], None],
        batch: int,
        chosen: Chosen | None = None,
    ) -> None:
        self._client = client
        self._moved = moved
        self._tell = tell
        self._batch = batch
        address = client.address
        where = f"{directory}\0{','.join(map(str, address.hosts))}\0{address.database}\0{client.shard}\0{store}"
        name = hashlib.blake2b(os.fsencode(where), digest_size=12).hexdigest()
        cache = cache_directory()
        self._journal = Journal(None if cache is None else cache / "clickhouse", name)
        self._tapes = Tapes(directory, lambda project, run: address.shard_of(project, run) == client.shard, chosen)
        self._loads: dict[str, TapeLoad] = {}
        self._finished: dict[str, int] = {}  # tape -> size
        self._stored: dict[tuple[str, str], int] | None = None  # what the database says
        self._unsent: _Unsent | None = None
        self._stuck: dict[str, int] = {}  # tapes that cannot be loaded -> their sizes
        self._told: str | None = None
        self._quiet = False  # whether the last look found nothing to send
        self.points = 0
        self.problems: dict[str, str] = {}

    def close(self) -> None:
        """Close connections and the journal."""
        self._journal.close()
        self._client.close()

    def settled(self, until_ended: bool) -> bool:
        """Whether everything that was there at the last look is stored, and nobody writes more."""
        return self._quiet and not (until_ended and any(load.reader.alive for load in self._loads.values()))

    def run(self, settled: Callable[[ShardLoader], bool], patience: float | None, stop: threading.Event) -> None:
        """Look and send until it is settled. Raises StoreError."""
        wait, failing = _FIRST_WAIT, 0.0
        while not stop.is_set():
            try:
                more = self.look(stop)
                wait, failing = _FIRST_WAIT, 0.0
                self._told = None
                if settled(self):
                    return
                if not more:
                    stop.wait(_LOOK)
            except Unreachable as error:
                self._fail()
                now = time.monotonic()
                failing = failing or now
                if patience is not None and now - failing >= patience:
                    raise
                self._say(f"{error}; what is not stored waits on the tapes")
                stop.wait(wait * random.uniform(0.7, 1.3))
                wait = min(2 * wait, _LONGEST_WAIT)

    def look(self, stop: threading.Event) -> bool:
        """Send all that the tapes hold now; whether that took so long that more may have come.

        Raises StoreError; Unreachable if it may be tried again.
        """
        self._refresh()
        began = time.monotonic()
        sent = self._send_frames(stop)
        if not stop.is_set():
            sent = self._send_heads() or sent
            self._finish_ended()
        self._quiet = not sent
        self._tell_progress()
        return sent and time.monotonic() - began > _LOOK

    def _say(self, sentence: str) -> None:
        if sentence != self._told:
            self._told = sentence
            self._tell(sentence)

    def _fail(self) -> None:
        for load in self._loads.values():
            load.failed()

    # What is there

    def _refresh(self) -> None:
        there = self._tapes.look()
        for name in self._loads.keys() - there.keys():
            del self._loads[name]  # deleted or moved: what is stored of it stays
        for name, tape in there.items():
            try:
                if name in self._finished:
                    if tape.path.stat().st_size == self._finished[name]:
                        continue
                    del self._finished[name]
                load = self._loads.get(name)
                if load is None:
                    self._open(name, tape)
                    continue
                load.reader.refresh()
                if load.reader.replaced:
                    del self._loads[name]
                    self._open(name, tape)
            except FileNotFoundError:
                self._loads.pop(name, None)
            except (TapeError, OSError) as error:
                self._cannot(name, error)

    def _open(self, name: str, tape: OwnedTape) -> None:
        size = tape.path.stat().st_size
        if not size or self._stuck.get(name) == size:
            return
        if self._journal.done.get(name) == (bytes_text(opening_of(tape.path)), size):
            self._finished[name] = size
            return
        owner = Owner(text_bytes(tape.project), text_bytes(tape.run), text_bytes(tape.path.stem))
        load = TapeLoad(tape.path, tape.identity, tape.problem, owner)
        if not load.reader.frames:
            return
        reached = self._reached(name, load)
        load.skip_to(min(reached, len(load.reader.rows)))
        self._loads[name] = load
        self.problems.pop(name, None)

    def _reached(self, name: str, load: TapeLoad) -> int:
        """How many frames of a tape are stored, as the journal or the database tells."""
        opening = bytes_text(load.opening)
        known = self._journal.reached.get((name, opening))
        if known is not None:
            return known
        if self._stored is None:
            found = self._client.columns("SELECT project, run, writer, opening, frames FROM runs FINAL")
            columns = [found.get(key, []) for key in ("project", "run", "writer", "opening", "frames")]
            self._stored = {
                (b"\0".join(row[:3]).hex(), row[3].decode()): int(row[4]) for row in zip(*columns, strict=True)
            }
        return self._stored.get((b"\0".join(load.owner).hex(), opening), 0)

    def _cannot(self, name: str, error: Exception) -> None:
        load = self._loads.pop(name, None)
        if load is not None:
            with contextlib.suppress(OSError):
                self._stuck[name] = load.path.stat().st_size
        sentence = f"{name} cannot be loaded: {error}"
        if self.problems.get(name) != sentence:
            self.problems[name] = sentence
            self._tell(sentence)

    # What is sent

    def _send_frames(self, stop: threading.Event) -> bool:
        """Send all frames that are not stored, several tapes in one insert. Whether there were any."""
        self._send_again()
        again, self._journal.pending = self._journal.pending, []
        if again:  # a loader died between sending and its acknowledgement: the same again
            pieces = [piece for piece in again if self._fits(piece)]
            if pieces:
                self._send_pieces(pieces)
        sent = bool(again)
        while not stop.is_set():
            pieces = self._next_pieces()
            if not pieces:
                return sent
            self._send_pieces(pieces)
            sent = True
            self._tell_progress()
        return sent

    def _fits(self, piece: Piece) -> bool:
        load = self._loads.get(piece.tape)
        return (
            load is not None
            and bytes_text(load.opening) == piece.opening
            and load.loaded == piece.first
            and piece.stop <= len(load.reader.rows)
        )

    def _next_pieces(self) -> list[Piece]:
        """The frames of the next insert, by what the tapes say of their sizes."""
        pieces: list[Piece] = []
        left = self._batch
        for name, load in self._loads.items():
            if not load.ready:
                continue
            stop = load.loaded
            for number in range(load.loaded, len(load.reader.rows)):
                points = load.points_of(number)
                if (pieces or stop > load.loaded) and points > left:
                    break
                left -= points
                stop = number + 1
            if stop > load.loaded:
                pieces.append(Piece(name, bytes_text(load.opening), load.loaded, stop))
            if left <= 0 or stop < len(load.reader.rows):
                break
        return pieces

    def _send_pieces(self, pieces: list[Piece]) -> None:
        self._journal.plan(pieces)
        rows = Rows()
        sent: list[tuple[TapeLoad, int]] = []
        for piece in pieces:
            load = self._loads[piece.tape]
            try:
                load.frames(piece.stop, rows)
                sent.append((load, piece.stop))
            except (TapeError, OSError) as error:
                self._cannot(piece.tape, error)
        for load, stop in sent:
            load.summaries(rows, stop)
        token = hashlib.blake2b(repr(pieces).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        self._unsent = _Unsent(rows, token, sent)
        self._send_again()

    def _send_again(self) -> None:
        """Send what was made and is not stored: the very same rows."""
        if self._unsent is not None:
            self._store(self._unsent.rows, self._unsent.token)
            for load, stop in self._unsent.upto:
                load.stored(stop)
            self._unsent = None
            self._journal.ok()

    def _send_heads(self) -> bool:
        """Send what is new in heads, and rows of runs that have changed. Whether there was anything."""
        rows = Rows()
        loads = [load for load in self._loads.values() if not load.ready]
        for load in loads:
            load.head(rows)
            load.summaries(rows, load.loaded)
        if not rows:
            return False
        self._store(rows, None)
        for load in loads:
            load.stored(load.loaded)
        return rows.count > 0 or bool(rows.events)

    def _store(self, rows: Rows, token: str | None) -> None:
        """Points first and runs last: what a row of runs or metrics counts is there."""
        client = self._client
        if rows.points:
            block = encode_block(rows.count, encoded_points(rows.points))
            client.insert_blocks("points", schema.POINTS.columns, block, token)
            self.points += rows.count
        if rows.entries:
            count, columns = encoded_entries(rows.entries)
            client.insert("entries", count, columns, token)
        for name, table in OTHERS.items():
            found = getattr(rows, name)
            if found:
                client.insert(name, len(found), encoded_rows(table, found))

    def _finish_ended(self) -> None:
        for name, load in list(self._loads.items()):
            if load.done:
                self._finished[name] = size = load.reader.size
                self._journal.finish(name, bytes_text(load.opening), size)
                del self._loads[name]

    def _tell_progress(self) -> None:
        finished = sum(self._finished.values())
        done = finished + sum(load.bytes_of(load.loaded) for load in self._loads.values())
        total = finished + sum(load.reader.size for load in self._loads.values())
        self._moved(self._client.shard, done, total)
