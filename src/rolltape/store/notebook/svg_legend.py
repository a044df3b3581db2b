"""Which line is which: labels beside the ends of few lines, or a list below of more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rolltape.store.notebook.style import Ink, line_color, part
from rolltape.store.notebook.svg import elide, label, measure, number, title

_WIDEST = 190.0  # label beside a line
_ROW = 15.0  # from one label to the next
_SWATCH = 20.0
_NEAR = 12.0  # pixels from the end of the plot, within which a line is led to its label


class Entry(NamedTuple):
    """A line's name (clean), what it is in full, how it is drawn, and where it ends (None: nothing of it is drawn)."""

    name: str
    told: str
    ink: Ink
    end: tuple[float, float] | None


def room_beside(names: Sequence[str]) -> float:
    """How many pixels the labels take on the right."""
    return 16 + _SWATCH + 5 + min(_WIDEST, max(map(measure, names), default=0.0)) + 16


def beside(entries: Sequence[Entry], x: float, top: float, bottom: float) -> str:
    """Labels right of x, in the order in which the lines end and as near to their ends as there is room.

    Lines that have ended before, and those of which nothing is drawn, have their labels among the others.
    """
    ordered = sorted(entries, key=lambda entry: (entry.end is None, entry.end[1] if entry.end else 0.0))
    heights = spread([bottom if entry.end is None else entry.end[1] for entry in ordered], top + 4, bottom - 4)
    drawn = []
    for entry, y in zip(ordered, heights, strict=True):
        lead = ""
        if entry.end is not None and entry.end[0] > x - _NEAR:
            start, end = f"{number(x + 3)} {number(entry.end[1])}", f"{number(x + 14)} {number(y)}"
            lead = f'<path d="M{start}L{end}" stroke="currentColor" stroke-opacity=".5" fill="none"/>'
        drawn.append(_entry(entry, x + 16, y, _WIDEST, lead))
    return "".join(drawn)


def below(entries: Sequence[Entry], more: int, width: float, top: float) -> tuple[str, float]:
    """A list in columns, that says how many ``more`` there are, and its height."""
    widest = max((measure(entry.name) for entry in entries), default=0.0)
    count = max(1, min(4, int((width - 36) // (min(widest, 330) + _SWATCH + 24))))
    column = (width - 36) / count
    rows = -(-(len(entries) + (more > 0)) // count)
    places = [(18 + i // rows * column, top + 8 + i % rows * _ROW) for i in range(len(entries) + 1)]
    room = column - _SWATCH - 24
    drawn = [_entry(entry, x, y, room) for entry, (x, y) in zip(entries, places, strict=False)]
    if more:
        x, y = places[-1]
        drawn.append(label(x, y + 4, f"and {more:,} more, in grey", part("muted")))
    return "".join(drawn), 8 + rows * _ROW


def _entry(entry: Entry, x: float, y: float, room: float, lead: str = "") -> str:
    dashes = f' stroke-dasharray="{entry.ink.dashes}"' if entry.ink.dashes else ""
    name = elide(entry.name, room)
    swatch = f'<path d="M{number(x)} {number(y)}h{number(_SWATCH)}" stroke="currentColor" stroke-width="2.4"{dashes}/>'
    return (
        f"<g {line_color(entry.ink)}>{title(entry.told)}{lead}{swatch}"
        f"{label(x + _SWATCH + 5, y + 4, name, part('ink'))}</g>"
    )


def spread(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Heights in the order of those wanted, a row apart, and (if there is room) between top and bottom."""
    blocks: list[tuple[float, int]] = []  # the height of the first, and how many touch each other
    for height in wanted:
        first, count = height, 1
        while blocks and blocks[-1][0] + blocks[-1][1] * _ROW > first:
            above, held = blocks.pop()
            first = (above * held + (first - held * _ROW) * count) / (held + count)
            count += held
        blocks.append((max(top, min(first, bottom - (count - 1) * _ROW)), count))
    heights = [first + i * _ROW for first, count in blocks for i in range(count)]
    for i in range(len(heights) - 2, -1, -1):
        heights[i] = min(heights[i], heights[i + 1] - _ROW)
    return heights
