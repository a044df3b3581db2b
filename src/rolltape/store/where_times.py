"""Dates, times and durations as people write them in a `where`."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta
from typing import NamedTuple

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DURATION = re.compile(
    r"\s*([0-9]+(?:\.[0-9]+)?)\s*(weeks?|days?|hours?|minutes?|min|seconds?|sec|[wdhms])(?![a-z])", re.IGNORECASE
)


class Moment(NamedTuple):
    """A moment as exact as it was written: a day from its first unix second to before that of the next."""

    first: float
    behind: float


def read_duration(text: str) -> float | None:
    """Seconds in a text such as ``90s``, ``1h30m`` or ``2 days``; None: it is no duration."""
    total, at = 0.0, 0
    text = text.strip()
    while match := _DURATION.match(text, at):
        total += float(match[1]) * _SECONDS[match[2][0].lower()]
        at = match.end()
    return total if at and at == len(text) else None


def read_moment(text: str) -> Moment | None:
    """A date or time in ISO 8601, ``now``, ``today``, ``yesterday`` or ``2 days ago``; None: it is none of them.

    Without an offset from UTC it is in local time.
    """
    text = text.strip()
    word = text.lower()
    if word == "now":
        return _exact(time.time())
    if word.endswith(" ago"):
        duration = read_duration(word.removesuffix(" ago"))
        return None if duration is None else _exact(time.time() - duration)
    try:
        if word in ("today", "yesterday"):
            return _day(date.today() - timedelta(days=word == "yesterday"))
        try:
            return _day(date.fromisoformat(text))
        except ValueError:
            moment = datetime.fromisoformat(text)
        first = moment.timestamp()
        clock = re.split(r"[T ]", text, maxsplit=1)[-1]
        clock = re.split(r"[Z+-]", clock, maxsplit=1)[0]
        digits = sum(character.isdigit() for character in clock)
        return Moment(first, first + {2: 3600.0, 4: 60.0, 6: 1.0}.get(digits, 1e-6))
    except (ValueError, OverflowError, OSError):
        return None


def _exact(moment: float) -> Moment:
    return Moment(moment, moment + 1e-6)


def _day(day: date) -> Moment:
    """From one local midnight to the next, also where the clocks are changed between them."""
    first, behind = (datetime.combine(d, datetime.min.time()).timestamp() for d in (day, day + timedelta(days=1)))
    return Moment(first, behind)
