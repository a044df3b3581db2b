"""A chart of lines and bands over an x-axis as one SVG that needs nothing else: no script, no id, no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rolltape.store.notebook.style import ink, part
from rolltape.store.notebook.svg import clean, elide, escape, label, measure, number, title
from rolltape.store.notebook.svg_legend import Entry, below, beside, room_beside
from rolltape.store.notebook.svg_lines import Line, draw_lines, end_of, extent
from rolltape.store.notebook.svg_scale import Scale
from rolltape.store.notebook.svg_ticks import Tick, center, dates, durations, fitting, numbers, zone_of

WIDTH = 760
MOST_BANDS = 12  # lines that have bands; they are what is named beside its end
MOST_NAMED = 40  # lines that all have a colour and a name; of more the first ones do
FIRST = 12  # of more
_TOP, _BOTTOM = 42.0, 280.0
_TITLE = 14.0
_PAD = 0.05


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of the x-axis in which something is wrong, and what."""

    low: float
    high: float
    told: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn. ``x`` is step, time, relative, process or the name of a metric."""

    metric: str
    x: str
    span: tuple[float, float] | None  # of x; None: there is none
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    told: str = ""  # for those who cannot see it


def columns() -> int:
    """How many points a line may have: one for each pixel of the widest plot."""
    return WIDTH - 60


def draw(chart: Chart) -> str:
    """The SVG."""
    lines = chart.lines
    bands = len(lines) <= MOST_BANDS
    shown = extent(lines, bands)
    rows = Scale(*(shown or (0.0, 1.0)), _BOTTOM, _TOP, _PAD)
    y_ticks = numbers(rows.low, rows.high, 6) if shown else []
    left = 18 + max([24.0, *(measure(tick.text) for tick in y_ticks)])
    named = len(lines) if len(lines) <= MOST_NAMED else FIRST
    is_beside = 1 < len(lines) <= MOST_BANDS
    names = [clean(line.name) for line in lines[:named]]
    right = WIDTH - (room_beside(names) if is_beside else 20)
    across = Scale(*(chart.span or (0.0, 1.0)), left, right)

    x_ticks, x_title = _x_ticks(chart, across)
    bottom = _BOTTOM + (50 if any(tick.below for tick in x_ticks) else 37)
    entries = [
        Entry(name, line.told, ink(i, named), end_of(line, across, rows))
        for i, (name, line) in enumerate(zip(names, lines, strict=False))
    ]
    legend, height = "", bottom + 12
    if is_beside:
        legend = beside(entries, right, _TOP, _BOTTOM)
    elif len(lines) > 1:
        legend, legend_height = below(entries, len(lines) - named, WIDTH, bottom + 12)
        height += legend_height
    drawn = [
        f'<rect width="{WIDTH}" height="{number(height)}" rx="8" {part("ground")}/>',
        _heading(chart),
        _axes(y_ticks, x_ticks, rows, across),
        label((left + right) / 2, bottom, elide(clean(x_title), right - left), f'text-anchor="middle" {part("muted")}'),
        draw_lines(lines, named, bands, across, rows),
        *(_mark(mark, across) for mark in chart.marks),
        "" if shown else _nothing(chart, (left + right) / 2),
        legend,
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rt-chart" role="img" width="{WIDTH}" '
        f'height="{number(height)}" viewBox="0 0 {WIDTH} {number(height)}" font-family="system-ui, sans-serif" '
        f'font-size="11" aria-label="{escape(f"{chart.metric}: {chart.told}")}">{"".join(drawn)}</svg>'
    )


def _x_ticks(chart: Chart, across: Scale) -> tuple[list[Tick], str]:
    """The ticks, and what they are ticks of."""
    if chart.span is None:
        return [], chart.x
    low, high = Fraction(chart.span[0]), Fraction(chart.span[1])
    most = 9
    if chart.x == "time":
        zone = zone_of(chart.span[0])
        try:
            found = fitting(lambda count: dates(low, high, count, zone), across, WIDTH, most)
            return found, f"time ({zone.tzname(None)})"
        except (ValueError, OverflowError, OSError):
            pass
    if chart.x in ("relative", "process"):
        paused = " without pauses" if chart.x == "process" else ""
        found = fitting(lambda count: durations(low, high, count), across, WIDTH, most)
        return found, f"time since the run began{paused}"
    return fitting(lambda count: numbers(low, high, count, chart.x == "step"), across, WIDTH, most), chart.x


def _heading(chart: Chart) -> str:
    """The metric, and the run if there is one only."""
    metric = clean(chart.metric)
    run = clean(chart.lines[0].name) if len(chart.lines) == 1 else ""
    room = WIDTH - 40 - 12
    of_run = min(measure(run), room / 2)
    shown = elide(metric, (room - of_run) / 1.1, _TITLE)  # semi-bold is wider
    drawn = f'<text x="18" y="25" font-size="14" font-weight="600" {part("ink")}>{escape(shown)}{title(metric)}</text>'
    if run:
        drawn += label(WIDTH - 20, 25, elide(run, of_run), f'text-anchor="end" {part("muted")}')
    return drawn


def _axes(y_ticks: Sequence[Tick], x_ticks: Sequence[Tick], rows: Scale, across: Scale) -> str:
    left, right = across.pixel(across.low), across.pixel(across.high)
    drawn = []
    for tick in y_ticks:
        y = rows.pixel(tick.at)
        drawn.append(f'<path d="M{number(left)} {number(y)}H{number(right)}" {part("grid")}/>')
        drawn.append(label(left - 7, y + 4, tick.text, f'text-anchor="end" {part("muted")}'))
    drawn.append(f'<path d="M{number(left)} {number(_BOTTOM)}H{number(right)}" {part("axis")}/>')
    for tick in x_ticks:
        at, x = across.pixel(tick.at), center(tick, across, WIDTH)
        drawn.append(f'<path d="M{number(at)} {number(_BOTTOM)}v4" {part("axis")}/>')
        drawn.append(label(x, _BOTTOM + 16, tick.text, f'text-anchor="middle" {part("muted")}'))
        if tick.below:
            drawn.append(label(x, _BOTTOM + 29, tick.below, f'text-anchor="middle" {part("muted")}'))
    return "".join(drawn)


def _mark(mark: Mark, across: Scale) -> str:
    left, right = across.at(np.array([mark.low, mark.high])).tolist()
    if right - left < 2:
        left, right = (left + right) / 2 - 1, (left + right) / 2 + 1
    return (
        f'<rect x="{number(left)}" y="{number(_BOTTOM - 7)}" width="{number(right - left)}" height="7" '
        f"{part('bad')}>{title(mark.told)}</rect>"
    )


def _nothing(chart: Chart, x: float) -> str:
    what = "no value that is finite" if chart.marks else "nothing to draw"
    return label(x, (_TOP + _BOTTOM) / 2, what, f'text-anchor="middle" font-size="13" {part("muted")}')
