"""Names of directories that are not UTF-8, as JSON and addresses can hold them.

Python has each of their odd bytes as a half character, U+DC80 to U+DCFF. In what leaves the server U+EF80 to U+EFFF
(private use) stand for these, and a name that comes back is read so.
"""

from __future__ import annotations

_FIRST, _STANDS_IN, _BYTES = 0xDC80, 0xEF80, 0x80
_TOLD = {_FIRST + byte: _STANDS_IN + byte for byte in range(_BYTES)}
_MEANT = {new: old for old, new in _TOLD.items()}


def told(text: str) -> str:
    """``text`` without half characters of odd names."""
    return text.translate(_TOLD)


def meant(text: str) -> str:
    """The name that a request means."""
    return text if text.isascii() else text.translate(_MEANT)
