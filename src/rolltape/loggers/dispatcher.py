"""One row to several loggers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

from rolltape.loggers.base import Logger, SupportsWrite, Values, dump_stored


class Dispatcher(Logger):
    """Writes every row to each of the loggers, in their order.

    Args:
        to: the loggers.
        serialize_fn: applied once to each row; what it returns is what the loggers get.
    """

    def __init__(self, to: Iterable[SupportsWrite], serialize_fn: Callable[[Values], Values] | None = None) -> None:
        self._to = tuple(to)
        self._serialize_fn = serialize_fn

    def write(self, values: Values) -> None:
        if self._serialize_fn is not None:
            values = self._serialize_fn(values)
        for logger in self._to:
            logger.write(values)

    def dump(self) -> None:
        """Have what is stored further down each chain passed on, also if one of them raises."""
        with ExitStack() as stack:
            for logger in reversed(self._to):
                stack.callback(dump_stored, logger)

    def close(self) -> None:
        """Close every logger, also if one of them raises."""
        with ExitStack() as stack:
            for logger in reversed(self._to):
                stack.callback(logger.close)
