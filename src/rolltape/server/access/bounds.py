"""How much one address or token may ask: allowances that fill up again, and a count of what is under way."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager

_MOST_KNOWN = 4096  # keys; those used longest ago are forgotten


class Allowances:
    """An allowance for each key: ``burst`` at once, and one more every ``every`` s. For one thread."""

    def __init__(self, burst: int, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._every = every
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # how many there were, and when

    def take(self, key: Hashable) -> float:
        """Take one: 0. If none is left: s until there is one."""
        now = self._clock()
        left, then = self._left.pop(key, (float(self._burst), now))
        left = min(float(self._burst), left + (now - then) / self._every)
        wait = 0.0 if left >= 1 else (1 - left) * self._every
        self._left[key] = (left if wait else left - 1), now
        while len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return wait


class UnderWay:
    """How many requests of each key are being answered. For one thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._counts: Counter[Hashable] = Counter()

    def is_full(self, key: Hashable) -> bool:
        """Whether there are as many as there may be."""
        return self._counts[key] >= self.most if key in self._counts else self.most <= 0

    @contextmanager
    def counted(self, keys: Iterable[Hashable]) -> Iterator[None]:
        """One more of each key, until the end of the ``with`` block."""
        held = list(keys)
        self._counts.update(held)
        try:
            yield
        finally:
            for key in held:
                self._counts[key] -= 1
                if self._counts[key] <= 0:
                    del self._counts[key]


def seconds(wait: float) -> str:
    """A wait (s) as Retry-After tells it."""
    return str(max(1, math.ceil(wait)))
