"""Parts of questions: which series, by their names, and columns that tell in small numbers which row is of which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rolltape.store.clickhouse.client import Parameter

Ask = Callable[[str, Mapping[str, Parameter]], Mapping[str, Any]]  # of one shard: columns by name

MOST = 100  # runs or series that one question names: servers refuse one that is too long


def names(*columns: str) -> str:
    """Columns of names as plain texts, called ``project_name`` and so on: today's tables hold each text once."""
    return ", ".join(f"CAST({column} AS String) AS {column}_name" for column in columns)


class Named(NamedTuple):
    """The names that a question is about."""

    project: str
    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    writers: tuple[str, ...]


class Parameters(dict[str, Parameter]):
    """Grows by what a question is made of; nothing else brings a text into it."""

    def add(self, value: Parameter) -> str:
        """What stands for the value in the SQL."""
        name = f"p{len(self)}"
        self[name] = value
        return f"{{{name}}}"

    def every(self, values: Iterable[Parameter]) -> str:
        """The same of several, with commas."""
        return ", ".join(self.add(value) for value in values)


def condition(named: Named, parameters: Parameters) -> str:
    """Which rows are of these names; so that the tables' order helps."""
    parts = [f"project = {parameters.add(named.project)}"]
    for column, wanted in (("run", named.runs), ("metric", named.metrics), ("writer", named.writers)):
        if len(wanted) == 1:
            parts.append(f"{column} = {parameters.add(wanted[0])}")
        elif wanted:
            parts.append(f"{column} IN ({parameters.every(wanted)})")
    return " AND ".join(parts)


def places(named: Named, parameters: Parameters) -> str:
    """Columns run_at, metric_at and writer_at: the place of each name among those of its kind, counted from 1."""
    told = []
    for column, wanted in (("run", named.runs), ("metric", named.metrics), ("writer", named.writers)):
        if len(wanted) == 1:
            told.append(f"toUInt16(1) AS {column}_at")
        else:
            numbers = ", ".join(str(number) for number in range(1, len(wanted) + 1))
            told.append(
                f"CAST(transform({column}, [{parameters.every(wanted)}], [{numbers}], 0) AS UInt16) AS {column}_at"
            )
    return ", ".join(told)
