"""The shipper: looks, gathers what is new into shipments, sends them, and believes nothing but acknowledgements.

What a server cannot take now waits on the tapes, so an outage of any length costs no memory.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rolltape.errors import StoreError
from rolltape.store.shipping.connection import Address, Connection, Reply, Unreachable, read_token
from rolltape.store.shipping.following import Following
from rolltape.store.shipping.media_file import PIECE, MediaFile
from rolltape.store.shipping.run_cursor import RunCursor, RunFile
from rolltape.store.shipping.state_file import Delivered
from rolltape.store.shipping.tape_cursor import TapeCursor
from rolltape.tape.shipment import (
    LARGEST,
    MOST_PARTS,
    Answer,
    FilePart,
    Part,
    PartRefused,
    ShipmentError,
    encode,
    parse_answers,
    size_of,
)

_LOOK = 0.4  # s between two looks
_LONGEST_LOOK = 1.0  # s between them where looking takes long
_SHARE = 0.05  # of the time that looking may take
_HEADER = 64 << 10  # bytes kept free in a body, at most
_FIRST = 256 << 10  # bytes of a body before the server has taken one
_SMALLEST = 64 << 10
_SOONEST, _LATEST = 0.5, 60.0  # s before another try
_REFUSED = 60.0  # s before what was refused is tried again
_SAVE = 5.0  # s between two writings of the state file

Tell = Callable[[str], None]
_Sent = tuple[Part, Callable[[Answer], None]]


@dataclass
class Sum:
    """What was done: ``sent`` in bytes of bodies, ``waiting`` in bytes of tapes."""

    runs: int = 0
    tapes: int = 0
    bytes: int = 0
    waiting: int = 0
    sent: int = 0
    refused: tuple[str, ...] = ()


class Shipper:
    """Sends tapes to one server.

    Args:
        directories: of the tapes: stores', projects' or runs'.
        address: of the server.
        token_file: the first line is the token, read again when the server refuses it; None: ``$ROLLTAPE_TOKEN``.
        context: whom to believe, where the address is https.
        chosen: whether a tape is to be sent, by what its first frame says.
        tell: told what goes wrong, once, and that it goes on.
        progress: told how many bytes are delivered, and how many there are.
        asks_all: whether to ask for tapes too that were delivered before.

    Raises:
        StoreError: a directory is not there, or the token is none.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        address: Address,
        token_file: Path | None = None,
        context: ssl.SSLContext | None = None,
        *,
        chosen: Callable[[dict[str, Any]], bool] = lambda _: True,
        tell: Tell = lambda _: None,
        progress: Callable[[int, int | None], None] | None = None,
        asks_all: bool = True,
    ) -> None:
        self._address = address
        self._line = Connection(address, context)
        self._token_file = token_file
        self._token = read_token(token_file)
        self._delivered = Delivered(str(address), trusted=not asks_all)
        self._following = Following(directories, chosen, self._delivered)
        self._tell = tell
        self._progress = progress
        self._told: set[str] = set()
        self._trouble: str | None = None
        self._failures = 0
        self._limit = LARGEST
        self._proven = self._was_proven = False
        self._sent = 0
        self._looked = self._saved = float("-inf")
        self._wait = _LOOK
        self.last_success = time.monotonic()

    # What is done

    def ship(self) -> Sum:
        """Send all there is; while writers live, what comes too. Returns when all have ended and nothing can be sent.

        Raises:
            StoreError: the server refuses the first request; waiting would not mend it.
        """
        self.follow(self.is_over, impatient=True)
        return self.sum()

    def follow(self, is_over: Callable[[], bool] = lambda: False, *, impatient: bool = False) -> None:
        """Send what is there and what comes, until ``is_over``.

        impatient: a refusal of the very first request is raised as StoreError.
        """
        try:
            while True:
                looked = self._look()
                batch = self._gather()
                if batch:
                    self._pause(self._send(batch, impatient))
                elif looked and is_over():
                    return
                else:
                    self._pause(max(0.0, self._looked + self._wait - time.monotonic()))
                if time.monotonic() - self._saved > _SAVE:
                    self._saved = time.monotonic()
                    self._delivered.save()
        finally:
            self._delivered.save()
            self._line.close()

    def is_over(self) -> bool:
        """Whether every writer has ended, and everything was delivered or refused."""
        for run in self._following.runs.values():
            for tape in run.tapes.values():
                given_up = tape.refused is not None and (tape.damaged or tape.paused > 0) and not tape.is_live
                if not tape.done and not given_up:
                    return False
            of_it: tuple[RunFile | MediaFile, ...] = (run.said, *run.files.values()) if run.said.named else ()
            if any(not one.done and one.refused is None for one in of_it):
                return False
        return True

    def look_again(self) -> bool:
        """Whether there is something to do after all."""
        self._following.rescan()
        self._looked = float("-inf")
        self._look()
        return not self.is_delivered()

    def writers_ended(self) -> bool:
        """Whether no writer lives any more, as far as known."""
        return not any(t.is_live for run in self._following.runs.values() for t in run.tapes.values())

    def is_delivered(self) -> bool:
        """Whether every writer has ended, and everything was delivered."""
        return self.is_over() and not self.sum().refused

    def sum(self) -> Sum:
        """What there is, and how much of it was delivered."""
        told = Sum(sent=self._sent)
        refused = []
        for run in self._following.runs.values():
            told.runs += bool(run.tapes)
            told.tapes += len(run.tapes)
            told.bytes += sum(tape.at for tape in run.tapes.values())
            told.waiting += sum(tape.waiting for tape in run.tapes.values())
            of_it: tuple[TapeCursor | RunFile | MediaFile, ...] = (*run.tapes.values(), run.said, *run.files.values())
            refused += [one.refused for one in of_it if one.refused is not None and run.tapes]
        told.refused = tuple(refused)
        return told

    # Looking

    def _look(self) -> bool:
        if time.monotonic() - self._looked < self._wait:
            return False
        began = time.process_time()
        for sentence in self._following.look():
            self._note(sentence)
        took = time.process_time() - began
        self._wait = min(_LONGEST_LOOK, max(_LOOK, took / _SHARE))
        self._looked = time.monotonic()
        return True

    def _gather(self) -> list[_Sent]:
        """The parts of the next shipment: first those that wait for few bytes, so that live runs stay live."""
        limit = self._limit if self._proven else min(self._limit, _FIRST)
        room, now = limit - min(_HEADER, limit // 8), time.monotonic()
        batch: list[_Sent] = []
        tapes: list[tuple[int, RunCursor, TapeCursor]] = []
        for run in self._following.runs.values():
            tapes += [(t.waiting, run, t) for t in run.tapes.values() if not t.done and t.paused <= now]
            if run.unsent and (parts := self._of_run(run, now)):
                for part, take in parts:
                    if len(batch) < MOST_PARTS and size_of(part) <= room:
                        batch.append((part, take))
                        room -= size_of(part)
        for _, run, tape in sorted(tapes, key=lambda one: one[0]):
            if len(batch) >= MOST_PARTS or room <= 0:
                break
            wanted = tape.wanted(room, alone=not batch)
            self._note(tape.refused)
            if wanted is not None:
                batch.append((wanted.part, partial(self._take_tape, run, tape, wanted)))
                room -= size_of(wanted.part)
        for run in self._following.runs.values():
            for file in run.files.values():
                if len(batch) < MOST_PARTS and room > _SMALLEST and not file.done and file.paused <= now:
                    piece: FilePart | None = file.part(min(room, PIECE))
                    self._note(file.refused)
                    if piece is not None:
                        batch.append((piece, partial(self._take_simple, file)))
                        room -= size_of(piece)
        return batch

    def _of_run(self, run: RunCursor, now: float) -> list[_Sent]:
        if run.said.done or run.said.paused > now:
            return []
        part = run.said.part()
        if part is None:
            if run.said.refused is not None:
                run.said.paused = now + _SAVE
                self._note(run.said.refused)
            return []
        return [(part, partial(self._take_simple, run.said))]

    def _take_simple(self, one: RunFile | MediaFile, answer: Answer) -> None:
        one.take(answer)
        if isinstance(answer, PartRefused):
            one.paused = time.monotonic() + _REFUSED
            self._note(one.refused)

    def _take_tape(self, run: RunCursor, tape: TapeCursor, wanted: Any, answer: Answer) -> None:
        if not tape.take(wanted, answer) and self._following.runs.get(run.path) is run:
            self._tell(f"the server does not have all that it had of {tape.path}; it is sent again")
            self._following.forget()
        tape.paused = time.monotonic() + _REFUSED if tape.refused is not None and not tape.damaged else 0.0
        self._note(tape.refused)
        run.collect_files()

    # Sending

    def _send(self, batch: list[_Sent], impatient: bool) -> float:
        """Send a shipment; how long (s) to wait before the next."""
        body = encode([part for part, _ in batch])
        try:
            reply = self._line.post(body, self._token)
        except Unreachable as error:
            return self._later(f"cannot reach {self._address}: {error}", None)
        self._sent += len(body)
        if reply.status == 200:
            try:
                answers = parse_answers(reply.body, [part for part, _ in batch])
            except ShipmentError as error:
                return self._refused(f"{self._address} is no rolltape serve: {error}", impatient)
            self._taken(batch, answers)
            return 0.0
        return self._not_taken(reply, batch, len(body), impatient)

    def _taken(self, batch: list[_Sent], answers: list[Answer]) -> None:
        if self._trouble is not None:
            self._tell(f"{self._address} takes runs again")
            self._trouble = None
        self._failures = 0
        self._proven = self._was_proven = True
        self.last_success = time.monotonic()
        for (_, take), answer in zip(batch, answers, strict=True):
            take(answer)
        if self._progress is not None:
            told = self.sum()
            self._progress(told.bytes, told.bytes + told.waiting)

    def _not_taken(self, reply: Reply, batch: list[_Sent], size: int, impatient: bool) -> float:
        sentence = f"{self._address}: {reply.sentence()}"
        if reply.status == 413:
            if (len(batch) > 1 or size > _SMALLEST) and self._limit > _SMALLEST:
                self._limit = max(_SMALLEST, min(self._limit, size) // 2)
                return 0.0
            for _, take in batch:
                take(PartRefused(reply.sentence(), 413))
            return 0.0
        if reply.status in (408, 425, 429) or reply.status >= 500:
            return self._later(sentence, reply.headers.get("retry-after"))
        if reply.status in (401, 403):
            self._token = self._mended_token()
        return self._refused(sentence, impatient)

    def _mended_token(self) -> str | None:
        try:
            return read_token(self._token_file)
        except StoreError as error:
            self._note(str(error))
            return self._token

    def _refused(self, sentence: str, impatient: bool) -> float:
        if impatient and not self._was_proven:
            raise StoreError(sentence)
        self._in_trouble(sentence)
        return _REFUSED

    def _later(self, sentence: str, retry_after: str | None) -> float:
        self._proven = False
        self._in_trouble(f"{sentence}; trying again until it does")
        self._failures += 1
        wait = min(_LATEST, _SOONEST * 2.0 ** min(self._failures - 1, 10))
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            wait = max(_SOONEST, min(_LATEST, float(retry_after)))
            return wait * random.uniform(1.0, 1.25)
        return wait * random.uniform(0.5, 1.0)

    def _in_trouble(self, sentence: str) -> None:
        if self._trouble is None:
            self._tell(sentence)
        self._trouble = sentence

    def _note(self, sentence: str | None) -> None:
        """Tell it, once."""
        if sentence is not None and sentence not in self._told:
            if len(self._told) > 10_000:
                self._told.clear()
            self._told.add(sentence)
            self._tell(sentence)

    @staticmethod
    def _pause(seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)
