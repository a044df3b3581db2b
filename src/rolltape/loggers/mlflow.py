"""MLflow, through its own client."""

from __future__ import annotations

import re
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rolltape.loggers.plain import Plain
from rolltape.loggers.sink import NoPlace, Sink, Steps
from rolltape.recording.media import File, Image, Video, write_media

_MOST_METRICS = 1000  # in a batch
_LONGEST_KEY = 250
_REFUSED = re.compile(r"[^\w. /-]|(?:^|(?<=/))\.{0,2}(?=/|$)")  # other characters, and what means something in a path


class MLflowLogger(Sink):
    """Logs each row to an MLflow run. Needs ``pip install 'rolltape[mlflow]'``.

    Numbers are metrics, one batch a row (of 1000 at most). Texts, images, videos and files are artifacts under
    ``<key>/``, named after step and time. Arrays have no place; None is skipped. Device values are waited for. What
    MLflow refuses in a key becomes ``_``.

    Only the client is used: MLflow's active run is neither asked nor changed. `write` waits for the server's answer,
    unless MLFLOW_ENABLE_ASYNC_LOGGING is set.

    Args:
        step_key: the key whose value is the step, also kept as a metric; a row without it has the last step.
            None: writes are counted from 0.
        run_id: a run that is there; `close` leaves it as it is. None: made here, ended by `close`.
        tracking_uri: the server or directory. None: MLflow's own setting.
        experiment: the name of the experiment of a new run; made if there is none. None: MLflow's default one.

    Raises:
        ImportError: mlflow is not installed.
        TypeError: an argument is not a string, or both ``run_id`` and ``experiment`` are given.
        mlflow.MlflowException: there is no such run or server.
    """

    def __init__(
        self,
        step_key: str | None = None,
        run_id: str | None = None,
        tracking_uri: str | None = None,
        experiment: str | None = None,
    ) -> None:
        self._steps = Steps(step_key)
        for name, value in (("run_id", run_id), ("tracking_uri", tracking_uri), ("experiment", experiment)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{name} must be a string, not {type(value).__name__}")
        if run_id is not None and experiment is not None:
            raise TypeError("a run that is there has its experiment: give run_id or experiment, not both")
        super().__init__("MLflow")
        try:
            self._client: Any = import_module("mlflow").MlflowClient(tracking_uri)
            self._metric: Any = import_module("mlflow.entities").Metric
        except ImportError as error:
            raise ImportError("MLflowLogger needs: pip install 'rolltape[mlflow]'") from error
        self._is_ours = run_id is None
        run = self._client.get_run(run_id) if run_id else self._client.create_run(self._experiment(experiment))
        self.run_id: str = run.info.run_id

    def _experiment(self, name: str | None) -> str:
        if name is None:
            return "0"
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _put(self, row: dict[str, Plain]) -> None:
        step, now = self._steps.next(row, self._miss), time.time_ns()
        numbers = {key: value for key, value in row.items() if isinstance(value, float | int)}
        others = {key: value for key, value in row.items() if value is not None and key not in numbers}
        self._each(others, lambda key, value: self._log_artifact(key, value, f"{step}-{now}"))
        milliseconds = now // 10**6
        named = self._each(numbers, lambda key, value: self._metric(_name(key), float(value), milliseconds, step))
        metrics = list(named.values())
        for first in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self.run_id, metrics=metrics[first : first + _MOST_METRICS])

    def _log_artifact(self, key: str, value: Plain, stem: str) -> None:
        if isinstance(value, np.ndarray):
            raise NoPlace("it has no arrays")
        if isinstance(value, str):
            self._client.log_text(self.run_id, value, f"{_name(key)}/{stem}.txt")
        elif isinstance(value, File | Image | Video):
            with tempfile.TemporaryDirectory() as folder:
                name = write_media(value, Path(folder), stem, value.kind)
                self._client.log_artifact(self.run_id, str(Path(folder) / name), _name(key))

    def _end(self) -> None:
        if self._is_ours:
            self._client.set_terminated(self.run_id)


def _name(key: str) -> str:
    return _REFUSED.sub("_", key)[:_LONGEST_KEY]
