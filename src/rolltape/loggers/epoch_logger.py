"""Store, then log: Spinning Up's `EpochLogger`, with every stored value on the tape at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.loggers.base import Logger, SupportsWrite, Values
from rolltape.loggers.mpi import Statistics, statistics
from rolltape.loggers.tabular_logger import TabularLogger
from rolltape.recording.device import ready_or_later
from rolltape.recording.put import GIL, MOST_METRICS, make_store
from rolltape.recording.run import Run
from rolltape.recording.values import NUMBERS
from rolltape.tape.writer import TapeWriter

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
        self._lists = _Lists()
        self._writer: TapeWriter | None = None  # that they were made for
        self._packed: dict[tuple[str, ...], Callable[..., None]] = {}  # `store` for each key set seen so far

    @property
    def epoch_dict(self) -> dict[str, list[Any]]:
        """What was stored since it was last logged, by key."""
        return self._lists

    @epoch_dict.setter
    def epoch_dict(self, stored: Mapping[str, list[Any]]) -> None:
        for values in self._lists.values():
            values.clear()
        for key, values in stored.items():
            self._lists[key] = values

    def store(self, /, **values: Any) -> None:
        """Keep values for the epoch's statistics, and record them as they are."""
        self.store_any(values)

    def store_any(self, values: dict[str, Any]) -> None:
        """`store` in general. What is stored most, plain numbers under the same keys, has a function of its own.

        That function is put in the place of `store` (recording/put.py); it hands everything else back to this one.
        """
        packed = self._packed.get(tuple(values))
        if packed is not None and packed is not self.__dict__.get("store") and self._may_quicken():
            self.__dict__["store"] = packed
            return packed(**values)
        if self._run is not None and values:
            self._to_run(values, self._count(values[_EPISODE_LENGTH]) if _EPISODE_LENGTH in values else self.steps)
        for key, value in values.items():
            self._stored(key).append(value if type(value) in NUMBERS else _kept(value))
        self._quicken(tuple(values), all(type(value) in NUMBERS for value in values.values()))
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
        self._lists.setdefault(key, []).clear()

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
        return self._lists.setdefault(key, [])

    def _quicken(self, metrics: tuple[str, ...], plain: bool) -> None:
        """Make the function that stores such rows from now on, where there can be one."""
        run = self._run
        if not isinstance(run, Run) or self._ranks is not None or not GIL or not self._may_quicken():
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

    def _may_quicken(self) -> bool:
        """Whether `store` is nobody else's: neither a subclass's nor one that somebody put around ours."""
        own = self.__dict__.get("store")
        return type(self).store is EpochLogger.store and (own is None or own in self._packed.values())

    def _count(self, lengths: Any) -> int | None:
        """Count the environment steps of ended episodes; every rank is taken to run as many."""
        try:
            made = int(np.sum(lengths)) * (1 if self._ranks is None else self._ranks.Get_size())
            if abs(made) > 2**53:
                raise OverflowError(f"{made} are too many")
        except Exception as error:  # whatever a foreign type does on conversion
            self._tell(f"{_EPISODE_LENGTH} makes no number of steps: {error}")
            return self.steps
        steps = self.steps = (self.steps or 0) + made  # no call between: another thread may store meanwhile
        return steps

    def _statistics(self, key: str) -> Statistics | None:
        values = self._lists[key] if self._strict else self._lists.get(key, [])
        if self._strict and not values:
            raise IndexError("list index out of range")
        try:
            return statistics(_flat(values), self._ranks)
        except Exception as error:  # whatever a foreign type does on conversion
            if self._strict:
                raise
            self._tell(f"{key} has no statistics, for not all of what was stored is numbers: {error}")
            return statistics(_flat([]), self._ranks)


class _Lists(dict[str, list[Any]]):
    """Lists that stay the same objects: whoever sets one fills it, for functions made by `make_store` append to it."""

    def __setitem__(self, key: str, values: list[Any]) -> None:
        if key in self:
            self[key][:] = values
        else:
            super().__setitem__(key, list(values))


class _Later(NamedTuple):
    """A device value, not yet waited for."""

    read: Callable[[], NDArray[Any]]


def _kept(value: Any) -> Any:
    """``value`` as it is now: arrays are copied, a device is not waited for."""
    try:
        found = ready_or_later(value)
    except Exception:  # a JAX tracer, a deleted buffer
        return value
    if found is not None:
        return _Later(found) if callable(found) else found
    return value.copy() if isinstance(value, np.ndarray) else value


def _flat(values: list[Any]) -> NDArray[np.float32]:
    """All numbers one after the other."""
    ready = [value.read() if isinstance(value, _Later) else value for value in values]
    if any(np.ndim(value) for value in ready):
        ready = list(np.concatenate([np.ravel(value) for value in ready]))
    with np.errstate(over="ignore"):  # beyond float32
        return np.array(ready, np.float32)
