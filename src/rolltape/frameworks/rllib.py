"""RLlib: every episode and every result to a run.

    config.callbacks(RolltapeRLlibCallback)                          # algo.train(), or the episodes of Tune's trials
    RunConfig(callbacks=[RolltapeLoggerCallback(project="grid")])    # a run per trial

Without RLlib, the second is in `rolltape.frameworks.tune`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.run_logger import RunLogger
from rolltape.recording.ending import end_of
from rolltape.recording.run import Run

try:
    from ray.rllib.callbacks.callbacks import RLlibCallback

    from rolltape.frameworks.tune import (
        Place,
        ResultLogger,
        RolltapeLoggerCallback,
        TrialPlace,
        absolute,
        announced,
        close_made,
        logger_of,
        named,
        portable,
    )
except ImportError as error:
    raise ImportError(
        "rolltape.frameworks.rllib needs RLlib 2.53 or newer (2.53.0 and 2.60.0 are tested): "
        "pip install 'rolltape[rllib]'"
    ) from error

__all__ = ["RolltapeLoggerCallback", "RolltapeRLlibCallback"]


@dataclass(frozen=True)
class _Given:
    """What `RolltapeRLlibCallback.to` was given."""

    to: Any = None
    project: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    dir: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "to": portable(self.to)}


class RolltapeRLlibCallback(RLlibCallback):
    """Records an algorithm whole: every result of ``train()``, and every episode where it is played.

    Each environment runner, also a remote one, writes ``env_runners/episode_return``, ``episode_len`` and
    ``episode_duration_sec`` of its episodes, those of evaluation under ``evaluation/env_runners/``. Their step is the
    runner's own environment steps times the number of runners, as RLlib itself estimates them: exact with one
    runner. An episode of evaluation has the steps trained by then. On the new API stack only.

    An algorithm is a run. Under Tune a `RolltapeLoggerCallback` makes each trial a run: where there is one, episodes
    go there, and results are left to it. RLlib takes the class, not an object; for anything but the defaults see `to`.
    """

    _given: ClassVar[_Given] = _Given()

    @classmethod
    def to(
        cls,
        run: Run | SupportsWrite | Callable[[], Run | SupportsWrite] | None = None,
        *,
        project: str | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
        dir: str | os.PathLike[str] | None = None,
    ) -> type[RolltapeRLlibCallback]:
        """The callback for ``config.callbacks(…)`` that writes elsewhere.

        Args:
            run: the run; or any logger, which gets the step as ``step``, and which remote environment runners get
                copies of; or a function that makes one in each process. None: a new run; what follows is for it.
            project: None: that of the `RolltapeLoggerCallback`, or ``"default"``.
            name: None: algorithm, environment and seed.
            tags: words to find the run by.
            dir: None: that of the `RolltapeLoggerCallback`, ``$ROLLTAPE_DIR`` or ``./tapes``.
        """
        to = Place.of(run) if isinstance(run, Run) else run
        given = _Given(to, project, name, tuple(tags), absolute(dir) if dir is not None else None)
        return type(cls.__name__, (cls,), {"_given": given, "__doc__": cls.__doc__, "__module__": cls.__module__})

    def __init__(self) -> None:
        super().__init__()
        self._attach: Callable[[Any], None] | None = None
        self._results: ResultLogger | None = None

    def on_algorithm_init(self, *, algorithm: Any, **kwargs: Any) -> None:
        """Called in the algorithm's process, when its environment runners exist."""
        taken = vars(algorithm).setdefault("rolltape", [])
        if self._given in taken:
            return  # another callback does it
        taken.append(self._given)
        to, has_results = self._begin(algorithm)
        if has_results:
            self._results = ResultLogger(logger_of(to))
        self._attach = partial(_attach, _Given(to))
        for group in _groups(algorithm):
            group.foreach_env_runner(self._attach)
        algorithm.cleanup = partial(_clean_up, algorithm, algorithm.cleanup, to)

    def on_env_runners_recreated(self, *, env_runner_group: Any, env_runner_indices: Any, **kwargs: Any) -> None:
        """Environment runners died, and others took their place."""
        if self._attach is not None:
            env_runner_group.foreach_env_runner(
                self._attach, local_env_runner=False, remote_worker_ids=list(env_runner_indices)
            )

    def on_checkpoint_loaded(self, *, algorithm: Any, **kwargs: Any) -> None:
        """Steps go on from those of the checkpoint."""
        for group in _groups(algorithm):
            group.foreach_env_runner(_recount)

    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        """The end of a ``train()``."""
        if self._results is not None:
            self._results.log(result)

    def on_episode_step(self, *, env_runner: Any = None, **kwargs: Any) -> None:
        """Called where the episode is played, as the next."""
        episodes = getattr(env_runner, "rolltape", None)
        if episodes is not None and episodes.is_told_by(self):
            episodes.count(env_runner)

    def on_episode_end(
        self, *, episode: Any, env_runner: Any = None, prev_episode_chunks: Sequence[Any] | None = None, **kwargs: Any
    ) -> None:
        """An episode ended; what was sampled of it by earlier calls is in the chunks."""
        episodes = getattr(env_runner, "rolltape", None)
        if episodes is not None and episodes.is_told_by(self):
            episodes.record(env_runner, [*(prev_episode_chunks or ()), episode])

    def _begin(self, algorithm: Any) -> tuple[Any, bool]:
        """Where to write, and whether results are to be written there too."""
        given, config, folder = self._given, algorithm.config, Path(algorithm.logdir).name
        driver, to = announced(), given.to
        if to is None:
            dir = given.dir or (driver.dir if driver else absolute(None))
            project = given.project or (driver.project if driver else "default")
            if driver is not None and driver == Place(project, driver.id, dir):
                return driver if driver.id else TrialPlace(project, dir, folder), False
            seed = "" if config.seed is None else f"-s{config.seed}"
            name = given.name or f"{type(algorithm).__name__}-{named(config.env)}{seed}"
            to = Place(project, folder, dir, name, given.tags)
        elif driver is not None and driver == to:
            return to, False
        if isinstance(to, Place):
            logger_of(to).describe({"algorithm": type(algorithm).__name__, **named(config.to_dict())})
        return to, True


class _Episodes:
    """What one environment runner has played, and where it writes that."""

    def __init__(self) -> None:
        self._to: list[Any] = []
        self._rows: list[RunLogger] = []  # opened for the first episode
        self._teller: RolltapeRLlibCallback | None = None
        self.recount()

    def attach(self, to: Any) -> None:
        self._to.append(to)

    def recount(self) -> None:
        self._made = 0
        self._start: int | None = None  # environment steps before those made here

    def is_told_by(self, callback: RolltapeRLlibCallback) -> bool:
        """Whether this callback is the first of those that all tell the same."""
        if self._teller is None:
            self._teller = callback
        return self._teller is callback

    def count(self, env_runner: Any) -> None:
        if self._start is None:
            self._start = env_runner.num_env_steps_sampled_lifetime
        self._made += 1

    def record(self, env_runner: Any, chunks: Sequence[Any]) -> None:
        row = {
            "episode_return": float(sum(chunk.get_return() for chunk in chunks)),
            "episode_len": getattr(chunks[-1], "env_t", None) or chunks[-1].t,  # learners lengthen earlier chunks
            "episode_duration_sec": sum(chunk.get_duration_s() for chunk in chunks),
        }
        agents = [agent for chunk in chunks for agent in getattr(chunk, "agent_episodes", {}).values()]
        for agent in agents:
            for name in (f"agent_episode_return/{agent.agent_id}", f"module_episode_return/{agent.module_id}"):
                row[name] = row.get(name, 0.0) + float(agent.get_return())
        if env_runner.config.in_evaluation:
            prefix, step = "evaluation/env_runners", env_runner.num_env_steps_sampled_lifetime
        else:
            prefix, step = "env_runners", (self._start or 0) + self._made * max(1, env_runner.config.num_env_runners)
        while len(self._rows) < len(self._to):
            self._rows.append(RunLogger(logger_of(self._to[len(self._rows)]), index_name="step"))
        for rows in self._rows:
            rows.log({f"{prefix}/{name}": value for name, value in row.items()}, int(step))

    def close(self) -> None:
        """At the end of a remote runner's process; a logger there is a copy of its own."""
        for rows, to in zip(self._rows, self._to, strict=False):
            if hasattr(to, "write"):
                rows.close()
            else:
                close_made(to)
        self._rows.clear()


def _attach(given: _Given, env_runner: Any) -> None:
    vars(env_runner).setdefault("rolltape", _Episodes()).attach(given.to)


def _recount(env_runner: Any) -> None:
    if hasattr(env_runner, "rolltape"):
        env_runner.rolltape.recount()


def _close(env_runner: Any) -> None:
    if hasattr(env_runner, "rolltape"):
        env_runner.rolltape.close()


def _clean_up(algorithm: Any, cleanup: Callable[[], None], to: Any) -> None:
    """In the place of ``algorithm.cleanup``, the one thing that is told of an algorithm's end."""
    for group in _groups(algorithm):
        group.foreach_env_runner(_close, local_env_runner=False, timeout_seconds=10)
    close_made(to, *end_of(sys.exc_info()[1])[:2])
    cleanup()


def _groups(algorithm: Any) -> list[Any]:
    groups = (getattr(algorithm, name, None) for name in ("env_runner_group", "eval_env_runner_group"))
    return [group for group in groups if group is not None]
