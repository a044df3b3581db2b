"""Acme (dm-acme 0.4.0): learner, training loop and evaluation in one run, all at environment steps.

    EnvironmentLoop(environment, agent, logger=make_logger(run, "train"))        # one loop

    loggers = logger_factory(run)                                                # or all of them
    agent = D4PG(..., logger=loggers("learner"))
    EnvironmentLoop(environment, agent, logger=loggers("train")).run(num_episodes=100)
    EnvironmentLoop(environment, actor, logger=loggers("eval")).run(num_episodes=5)

Acme itself is not imported for it: where it is, rolltape's loggers are Acme loggers (docs/decisions/005-acme-base.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rolltape.loggers.base import Filter, Logger, SupportsWrite, Values
from rolltape.loggers.make_logger import make_logger
from rolltape.loggers.run_logger import RunLogger
from rolltape.recording.media import File, Image, Video
from rolltape.recording.run import Run
from rolltape.recording.values import checked_step
from rolltape.recording.warning import warn

__all__ = ["LoggerFactory", "logger_factory", "make_logger"]

_STEPS = "actor_steps"  # Acme's name for the environment steps of training
_ACTS = re.compile("train|actor|environment")
_EVALUATES = re.compile("eval|test")


def logger_factory(run: Run | SupportsWrite, **options: Any) -> LoggerFactory:
    """The loggers of one run: ``loggers = logger_factory(run)``, then ``loggers("train")`` and so on.

    Args:
        run: the run; or any logger, which gets the step under ``actor_steps``.
        options: of `make_logger`, for all of them, such as ``terminal=False`` or ``time_delta=10``.
    """
    return LoggerFactory(run, options)


class LoggerFactory:
    """Makes the loggers of one run, which learn from one another how many steps the training loop has made.

    In Acme each part counts for itself: a learner's ``steps`` are gradient steps, those of an evaluation its own. Here
    every row is recorded at the environment steps of training: a loop's at its own count; any other's at the count in
    it (``actor_steps``, ``train_steps``), where Acme shares one counter, or at what the training loop told after its
    last episode. Where no loop trains, as in offline learning, the step is the row's own ``steps``. All counts are
    recorded besides, to serve as axes.

    It may stand wherever Acme takes a way to make a logger: ``logger_fn`` of a builder (called without arguments, for
    the learner), ``actor_logger_fn`` of a distributed agent (called with an actor's number), and ``logger_factory`` of
    Acme after 0.4.0 (called with a label, the name of the steps, and a number).
    """

    def __init__(self, run: Run | SupportsWrite, options: Mapping[str, Any]) -> None:
        self._run = run
        self._options = options
        self._names = [_STEPS, "train_steps"]
        self.steps: int | None = None
        """Environment steps of training, as of the last row that told them; None: no loop trains."""

    def __call__(
        self, label: str | int = "learner", steps_key: str | None = None, instance: int | None = None, **options: Any
    ) -> Logger:
        """A logger whose metrics are called ``<label>/<key>``.

        Args:
            label: what writes to it. A training loop is known by ``train``, ``actor`` or ``environment`` in its label,
                an evaluation by ``eval`` or ``test``. A number is that of an actor.
            steps_key: what a training loop calls its steps; None: ``<label>_steps`` or ``steps``.
            instance: the number of this one among its like; they all record under the same names.
            options: of `make_logger`, besides those for all.
        """
        label = "actor" if isinstance(label, int) else label
        own: list[str] = []
        if _ACTS.search(label) and not _EVALUATES.search(label):
            own = [steps_key or f"{label}_steps", "steps"]
            self._names += own[:1]
            self.steps = self.steps or 0
        return _AtEnvironmentSteps(self._run, label, {**self._options, **options}, self, own)

    def step_of(self, row: Values, own: list[str]) -> int | None:
        """The environment steps at which a row belongs; ``own`` are the counts of a training loop."""
        told = _count(row, [*own, *self._names])
        if told is not None:
            self.steps = max(told, self.steps or 0)
        if own and told is not None:
            return told
        return self.steps if self.steps is not None else _count(row, ["steps"])


class _AtEnvironmentSteps(Filter):
    """Flat rows, at the step that the factory knows."""

    def __init__(
        self, run: Run | SupportsWrite, label: str, options: Mapping[str, Any], factory: LoggerFactory, own: list[str]
    ) -> None:
        self._tape = _Tape(run)
        self._factory = factory
        self._own = own
        self._told: set[str] = set()
        super().__init__(make_logger(self._tape, label, step_key=None, **options))

    def write(self, values: Values) -> None:
        row, texts = {}, []
        for key, value in _flat(values):
            if not _is_number(value):
                if key in self._told:
                    continue
                self._told.add(key)
                texts.append(f"{key!r} is no number but a {type(value).__name__}: it is kept as text this once")
                value = str(value)
            row[key] = value
        self._tape.step = self._factory.step_of(row, self._own)
        self._to.write(row)
        for text in texts:
            warn(text)


class _Tape(Logger):
    """The end of a chain: all that comes of a row has its step."""

    def __init__(self, run: Run | SupportsWrite) -> None:
        self.step: int | None = None
        self._rows = RunLogger(run, index_name=_STEPS)

    def write(self, values: Values) -> None:
        self._rows.log(values, self.step)

    def close(self) -> None:
        self._rows.close()


def _count(row: Values, names: list[str]) -> int | None:
    for name in names:
        if row.get(name) is not None:
            try:
                return checked_step(row[name])
            except TypeError:  # something else of that name
                continue
    return None


def _flat(values: Values, above: str = "") -> Iterator[tuple[str, Any]]:
    """``{"episode_return": {"red": 1.0}}`` as ``episode_return/red``: returns, and what observers tell, may nest."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}/")
        else:
            yield f"{above}{key}", value


def _is_number(value: Any) -> bool:
    """Or numbers, also on a device, or nothing."""
    if isinstance(value, str | bytes):
        return False
    if isinstance(value, list | tuple):
        return all(map(_is_number, value)) and np.ndim(value) == 1
    return value is None or isinstance(value, File | Image | Video) or hasattr(value, "__float__")
