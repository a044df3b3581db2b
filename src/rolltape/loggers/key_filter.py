"""Keeps some keys, or drops some."""

from __future__ import annotations

from collections.abc import Iterable

from rolltape.loggers.base import Filter, SupportsWrite, Values


class KeyFilter(Filter):
    """Passes on the keys in ``keep``, or those that are not in ``drop``.

    `write` raises KeyError for a row that lacks a key of ``keep``, as Acme's does: put one such filter behind each
    source of rows, not behind a mixture.

    Raises:
        ValueError: not exactly one of ``keep`` and ``drop`` is given.
        TypeError: it is one string instead of several.
    """

    def __init__(
        self, to: SupportsWrite, *, keep: Iterable[str] | None = None, drop: Iterable[str] | None = None
    ) -> None:
        super().__init__(to)
        for name, keys in (("keep", keep), ("drop", drop)):
            if isinstance(keys, str):
                raise TypeError(f"{name} must be several keys, such as [{keys!r}], not one string")
        self._keep = tuple(keep or ())
        self._drop = frozenset(drop or ())
        if bool(self._keep) == bool(self._drop):
            raise ValueError("exactly one of keep and drop must name keys")

    def write(self, values: Values) -> None:
        if self._keep:
            try:
                kept = {key: values[key] for key in self._keep}
            except KeyError as error:
                raise KeyError(f"keep names {error.args[0]!r}, but the row has only {sorted(values)}") from None
        else:
            kept = {key: value for key, value in values.items() if key not in self._drop}
        self._to.write(kept)
