"""The picture of the guide: one run of the demo, as three ways of logging show it. Used by make_pictures.py."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rolltape.store.model import Buckets, Curve, Points

WIDTH, HEIGHT = 1200, 330
PANEL, PLOT, TOP, BOTTOM = 384, 326, 74, 282
LIGHT = {"ground": "#ffffff", "ink": "#1b2126", "muted": "#58636d", "grid": "#e2e7ea", "line": "#1f5f99"}
DARK = {"ground": "#1a1e22", "ink": "#e3e7ea", "muted": "#9ba6b0", "grid": "#2c3238", "line": "#6cb3f2"}
EPOCH = 10_000  # environment steps
THINNED = 5  # a tracker that samples keeps one point of so many


def draw(points: Points, curve: Curve, color: dict[str, str]) -> str:
    """An SVG of three panels over environment steps.

    Args:
        points: every episode's return of one run.
        curve: the same as buckets.
        color: LIGHT or DARK.
    """
    step, value = points.step.astype(float), points.value
    last, highest = float(step[-1]), float(value.max())

    def x(steps: NDArray[np.float64]) -> NDArray[np.float64]:
        return steps / last * PLOT

    def y(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return BOTTOM - values / highest * (BOTTOM - TOP)

    ends = np.arange(EPOCH, last, EPOCH, float)
    means = np.array([value[(step > end - EPOCH) & (step <= end)].mean() for end in ends])
    buckets: Buckets = next(iter(curve.runs.values()))
    middle = (curve.edges[:-1] + curve.edges[1:]) / 2
    full = buckets.count > 0
    band = [*zip(x(middle[full]), y(buckets.max[full]), strict=True)]
    band += reversed([*zip(x(middle[full]), y(buckets.min[full]), strict=True)])
    stroke = f'fill="none" stroke="{color["line"]}"'
    corners = [*zip(x(ends), y(means), strict=True)]
    panels = [
        (
            "Store, then log",
            f"{len(value):,} episodes became {len(means)} means",
            f'<polyline points="{_pairs(corners)}" {stroke} stroke-width="2"/>'
            + "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color["line"]}"/>' for a, b in corners),
        ),
        (
            "Write now, to a tracker that samples",
            f"{len(value[::THINNED]):,} of {len(value):,} values, joined by a line",
            f'<polyline points="{_pairs(zip(x(step[::THINNED]), y(value[::THINNED]), strict=True))}" '
            f'{stroke} stroke-width="1"/>',
        ),
        (
            "rolltape",
            f"all {len(value):,} episodes, their mean, true min and max",
            f'<polygon points="{_pairs(band)}" fill="{color["line"]}" opacity="0.22"/>'
            + "".join(
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.1" fill="{color["ink"]}" opacity="0.45"/>'
                for a, b in zip(x(step), y(value), strict=True)
            )
            + f'<polyline points="{_pairs(zip(x(middle[full]), y(buckets.mean[full]), strict=True))}" '
            f'{stroke} stroke-width="2"/>',
        ),
    ]
    body = "".join(
        _panel(24 + i * PANEL, title, told, marks, last, highest, color)
        for i, (title, told, marks) in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{color["ground"]}"/>{body}</svg>\n'
    )


def _panel(left: float, title: str, told: str, marks: str, last: float, highest: float, color: dict[str, str]) -> str:
    lines = []
    for return_ in np.arange(0, highest + 1, 100):
        at = BOTTOM - return_ / highest * (BOTTOM - TOP)
        lines.append(f'<path d="M30 {at:.1f}h{PLOT}" stroke="{color["grid"]}"/>')
        lines.append(
            f'<text x="24" y="{at + 4:.1f}" text-anchor="end" font-size="12" fill="{color["muted"]}">'
            f"{return_:.0f}</text>"
        )
    for steps in (0, 50_000, 100_000, 150_000, 200_000, 250_000):
        at = 30 + min(steps / last, 1) * PLOT
        lines.append(
            f'<text x="{at:.1f}" y="{BOTTOM + 20}" text-anchor="middle" font-size="12" fill="{color["muted"]}">'
            f"{steps // 1000}k</text>"
        )
    return (
        f'<g transform="translate({left})">'
        f'<text x="0" y="30" font-size="17" font-weight="600" fill="{color["ink"]}">{title}</text>'
        f'<text x="0" y="52" font-size="13.5" fill="{color["muted"]}">{told}</text>'
        f'{"".join(lines)}<g transform="translate(30)">{marks}</g>'
        f'<text x="{30 + PLOT / 2}" y="{BOTTOM + 40}" text-anchor="middle" font-size="12" fill="{color["muted"]}">'
        f"episode return over environment steps</text></g>"
    )


def _pairs(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
