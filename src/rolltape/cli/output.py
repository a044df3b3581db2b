"""Where a command's output goes: to people as Rich tables, to programs as tab-separated lines or strict JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from rolltape.cli.text import clean

if TYPE_CHECKING:
    from rich.console import Console

STATUS_STYLES = {
    "running": "cyan",
    "finished": "green",
    "failed": "red",
    "interrupted": "yellow",
    "killed": "magenta",
}


def to_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def console(*, stderr: bool = False) -> Console:
    """A console that takes text as it is: no markup, no emoji codes, no guessing what to colour."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def remark(message: str) -> None:
    """Something to know beside the output, on stderr."""
    print(clean(message), file=sys.stderr)


def print_json(value: object) -> None:
    """Strict JSON in ASCII: what is not a finite number is null."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: object) -> object:
    """``value`` as strict JSON can hold it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def print_tsv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A header and rows of raw values. None is empty; tabs, newlines, control characters and \\ are escaped by \\."""
    for row in chain((header,), rows):
        print("\t".join("" if cell is None else clean(str(cell).replace("\\", "\\\\")) for cell in row))


def compact(value: Any) -> str:
    """Strict JSON in one line, for a cell."""
    return json.dumps(plain(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
