"""What versions of ClickHouse want differently. All else is SQL and formats that 18.16 and today's engine share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rolltape.errors import StoreError

OLDEST = (18, 16)
_CURRENT = (23, 3)  # codecs, LowCardinality, deduplication tokens, zstd bodies: all long stable there
_WINDOW = 10_000  # inserts that are remembered by their token

_CODECS = {  # by (table, column); measured on floats as runs log them
    ("points", "step"): "DoubleDelta, ZSTD(1)",
    ("points", "time"): "DoubleDelta, ZSTD(1)",
    ("points", "value"): "Gorilla, ZSTD(1)",
    ("points", "block"): "Delta, ZSTD(1)",
    ("points", "row"): "Delta, ZSTD(1)",
    ("points", "place"): "Delta, ZSTD(1)",
    ("metrics", "rest"): "ZSTD(1)",
    ("runs", "facts"): "ZSTD(1)",
    ("events", "json"): "ZSTD(1)",
}
_FEW = ("project", "run", "metric", "writer")  # few different texts in many rows


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one server is talked to."""

    version: tuple[int, ...]
    current: bool  # today's dialect, else what 18.16 knows
    query_settings: dict[str, str] = field(default_factory=dict)
    insert_settings: dict[str, str] = field(default_factory=dict)

    def column_type(self, table: str, column: str, kind: str) -> str:
        """How a column is declared."""
        if not self.current:
            return kind
        if kind == "String" and column in _FEW:
            return "LowCardinality(String)"
        codec = _CODECS.get((table, column))
        return kind if codec is None else f"{kind} CODEC({codec})"

    def table_settings(self, replicated: bool) -> str:
        """What follows ORDER BY."""
        if not self.current:
            return ""
        window = "replicated_deduplication_window" if replicated else "non_replicated_deduplication_window"
        return f" SETTINGS {window} = {_WINDOW}"

    def token(self, token: str | None) -> dict[str, str]:
        """The settings that have the server know a repeated insert by its token."""
        return {"insert_deduplication_token": token} if self.current and token else {}


def dialect_of(version: str) -> Dialect:
    """The dialect of what ``select version()`` says.

    Raises:
        StoreError: it is older than what this knows, or says nothing that is a version.
    """
    numbers = tuple(int(one) for one in re.findall(r"\d+", version.split("-")[0])[:4])
    if len(numbers) < 2:
        raise StoreError(f"what answers there says it is version {version!r}, which is no version of ClickHouse")
    if numbers < OLDEST:
        raise StoreError(f"that is ClickHouse {version}; rolltape needs {'.'.join(map(str, OLDEST))} or newer")
    if numbers < _CURRENT:
        return Dialect(numbers, False, insert_settings={"insert_deduplicate": "1"})
    return Dialect(
        numbers,
        True,
        query_settings={"low_cardinality_allow_in_native_format": "0"},
        insert_settings={"insert_deduplicate": "1", "async_insert": "0"},
    )
