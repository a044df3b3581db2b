"""Ray Tune, with RLlib or without: one run per trial, its results whole.

    RunConfig(callbacks=[RolltapeLoggerCallback(project="grid")])

For RLlib's episodes see `rolltape.frameworks.rllib`.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.plain import plain
from rolltape.loggers.run_logger import RunLogger
from rolltape.recording.init import init
from rolltape.recording.run import Run
from rolltape.recording.warning import warn

try:
    import ray
    from ray import cloudpickle
    from ray.experimental import internal_kv
    from ray.tune import logger as tune_logger
except ImportError as error:
    raise ImportError(
        "rolltape.frameworks.tune needs Ray Tune 2.53 or newer (2.53.0 and 2.60.0 are tested): "
        "pip install 'rolltape[rllib]'"
    ) from error

STEPS = (
    "num_env_steps_sampled_lifetime",
    "env_runners/num_env_steps_sampled_lifetime",
    "timesteps_total",
    "training_iteration",
)
"""What may be the step of a result: environment steps, where it tells them."""


class RolltapeLoggerCallback(tune_logger.LoggerCallback):
    """Records each trial as a run of its own, with the trial's id, name and config, and every result whole.

    A result's nested names are joined by ``/``. Numbers, bools, NaN and arrays are points, at environment steps;
    a text is kept when it changes. A trial that raises is shown as failed, with its error; a restored one goes on in
    its run.

    Args:
        run: where to write instead: one run or logger for all trials, or a function of a trial that returns one.
            A logger gets the step as ``step``. None: a run for each trial; what follows is for them.
        project: the name that the runs are kept under.
        tags: words to find the runs by.
        dir: the directory of all tapes; None: ``$ROLLTAPE_DIR``, else ``./tapes``, as of now.
    """

    def __init__(
        self,
        run: Run | SupportsWrite | Callable[[Any], Run | SupportsWrite] | None = None,
        *,
        project: str = "default",
        tags: Sequence[str] = (),
        dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self._to = Place.of(run) if isinstance(run, Run) else run
        self._project, self._tags, self._dir = project, tuple(tags), absolute(dir)
        self._trials: dict[str, ResultLogger] = {}

    def setup(self, **info: Any) -> None:
        """Called by Tune before there are trials: tells their processes where they are recorded."""
        place = Place(self._project, "", self._dir) if self._to is None else self._to
        if isinstance(place, Place):
            internal_kv._internal_kv_put(_key(), json.dumps([place.project, place.id, place.dir]))

    def log_trial_start(self, trial: Any) -> None:
        """A trial begins, or begins again after a failure. Its process exists, but trains only when this returns."""
        if trial.trial_id in self._trials:
            return
        if self._to is None:
            internal_kv._internal_kv_put(_key(Path(trial.local_path).name), trial.trial_id)
        to = self._place_of(trial)
        if _claim(to, trial.trial_id, self):
            logger = logger_of(to)
            if isinstance(logger, Run):
                logger.describe({"algorithm": trial.trainable_name, **named(trial.config)})
            self._trials[trial.trial_id] = ResultLogger(logger)

    def log_trial_result(self, iteration: int, trial: Any, result: Mapping[str, Any]) -> None:
        """A trial reports; ``iteration`` is Tune's own count."""
        if trial.trial_id in self._trials:
            self._trials[trial.trial_id].log(result)

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """A trial ends; ``failed`` if by an error."""
        if self._trials.pop(trial.trial_id, None) is not None:
            self._end(trial, *(("failed", _error_of(trial)) if failed else ("finished", None)))

    def on_experiment_end(self, trials: Sequence[Any], **info: Any) -> None:
        """Every trial has ended, or never will."""
        for trial in trials:
            if self._trials.pop(trial.trial_id, None) is not None:
                self._end(trial, "interrupted", None)
        internal_kv._internal_kv_del(_key(), del_by_prefix=True)

    def __getstate__(self) -> dict[str, Any]:
        """Tune keeps its callbacks in a file, to restore them."""
        return {**self.__dict__, "_to": portable(self._to), "_trials": {}}

    def _place_of(self, trial: Any) -> Any:
        if self._to is None:
            return Place(self._project, trial.trial_id, self._dir, str(trial), self._tags)
        if isinstance(self._to, Place) or hasattr(self._to, "write"):
            return self._to
        return self._to(trial)

    def _end(self, trial: Any, status: str, error: str | None) -> None:
        _claims.pop(trial.trial_id, None)
        if self._to is None:
            close_made(self._place_of(trial), status, error)


if hasattr(tune_logger, "Logger"):  # until Ray 2.53

    class RolltapeTuneLogger(tune_logger.Logger):
        """The same for one trial, as an old-style logger: ``LegacyLoggerCallback([RolltapeTuneLogger])``.

        Its ``project``, ``tags`` and ``dir`` are taken from ``config["logger_config"]``, where there is one.
        """

        def _init(self) -> None:
            trial, options = self.trial, self.config.get("logger_config", {})
            self._id = trial.trial_id if trial is not None else Path(self.logdir).name
            place = (options.get("project", "default"), self._id, absolute(options.get("dir")))
            self._to = Place(*place, str(trial or self._id), tuple(options.get("tags", ())))
            self._results: ResultLogger | None = None
            if _claim(self._to, self._id, self):
                logger_of(self._to).describe(named(self.config))
                self._results = ResultLogger(logger_of(self._to))

        def on_result(self, result: Mapping[str, Any]) -> None:
            if self._results is not None:
                self._results.log(result)

        def close(self) -> None:
            if self._results is not None:
                self._results = None
                _claims.pop(self._id, None)
                is_failed = self.trial is not None and self.trial.status == "ERROR"
                close_made(self._to, *(("failed", _error_of(self.trial)) if is_failed else ("finished", None)))


@dataclass(frozen=True)
class Place:
    """A run, told in a way that any process can write to it. A `Run` itself never leaves its process."""

    project: str
    id: str
    dir: str
    name: str | None = field(default=None, compare=False)
    tags: tuple[str, ...] = field(default=(), compare=False)

    def __call__(self) -> Run:
        return init(self.project, self.name, tags=self.tags, dir=self.dir, id=self.id)

    @classmethod
    def of(cls, run: Run) -> Place:
        """The place of a run that is open here, and that nobody but its owner closes."""
        place = cls(run.project, run.id, str(run.directory.parent.parent))
        _open[place] = run
        _lent.add(place)
        return place


@dataclass(frozen=True)
class TrialPlace:
    """The run of a trial, for its own processes. They know only its folder, for RLlib forgets the trial's id."""

    project: str
    dir: str
    folder: str

    def __call__(self) -> Run:
        found = internal_kv._internal_kv_get(_key(self.folder))
        return init(self.project, dir=self.dir, id=found.decode() if found else self.folder)


_open: dict[Hashable, Any] = {}  # places and factories -> what was opened there in this process
_lent: set[Place] = set()
_claims: dict[str, list[tuple[Any, Any]]] = {}  # trial -> (where its results go, who sends them)


def logger_of(to: Any) -> Any:
    """The run of a place, the logger that a function makes (both once in each process), or the logger given."""
    if hasattr(to, "write"):
        return to
    if to not in _open:
        _open[to] = to()
    return _open[to]


def close_made(to: Any, status: str = "finished", error: str | None = None) -> None:
    """Close what `logger_of` opened in this process."""
    logger = None if hasattr(to, "write") or to in _lent else _open.pop(to, None)
    if isinstance(logger, Run):
        logger.close(status, error)
    elif logger is not None:
        logger.close()


def portable(to: Any) -> Any:
    """What is pickled in the place of ``to``: checkpoints and stored callbacks must not fail for a logger's sake."""
    try:
        cloudpickle.dumps(to)
    except Exception:  # whatever a foreign type does
        return Lost(type(to).__name__)
    return to


class Lost:
    """In the place of a logger that cannot be pickled, in every process but its own."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._told = False

    def write(self, values: Mapping[str, Any]) -> None:
        if not self._told:
            self._told = True
            warn(f"a {self._kind} cannot be taken to another process: give a function that makes one there")

    def close(self) -> None:
        """There is nothing to close."""


def announced() -> Place | None:
    """Where a `RolltapeLoggerCallback` of this job records; its id is empty if each trial has a run of its own."""
    found = internal_kv._internal_kv_get(_key()) if ray.is_initialized() else None
    return Place(*json.loads(found)) if found else None


def absolute(dir: str | os.PathLike[str] | None) -> str:
    """The directory of tapes: Tune changes the working directory of a trial."""
    tapes = Path(dir if dir is not None else os.environ.get("ROLLTAPE_DIR") or "tapes").expanduser()
    return str(Path(os.environ.get("TUNE_ORIG_WORKING_DIR", ".")).resolve() / tapes)


class ResultLogger:
    """Writes the results of one trial, nested as they come."""

    def __init__(self, to: Run | SupportsWrite) -> None:
        self._rows = RunLogger(to, index_name="step")
        self._texts: dict[str, str] = {}
        self._told: set[str] = set()

    def log(self, result: Mapping[str, Any]) -> None:
        """Record one result. Its ``config`` is the run's, not the result's."""
        row = {}
        for name, value in flat({key: value for key, value in result.items() if key != "config"}):
            kept = self._loggable(name, value)
            if kept is not None:
                row[name] = kept
        steps = (row[name] for name in STEPS if isinstance(row.get(name), int | float) and math.isfinite(row[name]))
        self._rows.log(row, next(map(int, steps), None))

    def _loggable(self, name: str, value: Any) -> Any:
        """A number or an array of them as it is; a text when it changes; anything else as a text, told once."""
        found: Any = None
        with suppress(Exception):  # whatever a foreign type does on conversion
            found = plain(value)
            if getattr(found, "ndim", 0) > 1:
                found = None
        if found is None and value is not None:
            if name in self._told:
                return None
            self._told.add(name)
            warn(f"{name!r} is of type {type(value).__name__}, not a number: it is kept as text, once")
            found = repr(value)[:1000]
        if isinstance(found, str):
            if self._texts.get(name) == found:
                return None
            self._texts[name] = found
        return found


def flat(result: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(name, value) of everything in a nested result."""
    for key, value in result.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def named(config: Any) -> Any:
    """A config whose classes, functions and objects are texts: the same in every process, and for every seed."""
    if isinstance(config, Mapping):
        return {str(key): named(value) for key, value in config.items()}
    if isinstance(config, list | tuple | set):
        return [named(value) for value in config]
    if isinstance(getattr(config, "__qualname__", None), str):
        return f"{config.__module__}.{config.__qualname__}"
    if config is None or isinstance(config, str | int | float | os.PathLike) or hasattr(config, "tolist"):
        return config
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(config))


def _claim(to: Any, trial: str, owner: Any) -> bool:
    """Whether a trial's results are ``owner``'s to write there: no point twice."""
    claims = _claims.setdefault(trial, [])
    if any(other is not owner and (where is to or where == to) for where, other in claims):
        return False
    claims.append((to, owner))
    return True


def _key(folder: str = "") -> str:
    """For Ray's key-value store, which the driver and the processes of its trials share."""
    return f"rolltape/{ray.get_runtime_context().get_job_id()}/{folder}"


def _error_of(trial: Any) -> str | None:
    """The last line of a trial's error file."""
    try:
        lines = Path(trial.error_file).read_text(errors="replace").strip().splitlines()
    except (OSError, TypeError):
        return None
    return lines[-1] if lines else None
