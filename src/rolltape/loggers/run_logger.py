"""The end of a chain that is a tape."""

from __future__ import annotations

from typing import Any

from rolltape.loggers.base import Logger, SupportsWrite, Values
from rolltape.recording.run import Run
from rolltape.recording.values import checked_step
from rolltape.recording.warning import warn


class RunLogger(Logger):
    """Writes rows to a run, under ``<prefix>/<key>``.

    `close` leaves a run open: it belongs to whoever began it, and other loggers may write to it.

    Args:
        run: the run; or any logger, which gets the same names, and the index under its own.
        prefix: put before every key.
        index_name: a key that is taken out of the row and becomes its step. 0 is a step like any other.
        step_key: a key that is the step and stays in the row, such as Acme's ``steps``. ``index_name`` comes first.

    A row without such a key, or whose value there is None, is one step after the last. What is there and is no integer
    is recorded as a metric, and told once.
    """

    def __init__(
        self,
        run: Run | SupportsWrite,
        prefix: str | None = None,
        index_name: str | None = None,
        step_key: str | None = None,
    ) -> None:
        self._run = run
        self._index_name = index_name
        self._step_key = step_key
        self.step: int | None = None
        """The step of the last row, as far as it is known."""
        self._names = _Names(prefix)
        self._told = False

    def write(self, values: Values) -> None:
        step = None
        if self._step_key is not None:
            step = values.get(self._step_key)
        if self._index_name is not None and self._index_name in values:
            rest = dict(values)
            index = rest.pop(self._index_name)
            step, values = (step if index is None else index), rest
        if type(step) is not int and step is not None:
            step, values = self._checked(step, values)
        self.log(values, step)
        if step is None and isinstance(self._run, Run):
            step = self._run.step
        self.step = step

    def log(self, values: Values, step: int | None = None) -> None:
        """`Run.log`, under the prefix."""
        names = self._names
        row = {names[key]: value for key, value in values.items()}
        if isinstance(self._run, Run):
            self._run.log(row, step)
        else:
            if self._index_name is not None and step is not None:
                row[self._index_name] = step
            self._run.write(row)

    def close(self) -> None:
        if not isinstance(self._run, Run):
            self._run.close()

    def _checked(self, index: Any, values: Values) -> tuple[int | None, Values]:
        try:
            return checked_step(index), values
        except (TypeError, ValueError, OverflowError):
            name = self._step_key if self._index_name is None else self._index_name
            if not self._told:
                self._told = True
                warn(f"{name!r} is {index!r}, which is no step: it is recorded as a metric, and steps are counted")
            return None, {**values, str(name): index}


class _Names(dict[str, str]):
    """``<prefix>/<key>`` for each key, made once."""

    def __init__(self, prefix: str | None) -> None:
        super().__init__()
        self._prefix = f"{prefix}/" if prefix else ""

    def __missing__(self, key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"a key must be a string, not {type(key).__name__}: {key!r}")
        name = self[key] = f"{self._prefix}{key}"
        return name
