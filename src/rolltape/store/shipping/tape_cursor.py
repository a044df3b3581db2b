"""How far one tape has been delivered, and what of it comes next.

Only what the server acknowledged moves the cursor. It starts without knowing anything: the server is asked.
"""

from __future__ import annotations

import json
import os
import struct
import time
from typing import Any, BinaryIO, NamedTuple

from rolltape.store.shipping.frames_there import has_end, hides_frames, length_there, opening_of_or_none, whole_frames
from rolltape.store.shipping.head_news import news_of_head
from rolltape.store.shipping.vitals import Vitals
from rolltape.tape.frame import HEADER_SIZE, MAGIC, Kind, read_frame
from rolltape.tape.frame_walk import Span, opening_of
from rolltape.tape.rows import Schema
from rolltape.tape.shipment import (
    LARGEST_ALONE,
    Answer,
    FramesPart,
    FramesWanted,
    HeadHeld,
    HeadPart,
    PartRefused,
)

_FIELDS = struct.Struct("<4sHHIQIqI")
_LOOK = HEADER_SIZE + 8
_UNASKED = 64 << 10  # bytes of a tape that are sent without asking what the server has of it
_SIGN = 4.0  # s between two signs of life
_PATIENCE = 5.0  # s that bytes may look damaged: they may be on their way
_FLOWING = 0.6  # s since the last frame in which the rows of a head are not sent: they will be a frame in a moment
_TRIES = 5  # for rows of a head that the server does not take


class Wanted(NamedTuple):
    """A part to send, and which frames are in it."""

    part: FramesPart | HeadPart
    spans: tuple[Span, ...] = ()
    data: bytes = b""


class TapeCursor:
    """One tape.

    Attributes:
        opening: what its first frame says; None: it is not there yet.
        done: nothing will come any more, and all there is was delivered.
        refused: why the server does not take it, or what is wrong with it; None: nothing.
        damaged: whether something of it can never be sent.
        files: names in media/ that delivered frames tell of; whoever takes them clears the list.
        size: of the file, bytes.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.writer = os.path.basename(path).removesuffix(".tape")  # noqa: PTH119
        self.opening: dict[str, Any] | None = None
        self.done = self.damaged = self.ended = False
        self.refused: str | None = None
        self.paused = 0.0  # monotonic s until which it waits
        self.files: list[str] = []
        self.size = self.at = 0
        self._next = 0
        self._crc = 0
        self._file: tuple[int, int] | None = None
        self._over = False  # whether an END frame lies at the end of the file
        self._asked = False  # whether it is known what the server has
        self._schemas: dict[int, Schema] = {}
        self._framed = 0
        self._have: dict[int, int] = {}
        self._last_frame = 0.0
        self._last_head = -_SIGN
        self._head: HeadPart | None = None
        self._futile = 0
        self._stuck: tuple[int, float] | None = None  # size, and since when (monotonic s) no frame can be read there
        self._judged: tuple[int, bool] | None = None
        self._vitals: Vitals | None = None

    @property
    def closed(self) -> bool:
        """Whether there is no use in looking at it again: its writer cannot come back."""
        return self.done and (self.ended or (self._vitals is not None and self._vitals.here))

    @property
    def is_live(self) -> bool:
        """Whether its writer lives, as far as known."""
        return not (self.done or self.ended or self._over) and (self._vitals is None or self._vitals.alive)

    @property
    def waiting(self) -> int:
        """Bytes of the tape that are still to go."""
        return 0 if self.done or self.damaged else max(0, self.size - self.at)

    def look(self) -> str | None:
        """Look at the files. Returns a sentence if there is something to be told."""
        final = self._vitals is not None and not self._vitals.ask()
        self.done = self.done and final
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
                status = os.fstat(file.fileno())
                self.size = status.st_size
                identity = status.st_dev, status.st_ino
                if (self._file is not None and identity != self._file) or self.size < self.at:
                    return self._replaced(file, identity)
                self._file = identity
                if self.opening is None:
                    return self._open(file)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self._file is None:
                self.done = True
                return None
            self.done, self.damaged = isinstance(error, FileNotFoundError), True
            self.refused = f"{self.path} cannot be read any more: {error.strerror or error}"
            return None
        self._look_at_head(final)
        return None

    def wanted(self, budget: int, *, alone: bool) -> Wanted | None:
        """What to send next, in at most ``budget`` bytes; None: nothing now.

        alone: nothing else goes with it, so that one frame may be larger.
        """
        if self.opening is None or self.done:
            return None
        if not self._asked and (self.size > _UNASKED or self.at > 0):
            return Wanted(self._frames_part(b""))
        if not self.damaged and self.size > self.at and not self._is_stuck():
            frames = self._read_frames(budget, alone)
            if frames is not None:
                return frames
        if self._head is not None and self._asked:
            size = sum(len(half.data) for half in self._head.halves)
            return Wanted(self._head) if size <= budget else None
        return None

    def take(self, sent: Wanted, answer: Answer) -> bool:
        """What the server said. False: it has less than it had, so that it was put into another's place."""
        if isinstance(answer, PartRefused):
            self.refused = f"{self.path}: {answer.error}"
            self._asked = False
            self._over = has_end(self.path, self.size)
            return True
        self.refused = None if not self.damaged else self.refused
        if isinstance(answer, FramesWanted):
            return self._take_next(sent, answer.next)
        if isinstance(answer, HeadHeld) and isinstance(sent.part, HeadPart):
            self._take_held(sent.part, answer)
            return self._take_next(sent, answer.frames)
        return True

    def _open(self, file: BinaryIO) -> str | None:
        frame = read_frame(file, 0, 0)
        if isinstance(frame, str):
            if self._has_waited():  # a kill at the very start, or no tape
                self.done = True
                self.refused = None if not frame or "cut" in frame else f"{self.path} cannot be sent: {frame}"
            return None
        try:
            said = json.loads(frame.payload)
            known = isinstance(said["project"], str) and isinstance(said["run"], str) and frame.kind == Kind.OPEN
        except (ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            self.damaged = self.done = True
            self.refused = f"{self.path} cannot be sent: its first frame does not say whose tape it is"
            return None
        self._stuck = None
        file.seek(0)
        self._crc = opening_of(file.read(HEADER_SIZE))
        self.opening = said
        self._vitals = Vitals(said)
        self._vitals.note(frame.time)
        return None

    def _replaced(self, file: BinaryIO, identity: tuple[int, int]) -> str | None:
        file.seek(0)
        start = file.read(HEADER_SIZE)
        same = self.opening is not None and len(start) == HEADER_SIZE and opening_of_or_none(start) == self._crc
        fresh = TapeCursor(self.path)
        self.__dict__.update(fresh.__dict__)
        self._file, self.size = identity, 0
        return None if same else f"{self.path} is another file than it was; it is sent from its beginning"

    # Frames

    def _frames_part(self, data: bytes) -> FramesPart:
        assert self.opening is not None
        names = self.opening["project"], self.opening["run"], self.writer
        return FramesPart(*names, self._next, self._crc, data)

    def _read_frames(self, budget: int, alone: bool) -> Wanted | None:
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(self.at)
                data = file.read(min(budget, self.size - self.at))
                spans, cut = whole_frames(data, self._next)
                if not spans and cut > len(data) and self.at + cut <= self.size and cut <= LARGEST_ALONE:
                    if not alone:
                        return None
                    file.seek(self.at)
                    data = file.read(cut)
                    spans, cut = whole_frames(data, self._next)
        except OSError:
            return None
        if not spans:
            self._judge(cut)
            return None
        self._stuck = None
        data = data[: spans[-1].end]
        return Wanted(self._frames_part(data), tuple(spans), data)

    def _judge(self, cut: int) -> None:
        """No whole frame lies at the cursor: is it not finished yet, cut by a kill, or damaged?"""
        if self._stuck is None or self._stuck[0] != self.size:
            self._stuck = self.size, time.monotonic()
        over = self.ended or (self._vitals is not None and not self._vitals.alive)
        unfinished = cut > self.size - self.at  # its length says that more of it is to come
        if cut > LARGEST_ALONE and not unfinished:
            self._damage(f"frame {self._next} is {cut} bytes long, more than a server takes")
        elif (over or self._has_waited()) and (not unfinished or hides_frames(self.path, self.at, self._next)):
            self._damage(f"frame {self._next} at byte {self.at} is damaged, and what follows it cannot be sent")

    def _damage(self, what: str) -> None:
        self.damaged = True
        self.refused = f"{self.path}: {what}; what is before it was"
        self.ended = has_end(self.path, self.size)

    def _is_stuck(self) -> bool:
        """Whether there is no use in reading again what no frame could be read from."""
        if self._stuck is None or self._stuck[0] != self.size:
            return False
        dead = self._vitals is not None and not self._vitals.alive
        if (dead or self._has_waited()) and not self.damaged and self._judged != (self.size, dead):
            self._judged = self.size, dead
            self._judge(length_there(self.path, self.at, self._next))
        return True

    def _has_waited(self) -> bool:
        if self._stuck is None or self._stuck[0] != self.size:
            self._stuck = self.size, time.monotonic()
        return time.monotonic() - self._stuck[1] > _PATIENCE

    def _take_next(self, sent: Wanted, wanted: int) -> bool:
        kept = True
        self._asked = True
        if wanted < self._next:  # it lost what it had
            kept = False
            self.at = self._next = self._framed = 0
            self.ended = self.damaged = False
            self.refused = self._stuck = None
            self._have.clear()
        else:
            for span in sent.spans:
                if self._next <= span.seq < wanted:
                    self._pass(span, sent.data[span.start + HEADER_SIZE : span.end])
                    self.at += span.end - span.start
        if self._next < wanted:
            self._skip_to(wanted)
        return kept

    def _skip_to(self, wanted: int) -> None:
        """Go past frames that the server has from elsewhere. Their CRC is not looked at."""
        try:
            with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123
                while self._next < wanted:
                    file.seek(self.at)
                    look = file.read(_LOOK)
                    if len(look) < HEADER_SIZE:
                        return
                    magic, kind, _, length, seq, points, _, crc = _FIELDS.unpack_from(look)
                    end = self.at + HEADER_SIZE + length
                    if magic != MAGIC or seq != self._next or end > self.size:
                        return
                    generation = (
                        int.from_bytes(look[HEADER_SIZE:], "little") if kind == Kind.ROWS and length >= 8 else 0
                    )
                    payload = b""
                    if kind in (Kind.SCHEMA, Kind.EVENT):
                        file.seek(self.at + HEADER_SIZE)
                        payload = file.read(length)
                    self._pass(Span(self.at, end, seq, kind, points, generation, crc), payload)
                    self.at = end
        except OSError:
            return

    def _pass(self, span: Span, payload: bytes | memoryview) -> None:
        """The cursor moves over a frame that is held."""
        self._next = span.seq + 1
        self._last_frame = time.monotonic()
        if span.generation > self._framed:
            self._framed = span.generation
            self._have = {one: have for one, have in self._have.items() if one > self._framed}
            self._head = None
        if span.kind == Kind.END:
            self.ended = True
            return
        if span.kind not in (Kind.SCHEMA, Kind.EVENT):
            return
        try:
            said = json.loads(bytes(payload))
            if span.kind == Kind.SCHEMA:
                self._schemas[said["schema"]] = Schema(said["schema"], tuple(said["metrics"]))
            elif isinstance(said.get("file"), str) and said["file"] == os.path.basename(said["file"]):  # noqa: PTH119
                self.files.append(said["file"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return

    # Head

    def _look_at_head(self, final: bool) -> None:
        assert self.opening is not None and self._vitals is not None
        self._head = None
        if not self._asked or (self.at < self.size and not self.damaged and not self._is_stuck()):
            return  # its frames go first
        if self.ended:
            self.done = True
            return
        now = time.monotonic()
        flowing = now - self._last_frame < _FLOWING and not final
        due = now - self._last_head >= _SIGN
        if flowing and not due:
            return
        path = f"{self.path.removesuffix('.tape')}.head"
        have = None if flowing else self._have
        news = news_of_head(path, self._schemas, have, self._framed, final=final or self.damaged)
        if news is None:
            if self.opening.get("mapped") is False and due and not final:
                self._head = self._head_part()
            self.done = final
            return
        self._vitals.note(news.heartbeat)
        if news.halves or (due and not final) or (final and not self._head_told):
            self._head = self._head_part(news.lost, news.halves)
        else:
            self.done = final

    @property
    def _head_told(self) -> bool:
        """Whether the server was told of the head since the last rows."""
        return self._last_head > 0

    def _head_part(self, lost: int = 0, halves: tuple[Any, ...] = ()) -> HeadPart:
        assert self.opening is not None and self._vitals is not None
        names = self.opening["project"], self.opening["run"], self.writer
        return HeadPart(*names, self._crc, self._vitals.age(), max(0, lost), halves)

    def _take_held(self, part: HeadPart, answer: HeadHeld) -> None:
        self._head = None
        self._last_head = time.monotonic()
        before = dict(self._have)
        for half in answer.halves:
            if half.generation > self._framed:
                self._have[half.generation] = half.have
        if part.halves and before == self._have:
            self._futile += 1
            if self._futile >= _TRIES:
                self.refused = f"{self.path}: the server does not take the rows of its head"
        else:
            self._futile = 0
