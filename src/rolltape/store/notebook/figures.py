"""What a notebook shows of curves, groups and runs: static HTML with SVG in it, without scripts and other files.

Imported when a notebook asks, never by a process that trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Curve
from rolltape.store.notebook.curve_lines import common_project, lines_of, marks_of, per_line
from rolltape.store.notebook.style import style
from rolltape.store.notebook.svg import escape
from rolltape.store.notebook.svg_chart import FIRST, MOST_BANDS, MOST_NAMED, Chart, columns, draw
from rolltape.store.notebook.svg_lines import Line, Piece

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_LINES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class BandOfGroup:
    """A group's statistic over x; arrays are [b], x increasing. NaN: no value there, and nothing is drawn."""

    name: str
    x: Floats
    center: Floats
    low: Floats  # NaN: no bounds
    high: Floats
    n: Ints  # seeds at each x
    method: str  # what center, low and high are, as "IQM with 95 % percentile bootstrap"


def curve_html(curve: Curve) -> str:
    """A curve as a chart: one line a run, the mean of each bucket, in a band from its true minimum to its maximum.

    Above 12 runs there are no bands, above 40 the lines but the first 12 have no names, above 1,000 no more are drawn;
    the caption says so. Restarts break a line; NaN and infinities are marked on the x-axis.
    """
    keys = list(curve.runs)[:_MOST_LINES]
    width = per_line(len(keys) * (3 if len(keys) <= MOST_BANDS else 1), columns())
    has_axis = len(curve.edges) > 1
    span = (float(curve.edges[0]), float(curve.edges[-1])) if has_axis else None
    lines = lines_of(curve, keys, width) if has_axis else []
    told = _told_of(curve, lines)
    return _figure(Chart(curve.metric, curve.x, span, lines, marks_of(curve, columns()), told), told)


def group_html(metric: str, x_name: str, groups: Sequence[BandOfGroup]) -> str:
    """Groups as a chart: one line a group, its centre, in the band of its bounds; the caption has each method and n.

    Args:
        metric: its name.
        x_name: step, time (unix seconds), relative, process (seconds), or the name of a metric.
        groups: to be drawn. Where several x lie in a pixel, that has the mean of the centres and the outermost bounds.
    """
    width = per_line(len(groups) * 3, columns())
    ends = [(float(group.x[0]), float(group.x[-1])) for group in groups if len(group.x)]
    span = (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
    if span is not None and span[0] == span[1]:
        span = span[0] - 0.5, span[0] + 0.5 if abs(span[0]) < 1e15 else float(np.nextafter(span[0], np.inf))
    lines = [
        Line(
            f"{group.name} ({_n(group)})",
            f"{group.name}: {group.method}, {_n(group)}",
            [_thinned(group, span, width)] if span else [],
        )
        for group in groups
    ]
    told = "; ".join(f"{group.name}: {group.method}, {_n(group)}" for group in groups) or "no groups"
    return _figure(Chart(metric, x_name, span, lines, (), told), told)


def _figure(chart: Chart, told: str) -> str:
    return f'<div class="rolltape">{style()}{draw(chart)}<p class="rt-told">{escape(told)}</p></div>'


def _told_of(curve: Curve, lines: Sequence[Line]) -> str:
    """What the picture shows, in words."""
    if not curve.runs:
        return "no run has a point here"
    runs = list(curve.runs.values())
    buckets = max(len(curve.edges) - 1, 0)
    points = sum(int(one.count.sum()) for one in runs)
    nonfinite = sum(int(one.nonfinite.sum()) for one in runs)
    too_large = sum(int(((one.count > 0) & ~np.isfinite(one.mean)).sum()) for one in runs)
    restarts = sum(map(len, curve.gaps.values()))
    of_runs = f" of {len(runs):,} runs" if len(runs) != 1 else ""
    project = common_project(list(curve.runs)).removesuffix("/")
    points_drawn = sum(len(piece.x) for line in lines for piece in line.pieces)
    held = sum(int((curve.runs[line.told].count > 0).sum()) for line in lines)
    what = f"mean of {_counted(points, 'point')}" if points else "no finite point"
    parts = [f"{what}{of_runs} in {_counted(buckets, 'bucket')}"]
    if points and len(runs) <= MOST_BANDS:
        parts[0] += ", band = min and max of the raw points"
    elif points:
        parts.append(f"min and max are drawn for {MOST_BANDS} runs at most")
    if points_drawn < held:
        parts.append(f"drawn as {_counted(points_drawn, 'point')}, each of neighbouring buckets")
    if len(runs) > MOST_NAMED:
        of_all = "all" if len(runs) == len(lines) else f"{len(lines):,} of the"
        parts.append(f"{of_all} {len(runs):,} runs are drawn, the first {FIRST} in colour")
    parts.append("edges exact" if curve.exact else "edges within one bucket")
    if restarts:
        where = "dotted" if len(runs) <= MOST_NAMED else "where a line breaks"
        parts.append(f"{_counted(restarts, 'restart')} ({where})")
    if nonfinite:
        parts.append(f"{nonfinite:,} NaN or inf, in no statistic (red marks on the x-axis)")
    if too_large:
        parts.append(f"no mean in {_counted(too_large, 'bucket')} whose sum is no float64")
    if project and len(runs) > 1:
        parts.append(f"project {project}")
    return "; ".join(parts)


def _n(group: BandOfGroup) -> str:
    """The number of seeds where there is a value."""
    known = group.n[np.isfinite(group.center)]
    if not len(known):
        return "n = 0"
    least, most = int(known.min()), int(known.max())
    return f"n = {least}" + (f" to {most}" if most > least else "")


def _thinned(group: BandOfGroup, span: tuple[float, float], width: int) -> Piece:
    """At most one point a pixel; a pixel in which anything is unknown is so as a whole."""
    if len(group.x) <= width:
        return Piece(group.x, group.center, group.low, group.high)
    share = (group.x / 2 - span[0] / 2) / (span[1] / 2 - span[0] / 2)
    starts = np.flatnonzero(np.diff(np.floor(share * (width - 1)), prepend=-1.0))
    count = np.diff(starts, append=len(group.x))
    x, center = (np.add.reduceat(values / count.repeat(count), starts) for values in (group.x, group.center))
    return Piece(x, center, np.minimum.reduceat(group.low, starts), np.maximum.reduceat(group.high, starts))


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
