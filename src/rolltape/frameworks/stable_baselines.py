"""Stable Baselines 2.10.2: what its logger writes, every episode, and the losses of every update, to a run.

    from stable_baselines import logger
    logger.Logger.CURRENT.output_formats.append(RolltapeKVWriter(run))

Its logger passes on means of the last 100 episodes and of an update's minibatches, and nothing at all at ``verbose=0``.
The raw values come from where they arise: the algorithm's callbacks, and the function that takes a gradient step.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.run_logger import RunLogger
from rolltape.recording.run import Run, open_runs
from rolltape.recording.values import checked_step
from rolltape.recording.warning import warn

try:
    from stable_baselines.common.base_class import BaseRLModel
    from stable_baselines.common.callbacks import BaseCallback, ConvertCallback
    from stable_baselines.common.vec_env import VecEnv
    from stable_baselines.logger import KVWriter, Logger
except ImportError as error:
    raise ImportError(
        "rolltape.frameworks.stable_baselines needs Stable Baselines 2.10 (tested with 2.10.2) and TensorFlow 1.8 to "
        "1.15: pip install 'stable-baselines==2.10.2' 'tensorflow<2'. For Stable-Baselines3 there is "
        "rolltape.frameworks.stable_baselines3"
    ) from error

STEP_KEYS = ("total_timesteps", "total timesteps", "TimestepsSoFar", "total/steps", "steps")
"""What the algorithms call the number of environment steps, the surest first."""

_LOSSES = {
    "PPO2": ("policy_loss", "value_loss", "policy_entropy", "approxkl", "clipfrac"),
    "A2C": ("policy_loss", "value_loss", "policy_entropy"),
    "ACKTR": ("policy_loss", "value_loss", "policy_entropy"),
    "SAC": ("policy_loss", "qf1_loss", "qf2_loss", "value_loss", "entropy", "ent_coef_loss", "ent_coef"),
    "TD3": ("qf1_loss", "qf2_loss"),
    "DDPG": ("train/loss_critic", "train/loss_actor"),
}
"""What a gradient step returns, under the names that the algorithm logs it by."""

_ADDRESS = re.compile(" at 0x[0-9a-fA-F]+")


class RolltapeKVWriter(KVWriter):
    """An output format for Stable Baselines' logger: to a run, or any logger, at environment steps (of all together).

    * ``ep_reward`` and ``ep_len`` of every episode of training, where a Monitor is (then as it tells them) and where
      none is; ``is_success``, where the environment tells it;
    * the losses of every gradient step, under the names that the algorithm gives their means; the means, which would be
      the same points once more, are left out;
    * everything else that is logged, also after ``configure()`` and ``reset()``;
    * the model's hyperparameters, as the run's config.

    It is at work from when it is made until its run is closed, or until `detach`. Of several on one run only the first
    records.

    Args:
        run: the run; or any logger, which gets the step under ``total_timesteps``.
    """

    def __init__(self, run: Run | SupportsWrite) -> None:
        self.target = run
        self.step: int | None = None  # of the last thing recorded
        self._rows = RunLogger(run, index_name=STEP_KEYS[0])
        self._raw: set[str] = set()  # recorded raw since the last dump
        self._told: set[str] = set()
        _writers()
        _attached.setdefault(id(run), self)

    def writekvs(self, kvs: Mapping[Any, Any]) -> None:
        """Take what the logger dumps; ``kvs`` stays as it is, and is not kept."""
        for key in STEP_KEYS:
            if key in kvs:
                try:
                    self.step = checked_step(kvs[key])
                    break
                except TypeError:  # something else of that name: recorded as what it is
                    continue
        row = {str(key): value for key, value in kvs.items() if value is not None and key not in self._raw}
        self._raw.clear()
        self._log(row)

    def episode(self, values: Mapping[str, float], step: int) -> None:
        """Take an episode that ended at this step."""
        self.step = step
        self._log(values)

    def losses(self, values: Mapping[str, Any], step: int) -> None:
        """Take the losses of a gradient step."""
        self._raw.update(values)
        self.step = step
        self._log(values)

    def close(self) -> None:
        """Nothing: the logger closes its formats also at ``reset()``, and the run belongs to whoever began it."""

    def detach(self) -> None:
        """Record no more. The run, or logger, stays open."""
        if _attached.get(id(self.target)) is self:
            del _attached[id(self.target)]

    def _log(self, values: Mapping[str, Any]) -> None:
        row, texts = {}, []
        for key, value in values.items():
            number = _number(value)
            if number is not None:
                row[key] = number
            elif key not in self._told:
                self._told.add(key)
                row[key] = str(value)
                texts.append(f"{key!r} is no number but a {type(value).__name__}: it is kept as text this once")
        if row:
            self._rows.log(row, self.step)
        for text in texts:
            warn(text)


_attached: dict[int, RolltapeKVWriter] = {}  # by what they write to


def _writers() -> list[RolltapeKVWriter]:
    """Those at work. One whose run was closed is so no longer."""
    for key, writer in list(_attached.items()):
        if isinstance(writer.target, Run) and writer.target not in open_runs:
            del _attached[key]
    return list(_attached.values())


def _with_writers(dump: Callable[[Any], None]) -> Callable[[Any], None]:
    """``Logger.dumpkvs``, when every writer is among the formats of the current logger, whichever that now is, once."""

    def dumpkvs(self: Any) -> None:
        if self is Logger.CURRENT:
            theirs = [each for each in self.output_formats if not isinstance(each, RolltapeKVWriter)]
            self.output_formats[:] = [*theirs, *_writers()]
        dump(self)

    return dumpkvs


def _with_recorder(init: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``BaseRLModel._init_callback``, by which every ``learn()`` begins, when our callback comes before the user's."""

    def _init_callback(self: Any, callback: Any) -> Any:
        if not _writers():
            return init(self, callback)
        if not hasattr(self, "rolltape_recorder"):
            self.rolltape_recorder = _Recorder()
        if not isinstance(callback, list):
            callback = [callback if isinstance(callback, BaseCallback) else ConvertCallback(callback)]
        return init(self, [self.rolltape_recorder, *callback])

    return _init_callback


Logger.dumpkvs = _with_writers(Logger.dumpkvs)
BaseRLModel._init_callback = _with_recorder(BaseRLModel._init_callback)


class _Recorder(BaseCallback):
    """One model's episodes and losses, to all writers, through all its ``learn()`` calls."""

    def __init__(self) -> None:
        super().__init__()
        self._tap: Any = None
        self._runner: Any = None
        self._silent: set[str] = set()
        self._is_monitored = False
        self._returns = np.zeros(0)
        self._lengths = np.zeros(0, int)

    def _on_training_start(self) -> None:
        environment = _description(self.training_env)
        for writer in _writers():
            if isinstance(writer.target, Run):
                writer.target.describe(_hyperparameters(self.model, environment))
        runner = getattr(self.model, "_runner", None)
        if runner is None or runner is not self._runner:  # one that is kept goes on in the middle of its episodes
            self._is_monitored = "Monitor<" in environment
            self._returns = np.zeros(self.model.n_envs)
            self._lengths = np.zeros(self.model.n_envs, int)
        given = getattr(self.model, "_train_step", None)
        if given is not None and given is not self._tap:
            self._tap = self.model._train_step = partial(self._train_step, given)

    def _on_step(self) -> bool:
        self._runner = getattr(self.model, "_runner", None)
        step = self.num_timesteps
        if "current_it_len" in self.locals:  # TRPO and PPO1 count only when an iteration is over
            step += self.locals["current_it_len"] + 1
        for values in self._told(self._ended, "episodes") or []:
            for writer in _writers():
                writer.episode(values, step)
        return True

    def _told(self, ask: Callable[[], Any], what: str) -> Any:
        """An answer; None: this is not an algorithm of Stable Baselines, and does not tell."""
        try:
            return ask()
        except Exception as error:
            if what not in self._silent:
                self._silent.add(what)
                warn(f"the {what} of {type(self.model).__name__} cannot be told: {error!r}")
            return None

    def _ended(self) -> list[dict[str, float]]:
        """The episodes that end with this step, from the algorithm's local variables."""
        found = self.locals
        if "done" in found:  # an algorithm of one environment
            infos, dones = [found["info"]], np.array([found["done"]])
            rewards = next(found[name] for name in ("true_reward", "reward", "rew") if name in found)
        else:
            infos = found["infos"] if "infos" in found else found["_"]  # ACER's name for them
            dones = np.asarray(found["dones"] if "dones" in found else found["self"].dones)
            rewards = found["rewards"]
        normalize = self.model.get_vec_normalize_env()
        self._returns += rewards if normalize is None else normalize.get_original_reward()
        self._lengths += 1
        if not dones.any():
            return []
        ended = []
        for i in np.flatnonzero(dones):
            told = infos[i].get("episode")
            self._is_monitored |= told is not None
            if told is None and self._is_monitored:  # a wrapper above the Monitor ends what is no episode, as a life
                continue
            told = told or {"r": self._returns[i], "l": self._lengths[i]}
            ended.append({"ep_reward": float(told["r"]), "ep_len": int(told["l"])})
            if "is_success" in infos[i]:
                ended[-1]["is_success"] = float(infos[i]["is_success"])
        self._returns[dones] = 0
        self._lengths[dones] = 0
        return ended

    def _train_step(self, given: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """A gradient step, as the algorithm takes it."""
        result = given(*arguments, **named)
        losses = self._told(partial(_losses, self.model, result, arguments), "losses")
        for writer in _writers() if losses else []:
            writer.losses(losses, self.model.num_timesteps)
        return result


def _losses(model: Any, result: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    kinds = [kind.__name__ for kind in type(model).__mro__]
    if "DQN" in kinds:  # what it shows in TensorBoard, which is all that it shows
        errors, weights = np.asarray(result[1]), arguments[6]
        huber = np.where(np.abs(errors) < 1, errors**2 / 2, np.abs(errors) - 0.5)
        return {"loss/td_error": errors.mean(), "loss/loss": (weights * huber).mean()}
    if "ACER" in kinds:
        return dict(zip(*result, strict=True))
    names = next((_LOSSES[kind] for kind in kinds if kind in _LOSSES), ())
    return dict(zip(names, result, strict=False))


def _number(value: Any) -> Any:
    """A number or a 1-d array of numbers; None: it is neither."""
    if isinstance(value, str | bytes):
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind in "fiub" and array.ndim == 1:
            return array
        return array.item() if array.dtype.kind in "fiub" and not array.ndim else float(value)
    except Exception:  # whatever a foreign type does on conversion
        return None


def _description(environment: Any) -> str:
    """Its wrappers and name, ``<Monitor<TimeLimit<CartPoleEnv<CartPole-v1>>>>``, also of one in another process."""
    try:
        text = str(environment.env_method("__str__")[0] if isinstance(environment, VecEnv) else environment)
        return _ADDRESS.sub("", text)
    except Exception:  # whatever a foreign environment does
        return ""


def _hyperparameters(model: Any, environment: str) -> dict[str, Any]:
    """What a model was made with, as far as it still knows it."""
    innermost = re.search(r"<([^<>]+?)(?: instance| object)?>+$", environment)
    found = {
        "algorithm": type(model).__name__,
        "policy": model.policy,
        "env": innermost[1] if innermost else environment,
        "n_envs": model.n_envs,
    }
    for name in inspect.signature(type(model).__init__).parameters:
        if name not in ("self", "policy", "env", "verbose", "tensorboard_log", "_init_setup_model"):
            found[name] = getattr(model, name, None)
    return {name: _setting(value) for name, value in found.items() if value is not None}


def _setting(value: Any) -> Any:
    """The same for every seed: no text with an address in it."""
    if isinstance(value, Mapping):
        return {str(key): _setting(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_setting(inner) for inner in value]
    name = getattr(value, "__qualname__", None)
    if name == "constfn.<locals>.func":  # what the algorithms make of a number where a schedule may stand
        return value(1.0)
    if value is None or isinstance(value, bool | int | float | str | np.generic | np.ndarray):
        return value
    return name or _ADDRESS.sub("", repr(value))
