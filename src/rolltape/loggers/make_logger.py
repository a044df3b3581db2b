"""The usual chain in one call: raw rows to the tape, calm ones to the terminal."""

from __future__ import annotations

from rolltape.loggers.aggregate_filter import AggregateFilter
from rolltape.loggers.base import Logger, SupportsWrite, Values
from rolltape.loggers.dispatcher import Dispatcher
from rolltape.loggers.none_filter import NoneFilter
from rolltape.loggers.run_logger import RunLogger
from rolltape.loggers.smoothing_filter import SmoothingFilter
from rolltape.loggers.terminal import TerminalLogger
from rolltape.loggers.time_filter import TimeFilter
from rolltape.recording.run import Run


def make_logger(
    run: Run | SupportsWrite,
    prefix: str | None = None,
    time_delta: float = 1.0,
    aggregate_regex: str | None = None,
    smoothing_regex: str | None = None,
    smoothing_coeff: float = 0.99,
    terminal: bool = True,
    *,
    step_key: str | None = "steps",
) -> Logger:
    """A logger whose every row reaches the tape raw, before any filter.

    What the filters make of the rows, statistics and averages, goes to the terminal, and under its own names to the
    tape too: ``train/episode_return_smoothed_0.99`` beside ``train/episode_return``, at the same step.

    Args:
        run: the run, or any logger.
        prefix: ``train``: metrics are called ``train/<key>``, and lines on the terminal begin with it.
        time_delta: seconds that pass at least between two lines on the terminal; the tape drops nothing.
        aggregate_regex: keys whose statistics ``dump()`` passes on (`AggregateFilter`).
        smoothing_regex: keys that get an exponentially weighted average (`SmoothingFilter`).
        smoothing_coeff: of that average.
        terminal: whether to print.
        step_key: the key whose value is the step, where a row has it.

    Raises:
        ValueError: a regular expression, ``time_delta`` or ``smoothing_coeff`` is not what it must be.
    """
    raw = _Raw(run, prefix, step_key)
    sinks: list[SupportsWrite] = [_Derived(raw)]
    if terminal:
        sinks.append(TimeFilter(TerminalLogger(prefix or ""), time_delta))
    chain: Logger = NoneFilter(Dispatcher(sinks))
    if smoothing_regex is not None:
        chain = SmoothingFilter(chain, smoothing_regex, smoothing_coeff)
    if aggregate_regex is not None:
        chain = AggregateFilter(chain, aggregate_regex)
    return Dispatcher([raw, chain])


class _Raw(Logger):
    """Rows as they come, to the tape. Remembers what it wrote, so that nothing is recorded twice."""

    def __init__(self, run: Run | SupportsWrite, prefix: str | None, step_key: str | None) -> None:
        self.tape = RunLogger(run, prefix, step_key=step_key)
        self.keys: set[str] = set()
        self._rows = NoneFilter(self.tape)

    def write(self, values: Values) -> None:
        self._rows.write(values)
        self.keys.update(values)

    def close(self) -> None:
        self._rows.close()


class _Derived(Logger):
    """What filters made of the rows, to the same tape, at the step of the row before."""

    def __init__(self, raw: _Raw) -> None:
        self._raw = raw

    def write(self, values: Values) -> None:
        derived = {key: value for key, value in values.items() if key not in self._raw.keys}
        if derived:
            self._raw.tape.log(derived, self._raw.tape.step)

    def close(self) -> None:
        """The tape is closed by the raw rows."""
