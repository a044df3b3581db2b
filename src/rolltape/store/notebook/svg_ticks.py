"""Round places on an axis and their labels: numbers, lengths of time, dates. Exact for every float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from rolltape.store.notebook.svg import measure
from rolltape.store.notebook.svg_scale import Scale

_UNITS = ((12, "T"), (9, "G"), (6, "M"), (3, "k"), (0, ""))
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000)
_APART = 10  # pixels between two labels


class Tick(NamedTuple):
    at: Fraction
    text: str
    below: str = ""  # a second line


def numbers(low: Fraction, high: Fraction, most: int, whole: bool = False) -> list[Tick]:
    """At most ``most`` + 1 round numbers between low and high; with ``whole`` no fractions."""
    mantissas, exponent = _multiples(low, high, most, whole)
    texts = _labels(mantissas, exponent)
    return [Tick(mantissa * Fraction(10) ** exponent, text) for mantissa, text in zip(mantissas, texts, strict=True)]


def durations(low: Fraction, high: Fraction, most: int) -> list[Tick]:
    """Lengths of time, from and to in seconds: 0, 30 s, 15 min, 2 h, 3 d."""
    rough = (high - low) / most
    step = next((Fraction(step) for step in _CLOCK if 1 < step >= rough), None)
    if rough <= 1:
        return [tick._replace(text=_with_unit(tick.text, "s")) for tick in numbers(low, high, most)]
    if step is None:
        days = numbers(low / _DAY, high / _DAY, most, whole=True)
        return [Tick(tick.at * _DAY, _with_unit(tick.text, "d")) for tick in days]
    size, unit = next(pair for pair in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")) if step >= pair[0])
    seconds = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [Tick(at, _with_unit(_plain(int(at / size), 0), unit)) for at in seconds]


def dates(low: Fraction, high: Fraction, most: int, zone: timezone) -> list[Tick]:
    """Times of day, and the day below wherever a new one begins; from and to in unix seconds.

    Raises:
        ValueError, OverflowError: the calendar does not reach so far.
    """
    rough = (high - low) / most
    shift = _seconds(zone.utcoffset(None))
    if rough > 12 * _DAY:
        return _months(low, high, most, zone)
    step = next((Fraction(step) for step in _CLOCK if step >= rough), None)
    if rough <= Fraction(1, 2):
        mantissas, exponent = _multiples(low, high, most, whole=False)
        step = Fraction(10) ** exponent
        places = [mantissa * step for mantissa in mantissas]
    else:
        step = step or next(Fraction(days * _DAY) for days in (2, 5, 12) if days * _DAY >= rough)
        first, last = math.ceil((low + shift) / step), math.floor((high + shift) / step)
        places = [i * step - shift for i in range(first, last + 1)]
    ticks = []
    before = None
    for at in places:
        then = _moment(at, zone)
        of_day = step < _DAY
        text = _clock(then, at, step) if of_day else f"{then.day} {_MONTHS[then.month - 1]}"
        wider = f"{then.day} {_MONTHS[then.month - 1]} {then.year}" if of_day else str(then.year)
        ticks.append(Tick(at, text, "" if wider == before else wider))
        before = wider
    return ticks


def fitting(make: Callable[[int], list[Tick]], scale: Scale, width: float, most: int) -> list[Tick]:
    """As many ticks as can stand beside each other on a picture ``width`` pixels wide."""
    ticks = make(most)
    while most > 1 and not _apart(ticks, scale, width):
        most -= 1
        ticks = make(most)
    return ticks


def center(tick: Tick, scale: Scale, width: float) -> float:
    """Where a tick's label has its middle, so that it lies inside the picture."""
    half = max(measure(tick.text), measure(tick.below)) / 2
    return min(max(scale.pixel(tick.at), half), width - half)


def zone_of(unix: float) -> timezone:
    """This machine's zone at that time, with one offset for the whole axis; UTC where the calendar ends."""
    try:
        return timezone(datetime.fromtimestamp(unix).astimezone().utcoffset() or timedelta())
    except (ValueError, OverflowError, OSError):
        return UTC


def _multiples(low: Fraction, high: Fraction, most: int, whole: bool) -> tuple[list[int], int]:
    """Integers m and an exponent e, so that m * 10^e are the multiples of 1, 2 or 5 * 10^n between low and high."""
    rough = max((high - low) / most, Fraction(int(whole)))
    exponent = len(str(rough.numerator)) - len(str(rough.denominator)) - 1  # of 10, at most rough
    factor, exponent = next(
        (factor, e)
        for e in range(exponent, exponent + 4)
        for factor in (1, 2, 5)
        if factor * Fraction(10) ** e >= rough
    )
    step = factor * Fraction(10) ** exponent
    near = (high - low) / 10**9  # 1.2 is a little less than 12 / 10
    first, last = math.ceil((low - near) / step), math.floor((high + near) / step)
    return [i * factor for i in range(first, last + 1)], exponent


def _labels(mantissas: list[int], exponent: int) -> list[str]:
    """Of numbers m * 10^e: plain, with k, M, G and T, or with a power of ten."""
    largest = max(map(abs, mantissas), default=0)
    size = len(str(largest)) - 1 + exponent  # the power of ten of the largest
    if largest and not -5 < size < 15:
        return [_scientific(mantissa, exponent) for mantissa in mantissas]
    if size >= 4:
        texts = [_in_unit(mantissa, exponent) for mantissa in mantissas]
        if all(len(text.rpartition(".")[2]) <= 4 for text in texts if "." in text):
            return texts
    return [_plain(mantissa, exponent) for mantissa in mantissas]


def _in_unit(mantissa: int, exponent: int) -> str:
    if not mantissa:
        return "0"
    size = len(str(abs(mantissa))) - 1 + exponent
    power, suffix = next((pair for pair in _UNITS if size >= pair[0]), _UNITS[-1])
    text = _plain(mantissa, exponent - power)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{suffix}"


def _scientific(mantissa: int, exponent: int) -> str:
    if not mantissa:
        return "0"
    digits = str(abs(mantissa))
    power = len(digits) - 1 + exponent
    rest = digits[1:].rstrip("0")
    return f"{'−' if mantissa < 0 else ''}{digits[0]}{'.' if rest else ''}{rest}e{power}"


def _plain(mantissa: int, exponent: int) -> str:
    if not mantissa:
        return "0"
    exact = Decimal((int(mantissa < 0), tuple(map(int, str(abs(mantissa)))), exponent))
    text = format(exact, "f")
    return (format(exact, ",f") if len(text.lstrip("-").partition(".")[0]) > 4 else text).replace("-", "−")


def _with_unit(text: str, unit: str) -> str:
    return text if text == "0" else f"{text} {unit}"


def _months(low: Fraction, high: Fraction, most: int, zone: timezone) -> list[Tick]:
    first, last = _moment(low, zone), _moment(high, zone)
    begin, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    step = next((step for step in _MONTH_STEPS if step * most >= end - begin), _MONTH_STEPS[-1])
    ticks = []
    for month in range(-(-begin // step) * step, end + 1, step):
        then = datetime(month // 12, month % 12 + 1, 1, tzinfo=zone)
        at = Fraction(_seconds(then - datetime(1970, 1, 1, tzinfo=UTC)))
        if low <= at <= high:
            year = str(then.year)
            if step >= 12:
                ticks.append(Tick(at, year))
            else:
                told = any(tick.below == year for tick in ticks)
                ticks.append(Tick(at, _MONTHS[then.month - 1], "" if told else year))
    return ticks


def _clock(then: datetime, at: Fraction, step: Fraction) -> str:
    text = f"{then.hour:02}:{then.minute:02}"
    if step < _MINUTE:
        text += f":{then.second:02}"
    if step < 1:
        digits = len(str(int(1 / step))) - 1
        text += f".{int(at % 1 / step):0{digits}}" if digits else ""
    return text


def _moment(at: Fraction, zone: timezone) -> datetime:
    return datetime.fromtimestamp(math.floor(at), zone)


def _seconds(span: timedelta) -> int:
    return span.days * _DAY + span.seconds


def _apart(ticks: list[Tick], scale: Scale, width: float) -> bool:
    ends = [
        (middle - half, middle + half)
        for tick in ticks
        for middle, half in [(center(tick, scale, width), max(measure(tick.text), measure(tick.below)) / 2)]
    ]
    return all(right + _APART <= left for (_, right), (left, _) in pairwise(ends))
