"""Values as short text for people, and text from disk made harmless for a terminal."""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_UNPRINTED = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, lone surrogates, separators of lines
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def clean(text: object) -> str:
    """``text`` in one line, with everything escaped that could steer a terminal or turn the reading direction."""
    plain = str(text)
    return plain if plain.isprintable() else "".join(map(_harmless, plain))


def _harmless(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTED and character not in _DIRECTIONS:
        return character
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def count(number: int, units: Sequence[str] = ("", "k", "M", "G", "T"), gap: str = "") -> str:
    """A number of things in three digits: 999, 12.3k, 4.5M."""
    scaled = float(number)
    unit = 0
    while abs(scaled) >= (999.5 if unit else 1000) and unit < len(units) - 1:
        scaled /= 1000
        unit += 1
    if not unit:
        return f"{number}{gap}{units[0]}"
    digits = max(0, 2 - (math.floor(math.log10(round(abs(scaled), 2))) if abs(scaled) >= 1 else 0))
    short = f"{scaled:.{digits}f}"
    return f"{short.rstrip('0').rstrip('.') if '.' in short else short}{gap}{units[unit]}"


def size(number: int) -> str:
    """Bytes: 812 B, 12.3 kB."""
    return count(number, ("B", "kB", "MB", "GB", "TB"), " ")


def value(number: float) -> str:
    """A metric's value in four digits."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    if number == 0:
        return "0"
    if 1e-3 <= abs(number) < 1e5:
        digits = max(0, 3 - math.floor(math.log10(abs(number))))
        short = f"{number:.{digits}f}"
        return short.rstrip("0").rstrip(".") if "." in short else short
    mantissa, exponent = f"{number:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def duration(seconds: float) -> str:
    """A length of time in its two largest units: 0.4s, 42s, 3m 20s, 2d 3h."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def ago(then: float, now: float) -> str:
    """How long before ``now`` (both unix seconds); a date where that is long or where clocks disagree."""
    seconds = now - then
    if not -_MINUTE < seconds < 14 * _DAY:
        return moment(then, "%Y-%m-%d")
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"


def moment(unix: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time on this machine's clock."""
    try:
        return time.strftime(form, time.localtime(unix))
    except (OverflowError, ValueError, OSError):
        return "?"


def sparkline(values: Sequence[float]) -> str:
    """One block per value from the lowest to the highest; what is not finite is a gap."""
    finite = [number for number in values if math.isfinite(number)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_block(number, low, high) if math.isfinite(number) else " " for number in values)


def _block(number: float, low: float, high: float) -> str:
    if low == high:
        return _BLOCKS[3]
    share = (number / 2 - low / 2) / (high / 2 - low / 2)  # halves: the whole range may be more than a float holds
    return _BLOCKS[min(len(_BLOCKS) - 1, int(share * len(_BLOCKS)))]
