"""JSON that every parser takes: no NaN literals, no lone surrogates."""

from __future__ import annotations

import json
import math
from typing import Any

from rolltape.server.odd_names import told

_DEEPEST = 50


def encode(value: Any) -> bytes:
    """``value`` as UTF-8 JSON. Floats that JSON lacks become text (``"nan"``), half characters become U+FFFD,
    but for those of a file name, which come back (`odd_names`)."""
    try:
        return _dump(value)
    except (ValueError, RecursionError):
        return _dump(_plain(value))


class Partial(bytes):
    """An answer that will say more when it is asked for again, although nothing has changed by then."""


def encode_answer(answer: dict[str, Any]) -> bytes:
    """`encode`; `Partial` where runs are still ``pending``."""
    body = encode(answer)
    return Partial(body) if answer["pending"] else body


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return told(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict | list | tuple) and depth >= _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    return value
