"""`where`: a condition on runs in the words of SQL and of pandas' ``query``, for ``store.runs(where="…")``.

    lr > 1e-4 and env_id = 'Ant-v5'          "1e-4 < lr <= 3e-4 & `my key` != 'x'"
    optimizer.name in ('adam', 'sgd')        name like 'ppo%' or 'baseline' in tags
    started > '2026-01-31'                   status = 'finished' and last.train/return > 200

**Names.** A bare name is a field of the run (`FIELDS`), else a key of its config; ``optimizer.lr`` is also the key
``lr`` of a mapping ``optimizer``. ``config.name`` is always a config key, ``last.loss`` always the last value of the
metric ``loss``. What is not made of letters, digits, ``_`` and ``/`` goes in backticks: ``last.`eval return` ``. Names
keep their case.

**Values.** ``'text'`` and ``"text"`` are both texts. ``started`` and ``ended`` are compared with unix seconds or with
dates and times (ISO 8601, local unless it says otherwise; ``'today'``, ``'yesterday'``, ``'3 days ago'``): ``=`` asks
whether the moment lies in that day, hour, minute or second, the others compare with its beginning. ``duration`` is in
seconds or like ``'1h30m'``, for a running run until now. ``like`` takes small and capital letters for the same, ``=``
does not.

**Kinds.** True is not 1, and the text ``'3e-4'`` is not the number: values of two kinds differ (``=`` is false, ``!=``
true) and neither is less. A config that holds a text is compared with a text.

**Null.** What a run does not have is null. As in SQL, a comparison with it is unknown, and so is ``not`` of that:
neither ``lr = 1`` nor ``lr != 1`` nor ``not lr = 1`` finds a run without ``lr``; ``lr is null`` does. NaN is a number
that equals nothing: ask ``last.loss is nan``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence

from rolltape.errors import StoreError
from rolltape.store.model import RunInfo
from rolltape.store.where_parser import parse
from rolltape.store.where_terms import FIELDS, Place, Test, build, keys_of, look_up

__all__ = ["FIELDS", "Where", "compile_where"]


def compile_where(text: str) -> Where:
    """Read a condition. It is parsed, never run, and may have 10,000 characters and 30 nested parentheses.

    Raises:
        StoreError: it cannot be understood; the message shows where.
    """
    try:
        places: set[Place] = set()
        return Where(text, build(text, parse(text), places), places)
    except RecursionError:
        raise StoreError("where: nested too deeply") from None


class Where:
    """A condition, made by `compile_where`. May be asked from any thread."""

    def __init__(self, text: str, test: Test, places: Collection[Place]) -> None:
        self.text = text
        self._test = test
        self._places = sorted(places)

    @property
    def names(self) -> tuple[str, ...]:
        """What it asks for, sorted: fields, ``config.<key>``, ``last.<metric>``."""
        return tuple(sorted(place.text for place in self._places))

    @property
    def needs_last(self) -> bool:
        """Whether it asks for the last value of some metric."""
        return any(place.kind == "last" for place in self._places)

    def matches(self, info: RunInfo, last: Callable[[], Mapping[str, float]] = dict) -> bool:
        """Whether the condition is true of a run; unknown is not true.

        Args:
            info: the run.
            last: gives the last value of each metric; called at most once, and only if nothing else decides.
        """
        return self._test(info, _Once(last)) is True

    def unknown(self, infos: Sequence[RunInfo], metrics: Collection[str] = ()) -> list[str]:
        """Names that none of the runs has, each in a sentence that suggests others; [] where there are no runs.

        Args:
            infos: the runs that were asked about.
            metrics: the names of their metrics; without any, metrics are not looked at.
        """
        missing = [place for place in self._places if infos and place.kind == "config" and not _held(place, infos)]
        keys = {key for info in infos for key in keys_of(info.config)} if missing else set()
        told = []
        for kind, name in missing:
            if name not in keys:  # it may be null everywhere
                hint = _did_you_mean(name, [*keys, *FIELDS])
                if name in metrics or (not hint and "/" in name):
                    hint = f" (for the last value of a metric write last.{name})"
                told.append(f"no run has a {kind} key {name!r}{hint}")
        for kind, name in self._places:
            if kind == "last" and metrics and name not in metrics:
                told.append(f"no run has a metric {name!r}{_did_you_mean(name, metrics)}")
        return told


class _Once:
    """Calls a function at most once."""

    __slots__ = ("_ask", "_known")

    def __init__(self, ask: Callable[[], Mapping[str, float]]) -> None:
        self._ask = ask
        self._known: Mapping[str, float] | None = None

    def __call__(self) -> Mapping[str, float]:
        if self._known is None:
            self._known = self._ask()
        return self._known


def _held(place: Place, infos: Sequence[RunInfo]) -> bool:
    return any(look_up(info.config, place.name) is not None for info in infos)


def _did_you_mean(name: str, known: Collection[str]) -> str:
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
