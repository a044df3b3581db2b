"""Leaves out what has no value."""

from __future__ import annotations

from rolltape.loggers.base import Filter, Values


class NoneFilter(Filter):
    """Passes rows on without the keys whose value is None; a row of nothing else goes on empty."""

    def write(self, values: Values) -> None:
        self._to.write({key: value for key, value in values.items() if value is not None})
