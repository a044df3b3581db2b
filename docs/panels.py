"""Pictures of the guide: panels side by side, each some marks over environment steps. Used by make_pictures.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Buckets, Curve, Points

LIGHT = {"ground": "#ffffff", "ink": "#1b2126", "muted": "#58636d", "grid": "#e2e7ea", "line": "#1f5f99"}
DARK = {"ground": "#1a1e22", "ink": "#e3e7ea", "muted": "#9ba6b0", "grid": "#2c3238", "line": "#6cb3f2"}
_HEIGHT, _TOP, _BOTTOM = 330, 74, 282
_PANEL, _PLOT, _LEFT = 384, 326, 30


class Line(NamedTuple):
    """A line through points[n] at steps[n]."""

    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    width: float = 2.0
    dots: bool = False


class Episodes(NamedTuple):
    """Every point as a dot, and its mean, minimum and maximum in buckets."""

    points: Points
    curve: Curve


class Panel(NamedTuple):
    title: str
    told: str
    marks: Line | Episodes


def draw(panels: Sequence[Panel], what: str, steps: float, lowest: float, highest: float, color: dict[str, str]) -> str:
    """An SVG.

    Args:
        panels: left to right.
        what: the metric, in words.
        steps: where the x-axis ends; it begins at 0.
        lowest, highest: of the y-axis.
        color: LIGHT or DARK.
    """
    width = _PANEL * len(panels) + 48
    scale = _Scale(steps, lowest, highest)
    body = "".join(_panel(24 + i * _PANEL, panel, what, scale, color) for i, panel in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" font-family="system-ui, sans-serif">'
        f'<rect width="{width}" height="{_HEIGHT}" rx="8" fill="{color["ground"]}"/>{body}</svg>\n'
    )


class _Scale(NamedTuple):
    steps: float
    lowest: float
    highest: float

    def x(self, steps: NDArray[np.float64]) -> NDArray[np.float64]:
        return _LEFT + np.minimum(steps / self.steps, 1) * _PLOT

    def y(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return _BOTTOM - (values - self.lowest) / (self.highest - self.lowest) * (_BOTTOM - _TOP)

    def pairs(self, steps: NDArray[np.float64], values: NDArray[np.float64]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(self.x(steps), self.y(values), strict=True))


def _panel(left: float, panel: Panel, what: str, scale: _Scale, color: dict[str, str]) -> str:
    axis = f'font-size="12" fill="{color["muted"]}"'
    lines = []
    for value in _ticks(scale.lowest, scale.highest):
        y = float(scale.y(np.array(value)))
        lines.append(f'<path d="M{_LEFT} {y:.1f}h{_PLOT}" stroke="{color["grid"]}"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" {axis}>{value:g}</text>')
    for step in _ticks(0, scale.steps):
        x = float(scale.x(np.array(step)))
        label = f"{step / 1000:g}k" if step else "0"
        lines.append(f'<text x="{x:.1f}" y="{_BOTTOM + 20}" text-anchor="middle" {axis}>{label}</text>')
    marks = _line(panel.marks, scale, color) if isinstance(panel.marks, Line) else _band(panel.marks, scale, color)
    return (
        f'<g transform="translate({left})">'
        f'<text x="0" y="30" font-size="17" font-weight="600" fill="{color["ink"]}">{panel.title}</text>'
        f'<text x="0" y="52" font-size="13.5" fill="{color["muted"]}">{panel.told}</text>'
        f"{''.join(lines)}{marks}"
        f'<text x="{_LEFT + _PLOT / 2}" y="{_BOTTOM + 40}" text-anchor="middle" {axis}>'
        f"{what} over environment steps</text></g>"
    )


def _line(line: Line, scale: _Scale, color: dict[str, str]) -> str:
    pairs = scale.pairs(line.steps, line.values)
    dots = [f'<circle cx="{x}" cy="{y}" r="3"/>' for x, y in (pair.split(",") for pair in pairs.split())]
    return (
        f'<polyline points="{pairs}" fill="none" stroke="{color["line"]}" stroke-width="{line.width}"/>'
        f'<g fill="{color["line"]}">{"".join(dots if line.dots else [])}</g>'
    )


def _band(episodes: Episodes, scale: _Scale, color: dict[str, str]) -> str:
    points, curve = episodes
    buckets: Buckets = next(iter(curve.runs.values()))
    full = buckets.count > 0
    middle = ((curve.edges[:-1] + curve.edges[1:]) / 2)[full]
    upper, lower = scale.pairs(middle, buckets.max[full]), scale.pairs(middle[::-1], buckets.min[full][::-1])
    dots = scale.pairs(points.step.astype(float), points.value).split()
    return (
        f'<polygon points="{upper} {lower}" fill="{color["line"]}" opacity="0.22"/>'
        f'<g fill="{color["ink"]}" opacity="0.45">'
        + "".join(f'<circle cx="{x}" cy="{y}" r="1.1"/>' for x, y in (pair.split(",") for pair in dots))
        + f'</g><polyline points="{scale.pairs(middle, buckets.mean[full])}" fill="none" '
        f'stroke="{color["line"]}" stroke-width="2"/>'
    )


def _ticks(lowest: float, highest: float) -> list[float]:
    """Round numbers from one end to the other, about five."""
    rough = (highest - lowest) / 5
    size = 10 ** np.floor(np.log10(rough))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough * 0.99)
    first = np.ceil(lowest / step)
    return [float(i * step) for i in np.arange(first, np.floor(highest / step + 1e-9) + 1)]
