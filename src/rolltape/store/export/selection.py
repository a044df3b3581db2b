"""Which points: the metrics of some runs, read one after the other and never all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rolltape.errors import MetricNotFound
from rolltape.store.model import Points, RunInfo, Store


class Series(NamedTuple):
    """One metric of one run."""

    run: RunInfo
    metric: str


class Selection:
    """Runs and their metrics as they were when this was made. Points that are logged later belong to it, too.

    Args:
        store: where the runs are.
        runs: ids, ``project/id`` or keys, in the order that is wanted; None: all, newest first.
        metrics: names; None: all. A run that lacks one is left out of it.

    Raises:
        RunNotFound, MetricNotFound: no such run; none of the runs has the metric.
        TypeError: a string where there should be a list of them.
    """

    def __init__(self, store: Store, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> None:
        for what, given in (("runs", runs), ("metrics", metrics)):
            if isinstance(given, str):
                raise TypeError(f"{what} must be a list of strings, not one: [{given!r}]")
        self.store = store
        found = store.runs() if runs is None else [store.run(run) for run in runs]
        self.runs = list({info.key: info for info in found}.values())
        wanted = None if metrics is None else set(metrics)
        self.series = [
            Series(info, metric)
            for info in self.runs
            for metric in store.metrics(info.key)
            if wanted is None or metric in wanted
        ]
        for metric in metrics or ():
            if not any(series.metric == metric for series in self.series):
                raise MetricNotFound(f"none of the runs has a metric {metric!r}")

    def blocks(self, series: Iterable[Series] | None = None) -> Iterator[tuple[Series, Points]]:
        """The points of some of the series (None: of all) as they were logged, in blocks that the store chooses.

        Raises:
            RunNotFound, MetricNotFound: a run is gone. TapeError, OSError: a tape cannot be read.
        """
        for one in self.series if series is None else series:
            for _, points in self.store.scan(one.run.key, one.metric):
                yield one, points
