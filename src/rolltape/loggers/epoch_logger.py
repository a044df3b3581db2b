"""Store, then log: Spinning Up's `EpochLogger`, with every stored value on the tape at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.loggers.base import Logger, SupportsWrite, Values
from rolltape.loggers.mpi import Statistics, statistics
from rolltape.loggers.tabular_logger import TabularLogger
from rolltape.recording.device import ready_or_later
from rolltape.recording.put import GIL, MOST_METRICS, make_store
from rolltape.recording.run import Run
from rolltape.recording.values import PLAIN
from rolltape.tape.writer import TapeWriter

_NUMBERS = PLAIN | {float}
_EPISODE_LENGTH = "EpLen"


class EpochLogger(TabularLogger, Logger):
    """Stores values through an epoch and logs their statistics at its end, as Spinning Up's does.

    `store` puts the raw values on the tape before it returns: a crash in mid-epoch loses nothing, and the table is one
    view of them. Their step is the number of environment steps that is known then: the last ``TotalEnvInteracts`` and
    every ``EpLen`` stored since. While neither has been told, rows are counted.

    Where the original ends a training run, this goes on: an epoch in which nothing was stored under a key has empty
    cells. See `TabularLogger` for the rest, and for the arguments.

    It is a `Logger` too: ``write(values)`` is ``store(**values)``.
    """

    def __init__(
        self,
        run: Run | SupportsWrite | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        output_fname: str = "progress.txt",
        exp_name: str | None = None,
        *,
        strict: bool = False,
    ) -> None:
        super().__init__(run, output_dir, output_fname, exp_name, strict=strict)
        self.epoch_dict: dict[str, list[Any]] = {}
        self._writer: TapeWriter | None = None  # that they were made for
        self._packed: dict[tuple[str, ...], Callable[..., None]] = {}  # `store` for each key set seen so far

    def store(self, **values: Any) -> None:
        """Keep values for the epoch's statistics, and record them as they are."""
        self.store_any(values)

    def store_any(self, values: dict[str, Any]) -> None:
        """`store` in general. What is stored most, plain numbers under the same keys, has a function of its own.

        That function is put in the place of `store` (recording/put.py); it hands everything else back to this one.
        """
        packed = self._packed.get(tuple(values))
        if packed is not None and packed is not self.__dict__.get("store"):
            self.__dict__["store"] = packed
            return packed(**values)
        if self._run is not None and values:
            if _EPISODE_LENGTH in values:
                self._count(values[_EPISODE_LENGTH])
            self._to_run(values, self.steps)
        for key, value in values.items():
            self._stored(key).append(value if type(value) in _NUMBERS else _kept(value))
        self._quicken(tuple(values), all(type(value) in _NUMBERS for value in values.values()))
        return None

    def write(self, values: Values) -> None:
        self.store(**values)

    def log_tabular(
        self, key: str, val: Any = None, with_min_and_max: bool = False, average_only: bool = False
    ) -> None:
        """Set a value of the current row, or statistics of what was stored under ``key`` since the last time.

        Args:
            key: the column's name, or that of the stored values.
            val: a value; None: ``Average<key>`` and ``Std<key>`` of the stored values.
            with_min_and_max: also ``Max<key>`` and ``Min<key>``.
            average_only: only the average, called ``<key>``.

        Raises:
            AssertionError, KeyError, IndexError: only if ``strict``: see `TabularLogger.log_tabular`; ``key`` was never
                stored; nothing was stored under it since the last time.
        """
        if val is not None:
            super().log_tabular(key, val)
        else:
            mean, std, lowest, highest = self._statistics(key) or ("", "", "", "")
            super().log_tabular(key if average_only else f"Average{key}", mean)
            if not average_only:
                super().log_tabular(f"Std{key}", std)
            if with_min_and_max:
                super().log_tabular(f"Max{key}", highest)
                super().log_tabular(f"Min{key}", lowest)
        self.epoch_dict.setdefault(key, []).clear()

    def get_stats(self, key: str) -> tuple[np.float32, np.float32]:
        """(mean, std) of what was stored under ``key`` since it was last logged; NaN where there is nothing.

        Raises:
            KeyError, IndexError: only if ``strict``: as `log_tabular`.
        """
        found = self._statistics(key)
        return (np.float32("nan"), np.float32("nan")) if found is None else (found.mean, found.std)

    def close(self) -> None:
        """Nothing waits to be written. A run is left open for whoever began it, another logger is closed."""
        if self._run is not None and not isinstance(self._run, Run):
            self._run.close()

    def _stored(self, key: str) -> list[Any]:
        self._raw.add(key)
        return self.epoch_dict.setdefault(key, [])

    def _quicken(self, metrics: tuple[str, ...], plain: bool) -> None:
        """Make the function that stores such rows from now on, where there can be one."""
        run = self._run
        if not isinstance(run, Run) or self._ranks is not None or not GIL or type(self).store is not EpochLogger.store:
            return
        if self._writer is not run._writer:  # after a fork
            self._writer = run._writer
            self._packed.clear()
            self.__dict__.pop("store", None)
        if plain and metrics and metrics not in self._packed and len(metrics) <= MOST_METRICS:
            keeps = [self._stored(key).append for key in metrics]
            length = metrics.index(_EPISODE_LENGTH) if _EPISODE_LENGTH in metrics else None
            with contextlib.suppress(OSError):  # the disk is full, which the run has told
                self._packed[metrics] = self.__dict__["store"] = make_store(run, self, metrics, keeps, length)

    def _count(self, lengths: Any) -> None:
        """Count the environment steps of ended episodes; every rank is taken to run as many."""
        try:
            steps = int(np.sum(lengths))
        except (TypeError, ValueError, OverflowError):
            return
        self.steps = (self.steps or 0) + steps * (1 if self._ranks is None else self._ranks.Get_size())

    def _statistics(self, key: str) -> Statistics | None:
        values = self.epoch_dict[key] if self._strict else self.epoch_dict.get(key, [])
        if self._strict and not values:
            raise IndexError("list index out of range")
        try:
            return statistics(_flat(values), self._ranks)
        except (TypeError, ValueError) as error:
            if self._strict:
                raise
            self._tell(f"{key} has no statistics, for not all of what was stored is numbers: {error}")
            return statistics(_flat([]), self._ranks)


def _kept(value: Any) -> Any:
    """``value`` as it is now: arrays are copied, a device is not waited for."""
    try:
        found = ready_or_later(value)
    except TypeError:  # a JAX tracer
        return value
    if found is not None:
        return found
    return value.copy() if isinstance(value, np.ndarray) else value


def _flat(values: list[Any]) -> NDArray[np.float32]:
    """All numbers one after the other."""
    ready = [value() if callable(value) else value for value in values]
    if any(np.ndim(value) for value in ready):
        ready = list(np.concatenate([np.ravel(value) for value in ready]))
    return np.array(ready, np.float32)
