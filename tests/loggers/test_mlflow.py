"""MLflowLogger against the real MLflow, offline, in a directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers.mlflow import MLflowLogger

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow.*"),
    pytest.mark.filterwarnings("ignore:The filesystem .* backend:FutureWarning"),
]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's own client on a directory, which MLflow 3 must be told to allow."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.chdir(tmp_path)
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(None)
    return mlflow.MlflowClient()


@pytest.fixture
def points(client: Any) -> Callable[[MLflowLogger, str], list[tuple[int, float]]]:
    def read(logger: MLflowLogger, key: str) -> list[tuple[int, float]]:
        return [(metric.step, metric.value) for metric in client.get_metric_history(logger.run_id, key)]

    return read


def artifacts(client: Any, logger: MLflowLogger, folder: str) -> list[str]:
    return [file.path for file in client.list_artifacts(logger.run_id, folder)]


def test_rows(client: Any, points: Any) -> None:
    logger = MLflowLogger(experiment="cartpole")
    logger.write({"train/loss": 0.5, "n": np.int64(3), "done": True, "none": None})
    logger.write({"train/loss": float("inf"), "nan": np.float32("nan")})
    assert client.get_run(logger.run_id).info.status == "RUNNING"
    logger.close()
    logger.close()
    assert points(logger, "train/loss") == [(0, 0.5), (1, float("inf"))]
    assert points(logger, "n") == [(0, 3.0)]
    assert points(logger, "done") == [(0, 1.0)]
    ((step, nan),) = points(logger, "nan")
    assert step == 1
    assert np.isnan(nan)
    run = client.get_run(logger.run_id)
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "cartpole"
    assert set(run.data.metrics) == {"train/loss", "n", "done", "nan"}
    client.delete_run(logger.run_id)
    logger.close()  # does not reach the server again, which would refuse
    assert logger.lost == 0
    again = MLflowLogger(experiment="cartpole")
    assert client.get_run(again.run_id).info.experiment_id == run.info.experiment_id
    again.close()


def test_a_step_key(points: Any) -> None:
    logger = MLflowLogger(step_key="steps")
    logger.write({"a": 1.0, "steps": 1000})
    logger.write({"a": 2.0})
    logger.write({"a": 3.0, "steps": 10})
    with pytest.warns(RolltapeWarning, match="cannot take the step from 'steps', which is 'many'"):
        logger.write({"a": 4.0, "steps": "many"})
    logger.close()
    assert points(logger, "a") == [(1000, 1.0), (1000, 2.0), (10, 3.0), (10, 4.0)]
    assert points(logger, "steps") == [(1000, 1000.0), (10, 10.0)]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("return (mean)", "return _mean_"),
        ("a:b%", "a_b_"),
        ("/a", "_/a"),
        ("a//b/", "a/_/b/_"),
        ("../a/./b", "_/a/_/b"),
        (".", "_"),
        ("a.b/..c", "a.b/..c"),
        ("длина", "длина"),
        ("k" * 300, "k" * 250),
        ("a\n", "a_"),
    ],
)
def test_keys_that_mlflow_refuses(points: Any, key: str, name: str) -> None:
    logger = MLflowLogger()
    logger.write({key: 1.0})
    logger.close()
    assert points(logger, name) == [(0, 1.0)]


def test_a_row_of_more_than_a_batch(points: Any) -> None:
    logger = MLflowLogger()
    logger.write({f"k{i}": i for i in range(1001)})
    logger.close()
    assert points(logger, "k0") == [(0, 0.0)]
    assert points(logger, "k1000") == [(0, 1000.0)]


def test_texts_and_media_are_artifacts_that_do_not_replace_each_other(client: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_bytes(b"weights")
    logger = MLflowLogger(step_key="steps")
    for text in ("one", "é"):
        logger.write({"steps": 7, "a note": text})
    logger.write({"eval/das Bild (ä)": rolltape.Image(np.zeros((2, 2))), "model": rolltape.File(checkpoint)})
    logger.close()
    notes = artifacts(client, logger, "a note")
    assert all(path.startswith("a note/7-") and path.endswith(".txt") for path in notes)
    read = [Path(client.download_artifacts(logger.run_id, path)).read_text("utf-8") for path in notes]
    assert sorted(read) == ["one", "é"]
    (frame,) = artifacts(client, logger, "eval/das Bild _ä_")
    assert Path(client.download_artifacts(logger.run_id, frame)).read_bytes().startswith(b"\x89PNG")
    (model,) = artifacts(client, logger, "model")
    assert model.endswith(".pt")


def test_a_run_of_yours_stays_open_and_the_active_run_is_left_alone(client: Any, points: Any) -> None:
    mlflow = pytest.importorskip("mlflow")
    run = client.create_run("0")
    logger = MLflowLogger(run_id=run.info.run_id)
    assert logger.run_id == run.info.run_id
    logger.write({"a": 1.0})
    logger.close()
    assert points(logger, "a") == [(0, 1.0)]
    assert client.get_run(logger.run_id).info.status == "RUNNING"
    assert mlflow.active_run() is None


def test_a_tracking_uri(client: Any, tmp_path: Path) -> None:
    logger = MLflowLogger(tracking_uri=(tmp_path / "elsewhere").as_uri())
    logger.close()
    assert list((tmp_path / "elsewhere" / "0").glob(logger.run_id))


def test_what_has_no_place_is_told_once_per_key(client: Any, points: Any) -> None:
    logger = MLflowLogger()
    with pytest.warns(RolltapeWarning, match="MLflow has no place for 'returns': it has no arrays") as told:
        logger.write({"returns": np.zeros(3), "a": 1.0})
        logger.write({"returns": np.zeros(3), "a": 2.0})
    logger.close()
    assert len(told) == 1
    assert points(logger, "a") == [(0, 1.0), (1, 2.0)]


def test_trouble_is_told_once(client: Any, points: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = MLflowLogger()
    with pytest.raises(RecordingError, match="'x', of type int, cannot be kept"):
        logger.write({"x": 2**2000, "a": 1.0})
    assert points(logger, "a") == [(0, 1.0)]
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = MLflowLogger(run_id=logger.run_id)
    client.delete_run(logger.run_id)
    with pytest.warns(RolltapeWarning, match="MLflow: a row cannot be written: .*lifecycle_stage") as told:
        logger.write({"a": 2.0})
        logger.write({"a": 3.0})
    logger.close()
    with pytest.warns(RolltapeWarning, match=r"after close\(\)"):
        logger.write({"a": 4.0})
    assert len(told) == 1
    assert logger.lost == 3


def test_wrong_arguments(client: Any) -> None:
    for name in ("step_key", "run_id", "tracking_uri", "experiment"):
        with pytest.raises(TypeError, match=f"{name} must be a string, not int"):
            MLflowLogger(**{name: 5})
    with pytest.raises(TypeError, match="run_id or experiment, not both"):
        MLflowLogger(run_id="x", experiment="y")
    with pytest.raises(Exception, match="nosuchrun"):
        MLflowLogger(run_id="nosuchrun")


def test_without_the_extra() -> None:
    code = "import sys; sys.modules['mlflow'] = None\nfrom rolltape.loggers.mlflow import MLflowLogger\nMLflowLogger()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: MLflowLogger needs: pip install 'rolltape[mlflow]'" in done.stderr
