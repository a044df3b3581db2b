"""What `neptune.utils` means: `stringify_unsupported`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rolltape.compat.neptune.nothing import Nothing, not_offered


@dataclass(frozen=True)
class StringifyValue:
    """A value that becomes text unless it is a number, a text, a truth value or a time."""

    value: Any

    def plain(self) -> Any:
        return self.value if isinstance(self.value, bool | int | float | str | datetime) else str(self.value)


def stringify_unsupported(value: Any, expand: bool = False) -> StringifyValue | dict[str, Any]:
    """Have what Neptune could not hold assigned as text.

    Args:
        value: a mapping is gone through, whatever its depth.
        expand: lists, tuples and sets become mappings of their positions instead of texts.
    """
    if isinstance(value, Mapping):
        return {str(key): stringify_unsupported(inner, expand) for key, inner in value.items()}
    if expand and isinstance(value, list | tuple | set):
        return {str(place): stringify_unsupported(inner, True) for place, inner in enumerate(value)}
    return StringifyValue(value)


def __getattr__(name: str) -> Nothing:
    return not_offered("neptune.utils", name)
