"""How the values of a metric are distributed over training."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from rolltape.curves import histogram
from rolltape.errors import MetricNotFound
from rolltape.server.answers.which_runs import check_metrics, with_axis
from rolltape.server.choice import Line
from rolltape.server.query import Refused, axis_of, metric_of, whole_of, window_of
from rolltape.server.sources import Sources
from rolltape.server.wire import encode_frame

_BUCKETS, _MOST_BUCKETS = 200, 400
_BINS, _MOST_BINS = 60, 200


@dataclass(frozen=True, slots=True)
class HistogramQuery:
    """The parameters of /api/histogram."""

    metric: str
    x: str
    window: tuple[float, float] | None
    buckets: int
    bins: int


def histogram_query(params: QueryParams) -> HistogramQuery:
    """The question. Raises Refused."""
    if len(params.getlist("group")) + len(params.getlist("run")) != 1:
        raise Refused("group or run is needed: a histogram is of one group (group=) or one run (run=)")
    return HistogramQuery(
        metric_of(params),
        axis_of(params),
        window_of(params),
        whole_of(params, "buckets", _BUCKETS, _MOST_BUCKETS),
        whole_of(params, "bins", _BINS, _MOST_BINS),
    )


def tell_histogram(sources: Sources, lines: list[Line], query: HistogramQuery, version: int) -> bytes:
    """The answer; a group's runs are counted together. Without the metric: no buckets and no bins. Raises Refused."""
    line = lines[0]
    header = {"metric": query.metric, "x": query.x, "version": version, "id": line.id, "label": line.name}
    keys = with_axis(sources.store, line.keys, query.x)
    try:
        found = histogram(sources.store, query.metric, keys, query.x, query.window, query.buckets, bins=query.bins)
    except MetricNotFound:
        check_metrics(sources.store, [query.metric])
        return encode_frame({**header, "buckets": 0, "bins": 0, "points": 0, "nonfinite": 0}, [])
    nonfinite = int(found.nonfinite.sum())
    header |= {
        "buckets": query.buckets,
        "bins": query.bins,
        "points": int(found.n.sum()) + nonfinite,
        "nonfinite": nonfinite,
    }
    return encode_frame(header, [found.x_edges, found.value_edges, found.mean, found.counts.T])
