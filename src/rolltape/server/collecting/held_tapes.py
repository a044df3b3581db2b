"""All tapes that shipments came for lately. What one holds is known after one look at its file."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from rolltape.server.collecting.held_tape import HeldTape

_MOST = 20_000


class HeldTapes:
    """Gives out tapes, one user at a time for each.

    Args:
        synced: whether what is written is synced to disk before it counts.
        most: how many are remembered, besides those in use.
    """

    def __init__(self, *, synced: bool = False, most: int = _MOST) -> None:
        self._synced = synced
        self._most = most
        self._tapes: OrderedDict[tuple[str, str], HeldTape] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many tapes are remembered."""
        return len(self._tapes)

    @contextmanager
    def using(self, directory: str, writer: str) -> Iterator[HeldTape]:
        """The tape of that writer, for the length of the ``with`` block."""
        key = directory, writer
        with self._lock:
            tape = self._tapes.get(key)
            if tape is None:
                tape = self._tapes[key] = HeldTape(directory, writer, synced=self._synced)
            self._tapes.move_to_end(key)
            tape.users += 1
            self._drop_old()
        try:
            with tape.lock:
                yield tape
        finally:
            with self._lock:
                tape.users -= 1

    def _drop_old(self) -> None:
        surplus = max(len(self._tapes) - self._most, 0)
        unused = (key for key, tape in self._tapes.items() if not tape.users)
        for key in list(islice(unused, surplus)):
            del self._tapes[key]
