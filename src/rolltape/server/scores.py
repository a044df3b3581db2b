"""One number for a run and a metric: what groups are compared by.

NaN and infinities are no scores. A run that has none is told apart by why, because leaving out the runs that diverged
makes the rest look better than they are.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

from rolltape.errors import MetricNotFound, RunNotFound
from rolltape.store import DirectoryStore, RunInfo
from rolltape.store.model import MetricSummary
from rolltape.store.run_files import RunFiles

Kind = Literal["final", "last", "max", "min"]
KINDS: tuple[Kind, ...] = ("final", "last", "max", "min")

_PATIENCE = 60.0  # s
_TENTHS = 10
_MOST_METRICS = 64  # of a run whose final means are kept
_SENTENCES: dict[str, str] = {
    "final": "mean of the points in the last 10 % of each run's steps",
    "last": "the value that each run logged last",
    "max": "the largest value of each run",
    "min": "the smallest value of each run",
}

State = Literal["scored", "missing", "nonfinite", "unreadable", "pending"]


class Score(NamedTuple):
    """The score of one run.

    Attributes:
        value: finite; NaN where there is none.
        state: ``missing``: the run does not have the metric. ``nonfinite``: there are only NaN and infinities where
            the score is taken from. ``unreadable``: its files cannot be read. ``pending``: there was no time yet.
        left_out: how many points that are NaN or infinite were left out of the mean.
    """

    value: float
    state: State = "scored"
    left_out: int = 0


MISSING = Score(math.nan, "missing")
PENDING = Score(math.nan, "pending")
_UNREADABLE = Score(math.nan, "unreadable")

_Come = tuple[int | None, int]

_kept: WeakKeyDictionary[RunFiles, dict[str, tuple[_Come, Score]]] = WeakKeyDictionary()  # final means by metric
_lock = threading.Lock()


def sentence_of(kind: Kind) -> str:
    """What a score is, as a paper would say it."""
    return _SENTENCES[kind]


def is_lower_better(kind: Kind, lower: str) -> bool:
    """Whether a smaller score is the better one. ``lower``: "1" or "0" as asked for; "": the smallest value of a
    run is looked at where small is good."""
    return lower == "1" or (lower == "" and kind == "min")


def scores_of(
    store: DirectoryStore, infos: Sequence[RunInfo], metric: str, kind: Kind, budget: float = _PATIENCE
) -> tuple[dict[str, Score], int]:
    """The score of each run by its key, and how many are not known, or not as of now, when ``budget`` s are over.

    It is remembered what is known: asking again comes to an end.
    """
    if kind == "final":
        return _final_means(store, infos, metric, budget)
    summaries, pending = store.known_summaries(infos, budget)
    unknown = PENDING if pending else _UNREADABLE
    return {
        info.key: _of_summary(summaries[info.key], metric, kind) if info.key in summaries else unknown for info in infos
    }, pending


def _of_summary(summaries: Mapping[str, MetricSummary], metric: str, kind: Kind) -> Score:
    found = summaries.get(metric)
    if found is None or not found.points:
        return MISSING
    value = {"last": found.last, "max": found.max, "min": found.min}[kind]
    return Score(value) if value is not None and math.isfinite(value) else Score(math.nan, "nonfinite")


def _final_means(
    store: DirectoryStore, infos: Sequence[RunInfo], metric: str, budget: float
) -> tuple[dict[str, Score], int]:
    until = time.monotonic() + budget
    scores = {}
    looks = pending = 0
    for info in infos:
        files = store.files_of(info.key)
        try:
            come = _come(store, files)
            with _lock:
                kept = _kept.get(files, {}).get(metric)
            if kept is not None and kept[0] == come:
                scores[info.key] = kept[1]
            elif looks and time.monotonic() >= until:
                scores[info.key] = PENDING
                pending += 1
            else:
                looks += 1
                scores[info.key] = _final_mean(store, files.key, metric)
                _keep(files, metric, come, scores[info.key])
        except Exception:  # one run that cannot be read must not hide the others
            scores[info.key] = _UNREADABLE
    return scores, pending


def _come(store: DirectoryStore, files: RunFiles) -> _Come:
    """How far a run has come, before anything is read of it: what comes during that makes the next one differ."""
    mark = store.mark(files.key)
    return (mark, 0) if mark is not None else (None, files.refresh())


def _keep(files: RunFiles, metric: str, come: _Come, score: Score) -> None:
    with _lock:
        means = _kept.setdefault(files, {})
        means.pop(metric, None)
        means[metric] = come, score
        while len(means) > _MOST_METRICS:
            means.pop(next(iter(means)))


def _final_mean(store: DirectoryStore, key: str, metric: str) -> Score:
    try:
        curve = store.curve(metric, [key], buckets=_TENTHS, exact=True)
    except (MetricNotFound, RunNotFound):  # the run went away meanwhile
        return MISSING
    buckets = curve.runs[key]
    held = (buckets.count + buckets.nonfinite).nonzero()[0]
    if not len(held):
        return MISSING
    end = held[-1]  # the last one, but of a run of one step, whose bucket of width 1 only begins there
    mean, left_out = float(buckets.mean[end]), int(buckets.nonfinite[end])
    return Score(mean, "scored", left_out) if math.isfinite(mean) else Score(math.nan, "nonfinite", left_out)
