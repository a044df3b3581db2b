"""Directory names for projects and runs: any text in, one safe path component out."""

from __future__ import annotations

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9_=+@,.-]|^[.]|[.]$")
_LONGEST = 100  # bytes; leaves room for a hash on every file system
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}
)  # on Windows


def directory_name(text: str) -> str:
    """A path component that stands for ``text`` alone: what is not plain is percent-encoded, what is long is hashed.

    Dots inside are kept, so that versions stay readable.
    """
    plain = _UNSAFE.sub(lambda found: _percent(found.group()), text)
    if plain.split(".")[0].lower() in _RESERVED:
        plain = _percent(plain[0]) + plain[1:]
    if len(plain) > _LONGEST:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        plain = f"{plain[:_LONGEST]}~{digest}"
    return plain


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def checked_name(what: str, text: object) -> str:
    """``text`` if it can name a project, run or metric.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, not {type(text).__name__}: {text!r}")
    if not text:
        raise ValueError(f"{what} must not be empty")
    return text
