"""SVG by hand: text made harmless and measured by eye, numbers and paths in few characters."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZE = 11.0  # of text, in pixels, where nothing else is said
_UNPRINTED = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, lone surrogates, separators of lines
_REFUSED = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff")
_NARROW, _WIDE = 0.58, 1.05  # of a character in ems, for fonts on the wide side


def clean(text: object) -> str:
    """``text`` in one line, with everything escaped that XML refuses or that turns the reading direction."""
    plain = str(text)
    return plain if plain.isprintable() else "".join(map(_harmless, plain))


def escape(text: object) -> str:
    """``text`` cleaned, for the inside of an element or of a quoted attribute, in HTML as in XML."""
    return html.escape(clean(text))


def measure(text: str, size: float = SIZE) -> float:
    """About how many pixels wide a (clean) text is; rather too wide than too narrow."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return size * (_WIDE * wide + _NARROW * (len(text) - wide))


def elide(text: str, room: float, size: float = SIZE) -> str:
    """A (clean) text without its middle where it is wider than ``room`` pixels: names often differ at their ends."""
    if measure(text, size) <= room:
        return text
    kept = min(len(text), int(room / size * 8))  # no more fit of the narrowest
    while kept > 2 and measure(_without_middle(text, kept), size) > room:
        kept -= 1
    return _without_middle(text, kept)


def number(value: float) -> str:
    """A coordinate in tenths of a pixel, as short as it can be told."""
    return _tenths(round(value * 10))


def path(x: Floats, y: Floats, closed: bool = False) -> str:
    """The ``d`` of a line through x[n], y[n] pixels (finite, n at least 1), each rounded to a tenth."""
    columns, rows = np.rint(x * 10).astype(np.int64), np.rint(y * 10).astype(np.int64)
    moves = np.column_stack((np.diff(columns), np.diff(rows))).ravel().tolist()
    start = f"M{_joined([_tenths(int(columns[0])), _tenths(int(rows[0]))])}"
    return f"{start}{'l' if moves else ''}{_joined(map(_tenths, moves))}{'Z' if closed else ''}"


def label(x: float, y: float, content: str, attributes: str = "") -> str:
    """A text (escaped here) at x, y."""
    return f'<text x="{number(x)}" y="{number(y)}"{attributes and " " + attributes}>{escape(content)}</text>'


def title(content: str) -> str:
    """What is told where the pointer rests (escaped here)."""
    return f"<title>{escape(content)}</title>"


def _harmless(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTED and character not in _REFUSED:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _without_middle(text: str, kept: int) -> str:
    head = kept // 2
    return f"{text[:head]}…{text[len(text) - (kept - head) :]}"


def _tenths(tenths: int) -> str:
    whole, rest = divmod(abs(tenths), 10)
    short = f"{whole or ''}.{rest}" if rest else str(whole)
    return f"-{short}" if tenths < 0 else short


def _joined(numbers: Iterable[str]) -> str:
    """Numbers in a row, with a space only where they would run together."""
    parts: list[str] = []
    last = ""
    for one in numbers:
        apart = not last or one[0] == "-" or (one[0] == "." and "." in last)
        parts.append(one if apart else f" {one}")
        last = one
    return "".join(parts)
