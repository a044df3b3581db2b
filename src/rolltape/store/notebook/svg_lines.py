"""Lines with bands between their lowest and highest values, in pixels: what belongs together and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rolltape.store.notebook.style import ink, line_color, part
from rolltape.store.notebook.svg import number, path, title
from rolltape.store.notebook.svg_scale import Scale

Floats = NDArray[np.float64]

_SPARSE = 40  # points of a line, up to which each gets a dot


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch that one line leads through: arrays of [n], x increasing; y, low and high may be NaN."""

    x: Floats
    y: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Line:
    """One run or group."""

    name: str  # as its label shows it
    told: str  # in full
    pieces: list[Piece]
    breaks: list[tuple[float, str]] = field(default_factory=list)  # x of a dotted line, and what it is


def extent(lines: Sequence[Line], bands: bool) -> tuple[float, float] | None:
    """Of all that will be drawn; None if that is nothing."""
    shown = [
        values[np.isfinite(values)]
        for line in lines
        for piece in line.pieces
        for values in ((piece.y, piece.low, piece.high) if bands else (piece.y,))
    ]
    shown = [values for values in shown if len(values)]
    if not shown:
        return None
    return min(float(values.min()) for values in shown), max(float(values.max()) for values in shown)


def end_of(line: Line, across: Scale, rows: Scale) -> tuple[float, float] | None:
    """Where a line ends."""
    for piece in reversed(line.pieces):
        known = np.flatnonzero(np.isfinite(piece.y))[-1:]
        if len(known):
            return float(across.at(piece.x[known])[0]), float(rows.at(piece.y[known])[0])
    return None


def draw_lines(lines: Sequence[Line], named: int, bands: bool, across: Scale, rows: Scale) -> str:
    """Those without a name under all bands, and the bands under all other lines."""
    bottom, top = rows.start, rows.end
    drawn = []
    if lines[named:]:
        rest = "".join(
            f'<path d="{d}">{title(line.told)}</path>' for line in lines[named:] if (d := _through(line, across, rows))
        )
        drawn.append(f'<g fill="none" stroke-width=".8" stroke-opacity=".7" {part("other")}>{rest}</g>')
    if bands:
        opacity = min(0.22, 1 - 0.35 ** (1 / max(len(lines), 1)))  # all of them over each other stay below 65 %
        for i, line in enumerate(lines):
            if d := "".join(_around(piece, across, rows) for piece in line.pieces):
                drawn.append(
                    f'<g {line_color(ink(i, named))}><path class="rt-band" d="{d}" fill="currentColor" '
                    f'fill-opacity="{opacity:.2f}">{title(f"{line.told}: from the lowest to the highest")}</path></g>'
                )
    width = 1.6 if bands else 1
    for i, line in reversed(list(enumerate(lines[:named]))):
        style = ink(i, named)
        dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
        parts = [
            f'<path class="rt-restart" d="M{number(x)} {number(top)}V{number(bottom)}" stroke-dasharray="1 3">'
            f"{title(told)}</path>"
            for x, told in _breaks(line, across)
        ]
        if d := _through(line, across, rows):
            parts.append(f'<path class="rt-line" d="{d}"{dashes} stroke-linejoin="round"/>')
        if d := _dots(line, across, rows, bands):
            parts.append(f'<path class="rt-dots" d="{d}" stroke-width="4.5" stroke-linecap="round"/>')
        drawn.append(
            f'<g {line_color(style)} fill="none" stroke="currentColor" stroke-width="{width}">'
            f"{title(line.told)}{''.join(parts)}</g>"
        )
    return "".join(drawn)


def _breaks(line: Line, across: Scale) -> list[tuple[float, str]]:
    """Those that lie apart on the picture."""
    places = [(float(across.at(np.array([x]))[0]), told) for x, told in line.breaks]
    return sorted({round(x): (x, told) for x, told in places}.values())


def _through(line: Line, across: Scale, rows: Scale) -> str:
    """A path through all stretches of at least two points."""
    return "".join(path(x, y) for x, y in _stretches(line, across, rows) if len(x) > 1)


def _dots(line: Line, across: Scale, rows: Scale, sparse_too: bool) -> str:
    """Dots where a line would not be seen, and at all points of a line that has few."""
    stretches = _stretches(line, across, rows)
    points = sum(len(x) for x, _ in stretches)
    few = sparse_too and points <= _SPARSE
    return "".join(
        f"M{number(at)} {number(value)}h0"
        for x, y in stretches
        if few or len(x) == 1
        for at, value in zip(x.tolist(), y.tolist(), strict=True)
    )


def _stretches(line: Line, across: Scale, rows: Scale) -> list[tuple[Floats, Floats]]:
    """Pixels of what belongs together: no NaN is drawn over."""
    found = []
    for piece in line.pieces:
        x, y = across.at(piece.x), rows.at(piece.y)
        ends = np.flatnonzero(np.diff(np.isfinite(piece.y), prepend=False, append=False))
        found += [(x[begin:end], y[begin:end]) for begin, end in pairwise(ends.tolist()) if np.isfinite(y[begin])]
    return found


def _around(piece: Piece, across: Scale, rows: Scale) -> str:
    """The polygons between low and high; of a single point a bar."""
    known = np.isfinite(piece.low) & np.isfinite(piece.high)
    ends = np.flatnonzero(np.diff(known, prepend=False, append=False)).tolist()
    drawn = []
    for begin, end in pairwise(ends):
        if not known[begin]:
            continue
        x = across.at(piece.x[begin:end])
        low, high = rows.at(piece.low[begin:end]), rows.at(piece.high[begin:end])
        if end - begin == 1:
            x, low, high = np.array([x[0] - 3, x[0] + 3]), low.repeat(2), high.repeat(2)
        drawn.append(path(np.concatenate((x, x[::-1])), np.concatenate((high, low[::-1])), closed=True))
    return "".join(drawn)
