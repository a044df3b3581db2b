"""Whether the writer of a tape lives, and how long ago it last gave a sign, whatever the clocks of others say."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from rolltape.tape.life import SILENCE, is_alive, machine

_LONG = 7200.0  # s: clocks are not so far apart
_EVERY = 1.0  # s between two questions to the system


class Vitals:
    """The signs of life of one writer; ``opening`` is what its tape begins with."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        self._opening = opening
        self.here = opening.get("machine") == machine() and os.name == "posix"
        self._sign = 0  # ns, by the writer's clock
        self._changed: float | None = None  # monotonic s at which the sign was seen to change; None: never
        self._first = time.monotonic()
        self._asked = -_EVERY
        self.alive = True

    def note(self, sign: int) -> None:
        """A heartbeat, or the time of a frame."""
        if sign > self._sign:
            if self._sign:
                self._changed = time.monotonic()
            self._sign = sign

    def ask(self) -> bool:
        """Whether the writer lives. What is read after it does not is all that there will be."""
        now = time.monotonic()
        if now - self._asked < _EVERY:
            return self.alive
        self._asked = now
        if self.here:
            self.alive = is_alive(self._opening, self._sign)
        elif self._sign:
            # Its clock may be off: what counts is whether its signs change before our eyes
            silent = now - (self._first if self._changed is None else self._changed)
            self.alive = silent < SILENCE and (self._changed is not None or self._told() < _LONG)
        else:
            self.alive = now - self._first < SILENCE
        return self.alive

    def age(self) -> int:
        """ns since the last sign."""
        if self.here or self._changed is None:
            return max(0, round(self._told() * 1e9))
        return round((time.monotonic() - self._changed) * 1e9)

    def _told(self) -> float:
        return (time.time_ns() - self._sign) / 1e9
