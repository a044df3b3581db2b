"""Stable-Baselines3: every episode, and every value that its logger is given, to a run.

model.learn(100_000, callback=RolltapeCallback(project="cartpole"))          # all of it
model.set_logger(rolltape_logger(run))                                       # what the logger is given
configure(folder, ["csv"]).output_formats.append(RolltapeKVWriter(run))      # what the logger writes out
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from rolltape.loggers.base import SupportsWrite
from rolltape.recording.init import init
from rolltape.recording.run import Run

try:
    from stable_baselines3.common import logger as sb3
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import unwrap_vec_normalize

    from rolltape.frameworks.stable_baselines3_values import Values
except ImportError as error:
    raise ImportError(
        "rolltape.frameworks.stable_baselines3 needs Stable-Baselines3 2.0 or newer (tested with 2.9.2): "
        "pip install 'rolltape[sb3]'"
    ) from error


class RolltapeCallback(BaseCallback):
    """Records a training run whole, at environment steps (of all environments together).

    * ``rollout/ep_rew`` and ``rollout/ep_len`` of every episode, where Stable-Baselines3 logs the mean of the last 100;
    * everything given to ``logger.record`` and ``record_mean``, at once, before it is overwritten or averaged, except
      with ``exclude="rolltape"``;
    * the model's hyperparameters, as the run's config.

    It may be given to several ``learn()`` calls; to another model, it begins another run.

    Args:
        run: the run, or any logger, which gets the step as ``step``. None: a new run for each model, open until `close`
            or the end of the process; what follows is for that run, as for `rolltape.init`.
        config: added to the hyperparameters.
        name: None: algorithm, environment and seed.
    """

    def __init__(
        self,
        run: Run | SupportsWrite | None = None,
        *,
        project: str = "default",
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        dir: str | os.PathLike[str] | None = None,
        id: str | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(verbose)
        self.run = run
        self._begin = partial(init, project, tags=tags, dir=dir, id=id) if run is None else None
        self._name = name
        self._config = dict(config or {})
        self._described: Any = None  # the model that the run is of
        self._values = Values(run) if run is not None else None
        self._counted: _Episodes | None = None
        self._is_monitored = True
        self._attached_to: Any = None  # the logger
        self.is_attached = False

    def close(self) -> None:
        """End the run that was begun here."""
        if self._begin is not None and isinstance(self.run, Run):
            self.run.close()

    def _init_callback(self) -> None:
        """Called by every ``learn()``."""
        if self.model is self._described:
            return
        self._described = self.model
        facts = hyperparameters(self.model) | self._config
        if self._begin is not None:
            self.close()
            name = self._name or f"{facts['algorithm']}-{facts['env']}-s{facts['seed']}"
            self.run = self._begin(name=name, config=facts)
            self._values = Values(self.run)
        elif isinstance(self.run, Run):
            self.run.describe(facts)

    def _on_training_start(self) -> None:
        environments = self.training_env
        self._is_monitored = _is_monitored(environments)
        goes_on = self._counted is not None and self._counted.environments is environments and self.num_timesteps
        if not goes_on:  # else an episode may be under way
            self._counted = _Episodes(environments)
        self._attach()

    def _attach(self) -> None:
        self._attached_to = self.logger
        _tap_of(self.logger).attach(self)

    def _on_step(self) -> bool:
        if self.logger is not self._attached_to:  # somebody gave the model another one meanwhile
            self._attach()
        if self._is_monitored:
            for info in self.locals["infos"]:
                if "episode" in info:
                    self._log_episode(info["episode"])
        elif self._counted is not None:
            for episode in self._counted.ended(self.locals["rewards"], self.locals["dones"]):
                self._log_episode(episode)
        return True

    def _log_episode(self, episode: Mapping[str, float]) -> None:
        if self.is_attached:
            self._log({"rollout/ep_rew": episode["r"], "rollout/ep_len": episode["l"]})

    def _on_training_end(self) -> None:
        _tap_of(self.logger).detach(self)

    def recorded(self, key: str, value: Any, exclude: str | tuple[str, ...] | None) -> None:
        """Told by the logger of each value that it is given."""
        if value is not None and not _is_excluded(exclude):
            self._log({key: value})

    def _log(self, values: Mapping[str, Any]) -> None:
        assert self._values is not None
        self._values.log(values, int(self.model.num_timesteps))


class RolltapeKVWriter(sb3.KVWriter):
    """An output format for Stable-Baselines3's logger: what it dumps goes to a run, or any logger, at its step.

    It gets what is left at a dump. `rolltape_logger` and `RolltapeCallback` also keep what was overwritten before.
    """

    def __init__(self, run: Run | SupportsWrite) -> None:
        self.target = run
        self.passed: set[str] = set()  # keys that a callback has recorded to the same run already
        self.step = 0  # of the last dump
        self._values = Values(run)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        self.step = step
        kept = {
            key: value
            for key, value in key_values.items()
            if value is not None and key not in self.passed and not _is_excluded(key_excluded.get(key))
        }
        if kept:
            self._values.log(kept, step)

    def overwritten(self, key: str, value: Any, excluded: tuple[str, ...] | None) -> None:
        """Take a value that will not be there at the dump."""
        self.write({key: value}, {key: excluded or ()}, self.step)

    def close(self) -> None:
        """The run belongs to whoever began it."""


class RolltapeLogger(sb3.Logger):
    """Stable-Baselines3's logger, which keeps every value given to it. Made by `rolltape_logger`."""

    def record(self, key: str, value: Any, exclude: str | tuple[str, ...] | None = None) -> None:
        if key in self.name_to_value:
            for writer in _writers(self):
                writer.overwritten(key, self.name_to_value[key], self.name_to_excluded.get(key))
        super().record(key, value, exclude)


def rolltape_logger(
    run: Run | SupportsWrite, folder: str | None = None, format_strings: Sequence[str] = ()
) -> RolltapeLogger:
    """A logger for ``model.set_logger`` that writes to a run, or any logger.

    What is dumped has the step of the dump, what is overwritten before that of the dump before. Episodes do not come
    by the logger: for them use `RolltapeCallback`, or both (nothing is recorded twice).

    Args:
        run: the run.
        folder: where the other formats write.
        format_strings: Stable-Baselines3's own formats besides: ``stdout``, ``csv``, ``tensorboard`` and so on.
    """
    formats = [sb3.make_output_format(name, folder or ".") for name in format_strings]
    return RolltapeLogger(folder, [*formats, RolltapeKVWriter(run)])


def hyperparameters(model: Any) -> dict[str, Any]:
    """What a model was made with, as far as it still knows it: ``algorithm``, ``env``, ``seed`` and its arguments."""
    found: dict[str, Any] = {"algorithm": type(model).__name__}
    for name in inspect.signature(type(model).__init__).parameters:
        if name not in ("self", "env", "policy", "verbose", "tensorboard_log", "_init_setup_model"):
            found[name] = _plain(getattr(model, name, None))
    found["policy"] = getattr(getattr(model, "policy_class", None), "__name__", None)
    found["n_envs"] = model.n_envs
    found["env"] = _name_of(model.get_env())
    return found


def _name_of(environments: Any) -> str | None:
    try:
        return str(environments.get_attr("spec")[0].id)
    except Exception:  # it has none, or is of a kind that does not answer
        return None


def _is_monitored(environments: Any) -> bool:
    try:
        return all(environments.env_is_wrapped(Monitor))
    except Exception:  # a kind that does not answer: its infos tell of episodes, or they are counted
        return False


class _Tap:
    """Between an algorithm and its logger: callbacks hear of each value first, and no writer repeats it."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._callbacks: dict[int, RolltapeCallback] = {}  # by what they write to
        self._passed: dict[int, set[str]] = {}  # what they were told of since the last dump
        self._learn: Any = None  # the ``learn()`` that they are attached in, by its local variables
        self._given = logger.record, logger.record_mean, logger.dump
        logger.record, logger.record_mean, logger.dump = self.record, self.record_mean, self.dump

    def attach(self, callback: RolltapeCallback) -> None:
        """Have a callback told; instead of another one that writes to the same, or was left by a ``learn()`` before."""
        if self._learn is not callback.locals:
            for left in self._callbacks.values():
                left.is_attached = False
            self._callbacks.clear()
            self._learn = callback.locals
        other = self._callbacks.get(id(callback.run))
        if other is not None:
            other.is_attached = False
        self._callbacks[id(callback.run)] = callback
        callback.is_attached = True

    def detach(self, callback: RolltapeCallback) -> None:
        if self._callbacks.get(id(callback.run)) is callback:
            del self._callbacks[id(callback.run)]
            callback.is_attached = False

    def record(self, key: str, value: Any, exclude: str | tuple[str, ...] | None = None) -> None:
        self._tell_writers()  # of what was passed on before: this value may be overwriting another
        self._given[0](key, value, exclude)
        self._pass_on(key, value, exclude)

    def record_mean(self, key: str, value: float | None, exclude: str | tuple[str, ...] | None = None) -> None:
        self._given[1](key, value, exclude)
        self._pass_on(key, value, exclude)

    def dump(self, step: int = 0) -> None:
        self._tell_writers()
        self._given[2](step)
        self._passed.clear()
        self._tell_writers()

    def _pass_on(self, key: str, value: Any, exclude: str | tuple[str, ...] | None) -> None:
        for passed in self._passed.values():
            passed.discard(key)
        for target, callback in self._callbacks.items():
            callback.recorded(key, value, exclude)
            self._passed.setdefault(target, set()).add(key)

    def _tell_writers(self) -> None:
        for writer in _writers(self._logger):
            writer.passed = self._passed.get(id(writer.target), set())

    def __getstate__(self) -> dict[str, Any]:
        """A copy of the logger is told to nobody."""
        return self.__dict__ | {"_callbacks": {}, "_passed": {}, "_learn": None}


def _tap_of(logger: Any) -> _Tap:
    tap = getattr(logger, "rolltape_tap", None)
    if tap is None:
        tap = logger.rolltape_tap = _Tap(logger)
    found: _Tap = tap
    return found


def _writers(logger: Any) -> list[RolltapeKVWriter]:
    return [writer for writer in logger.output_formats if isinstance(writer, RolltapeKVWriter)]


class _Episodes:
    """Counts episodes where no Monitor does, in the environment's own rewards."""

    def __init__(self, environments: Any) -> None:
        self.environments = environments
        self._normalize = unwrap_vec_normalize(environments)
        self._returns = np.zeros(environments.num_envs)
        self._lengths = np.zeros(environments.num_envs, int)

    def ended(self, rewards: Any, dones: Any) -> list[dict[str, float]]:
        """The episodes that end with this step; ``rewards`` and ``dones`` are [environments]."""
        self._returns += rewards if self._normalize is None else self._normalize.get_original_reward()
        self._lengths += 1
        if not np.any(dones):
            return []
        ended = [{"r": float(self._returns[i]), "l": int(self._lengths[i])} for i in np.flatnonzero(dones)]
        self._returns[dones] = 0
        self._lengths[dones] = 0
        return ended


def _is_excluded(exclude: str | tuple[str, ...] | None) -> bool:
    return exclude is not None and "rolltape" in (exclude if isinstance(exclude, tuple) else (exclude,))


def _plain(value: Any) -> Any:
    """A hyperparameter: of a schedule its value at the beginning, of an object its class."""
    if callable(value) and not isinstance(value, type):
        try:
            return float(value(1.0))
        except Exception:  # not a schedule
            return getattr(value, "__name__", type(value).__name__)
    if value is None or isinstance(value, bool | int | float | str | dict | list | tuple):
        return value
    return str(value) if type(value).__module__ == "torch" else getattr(value, "__name__", type(value).__name__)
