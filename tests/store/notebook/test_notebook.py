"""What notebooks show: every coordinate is held against the values, by the labels of the axes themselves."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import rolltape
from rolltape.store import Curve, Gap, RunInfo
from rolltape.store.buckets import as_buckets, equal_edges, gather, points_as_pieces
from rolltape.store.notebook import BandOfGroup, group_html, runs_html
from rolltape.store.notebook.style import DARK, DASHES, LIGHT, ink
from rolltape.store.notebook.svg import elide, measure, path
from rolltape.store.notebook.svg_legend import spread
from rolltape.store.notebook.svg_ticks import dates, durations, numbers

Floats = NDArray[np.float64]
Points = list[tuple[float, float]]

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert('x')</script>\"&\x00\x1b\ud800\u202e\uffff"
TAGS = ["div", "style", "svg", "rect", "path", "text", "title", "g", "p", "span", "b", "ul", "li"]
TAGS += ["table", "caption", "thead", "tbody", "tr", "th", "td"]
SIZES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def curve_of(
    runs: dict[str, tuple[Any, Any]],
    buckets: int = 100,
    span: tuple[float, float] = (0, 1000),
    gaps: dict[str, list[Gap]] | None = None,
    x: str = "step",
    metric: str = "train/return",
    exact: bool = False,
) -> Curve:
    edges = equal_edges(*span, buckets)
    found = {
        key: as_buckets(gather(points_as_pieces(np.asarray(at, float), np.asarray(value, float)), edges))
        for key, (at, value) in runs.items()
    }
    return Curve(metric, x, edges, found, gaps or {}, exact)


def noise(runs: int, buckets: int = 1000, points: int = 5000, with_nan: bool = False) -> Curve:
    rng = np.random.default_rng(0)
    at = np.linspace(0, 1000, points)
    drawn = {f"project/{i:04}-a-name-of-usual-length": (at, rng.normal(size=points)) for i in range(runs)}
    if with_nan:
        for _, value in drawn.values():
            value[::2] = np.nan
    return curve_of(drawn, buckets)


def parse(page: str) -> ET.Element:
    page.encode("utf-8")
    return ET.fromstring(page)


def drawing(page: str) -> ET.Element:
    found = parse(page).find(f"{SVG}svg")
    assert found is not None
    return found


def of_class(page: str, name: str) -> list[ET.Element]:
    return [element for element in parse(page).iter() if element.get("class") == name]


def told(page: str) -> str:
    return " ".join("".join(one.itertext()) for one in of_class(page, "rt-told"))


def titles(page: str) -> list[str]:
    return [str(one.text) for one in parse(page).iter(f"{SVG}title")]


def texts(page: str) -> list[tuple[float, float, str, str]]:
    """x, y, anchor and text of every label."""
    return [
        (float(one.get("x", "")), float(one.get("y", "")), one.get("text-anchor", "start"), str(one.text))
        for one in drawing(page).iter(f"{SVG}text")
    ]


def subpaths(d: str) -> list[Points]:
    """The points of M x y l dx dy dx dy ...; Z is left out."""
    found = []
    for part in d.split("M")[1:]:
        steps = [float(token) for token in re.findall(r"-?(?:\d*\.\d+|\d+)", part)]
        assert re.fullmatch(r"[-\d. ]+(l[-\d. ]+)?(h0)?Z?", part), part
        if part.endswith("h0"):
            steps.pop()
        at = np.cumsum(np.array(steps).reshape(-1, 2), axis=0)
        found.append([(round(x, 1), round(y, 1)) for x, y in at.tolist()])
    return found


def paths(page: str, name: str) -> list[list[Points]]:
    return [subpaths(one.get("d", "")) for one in of_class(page, name)]


def number_of(label: str) -> float:
    match = re.fullmatch(r"(−?[\d,]*\.?\d+(?:e-?\d+)?)([kMGT]?)", label)
    assert match, label
    return float(match[1].replace(",", "").replace("−", "-")) * SIZES[match[2]]


def to_values(page: str) -> tuple[Floats, Floats]:
    """(slope, start) that turn pixels of x, and of y, into values: what the reader of the axes would find."""
    labels = texts(page)
    grid = [float(re.split("[ H]", one.get("d", ""))[1]) for one in of_class(page, "rt-grid")]
    on_y = [(y, number_of(text)) for x, y, anchor, text in labels if anchor == "end" and x < 200 and y > 30]
    assert [y - 4 for y, _ in on_y] == pytest.approx(grid, abs=0.05)
    ticks = [float(one.get("d", "")[1:].split()[0]) for one in of_class(page, "rt-axis")[1:]]
    axis = max(y for y, _ in on_y if y)  # labels of x are below
    on_x = [number_of(text) for _, y, anchor, text in labels if anchor == "middle" and y > axis and text[0].isdigit()]
    return np.polyfit(ticks, on_x, 1), np.polyfit(grid, [value for _, value in on_y], 1)


def test_the_line_is_where_the_axes_say(tapes: Path) -> None:
    at, value = np.arange(0, 1000, 10) + 5, np.sin(np.arange(100) / 9) * 3
    page = curve_of({"p/a": (at, value)})._repr_html_()
    [[line]] = paths(page, "rt-line")
    (x_slope, x_start), (y_slope, y_start) = to_values(page)
    drawn = np.array(line)
    assert len(drawn) == 100
    assert drawn[:, 0] * x_slope + x_start == pytest.approx(at, abs=0.1 * x_slope)
    assert drawn[:, 1] * y_slope + y_start == pytest.approx(value, abs=0.1 * abs(y_slope))
    assert y_slope < 0 < x_slope


def test_the_band_is_the_true_minimum_and_maximum_however_many_buckets_there_are() -> None:
    rng = np.random.default_rng(0)
    value = rng.normal(size=100_000)
    value[54_321], value[77_777] = 9.0, -7.0
    curve = curve_of({"p/a": (np.linspace(0, 1000, 100_000), value)}, buckets=5000)
    page = curve._repr_html_()
    [[band]], [[line]] = paths(page, "rt-band"), paths(page, "rt-line")
    (_, _), (slope, start) = to_values(page)
    heights = np.array(band)[:, 1] * slope + start
    assert len(line) <= 700
    assert all(48 < y < 274 for _, y in band), "nothing touches the frame"
    assert (heights.max(), heights.min()) == pytest.approx((9.0, -7.0), abs=0.1 * abs(slope))
    wide = math.ceil(5000 / 700)
    one = curve.runs["p/a"]
    upper, lower = heights[: len(line)], heights[len(line) :][::-1]
    means = np.array(line)[:, 1] * slope + start
    for i in range(len(line)):
        held = slice(i * wide, (i + 1) * wide)
        weighted = (one.mean[held] * one.count[held]).sum() / one.count[held].sum()
        assert upper[i] == pytest.approx(one.max[held].max(), abs=0.1 * abs(slope))
        assert lower[i] == pytest.approx(one.min[held].min(), abs=0.1 * abs(slope))
        assert means[i] == pytest.approx(weighted, abs=0.1 * abs(slope))
    assert f"drawn as {len(line)} points, each of neighbouring buckets" in told(page)


@pytest.mark.parametrize(("buckets", "points"), [(700, 700), (701, 351), (1000, 500)])
def test_a_line_has_as_many_points_as_there_are_buckets_or_pixels(buckets: int, points: int) -> None:
    assert [len(part) for part in paths(noise(1, buckets, 50_000)._repr_html_(), "rt-line")[0]] == [points]


def test_means_are_weighted_when_buckets_are_put_together() -> None:
    curve = curve_of({"p/a": ([0.1] * 9 + [0.5] + [900], [0.0] * 9 + [10.0] + [5.0])}, buckets=3000)
    page = curve._repr_html_()
    (_, _), (slope, start) = to_values(page)
    first = paths(page, "rt-line")[0][0][0]
    assert first[1] * slope + start == pytest.approx(1.0, abs=0.1 * abs(slope))


def test_empty_buckets_are_drawn_over_but_restarts_are_not() -> None:
    at, value = np.array([5, 105, 205, 505, 605, 905]), np.arange(6.0)
    whole = curve_of({"p/a": (at, value)})
    assert [len(part) for part in paths(whole._repr_html_(), "rt-line")[0]] == [6]
    assert of_class(whole._repr_html_(), "rt-restart") == []
    page = replace(whole, gaps={"p/a": [Gap(205, 505)]})._repr_html_()
    assert [len(part) for part in paths(page, "rt-line")[0]] == [3, 3]
    assert len(paths(page, "rt-band")[0]) == 2
    [restart] = of_class(page, "rt-restart")
    (slope, start), _ = to_values(page)
    assert float(restart.get("d", "")[1:].split()[0]) * slope + start == pytest.approx(505, abs=0.1 * slope)
    assert restart.get("stroke-dasharray") == "1 3"
    assert "p/a: taken up again at step 505, after 205" in titles(page)
    assert "1 restart (dotted)" in told(page)


def test_a_restart_that_went_back_begins_where_it_went_back_to() -> None:
    page = curve_of({"p/a": (np.arange(5, 1000, 10), np.arange(100))}, gaps={"p/a": [Gap(700, 400)]})._repr_html_()
    assert [len(part) for part in paths(page, "rt-line")[0]] == [40, 60]


def test_buckets_are_never_put_together_over_a_restart() -> None:
    at = np.arange(3000) / 3
    page = curve_of({"p/a": (at, np.where(at < 499.9, 0.0, 10.0))}, 3000, gaps={"p/a": [Gap(499, 500.1)]})._repr_html_()
    before, after = paths(page, "rt-line")[0]
    _, (slope, start) = to_values(page)
    assert {round(y * slope + start, 1) for _, y in before} == {0.0}
    assert {round(y * slope + start, 1) for _, y in after} == {10.0}


@pytest.mark.parametrize("gap", [Gap(1, -5.0), Gap(1, 2000.0), Gap(1, 0.0), Gap(1, math.nan)])
def test_restarts_outside_of_the_window_are_not_drawn(gap: Gap) -> None:
    page = curve_of({"p/a": (np.arange(5, 1000, 10), np.arange(100))}, gaps={"p/a": [gap]})._repr_html_()
    assert [len(part) for part in paths(page, "rt-line")[0]] == [100]
    assert of_class(page, "rt-restart") == []


def test_nan_and_infinities_are_marked_on_the_axis() -> None:
    value = np.ones(100)
    value[[20, 60, 61]] = np.nan, np.inf, -np.inf
    other = np.ones(100)
    other[60] = np.nan
    at = np.arange(5, 1000, 10)
    page = curve_of({"p/a": (at, value), "p/b": (at, other)})._repr_html_()
    marks = of_class(page, "rt-bad")
    (slope, start), _ = to_values(page)
    ends = [[float(one.get("x", "")), float(one.get("x", "")) + float(one.get("width", ""))] for one in marks]
    assert np.array(ends) * slope + start == pytest.approx(np.array([[200, 210], [600, 620]]), abs=0.2 * slope)
    assert [str(one[0].text) for one in marks] == [
        "1 NaN or inf, step 200 to 210: p/a",
        "3 NaN or inf, step 600 to 620: p/a, p/b",
    ]
    assert "4 NaN or inf, in no statistic (red marks on the x-axis)" in told(page)
    assert "mean of 196 points" in told(page)


def test_marks_are_apart_if_there_is_room() -> None:
    value = np.ones(100)
    value[[20, 22, 23, 25]] = np.nan
    assert len(of_class(curve_of({"p/a": (np.arange(5, 1000, 10), value)})._repr_html_(), "rt-bad")) == 3


def test_where_a_mean_is_no_number_no_line_is_drawn_and_that_is_said() -> None:
    at = np.repeat(np.arange(5, 1000, 10), 3)
    value = np.where((at > 400) & (at < 500), 1.7e308, 1.0)
    page = curve_of({"p/a": (at, value)})._repr_html_()
    assert [len(part) for part in paths(page, "rt-line")[0]] == [40, 50]
    assert [len(part) for part in paths(page, "rt-band")[0]] == [200]
    assert "no mean in 10 buckets whose sum is no float64" in told(page)


def test_where_nothing_is_finite_that_is_said() -> None:
    page = curve_of({"p/a": ([1, 2], [np.nan, np.inf])}, exact=True)._repr_html_()
    assert told(page) == (
        "no finite point in 100 buckets; edges exact; 2 NaN or inf, in no statistic (red marks on the x-axis)"
    )
    assert "no value that is finite" in {text for *_, text in texts(page)}


def test_bands_over_each_other_let_the_grid_be_seen() -> None:
    for runs in (1, 4, 12):
        opacity = [float(one.get("fill-opacity", "")) for one in of_class(noise(runs, 20)._repr_html_(), "rt-band")]
        assert 1 - math.prod(1 - one for one in opacity) < 0.67
        assert max(opacity) <= 0.22


def test_many_restarts_are_as_many_as_can_be_seen() -> None:
    gaps = [Gap(i / 10, i / 10 + 0.1) for i in range(10_000)]
    page = curve_of({"p/a": (np.arange(5, 1000, 10), np.arange(100))}, gaps={"p/a": gaps})._repr_html_()
    assert 600 < len(of_class(page, "rt-restart")) <= 760
    assert "10,000 restarts (dotted)" in told(page)


def test_a_mark_of_a_narrow_bucket_can_be_seen() -> None:
    at = np.arange(100_000) / 100
    value = np.where(at == 500, np.nan, 1.0)
    [mark] = of_class(curve_of({"p/a": (at, value)}, buckets=50_000)._repr_html_(), "rt-bad")
    assert float(mark.get("width", "")) >= 2


def test_the_caption_says_what_is_shown() -> None:
    at = np.arange(20_000) / 20
    one = curve_of({"p/a": (at, at)}, 500, exact=True)
    assert (
        told(one._repr_html_())
        == "mean of 20,000 points in 500 buckets, band = min and max of the raw points; edges exact"
    )
    two = curve_of({"p/a": (at, at), "p/b": (at, at)}, 500)
    assert told(two._repr_html_()) == (
        "mean of 40,000 points of 2 runs in 500 buckets, band = min and max of the raw points; "
        "edges within one bucket; project p"
    )


@pytest.mark.parametrize(("runs", "bands", "lines", "more"), [(12, 12, 12, 0), (13, 0, 13, 0), (41, 0, 12, 29)])
def test_bands_and_names_are_for_as_many_as_can_be_told_apart(runs: int, bands: int, lines: int, more: int) -> None:
    page = noise(runs, 50)._repr_html_()
    assert (len(of_class(page, "rt-band")), len(of_class(page, "rt-line"))) == (bands, lines)
    labels = [text for *_, text in texts(page)]
    assert sum(text.endswith("-usual-length") for text in labels) == lines
    assert (f"and {more} more, in grey" in labels) == (more > 0)
    rest = [one for one in parse(page).iter() if one.get("class") == "rt-other"]
    assert sum(len(list(one)) for one in rest) == more
    assert {f"project/{i:04}-a-name-of-usual-length" for i in range(runs)} <= set(titles(page)), "all can be found"
    assert ("min and max are drawn for 12 runs at most" in told(page)) == (bands == 0)
    assert (f"all {runs} runs are drawn, the first 12 in colour" in told(page)) == (more > 0)


def test_more_than_a_thousand_runs_are_not_all_drawn_and_that_is_said() -> None:
    page = noise(1001, 10, 50)._repr_html_()
    assert "1,000 of the 1,001 runs are drawn" in told(page)
    assert "mean of 50,050 points of 1,001 runs" in told(page)
    assert "and 988 more, in grey" in {text for *_, text in texts(page)}


def test_each_line_can_be_told_from_all_others() -> None:
    assert len(set(LIGHT)) == len(set(DARK)) == 10
    assert len(set(DASHES)) == 5
    for lines in (2, 8, 9, 12, 40):
        inks = [ink(i, lines) for i in range(lines)]
        assert len(set(inks)) == lines
        if lines > 8:
            assert all(one.dashes != other.dashes and one.color != other.color for one, other in pairwise(inks))
    groups = [one for one in drawing(noise(12, 20)._repr_html_()).iter(f"{SVG}g") if one.get("color")]
    assert {one.get("class") for one in groups} == {f"rt-c{i}" for i in range(10)}
    assert all(LIGHT[int(one.get("class", "")[4:])] == one.get("color") for one in groups), "dark as in light"
    page = noise(9, 50)._repr_html_()
    assert len({(one.get("stroke-dasharray")) for one in of_class(page, "rt-line")}) == 5


def test_the_palette_is_that_of_the_page() -> None:
    source = (Path(__file__).parents[3] / "ui/src/palette.ts").read_text()
    for name, colors in (("LIGHT", LIGHT), ("DARK", DARK)):
        assert re.findall(r"#\w{6}", source.split(f"const {name} = ")[1].split("]")[0]) == colors


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_lines_and_labels_can_be_seen_on_their_ground() -> None:
    from rolltape.store.notebook.style import PARTS

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for which, colors in ((1, LIGHT), (2, DARK)):
        ground = PARTS["ground"][which]
        assert min(contrast(color, ground) for color in [*colors, PARTS["bad"][which]]) >= 3
        assert min(contrast(PARTS[name][which], ground) for name in ("ink", "muted")) >= 4.5


def test_light_and_dark_have_a_rule_for_every_colour() -> None:
    page = noise(41, 10)._repr_html_()
    [style] = [str(one.text) for one in parse(page).iter("style")]
    used = {one.get("class", "") for one in drawing(page).iter() if one.get("class", "") not in ("", "rt-chart")}
    used -= {"rt-line", "rt-band", "rt-dots", "rt-restart"}
    assert {"rt-c0", "rt-ground", "rt-ink", "rt-muted", "rt-grid", "rt-axis", "rt-other"} <= used
    by_system = style.split("@media (prefers-color-scheme:dark){")[1].split("}}")[0]
    by_notebook = style.split("html[data-theme=dark] .rolltape{")[1].split("}")[0]
    for name in used:
        assert re.search(rf"\.rolltape \.{name}{{(color|fill|stroke):var\(--{name},#\w{{6}}\)}}", style)
        assert f"--{name}:#" in by_system
        assert f"--{name}:#" in by_notebook
    assert "data-jp-theme-light=true" in by_system.split("{")[0], "a notebook that says it is light is light"
    selectors = ",".join(re.sub(r"{[^{}]*}", ",", style.replace("@media (prefers-color-scheme:dark)", "")).split("}"))
    for selector in filter(None, re.split("[{,]", selectors)):
        assert re.search(r"(^| )\.rolltape( |$)", selector), f"{selector} would reach what is not ours"


def strange() -> Iterator[tuple[str, Curve]]:
    at = np.arange(5, 1000, 10)
    line = np.linspace(0, 1, 100)
    yield "no runs", curve_of({})
    yield "no edges", Curve("m", "step", np.empty(0), {})
    yield "no points", curve_of({"p/a": ([], [])})
    yield "one point", curve_of({"p/a": ([7], [3.5])}, 1, (7, 7))
    yield "one bucket", curve_of({"p/a": (at, line), "p/b": (at, -line)}, 1)
    yield "constant", curve_of({"p/a": (at, np.ones(100))})
    yield "zero", curve_of({"p/a": (at, np.zeros(100))})
    yield "all NaN", curve_of({"p/a": (at, np.full(100, np.nan)), "p/b": (at, np.full(100, np.inf))})
    yield "one all NaN", curve_of({"p/a": (at, np.full(100, np.nan)), "p/b": (at, line)})
    yield "huge", curve_of({"p/a": (at, np.where(np.arange(100) % 2, 1e308, -1e308))})
    yield "too huge for means", curve_of({"p/a": (at, np.full(100, 1.7e308))}, 10)
    yield "tiny", curve_of({"p/a": (at, line * 1e-300)})
    yield "denormal", curve_of({"p/a": (at, np.where(line > 0.5, 5e-324, 0))})
    yield "far", curve_of({"p/a": (at, 1e9 + np.where(line > 0.5, 1, -1))})
    yield "next to each other", curve_of({"p/a": (at, np.where(line > 0.5, 1.0, np.nextafter(1.0, 2)))})
    yield "negative", curve_of({"p/a": (at, -line - 1000)})
    yield "hostile", curve_of({f"p/{HOSTILE}": (at, line), "p/" + "W" * 300: (at, line)}, metric=HOSTILE * 20)
    yield "hostile x", curve_of({"p/a": (at, line)}, x=HOSTILE)
    yield "wide names", curve_of({"p/" + "日本語" * 20: (at, line), "p/b": (at, line)}, metric="日本語" * 50)
    yield "far steps", curve_of({"p/a": (at + 1e12, line)}, 100, (1e12, 1e12 + 1000))
    yield "steps from -1e308", curve_of({"p/a": ((at / 500 - 1) * 1e308, line)}, 100, (-1e308, 1e308))
    yield "times", curve_of({"p/a": (1.77e9 + at, line)}, 100, (1.77e9, 1.77e9 + 1000), x="time")
    yield "times beyond the calendar", curve_of({"p/a": (at, line)}, 100, (-1e15, 1e15), x="time")
    yield "relative", curve_of({"p/a": (at, line)}, x="relative")
    yield "process", curve_of({"p/a": (at * 1e9, line)}, 100, (0, 1e12), x="process")
    yield "many restarts", curve_of({"p/a": (at, line)}, gaps={"p/a": [Gap(i, i + 1) for i in range(1000)]})
    yield "thirty", noise(30, 30)
    yield "twelve that end alike", curve_of({f"p/{i}": (at, line) for i in range(12)})


@pytest.mark.parametrize("curve", [pytest.param(curve, id=name) for name, curve in strange()])
def test_everything_is_drawn_inside_and_harmless(curve: Curve) -> None:
    page = curve._repr_html_()
    assert_harmless(page)
    svg = drawing(page)
    _, _, width, height = map(float, svg.get("viewBox", "").split())
    assert (float(svg.get("width", "")), float(svg.get("height", ""))) == (width, height)
    boxes = []
    for x, y, anchor, text in texts(page):
        assert 0 < y < height
        wide = measure(text, 14 if y == 25 and anchor == "start" else 11)
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        assert left >= -0.1
        assert left + wide <= width + 0.1
        boxes.append((left, left + wide, y - 9, y + 2, text))
    for one, other in combinations(boxes, 2):
        apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
        assert apart, (one, other)
    for name in ("rt-line", "rt-band", "rt-dots"):
        for x, y in [point for one in paths(page, name) for part in one for point in part]:
            assert 30 <= x <= width
            assert 42 <= y <= 280
    for one in svg.iter():
        for key in ("d", "x", "y", "width", "height"):
            assert not re.search("nan|inf", one.get(key, ""))
            assert not re.search(r"\.\d\d\d", one.get(key, "")), "two decimals at most"


def assert_harmless(page: str) -> None:
    root = parse(page)
    for one in root.iter():
        assert one.tag.rpartition("}")[2] in TAGS
        assert not {name for name in one.keys() if name.startswith("on") or name in ("id", "href", "src")}  # noqa: SIM118
    assert re.findall(r"\w+://[^\"]*", page) == page.count("<svg") * ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|javascript:", page)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def test_what_is_hostile_is_shown_as_it_is() -> None:
    page = curve_of({f"p/{HOSTILE}": ([1, 2], [1, 2]), "p/b": ([1], [1])}, metric=HOSTILE)._repr_html_()
    seen = "</title><script>alert('x')</script>\"&\\x00\\x1b\\ud800\\u202e\\uffff"
    assert seen in titles(page)
    assert f"p/{seen}" in titles(page)
    assert drawing(page).get("aria-label", "").startswith(seen)


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats()), max_size=30),
    st.integers(1, 1500),
    st.lists(st.builds(Gap, st.floats(0, 1000), st.floats(0, 1000)), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_any_values_can_be_drawn(points: Points, buckets: int, gaps: list[Gap]) -> None:
    at, value = (list(column) for column in zip(*points, strict=True)) if points else ([], [])
    page = curve_of({"p/a": (at, value)}, buckets, gaps={"p/a": gaps})._repr_html_()
    assert_harmless(page)
    for name in ("rt-line", "rt-band", "rt-dots"):
        for x, y in [point for one in paths(page, name) for part in one for point in part]:
            assert 30 <= x <= 745
            assert 42 <= y <= 280


@pytest.mark.parametrize("runs", [1, 12, 13, 500])
def test_size_is_limited(runs: int) -> None:
    assert len(noise(runs)._repr_html_().encode()) < 300_000
    assert len(noise(runs, with_nan=True)._repr_html_().encode()) < 300_000


def test_labels_stand_beside_the_ends_of_their_lines() -> None:
    at = np.arange(5, 1000, 10)
    ends = {"p/low": 0.0, "p/high": 10.0, "p/middle": 5.0, "p/middle too": 5.0}
    page = curve_of({key: (at, np.full(100, end)) for key, end in ends.items()})._repr_html_()
    labels = {text: y for x, y, _, text in texts(page) if text in {key[2:] for key in ends}}
    assert sorted(labels, key=labels.__getitem__)[::3] == ["high", "low"]
    last = {str(one[0].text): one for one in drawing(page).iter(f"{SVG}g") if one.find(f"{SVG}text") is None}
    for name in ("low", "high"):
        line = next(path for path in last[f"p/{name}"] if path.get("class") == "rt-line")
        assert labels[name] - 4 == pytest.approx(subpaths(line.get("d", ""))[0][-1][1], abs=8)
    assert abs(labels["middle"] - labels["middle too"]) == pytest.approx(15, abs=0.1)
    colors = {one.get("color") for one in drawing(page).iter(f"{SVG}g") if one.find(f"{SVG}text") is not None}
    assert colors == set(LIGHT[:4])


def test_the_label_of_a_restarted_line_is_at_its_last_end() -> None:
    at, value = np.arange(5, 1000, 10), np.arange(100)
    curve = curve_of({"p/a": (at, -value), "p/b": (at, value)}, gaps={"p/a": [Gap(15, 25)], "p/b": [Gap(15, 25)]})
    heights = {text: y for _, y, _, text in texts(curve._repr_html_()) if text in ("a", "b")}
    assert heights["b"] < 70
    assert heights["a"] > 250


@given(st.lists(st.floats(46, 276), min_size=1, max_size=12))
def test_labels_lie_apart_and_near(wanted: list[float]) -> None:
    wanted.sort()
    heights = spread(wanted, 46, 276)
    assert all(later - earlier >= 15 - 1e-6 for earlier, later in pairwise(heights))
    assert heights[0] >= 46 - 1e-6
    assert heights[-1] <= 276 + 1e-6
    if all(later - earlier >= 15 for earlier, later in pairwise(wanted)):
        assert heights == pytest.approx(wanted)


def test_as_many_ticks_are_there_as_there_is_room_for() -> None:
    for low, least in ((0, 5), (1e12, 3)):
        at = low + np.arange(5, 1000, 10)
        page = curve_of({"p/a": (at, at)}, 100, (low, low + 1000), metric="m")._repr_html_()
        assert len([text for _, y, anchor, text in texts(page) if anchor == "middle" and y == 296]) >= least


def test_a_label_has_the_colour_and_the_dashes_of_its_line() -> None:
    for runs in (3, 9, 20):
        page = noise(runs, 30)._repr_html_()
        inks: dict[str, set[tuple[str | None, str | None]]] = {}
        for group in drawing(page).iter(f"{SVG}g"):
            key = str(group[0].text)
            strokes = [one for one in group if one.get("class") == "rt-line" or one.get("stroke-width") == "2.4"]
            inks.setdefault(key, set()).update((group.get("color"), one.get("stroke-dasharray")) for one in strokes)
        alike = [inks[key] for key in inks if key.startswith("project/") and ":" not in key]
        assert len(alike) == runs
        assert all(len(one) == 1 for one in alike)


def test_a_single_run_is_named_in_the_heading_and_points_alone_are_dots() -> None:
    page = curve_of({"p/only": ([5, 505], [1.0, 2.0])}, gaps={"p/only": [Gap(5, 505)]})._repr_html_()
    assert "p/only" in {text for *_, text in texts(page)}
    assert of_class(page, "rt-line") == []
    assert [len(part) for part in paths(page, "rt-dots")[0]] == [1, 1]
    steady = np.append(np.arange(0, 950, 5), 995)
    page_of_many = curve_of({"p/only": (steady, steady)}, 200, gaps={"p/only": [Gap(945, 995)]})._repr_html_()
    assert [len(part) for part in paths(page_of_many, "rt-dots")[0]] == [1]
    bar = paths(page, "rt-band")[0][0]
    assert max(x for x, _ in bar) - min(x for x, _ in bar) == pytest.approx(6)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.integers(1, 9))
def test_ticks_are_where_their_labels_say(one: float, other: float, most: int) -> None:
    low, high = sorted((Fraction(one), Fraction(other)))
    if low == high:
        return
    ticks = numbers(low, high, most)
    assert len(ticks) <= most + 1
    assert len({tick.text for tick in ticks}) == len(ticks)
    for tick in ticks:
        assert low - (high - low) / 10**9 <= tick.at <= high + (high - low) / 10**9
        said = Fraction(re.sub("[kMGT,]", "", tick.text).replace("−", "-")) * int(
            SIZES[tick.text[-1:].strip("-.0123456789")]
        )
        assert said == tick.at
    steps = {later.at - earlier.at for earlier, later in pairwise(ticks)}
    assert len(steps) <= 1
    assert len(numbers(low, high, 5)) >= 2


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1_000_000, "0 200k 400k 600k 800k 1M"),
        (0, 2500, "0 500 1000 1500 2000 2500"),
        (0, 1.2, "0 0.2 0.4 0.6 0.8 1.0 1.2"),
        (-1e-5, 0, "−1e-5 −8e-6 −6e-6 −4e-6 −2e-6 0"),
        (10**9 - 1, 10**9 + 1, "999,999,999.0 999,999,999.5 1,000,000,000.0 1,000,000,000.5 1,000,000,001.0"),
        (0, 1e308, "0 2e307 4e307 6e307 8e307 1e308"),
    ],
)
def test_labels_of_numbers(low: float, high: float, labels: str) -> None:
    assert [tick.text for tick in numbers(Fraction(low), Fraction(high), 6)] == labels.split()


def test_steps_have_no_fractions() -> None:
    assert [tick.text for tick in numbers(Fraction(7), Fraction(9), 7, whole=True)] == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("high", "labels"),
    [
        (0.02, "0, 0.005 s, 0.010 s, 0.015 s, 0.020 s"),
        (90, "0, 15 s, 30 s, 45 s, 60 s, 75 s, 90 s"),
        (3600, "0, 10 min, 20 min, 30 min, 40 min, 50 min, 60 min"),
        (36_000, "0, 2 h, 4 h, 6 h, 8 h, 10 h"),
        (86400 * 30, "0, 5 d, 10 d, 15 d, 20 d, 25 d, 30 d"),
    ],
)
def test_labels_of_lengths_of_time(high: float, labels: str) -> None:
    ticks = durations(Fraction(0), Fraction(high), 6)
    assert ", ".join(tick.text for tick in ticks) == labels
    sizes = {"0": 0, "s": 1, "min": 60, "h": 3600, "d": 86400}
    for tick in ticks:
        number, _, unit = tick.text.partition(" ")
        assert tick.at == Fraction(number) * sizes[unit or "0"]


@pytest.mark.parametrize(
    ("low", "span", "labels"),
    [
        (1_772_000_000, 1, "08:13:20.0/25 Feb 2026 08:13:20.2 08:13:20.4 08:13:20.6 08:13:20.8 08:13:21.0"),
        (1_772_000_000, 3600, "08:20/25 Feb 2026 08:30 08:40 08:50 09:00 09:10"),
        (1_772_000_000, 86400, "12:00/25 Feb 2026 18:00 00:00/26 Feb 2026 06:00"),
        (1_772_000_000, 86400 * 5, "26 Feb/2026 27 Feb 28 Feb 1 Mar 2 Mar"),
        (1_772_000_000, 86400 * 365, "Mar/2026 May Jul Sep Nov Jan/2027"),
        (1_772_000_000, 86400 * 3650, "2028 2030 2032 2034 2036"),
        (0, 1e11, "2000 3000 4000 5000"),
    ],
)
def test_labels_of_dates(low: float, span: float, labels: str) -> None:
    from datetime import datetime

    zone = timezone(timedelta(hours=2))
    ticks = dates(Fraction(low), Fraction(low) + Fraction(span), 6, zone)
    shown = " ".join(tick.text + (f"/{tick.below}" if tick.below else "") for tick in ticks)
    assert shown == labels
    for tick in ticks:
        assert low <= tick.at <= low + Fraction(span)
        then = datetime.fromtimestamp(float(tick.at), zone)
        if ":" in tick.text:
            assert tick.text.startswith(then.strftime("%H:%M"))
        else:
            assert (then.hour, then.minute, then.second) == (0, 0, 0)


@given(st.lists(st.tuples(st.floats(-9999, 9999), st.floats(-9999, 9999)), min_size=1, max_size=20))
def test_a_path_is_exact_to_a_tenth_however_long(points: Points) -> None:
    x, y = (np.array(column) for column in zip(*points, strict=True))
    [found] = subpaths(path(x, y))
    assert np.array(found) == pytest.approx(np.array(points), abs=0.0501)


@given(st.text(max_size=300), st.floats(20, 500))
def test_what_is_shortened_fits(text: str, room: float) -> None:
    shown = elide(text, room)
    assert shown == text or (measure(shown) <= room or len(shown) <= 3)
    assert (shown == text) == (measure(text) <= room)
    if "…" not in text and shown != text:
        head, _, tail = shown.partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


def info(number: int, **given: Any) -> RunInfo:
    facts: dict[str, Any] = {
        "key": f"p/{number}",
        "id": f"id-{number}",
        "project": "p",
        "name": f"name-{number}",
        "config": {"lr": 0.1, "seed": number, "net": {"width": 64}},
        "tags": ["one", "two"],
        "status": "finished",
        "error": None,
        "exit_code": None,
        "started": 1_772_000_000.0 + number,
        "ended": 1_772_003_600.0 + number,
        "points": 1_234_567,
        "lost": 0,
        "environment": {},
    }
    return RunInfo(**facts | given)


def table(page: str) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in parse(page).iter("tr")]


def test_a_run_is_a_table_of_what_is_known() -> None:
    rows = dict(table(info(3)._repr_html_()))
    assert rows.pop("started").startswith("2026-02-25 ")
    assert rows == {
        "name": "name-3",
        "project": "p",
        "id": "id-3",
        "status": "● finished",
        "duration": "1 h 0 min",
        "points": "1,234,567",
        "lost": "0",
        "tags": "one, two",
        "config": "lr = 0.1seed = 3net.width = 64",
    }
    assert of_class(info(3)._repr_html_(), "rt-wrong") == []


def test_what_went_wrong_is_red() -> None:
    page = info(1, status="failed", error="it <broke>", exit_code=2, lost=1234)._repr_html_()
    rows = dict(table(page))
    assert rows["status"] == "● failed, exit code 2"
    assert [one.text for one in of_class(page, "rt-wrong")] == ["it <broke>", "1,234 rows could not be recorded"]
    assert re.search(r"rt-wrong{color:#d6453d", page)


def test_forty_keys_of_a_config_are_shown() -> None:
    page = info(1, config={"deep": {f"k{i}": i for i in range(60)}})._repr_html_()
    entries = [one.text for one in parse(page).iter("li")]
    assert entries[39:] == ["deep.k39 = 39", "… and 20 more"]
    assert len(list(parse(info(1, config={f"k{i}": i for i in range(40)})._repr_html_()).iter("li"))) == 40


def test_a_run_that_goes_on_has_lasted_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_772_000_001.0 + 90)
    assert dict(table(info(1, status="running", ended=None)._repr_html_()))["duration"] == "1 min 30 s so far"


def test_runs_are_newest_first_with_what_differs() -> None:
    page = runs_html([info(1), info(3, lost=7, status="killed"), info(2, config={"lr": 0.1, "seed": 2, "new": True})])
    head, *rows = table(page)[0:]
    assert head[:5] == ["status", "name", "seed", "net.width", "new"]
    assert [row[:5] for row in rows] == [
        ["● killed", "name-3", "3", "64", ""],
        ["● finished", "name-2", "2", "", "true"],
        ["● finished", "name-1", "1", "64", ""],
    ]
    assert [row[head.index("lost rows")] for row in rows] == ["7", "0", "0"]
    assert [one.text for one in of_class(page, "rt-wrong")] == ["7"]
    assert [row[-1] for row in rows] == ["id-3", "id-2", "id-1"]
    assert "3 runs in p" in page
    dots = [one.get("style") for one in parse(page).iter("span")]
    assert dots[0] != dots[1] == dots[2]


def test_equal_settings_are_no_column() -> None:
    one, other = {"a": 1, "b": True, "c": math.nan, "d": [1]}, {"a": 1.0, "b": 1, "c": math.nan, "d": [1]}
    assert table(runs_html([info(1, config=one), info(2, config=other)]))[0][:3] == ["status", "name", "b"]


def test_two_hundred_runs_are_shown() -> None:
    page = runs_html([info(i) for i in range(250)])
    assert len(table(page)) == 201
    assert table(page)[1][1] == "name-249"
    assert told(page) == "and 50 more"
    assert told(runs_html([info(i) for i in range(200)])) == ""


def test_very_many_differing_settings_do_not_make_a_very_wide_table() -> None:
    page = runs_html([info(i, config={f"k{j}": i for j in range(30)}) for i in range(2)])
    assert sum(cell.startswith("k") for cell in table(page)[0]) == 12
    assert told(page) == "18 more keys of the configs differ"


def test_no_runs_and_several_projects() -> None:
    assert "0 runs" in runs_html([])
    page = runs_html([info(1), info(2, project="q")])
    assert "2 runs in 2 projects" in page
    assert [row[1] for row in table(page)] == ["project", "q", "p"]


@pytest.mark.parametrize("field", ["id", "project", "name", "error", "tags", "config", "status"])
def test_hostile_runs_are_harmless(field: str) -> None:
    value: Any = {"tags": [HOSTILE], "config": {HOSTILE: HOSTILE, "deep": {HOSTILE: [HOSTILE]}}}.get(field, HOSTILE)
    for page in (info(1, **{field: value})._repr_html_(), runs_html([info(1, **{field: value}), info(2)])):
        assert_harmless(page)
        assert field in ("error", "tags") or "alert(" in "".join(parse(page).itertext())


def test_strange_times_are_no_errors() -> None:
    for started, ended in ((math.nan, None), (1e300, 2.0), (-1e18, math.inf), (5.0, 1.0)):
        rows = dict(table(info(1, started=started, ended=ended)._repr_html_()))
        assert "?" in rows["duration"] + rows["started"]
        runs_html([info(1, started=started, ended=ended)])


def group(name: str, center: Floats, n: int = 5, method: str = "IQM with 95 % percentile bootstrap") -> BandOfGroup:
    count = np.where(np.isfinite(center), n, 0)
    return BandOfGroup(name, np.linspace(0, 1000, len(center)), center, center - 1, center + 1, count, method)


def test_groups_name_their_method_and_n() -> None:
    short = replace(group("sac", np.full(50, 3.0), 3, "mean with 95 % Student's t"), n=np.repeat([2, 3], 25))
    page = group_html("return", "step", [group("ppo", np.arange(50.0)), short])
    assert told(page) == ("ppo: IQM with 95 % percentile bootstrap, n = 5; sac: mean with 95 % Student's t, n = 2 to 3")
    assert {"ppo (n = 5)", "sac (n = 2 to 3)", "return"} <= {text for *_, text in texts(page)}
    assert "ppo: IQM with 95 % percentile bootstrap, n = 5" in titles(page)
    assert_harmless(page)
    (_, _), (slope, start) = to_values(page)
    upper = paths(page, "rt-band")[0][0][:50]
    assert [y * slope + start for _, y in upper] == pytest.approx(np.arange(50) + 1.0, abs=0.1 * abs(slope))


def test_groups_are_not_drawn_over_what_is_unknown() -> None:
    center = np.arange(60.0)
    center[20:30] = np.nan
    one = group("a", center)
    page = group_html("m", "step", [replace(one, low=np.where(np.arange(60) < 50, one.low, np.nan))])
    assert [len(part) for part in paths(page, "rt-line")[0]] == [20, 30]
    assert [len(part) for part in paths(page, "rt-band")[0]] == [40, 40]
    assert "n = 5" in told(page)


def test_groups_of_very_many_points_keep_their_outermost_bounds() -> None:
    one = group("a", np.zeros(50_000))
    one.high[12_345], one.low[23_456] = 8.0, -6.0
    page = group_html("m", "step", [one])
    (_, _), (slope, start) = to_values(page)
    heights = [y * slope + start for _, y in paths(page, "rt-band")[0][0]]
    assert len(heights) <= 1400
    assert (max(heights), min(heights)) == pytest.approx((8, -6), abs=0.1 * abs(slope))


def test_no_groups_and_empty_groups() -> None:
    empty = np.empty(0)
    for groups in ([], [BandOfGroup("a", empty, empty, empty, empty, np.empty(0, np.int64), "mean")]):
        page = group_html("m", "time", groups)
        assert_harmless(page)
        assert "nothing to draw" in {text for *_, text in texts(page)}
    one = BandOfGroup(
        HOSTILE, np.array([5.0]), np.array([1.0]), np.array([0.0]), np.array([2.0]), np.array([3]), HOSTILE
    )
    assert_harmless(group_html(HOSTILE, HOSTILE, [one] * 20))


def test_nothing_of_it_is_loaded_before_a_notebook_asks() -> None:
    code = (
        "import sys, rolltape.store as store; from rolltape.store import buckets; import numpy as np;"
        "names = lambda: [m for m in sys.modules if 'notebook' in m or 'svg' in m]; assert not names(), names();"
        "store.Curve('m', 'step', np.arange(3.0), {})._repr_html_(); assert names()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_recorded_run_is_shown(tapes: Path) -> None:
    with rolltape.init(project="cartpole", name="ppo") as run:
        for i in range(3000):
            run.log({"return": float(i)}, step=10 * i)
    store = rolltape.open()
    page = store.curve("return")._repr_html_()
    assert "mean of 3,000 points in 1,000 buckets" in told(page)
    assert len(paths(page, "rt-line")[0][0]) == 500
    assert dict(table(store.runs()[0]._repr_html_()))["points"] == "3,000"
