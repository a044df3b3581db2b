"""How a comparison was made, in one sentence for a paper: put together from what was really done."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from rolltape.server.scores import Kind, Score, sentence_of
from rolltape.stats import Interval
from rolltape.stats.bands import FEWEST

_NAMES = {"mean": "mean", "median": "median", "iqm": "IQM"}


@dataclass(slots=True)
class Used:
    """What was used for a comparison, noted while it is made.

    Attributes:
        tasks: those that are compared over; None: there are none.
        left_out: tasks without scores of all sides.
        intervals: for each statistic the methods, each with the numbers of seeds it was used for.
        profile: the method of the performance profiles; "" without any.
        improvement: that of the probabilities of improvement.
        running: how many of the runs still run.
    """

    tasks: list[str] | None = None
    left_out: list[str] = field(default_factory=list)
    intervals: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    profile: str = ""
    improvement: str = ""
    running: int = 0

    def note(self, statistic: str, band: Interval) -> None:
        """Remember how one group's interval was found."""
        if int(band.n):
            self.intervals.setdefault(statistic, {}).setdefault(tidy(band.method), set()).add(int(band.n))


def tidy(method: str) -> str:
    """A method's text with its number of tasks as one says it."""
    return re.sub(r"\b(\d+) task(?:s|\(s\))", lambda found: f"{found[1]} task{'' if found[1] == '1' else 's'}", method)


def comparison_sentence(metric: str, kind: Kind, level: float, lower: bool, scores: Sequence[Score], used: Used) -> str:
    """Everything that a reader needs to judge the numbers, in one sentence."""
    percent = f"{100 * level:.10g} %"
    better = "smaller is better" if lower else "larger is better"
    parts = [f"Scores: {sentence_of(kind)}, metric {metric}, one per run, {better}{_left_out(kind, scores)}"]
    if used.running:
        parts.append(f"{_several(used.running, 'run')} still running, scored by what is there")
    if used.tasks is not None:
        best = "smallest" if lower else "largest"
        parts.append(
            f"normalised in each of {_several(len(used.tasks), 'task')} from 0 (worst) to 1 (best, the {best} score) "
            "over all compared runs, ½ where all are equal"
        )
    if used.left_out:
        parts.append(f"left out, for lack of scores of all that is compared: {', '.join(used.left_out)}")
    if used.intervals:
        parts.append(f"{percent} intervals over seeds: {_intervals(used.intervals)}")
    if used.profile:
        side = "below" if lower and used.tasks is None else "above"
        bounds = f"with pointwise {percent} bounds by {used.profile}, from {FEWEST} seeds on"
        parts.append(f"performance profiles: share of runs {side} each threshold, {bounds}")
    if used.improvement:
        sign = "<" if lower and used.tasks is None else ">"
        bounds = f"with {percent} bounds by {used.improvement}, from {FEWEST} seeds on each side"
        parts.append(
            f"probability of improvement: P(X {sign} Y), ties count ½, {bounds}, not corrected for their number"
        )
    return "; ".join(parts) + "."


def _left_out(kind: Kind, scores: Sequence[Score]) -> str:
    states = [score.state for score in scores]
    told = [
        f"{states.count('missing')} without the metric" if "missing" in states else "",
        f"{states.count('nonfinite')} with NaN or infinity there" if "nonfinite" in states else "",
        f"{states.count('unreadable')} that cannot be read" if "unreadable" in states else "",
        f"{states.count('pending')} not read yet" if "pending" in states else "",
    ]
    told = [one for one in told if one]
    text = f", of {_several(len(scores), 'run')} left out: {' and '.join(told)}" if told else ""
    points = sum(score.left_out for score in scores if score.state == "scored")
    return text + (f", {_several(points, 'NaN or infinite point')} left out of the means" if points else "")


def _intervals(methods: dict[str, dict[str, set[int]]]) -> str:
    """Statistics that were treated alike are told together."""
    alike: dict[tuple[tuple[str, frozenset[int]], ...], list[str]] = {}
    for statistic, used in methods.items():
        ways = tuple((method, frozenset(n)) for method, n in sorted(used.items(), key=lambda one: min(one[1])))
        alike.setdefault(ways, []).append(_NAMES[statistic])
    return ", ".join(
        f"of the {_listed(names)} {_listed([f'{method} ({_range(n)})' for method, n in ways])}"
        for ways, names in alike.items()
    )


def _range(n: Collection[int]) -> str:
    return f"n={min(n)}" if min(n) == max(n) else f"n={min(n)}–{max(n)}"


def _listed(words: Iterable[str]) -> str:
    """One, two and three."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
