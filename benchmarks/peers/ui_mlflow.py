"""MLflow as a page: recorded in SQLite, its default."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ui_data import PROJECT, runs

BATCH = 1000  # points a call: the most that it takes


def record(_directory: Path, root: str, dataset: str) -> None:
    """In a child: its first experiment after the default one, so number 1."""
    store = _store(root)
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store)
    experiment = client.create_experiment(PROJECT)
    for run in runs(dataset):
        run_id = client.create_run(experiment, run_name=run.name).info.run_id
        client.log_batch(run_id, params=[Param(name, str(value)) for name, value in run.config.items()])
        points = [
            Metric(name, float(value), 1_700_000_000_000 + step, step)
            for name, values in run.metrics.items()
            for step, value in enumerate(values)
        ]
        for first in range(0, len(points), BATCH):
            client.log_batch(run_id, metrics=points[first : first + BATCH])
        client.set_terminated(run_id)


def serve(_directory: Path, root: str, port: int) -> None:
    """In a child: until killed."""
    options = ["--backend-store-uri", _store(root), "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *options])


def values(answer: bytes) -> Iterator[float]:
    """Of one chart: all the runs."""
    return (metric["value"] for metric in json.loads(answer)["metrics"])


def _store(root: str) -> str:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    Path(root).mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{root}/mlflow.db"
