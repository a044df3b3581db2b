"""Lines of a chart: metrics of runs and groups in common buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from rolltape.server.answers.curve_lines import one_per_run
from rolltape.server.answers.drawn import Drawn, draw_run
from rolltape.server.answers.group_band import BANDS, CENTERS, Band, Center, draw_group
from rolltape.server.answers.live_window import live_window
from rolltape.server.answers.smoothed_window import smooth_in_window
from rolltape.server.answers.smoothing_query import Smoothing, smoothing_of
from rolltape.server.answers.which_runs import check_metrics, with_axis
from rolltape.server.choice import Line
from rolltape.server.query import MOST_BUCKETS, MOST_VALUES, Refused, axis_of, whole_of, window_of, word_of
from rolltape.server.sources import Sources
from rolltape.server.wire import encode_frame
from rolltape.store import Curve

COLUMNS = ("count", "center", "low", "high", "n")

_MOST_METRICS = 8
_MOST_MARKS = 200  # buckets that are told to hold NaN or infinities


@dataclass(frozen=True, slots=True)
class CurveQuery:
    """The parameters of /api/curve."""

    metrics: tuple[str, ...]
    x: str
    window: tuple[float, float] | None
    buckets: int
    center: Center
    band: Band
    smoothing: Smoothing
    seeds: bool  # whether every run is a line


def curve_query(params: QueryParams) -> CurveQuery:
    """The question. Raises Refused."""
    metrics = tuple(dict.fromkeys(params.getlist("metric")))
    if not metrics or "" in metrics:
        raise Refused("metric is missing: give the name of a metric")
    if len(metrics) > _MOST_METRICS:
        raise Refused(f"metric may be given {_MOST_METRICS} times at most, not {len(metrics)} times")
    return CurveQuery(
        metrics,
        axis_of(params),
        window_of(params),
        whole_of(params, "buckets", 1000, MOST_BUCKETS),
        cast("Center", word_of(params, "center", CENTERS)),
        cast("Band", word_of(params, "band", BANDS)),
        smoothing_of(params),
        word_of(params, "seeds", ("0", "1")) == "1",
    )


def tell_curve(sources: Sources, lines: list[Line], query: CurveQuery, version: int) -> bytes:
    """The answer; a line that has none of a metric's points is left out of it. Raises Refused."""
    if query.seeds:
        lines = one_per_run(lines)
    keys = list(dict.fromkeys(key for line in lines for key in line.keys))
    values = len(keys) * len(query.metrics) * query.buckets
    if values > MOST_VALUES:
        raise Refused(
            f"buckets times runs times metrics must not be more than {MOST_VALUES}, but {query.buckets} buckets of "
            f"{len(keys)} runs and {len(query.metrics)} metrics were asked for"
        )
    curves: dict[str, Curve] = {}
    smoothed: dict[str, Curve] = {}
    extent = None
    if keys:
        keys = with_axis(sources.store, keys, query.x)
        extent = sources.store.extent(query.metrics, keys, query.x, look=False)
    if extent is not None:
        window = query.window or _whole(extent, sources, keys)
        curves = sources.store.curves(query.metrics, keys, query.x, window, query.buckets, look=False)
        if query.smoothing.method != "none":
            smoothed = smooth_in_window(sources.store, curves, keys, query.smoothing, window, extent)
    check_metrics(sources.store, [metric for metric in query.metrics if metric not in curves])
    told = [
        told for metric, curve in curves.items() for told in _tell_metric(curve, smoothed.get(metric), lines, query)
    ]
    header: dict[str, Any] = {
        "metric": query.metrics[0],
        "metrics": query.metrics,
        "x": query.x,
        "extent": extent,
        "buckets": query.buckets if curves else 0,
        "columns": COLUMNS,
        "version": version,
        "exact": all(curve.exact for curve in curves.values()),
        "lines": [line for line, _ in told],
    }
    arrays: list[NDArray[Any]] = [next(iter(curves.values())).edges] if curves else []
    arrays += [getattr(drawn, column) for _, drawn in told for column in COLUMNS]
    return encode_frame(header, arrays)


def _whole(extent: tuple[float, float], sources: Sources, keys: list[str]) -> tuple[float, float]:
    """The window of all points; wider while one of the runs goes on."""
    low, high = extent
    if high <= low:
        return low, max(low + 1.0, float(np.nextafter(low, np.inf)))
    return live_window(extent) if any(sources.store.files_of(key).goes_on for key in keys) else extent


def _tell_metric(
    curve: Curve, smoothed: Curve | None, lines: list[Line], query: CurveQuery
) -> Iterator[tuple[dict[str, Any], Drawn]]:
    """What the header says of each line that has the metric, and its columns."""
    for line in lines:
        keys = [key for key in line.keys if key in curve.runs]
        if not keys:
            continue
        words = query.smoothing.words
        if len(keys) == 1:
            mean = None if smoothed is None else smoothed.runs[keys[0]].mean
            drawn = draw_run(curve, keys[0], mean, words, query.band != "none")
        else:
            drawn = draw_group(smoothed or curve, keys, query.center, query.band, words)
        nonfinite = np.sum([curve.runs[key].nonfinite for key in keys], axis=0)
        gaps = curve.gaps.get(keys[0], []) if len(keys) == 1 else []
        yield (
            {
                "metric": curve.metric,
                "id": line.id,
                "label": line.name,
                "group": line.is_group,
                "keys": line.keys,
                "points": int(drawn.count.sum() + nonfinite.sum()),
                "nonfinite": int(nonfinite.sum()),
                "runs": len(keys),
                "center": drawn.statistic,
                "band": drawn.band,
                "method": drawn.method,
                "notes": drawn.notes,
                "gaps": [[gap.before, gap.after] for gap in gaps],
                "nonfinite_at": nonfinite.nonzero()[0][:_MOST_MARKS].tolist(),
            },
            drawn,
        )
