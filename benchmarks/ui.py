"""The page in Chromium without a GPU: what it weighs, what it shows and how soon, and what it costs; beside others."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ui_live, ui_rolltape
from benchmarks.child import ChildError, in_child
from benchmarks.effort import QUICK, Effort
from benchmarks.peers.ui_tools import TOOLS
from benchmarks.row import Row, skipped
from benchmarks.ui_browser import BrowserError, NoBrowser, chromium
from benchmarks.ui_charts import draws, useful_paints
from benchmarks.ui_data import NAMES, POINTS, RUNS, SPIKES, STEPS
from benchmarks.ui_peers import Shown, side_by_side
from benchmarks.ui_windows import BUCKETS, DEEP, windows

STATIC = Path(__file__).resolve().parent.parent / "src" / "rolltape" / "server" / "_static"
WEIGHT = 80_000  # bytes
PAINT, FIRST, REDRAW = 1000, 400, 150  # ms
GROWTH = 50  # MiB
LATE = 1.0  # s
CORE = 0.25  # of a core


def weight_row() -> Row:
    """Scripts and styles as they are sent: the build compresses them with Brotli. gzip is told beside it."""
    what, asked = "scripts and styles of the page, as sent (Brotli)", f"≤ {WEIGHT // 1000} kB"
    files = [path for kind in ("*.js", "*.css") for path in sorted(STATIC.rglob(kind))]
    if not files:
        return skipped(what, asked, "the page is not built")
    sizes = {path.name: path.with_name(f"{path.name}.br").stat().st_size for path in files}
    total = sum(sizes.values())
    zipped = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)
    text = " + ".join(f"{size / 1e3:.1f} {name.rpartition('.')[2]}" for name, size in sizes.items())
    return Row(what, asked, f"{total / 1e3:.1f} kB ({text}); gzip -9: {zipped / 1e3:.1f} kB", total <= WEIGHT, sizes)


def peer_rows(effort: Effort, install: bool) -> list[Row]:
    """Time to the first chart and spikes kept, beside the tools that may be installed."""
    names = tuple(name for name in TOOLS if install or not TOOLS[name].packages)

    def measure(browser: Any, place: Path) -> list[Row]:
        found = side_by_side(browser, place, _times(effort), names)
        ours, others = found.pop("rolltape"), list(found.values())
        return [_first_row(ours, others), *_spike_rows(ours, others)]

    return _rows_of("the page beside others", measure)


def paint_rows(effort: Effort) -> list[Row]:
    """A thousand runs."""
    what = f"first useful paint, {ui_rolltape.MANY:,} runs × {ui_rolltape.MANY_METRICS} metrics, server just started"

    def measure(browser: Any, place: Path) -> list[Row]:
        root, cache = str(place / "many"), str(place / "cache")
        in_child("benchmarks.ui_rolltape:record_many", root=root)
        in_child("benchmarks.ui_rolltape:warm_catalogue", root=root, cache=cache)
        taken = useful_paints(browser, root, cache, _times(effort))
        text = f"{median(taken) / 1e3:.2f} s ({max(taken) / 1e3:.2f} at most of {len(taken)})"
        return [Row(what, f"≤ {PAINT / 1e3:.0f} s", text, median(taken) <= PAINT, {"ms": taken})]

    return _rows_of(what, measure)


def draw_rows(effort: Effort) -> list[Row]:
    """Groups of long runs in one chart."""
    groups, seeds, points = ui_rolltape.GROUPS, ui_rolltape.SEEDS, ui_rolltape.LONG
    what = f"chart of {groups} groups × {seeds} seeds × {points:,} points with bands"

    def measure(browser: Any, place: Path) -> list[Row]:
        root = str(place / "groups")
        in_child("benchmarks.ui_rolltape:record_groups", root=root)
        found = draws(browser, root, str(place / "cache"), _times(effort))
        whole = found["points"] == groups * seeds * points
        note = "" if whole else f"; but by itself the page shows {found['points']:,} points"
        first, redraw, opened = (median(found[name]) for name in ("first", "zoom", "opened"))
        of_first = f"({max(found['first']):.0f} at most of {len(found['first'])}); {opened:.0f} ms from navigation"
        of_zoom = f"({max(found['zoom']):.0f} at most of {len(found['zoom'])})"
        return [
            Row(
                f"{what}: first draw, from the page's question to the frame",
                f"≤ {FIRST} ms",
                f"{first:.0f} ms {of_first}{note}",
                whole and first <= FIRST,
                found,
            ),
            Row(
                f"{what}: redraw on zoom, from the end of the drag to the frame",
                f"≤ {REDRAW} ms",
                f"{redraw:.0f} ms {of_zoom}{note}",
                whole and redraw <= REDRAW,
            ),
            _windows_row(what, windows(root, str(place / "cache"), _times(effort))),
        ]

    return _rows_of(what, measure)


def _windows_row(what: str, found: dict[str, list[float]]) -> Row:
    """What only a server is asked for: with fewer buckets, as in a chart of usual width, no point would be read."""
    names = {"first": "where nobody looked before", "pan": "a third further", "again": "the same after the whole"}
    text = "; ".join(
        f"{median(found[name]):.0f} ms ({max(found[name]):.0f} at most) {told}" for name, told in names.items()
    )
    return Row(
        f"{what}: server's answer for 1/{DEEP} of the steps in {BUCKETS:,} buckets, whose points are read",
        f"≤ {REDRAW} ms",
        text,
        all(median(found[name]) <= REDRAW for name in names),
        {"ms": found},
    )


def live_page_rows(effort: Effort) -> list[Row]:
    """A page that stays open while runs are recorded."""
    seconds = 60 if effort is QUICK else 600
    runs = ui_live.GROUPS * ui_live.SEEDS
    what = f"{runs} live runs at {ui_live.RATE} rows/s each, page open for {seconds // 60} min"

    def measure(browser: Any, place: Path) -> list[Row]:
        found = ui_live.follow(browser, place, seconds)
        first, last = found["memory"]
        grown = {name: last[name] - first[name] for name in first}
        held, late = sum(grown[name] for name in ("heap", "dom", "buffers")), found["late"]
        return [
            Row(
                f"{what}: memory of the page",
                f"≤ +{GROWTH} MiB",
                f"{held:+.1f} MiB after a collection of garbage (JavaScript {grown['heap']:+.1f}, DOM"
                f" {grown['dom']:+.1f}, buffers {grown['buffers']:+.1f}) and {grown['nodes']:+.0f} nodes;"
                f" its processes {grown['private']:+.0f} MiB, garbage and caches included",
                held <= GROWTH,
                {"memory": found["memory"]},
            ),
            Row(
                f"{what}: updates",
                f"none missed, within {LATE:.0f} s",
                f"{found['shown']:,} of {found['logged']:,} points of {found['runs']} of {runs} runs;"
                f" from log() to the frame {median(late):.2f} s, {max(late):.2f} at most of {len(late):,} rows",
                found["runs"] == runs and found["shown"] == found["logged"] and max(late) <= LATE,
                {name: found[name] for name in ("logged", "shown", "late")},
            ),
            Row(
                f"{what}: CPU of the server",
                f"≤ {CORE:.0%} of a core",
                f"{found['server']:.0%}",
                found["server"] <= CORE,
            ),
        ]

    return _rows_of(what, measure)


def _first_row(ours: Shown, others: list[Shown]) -> Row:
    what = f"from navigation to the first chart: {RUNS} runs × {len(NAMES)} metrics × {STEPS:,} points, warm server"
    asked = "sooner than the others"
    if ours.problem:
        return Row(what, asked, f"failed: {ours.problem}", False)
    taken = median(ours.first_ms)
    theirs = {shown.title: median(shown.first_ms) for shown in others if not shown.problem}
    told = [f"{title} {each / 1e3:.2f} s ({each / taken:.1f} ×)" for title, each in theirs.items()]
    text = "; ".join([f"{taken / 1e3:.2f} s", *told, *_problems(others)])
    figures = {shown.title: shown.first_ms for shown in (ours, *others)}
    return Row(what, asked, text, all(taken < each for each in theirs.values()) if theirs else None, figures)


def _spike_rows(ours: Shown, others: list[Shown]) -> list[Row]:
    what = f"{SPIKES} one-point spikes in {POINTS:,} points"
    if not ours.windows:
        return [Row(what, "all", f"failed: {ours.problem}", False)]
    told = [f"{each.title} {each.kept} (of {each.values:,} values)" for each in others if not each.problem]
    whole, *zoomed = ours.windows
    there, pixels, data = (sum(window[i] for window in zoomed) for i in (2, 3, 4))
    elsewhere = sum(window.elsewhere for window in ours.windows)
    return [
        Row(
            f"{what}: in the view that opens",
            f"{SPIKES} of {SPIKES}",
            "; ".join([f"{whole.in_pixels} in pixels, {whole.in_data} in data", *told, *_problems(others)]),
            whole.in_pixels == whole.in_data == SPIKES,
            {shown.title: shown.kept for shown in (ours, *others)},
        ),
        Row(
            f"{what}: zoomed",
            "all that a window has",
            f"{len(zoomed)} windows of {min(high - low for low, high, *_ in zoomed):,.0f} to"
            f" {max(high - low for low, high, *_ in zoomed):,.0f} steps: {pixels} of {there} in pixels, {data} in data;"
            f" {elsewhere or 'none'} where there is none",
            all(window.in_pixels == window.in_data == window.there for window in zoomed) and not elsewhere,
            {"windows": [window._asdict() for window in ours.windows]},
        ),
    ]


def _problems(others: list[Shown]) -> list[str]:
    return [f"{shown.title}: {shown.problem}" for shown in others if shown.problem]


def _times(effort: Effort) -> int:
    return 3 if effort is QUICK else 9


def _rows_of(what: str, measure: Callable[[Any, Path], list[Row]]) -> list[Row]:
    """What is measured with a browser and a directory; a row that says so where there is no browser, or it fails."""
    try:
        scratch = tempfile.TemporaryDirectory(prefix="rolltape-bench-", ignore_cleanup_errors=True)
        with scratch as name, chromium() as browser:
            return measure(browser, Path(name))
    except NoBrowser as error:
        return [skipped(what, "an answer", str(error))]
    except (BrowserError, ChildError) as error:
        return [Row(what, "an answer", f"failed: {error}", False)]
