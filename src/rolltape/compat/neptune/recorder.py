"""One rolltape run, written to the way Neptune counts: every series has an x of its own."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from rolltape.compat.neptune.media import found_files, media_of
from rolltape.compat.neptune.nothing import warn_once
from rolltape.recording.ending import end_of
from rolltape.recording.run import Run
from rolltape.recording.values import sort_values

_BEYOND = 2**63  # no step, and no time in ns
_NO_NOTES: Mapping[str, Any] = {}


class Recorder:
    """Takes what all three of Neptune's APIs log.

    A tape's step is a whole number, and Neptune's x any float. A whole x is the step. For any other x the step is the
    whole number below it (for NaN, infinities and what 64 bits cannot hold: the step of the run's last row), and the
    exact x is recorded in the same row as the metric ``<series>:x``; from then on in every row of that series.

    Args:
        run: where to; None: nothing is recorded.
    """

    def __init__(self, run: Run | None) -> None:
        self.run = run
        self.last: dict[str, float] = {}  # series -> its last x
        self._exact: set[str] = set()  # series whose x is recorded as a metric too

    @property
    def id(self) -> str:
        return self.run.id if self.run is not None else "not-recorded"

    @property
    def url(self) -> str:
        """Where the run is recorded."""
        return self.run.directory.as_uri() if self.run is not None else "about:blank"

    def log(self, values: Mapping[str, Any], x: Any = None, time: Any = None) -> None:
        """Add a point to each of some series.

        Args:
            values: series -> number, text or media.
            x: any number; may repeat and go back. None: one more than the last x of each series, from 0.
            time: seconds since 1970 or a datetime. None: now.

        Raises:
            TypeError: ``x`` or ``time`` is not a number.
        """
        if x is not None:
            self._row(values, _number("step x", x), time)
            return
        rows: dict[float, dict[str, Any]] = {}
        for name, value in values.items():
            rows.setdefault(self._next(name), {})[name] = value
        for own, row in rows.items():
            self._row(row, own, time)

    def log_file(self, name: str, source: Any, x: Any = None, time: Any = None, /, **notes: str | None) -> None:
        """Add a file, image or chart to a series, and texts about it as ``<series>:<note>``.

        What cannot be read or drawn is lost: counted and warned about, as every value that cannot be recorded.

        Raises:
            TypeError: ``x`` or ``time`` is not a number.
        """
        if self.run is None:
            return
        with ExitStack() as stack:
            try:
                media = stack.enter_context(media_of(source))
            except Exception as error:  # whatever the library that draws raises
                self.lose(name, error)
                return
            said = {f"{name}:{note}": text for note, text in notes.items() if text}
            self._row({name: media}, _number("step x", x) if x is not None else self._next(name), time, said)

    def log_files(self, series: str, patterns: str | Iterable[str]) -> None:
        """Add each file that paths and glob patterns name, as ``<series>/<name>``. Tapes are left out."""
        if self.run is None:
            return
        tapes = self.run.directory.parents[1]
        if Path.cwd().is_relative_to(tapes):  # then all that the script has lies there
            tapes = self.run.directory.parent
        for name, path in found_files(patterns):
            if not path.resolve().is_relative_to(tapes):
                self.log_file(f"{series}/{name}", path)

    def describe(
        self, config: Mapping[str, Any] | None = None, tags: Sequence[str] = (), name: str | None = None
    ) -> None:
        """As `rolltape.Run.describe`."""
        if self.run is not None:
            self.run.describe(config, tags, name)

    def close(self, error: BaseException | None = None) -> None:
        """End the run, by an exception or without one. Closing again does nothing."""
        if self.run is not None:
            self.run.close(*end_of(error))

    def fail(self, why: str) -> None:
        """End the run as failed."""
        if self.run is not None:
            self.run.close("failed", why)

    def lose(self, name: str, error: Exception) -> None:
        """Have the run warn of something that cannot be recorded, and count it."""
        if self.run is not None:
            self.run._lose(1, f"{name!r} cannot be recorded: {error}", once=f"strange {name}")

    def _next(self, name: str) -> float:
        return self.last.get(name, -1) + 1

    def _row(self, values: Mapping[str, Any], x: float, time: Any, notes: Mapping[str, Any] = _NO_NOTES) -> None:
        if self.run is None:
            return
        countable = abs(x) < _BEYOND
        step = math.floor(x) if countable else max(self.run.step, 0)
        row = {**values, **notes}
        for name in values:
            if step != x:
                self._exact.add(name)
            if name in self._exact:
                row[f"{name}:x"] = float(x)
            if countable:
                self.last[name] = x
        if time is None:
            self.run.log(row, step)
        else:
            self._row_at(self.run, row, step, time)

    def _row_at(self, run: Run, row: Mapping[str, Any], step: int, time: Any) -> None:
        """Only points can be given a time; texts and media get it as the metric ``<series>:time``, in seconds."""
        seconds = time.timestamp() if isinstance(time, datetime) else _number("timestamp", time)
        rest = dict(row)
        if abs(seconds * 10**9) < _BEYOND:
            found = sort_values(row)
            points = {name: np.array([value]) for name, value in found.scalars.items()} | found.arrays
            for name, values in points.items():
                del rest[name]
                run.log_batch({name: values}, np.full(len(values), step), np.full(len(values), round(seconds * 10**9)))
        if rest:
            run.log(rest | {f"{name}:time": float(seconds) for name in rest}, step)


def metric(name: str, value: Any) -> Any:
    """A metric's value by Neptune's rule: a numeric text is a number, and an array of any shape holds numbers."""
    if isinstance(value, str | bytes):
        try:
            return float(value)
        except ValueError:
            warn_once(f"{value!r} is not a number: it is kept as a text of {name!r}")
            return str(value)
    if getattr(value, "ndim", 0) > 1:
        return (value if hasattr(value, "reshape") else np.asarray(value)).reshape(-1)
    return value


def _number(what: str, value: Any) -> float:
    """``value`` by Neptune's rule: whatever `float` takes, also a numeric text. Integers stay exact.

    Raises:
        TypeError: it is not a number.
    """
    try:
        whole = operator.index(value)
        if abs(whole) < _BEYOND:
            return whole
    except TypeError:
        pass
    try:
        return float(value)
    except Exception:  # what tensors of several elements raise differs between libraries and versions
        raise TypeError(f"{what} must be a number, not {type(value).__name__}: {value!r}") from None
