"""Spinning Up's plain logger: rows of named values as a table, in progress.txt and on a tape."""

from __future__ import annotations

import json
import os
import pickle
import re
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from rolltape.errors import RecordingError
from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.config_json import config_json
from rolltape.loggers.mpi import world
from rolltape.loggers.progress_file import ProgressFile
from rolltape.recording.run import Run
from rolltape.recording.values import checked_step
from rolltape.recording.warning import warn

COLORS = {
    "gray": 30, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "white": 37, "crimson": 38,
}  # fmt: skip
_STEPS = "TotalEnvInteracts"
_MOST, _DEEPEST = 1000, 20  # of a configuration kept with a run
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class TabularLogger:
    """What Spinning Up calls ``Logger``: the same table, ``progress.txt`` and ``config.json`` for the same calls.

    Where the original ends a training run, this goes on: a key that was not in the first row gets its column, a key
    set twice keeps both values on the tape, a dump without keys does nothing, and a configuration always has a text.
    Under MPI only rank 0 prints and writes files.

    Args:
        run: where rows are recorded too, at the step that their ``TotalEnvInteracts`` says; a run or any logger.
        output_dir: where the files lie; None: ``experiments/<unix seconds>`` under the system's temporary directory.
        output_fname: the name of the table's file. One that exists is kept beside it, as ``<name>.1``.
        exp_name: put into ``config.json``.
        strict: raise the original's errors.

    Raises:
        OSError: the directory or file cannot be made.
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
        self.exp_name = exp_name
        self.output_dir: str | None = None
        self.first_row = True
        self.log_headers: list[str] = []
        self.log_current_row: dict[str, Any] = {}
        self.steps: int | None = None  # of the environment, as far as rows and episodes have told
        self._run = run
        self._strict = strict
        self._ranks = world()
        self._raw: set[str] = set()  # names that hold raw values on the tape
        self._told: set[str] = set()
        self._module: Any = None
        self._file: ProgressFile | None = None
        if self._is_first:
            default = Path(tempfile.gettempdir(), "experiments", str(int(time.time())))
            self.output_dir = os.fspath(output_dir if output_dir is not None else default)
            if Path(self.output_dir).exists():
                self._print(f"Warning: Log dir {self.output_dir} already exists! Storing info there anyway.")
            Path(self.output_dir).mkdir(parents=True, exist_ok=True)
            self._file = ProgressFile(Path(self.output_dir, output_fname))
            self.log(f"Logging data to {os.path.join(self.output_dir, output_fname)}")  # noqa: PTH118

    def log(self, msg: str, color: str = "green") -> None:
        """Print a message in bold colour.

        Args:
            msg: the text.
            color: gray, red, green, yellow, blue, magenta, cyan, white or crimson.

        Raises:
            KeyError: there is no such colour.
        """
        if self._is_first:
            self._print(f"\x1b[{COLORS[color]};1m{msg}\x1b[0m")

    def log_tabular(self, key: str, val: Any) -> None:
        """Set a value of the current row; the first row gives the order of the columns.

        Raises:
            AssertionError: only if ``strict``: the key is new after the first row, or is set already.
        """
        if key in self.log_current_row:
            self._refuse(f"You already set {key} this iteration. Maybe you forgot to call dump_tabular()")
            self._record({key: self.log_current_row[key]})
        elif key not in self.log_headers:
            if not self.first_row:
                self._refuse(f"Trying to introduce a new key {key} that you didn't include in the first iteration")
            self.log_headers.append(key)
        self.log_current_row[key] = val

    def dump_tabular(self) -> None:
        """Print the current row as a table, append it to the file and the tape, and begin the next.

        Raises:
            ValueError: only if ``strict``: there are no keys.
            TypeError: only if ``strict``: a value is an array of several numbers.
        """
        if not self.log_headers:
            if self._strict:
                raise ValueError("max() arg is an empty sequence")
            return
        if self._is_first:
            row = [self.log_current_row.get(key, "") for key in self.log_headers]
            self._print_table(row)
        else:
            row = []
        try:
            self._record(self.log_current_row)
            self._to_file(row)
        finally:
            self.log_current_row.clear()
            self.first_row = False

    def save_config(self, config: Any) -> None:
        """Print a configuration and write it to ``config.json``; the run gets it too, without loggers and addresses.

        Args:
            config: normally ``locals()``. Functions and classes are kept by their names, other objects by their
                attributes.

        Raises:
            TypeError: only if ``strict``: it holds what the original cannot save.
        """
        text = config_json(config, self.exp_name, self._strict)
        if isinstance(self._run, Run) and self._is_first:
            try:
                facts = _comparable(config)
            except Exception as error:  # whatever foreign objects do when they are looked at
                self._tell(f"the configuration cannot be kept with the run: {error!r}")
            else:
                self._run.describe(facts)
        if self.output_dir is not None:
            self._print(f"\x1b[{COLORS['cyan']};1mSaving config:\n\x1b[0m")
            self._print(text)
            try:
                Path(self.output_dir, "config.json").write_text(text, encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                self._lose("config.json", error)

    def save_state(self, state_dict: Mapping[str, Any], itr: int | None = None) -> None:
        """Pickle ``state_dict`` to ``vars.pkl`` and save the module given to `setup_pytorch_saver`.

        Args:
            state_dict: normally the environment; what cannot be pickled is only told.
            itr: put into the names of the files, so that they are not overwritten.
        """
        if self.output_dir is None:
            return
        number = "" if itr is None else str(itr)
        try:
            with Path(self.output_dir, f"vars{number}.pkl").open("wb") as file:
                pickle.dump(state_dict, file)
        except Exception:  # whatever pickling a foreign object does
            self.log("Warning: could not pickle state_dict.", color="red")
        if self._module is not None:
            self._save_module(Path(self.output_dir, "pyt_save", f"model{number}.pt"))

    def setup_pytorch_saver(self, what_to_save: Any) -> None:
        """Have `save_state` save this PyTorch module whole, as ``pyt_save/model.pt``."""
        self._module = what_to_save

    @property
    def _is_first(self) -> bool:
        return self._ranks is None or self._ranks.Get_rank() == 0

    def _save_module(self, path: Path) -> None:
        torch: Any = import_module("torch")
        try:
            path.parent.mkdir(exist_ok=True)
            torch.save(self._module, path)
        except Exception as error:  # of the disk, or of pickling a foreign module
            self._lose(path.name, error)

    def _print_table(self, row: list[Any]) -> None:
        width = max(15, *map(len, self.log_headers))
        dashes = "-" * (22 + width)
        self._print(dashes)
        for key, value in zip(self.log_headers, row, strict=True):
            self._print(f"| {key:>{width}} | {self._cell(value):>15} |")
        self._print(dashes)

    def _cell(self, value: Any) -> str:
        try:
            if hasattr(value, "__float__"):
                return f"{float(value.reshape(()) if hasattr(value, 'reshape') else value):8.3g}"
        except Exception as error:  # an array of several numbers, or whatever a foreign type does
            if self._strict:
                raise TypeError("only size-1 arrays can be converted to Python scalars") from error
        return _text(value)

    def _to_file(self, row: list[Any]) -> None:
        if self._file is not None:
            try:
                self._file.write(self.log_headers, list(map(_text, row)))
            except OSError as error:
                self._lose(self._file.path.name, error)

    def _record(self, row: Mapping[str, Any]) -> None:
        """Put a row of the table on the tape, at the environment steps that it tells."""
        if row.get(_STEPS) is not None:
            self._set_steps(row[_STEPS])
        told = {key: value for key, value in row.items() if key not in self._raw and not _is_empty(value)}
        if self._is_first:
            self._to_run(told, self.steps)

    def _set_steps(self, steps: Any) -> None:
        """Go on from a number of steps; one that cannot be is told, and leaves what was counted."""
        try:
            steps = checked_step(steps)
            if abs(steps) > 2**53:
                raise OverflowError(f"{steps} are too many")
        except Exception as error:  # whatever a foreign type does on conversion
            self._tell(f"{_STEPS} makes no number of steps: {error}")
        else:
            self.steps = steps

    def _to_run(self, values: Mapping[str, Any], step: int | None) -> None:
        if isinstance(self._run, Run):
            self._run.log(values, step)
        elif self._run is not None:
            self._run.write(values)

    def _print(self, text: str) -> None:
        try:
            print(text, flush=True)
        except Exception as error:  # nobody reads it any more, it is closed, or somebody's own stdout fails
            self._tell(f"a line cannot be printed: {error}")

    def _refuse(self, why: str) -> None:
        if self._strict:
            raise AssertionError(why)
        self._tell(why)

    def _lose(self, what: str, error: Exception) -> None:
        if os.environ.get("ROLLTAPE_STRICT", "") not in ("", "0"):
            raise RecordingError(f"{what} in {self.output_dir}: {error}") from error
        self._tell(f"{what} in {self.output_dir}: {error}")

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            warn(message)


def _text(value: Any) -> str:
    """``str(value)``, of arrays in one line."""
    try:
        text = str(value)
    except Exception:  # a foreign type's own
        return f"<{type(value).__name__}>"
    return text if isinstance(value, str) else " ".join(text.split("\n")) if "\n" in text else text


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _comparable(config: Any) -> dict[str, Any]:
    """A configuration that is equal for equal runs: without loggers, directories and addresses in memory."""
    items = config if isinstance(config, Mapping) else getattr(config, "__dict__", {})
    kept = {str(key): _short(value) for key, value in items.items() if key not in ("logger", "logger_kwargs")}
    comparable: dict[str, Any] = json.loads(_ADDRESS.sub("", config_json(kept)))
    return comparable


def _short(value: Any, depth: int = 0) -> Any:
    """Without lists of many values, which are data and no configuration, and without what lies too deep."""
    if isinstance(value, dict | list | tuple) and depth > _DEEPEST:
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return {key: _short(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_short(inner, depth + 1) for inner in value] if len(value) <= _MOST else f"{len(value)} values"
    return value
