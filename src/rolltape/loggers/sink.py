"""The end of a chain that is not a tape: trouble is told and counted, and never raised into training."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rolltape.errors import RecordingError
from rolltape.loggers.base import Logger, Values
from rolltape.loggers.plain import Plain, plain
from rolltape.recording.values import checked_mapping, checked_step
from rolltape.recording.warning import warn

Kept = TypeVar("Kept")


class NoPlace(Exception):
    """A sink's format has no place for a value. Never leaves the sink: it is told once per key."""


class Sink(Logger):
    """The end of a chain. May be written to from any thread.

    After the constructor nothing here raises because of a full disk, a server or a strange value: that is warned about
    once per cause and counted in `lost`. Under ``ROLLTAPE_STRICT=1`` it raises `RecordingError` once the rest of the
    row is written. What a sink's format has no place for is warned about once per key.

    Values that a device still computes are waited for, because files and trackers need the number.
    """

    def __init__(self, name: str) -> None:
        self.lost = 0
        """How many rows and single values could not be kept, besides those that the format has no place for."""
        self._name = name  # in warnings
        self._strict = os.environ.get("ROLLTAPE_STRICT", "") not in ("", "0")
        self._told: set[str] = set()
        self._trouble: list[tuple[str, str, bool]] = []  # (cause, message, whether data is lost)
        self._closed = False
        self._lock = threading.RLock()

    def write(self, values: Values) -> None:
        """Take one row.

        Raises:
            TypeError, ValueError: ``values`` is not a mapping, or a key is not a string or is empty.
        """
        for key in checked_mapping(values):
            if not isinstance(key, str):
                raise TypeError(f"a key must be a string, not {type(key).__name__}: {key!r}")
            if not key:
                raise ValueError("a key must not be empty")
        with self._lock:
            if self._closed:
                self._lose("closed", "a row written after close() is lost")
            else:
                self._attempt("row", "a row cannot be written", self._write_plain, values)
            self._tell()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._attempt("close", "it cannot be closed", self._end)
                self._tell()

    @abstractmethod
    def _put(self, row: dict[str, Plain]) -> None:
        """Keep a row of one or more values. Whatever this raises is told as a lost row."""

    def _end(self) -> None:
        """Close what was opened."""

    def _plain(self, _key: str, value: Any) -> Plain:
        return plain(value)

    def _each(self, row: Mapping[str, Any], encode: Callable[[str, Any], Kept]) -> dict[str, Kept]:
        """``encode(key, value)`` of every value; what it raises is told of that key, and the others stay."""
        kept = {}
        for key, value in row.items():
            try:
                kept[key] = encode(key, value)
            except NoPlace as why:
                self._miss(key, f"has no place for {key!r}: {why}")
            except Exception as error:
                self._lose(f"key {key}", f"{key!r}, of type {type(value).__name__}, cannot be kept: {error}")
        return kept

    def _miss(self, key: str, why: str) -> None:
        self._trouble.append((f"place {key}", f"{self._name} {why}", False))

    def _lose(self, cause: str, why: str, serious: bool = True) -> None:
        self.lost += 1
        self._trouble.append((cause, f"{self._name}: {why}; what is lost is counted", serious))

    def _write_plain(self, values: Values) -> None:
        row = self._each(values, self._plain)
        if row:
            self._put(row)

    def _attempt(self, cause: str, failing: str, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:
            self._lose(cause, f"{failing}: {error}")

    def _tell(self) -> None:
        trouble, self._trouble = self._trouble, []
        lost = [message for _, message, serious in trouble if serious]
        if lost and self._strict:
            raise RecordingError("\n".join(lost))
        for cause, message, _ in trouble:
            if cause not in self._told:
                self._told.add(cause)
                warn(message)


class Steps:
    """The step of each row: the value under ``key``, and where a row has none the last step. Without a key a count."""

    def __init__(self, key: str | None) -> None:
        if key is not None and not isinstance(key, str):
            raise TypeError(f"step_key must be a string, not {type(key).__name__}")
        self._key = key
        self._last = -1 if key is None else 0

    def next(self, row: Mapping[str, Plain], tell: Callable[[str, str], None]) -> int:
        """The step of the next row; ``tell(key, why)`` of a value that is no step."""
        if self._key is None:
            self._last += 1
        elif row.get(self._key) is not None:
            try:
                step = checked_step(row[self._key])
            except (TypeError, ValueError):
                tell(
                    self._key, f"cannot take the step from {self._key!r}, which is {row[self._key]!r}: the last is used"
                )
            else:
                self._last = min(max(step, -(2**63)), 2**63 - 1)
        return self._last
