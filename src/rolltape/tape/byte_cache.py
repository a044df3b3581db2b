"""Arrays kept in memory up to so many bytes; those that were not asked for the longest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray


class ByteCache:
    """May be used from any thread.

    limit: bytes of all arrays together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def get(self, key: Hashable) -> NDArray[Any] | None:
        """The array kept under ``key``."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, array: NDArray[Any]) -> None:
        """Keep an array, which nobody may change any more."""
        array.flags.writeable = False
        with self._lock:
            before = self._kept.pop(key, None)
            self.nbytes += array.nbytes - (before.nbytes if before is not None else 0)
            self._kept[key] = array
            while self.nbytes > self._limit:
                self.nbytes -= self._kept.popitem(last=False)[1].nbytes
