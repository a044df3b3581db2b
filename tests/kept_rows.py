"""A logger that keeps rows, for tests."""

from __future__ import annotations

from typing import Any

from rolltape.loggers.base import Logger, Values


class Rows(Logger):
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.closed = 0

    def write(self, values: Values) -> None:
        self.rows.append(dict(values))

    def close(self) -> None:
        self.closed += 1
