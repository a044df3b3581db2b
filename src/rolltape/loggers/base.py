"""What a logger is: two methods. Filters wrap one, sinks end the chain."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from rolltape.loggers.acme import are_acme_loggers
from rolltape.recording.run import Run

Values = Mapping[str, Any]


class SupportsWrite(Protocol):
    """What every filter writes to: a `Logger`, a run, one of Acme's loggers, or an object of your own."""

    def write(self, values: Values, /) -> None: ...

    def close(self) -> None: ...


class Logger(ABC):
    """Takes rows of named values. Where dm-acme is installed, every one is an ``acme.utils.loggers.base.Logger``."""

    @abstractmethod
    def write(self, values: Values) -> None:
        """Take one row. ``values`` is the caller's own and stays as it is: who wants to keep or change it copies."""

    @abstractmethod
    def close(self) -> None:
        """Take no more rows. Closing again does nothing."""


class Filter(Logger):
    """A logger around another: what it does not change it passes on, also `close` and `dump`.

    ``dump()`` goes down the chain to whatever stores rows until then, an `AggregateFilter`; elsewhere it does nothing.
    """

    def __init__(self, to: SupportsWrite) -> None:
        self._to = to

    def dump(self) -> None:
        """Have what is stored further down the chain passed on."""
        dump_stored(self._to)

    def close(self) -> None:
        self._to.close()


def dump_stored(to: SupportsWrite) -> None:
    """Call ``to.dump()`` where there is one."""
    dump = getattr(to, "dump", None)
    if dump is not None:
        dump()


class KeyMatch(dict[str, bool]):
    """Whether a key matches a regular expression anywhere; asked once per key.

    Raises:
        ValueError: ``regex`` is not a regular expression.
    """

    def __init__(self, regex: str) -> None:
        super().__init__()
        try:
            self._search = re.compile(regex).search
        except re.error as error:
            raise ValueError(f"{regex!r} is not a regular expression: {error}") from error

    def __missing__(self, key: str) -> bool:
        found = self[key] = self._search(key) is not None
        return found


Logger.register(Run)
are_acme_loggers(Logger)
