"""WandbLogger against the real wandb, offline: its own transaction log is read back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers.wandb import WandbLogger

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:wandb.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:google.protobuf.*"),
]

_BLOCK = 1 << 15


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = pytest.importorskip("wandb")
    for name, value in (
        ("WANDB_MODE", "offline"),
        ("WANDB_DIR", str(tmp_path)),
        ("WANDB_CACHE_DIR", str(tmp_path / "cache")),
        ("WANDB_DATA_DIR", str(tmp_path / "data")),
        ("WANDB_SILENT", "true"),
    ):
        monkeypatch.setenv(name, value)
    yield module
    module.teardown()  # or the next test would have this one's settings


def pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (kind, bytes) that a LevelDB log is made of: blocks of 32 KiB, whose last bytes may be unused."""
    at = 7  # wandb's own header
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:
            at += _BLOCK - at % _BLOCK
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        yield kind, data[at + 7 : at + 7 + length]
        at += 7 + length


def records(folder: Path) -> list[Any]:
    """What wandb wrote down of the only run in a directory."""
    internal = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    pytest.importorskip("wandb").teardown()  # its own process may write the file a moment after finish()
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    whole, found = b"", []
    for kind, piece in pieces(path.read_bytes()):
        whole += piece
        if kind in (1, 4):  # a record in one piece, or the last piece of one
            found.append(internal.Record.FromString(whole))
            whole = b""
    return found


def history(folder: Path) -> list[dict[str, Any]]:
    rows = []
    for record in records(folder):
        if record.WhichOneof("record_type") == "history":
            row: dict[str, Any] = {}
            for item in record.history.item:
                *outer, last = item.nested_key or [item.key]
                inner = row
                for key in outer:
                    inner = inner.setdefault(key, {})
                inner[last] = json.loads(item.value_json)
            rows.append({key: value for key, value in row.items() if not key.startswith("_")})
    return rows


def kinds(folder: Path) -> list[str]:
    return [record.WhichOneof("record_type") for record in records(folder)]


def test_rows(wandb: Any, tmp_path: Path) -> None:
    logger = WandbLogger(project="p", config={"lr": 0.1})
    logger.write({"train/loss": 0.5, "n": np.int64(3), "done": np.bool_(True), "none": None, "текст": "é"})
    logger.write({"train/loss": float("nan"), "returns": np.array([0.0, 1.0, 1.0])})
    logger.write({"none": None})
    logger.close()
    logger.close()
    assert wandb.run is None
    first, second = history(tmp_path)
    assert first == {"train/loss": 0.5, "n": 3, "done": True, "текст": "é"}
    assert np.isnan(float(second["train/loss"]))
    assert second["returns"]["_type"] == "histogram"
    assert sum(second["returns"]["values"]) == 3
    assert "exit" in kinds(tmp_path)
    assert logger.lost == 0


def test_a_step_key_is_the_x_axis_and_may_go_back(wandb: Any, tmp_path: Path) -> None:
    logger = WandbLogger(step_key="steps")
    logger.write({"steps": 1000, "loss": 1.0})
    logger.write({"steps": 10, "loss": 2.0})
    logger.close()
    assert history(tmp_path) == [{"steps": 1000, "loss": 1.0}, {"steps": 10, "loss": 2.0}]
    metrics = [record.metric for record in records(tmp_path) if record.WhichOneof("record_type") == "metric"]
    assert ("*", "steps") in [(metric.glob_name, metric.step_metric) for metric in metrics]


def test_media(wandb: Any, tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    grey, colour = np.zeros((4, 6)), np.zeros((3, 4, 6, 3), np.uint8)
    colour[1] = 255
    checkpoint = tmp_path / "model.pt"
    checkpoint.write_bytes(b"weights")
    logger = WandbLogger()
    logger.write({"image": rolltape.Image(grey), "video": rolltape.Video(colour, fps=10), "a": 1})
    logger.write({"the checkpoint": rolltape.File(checkpoint)})
    logger.close()
    (row,) = history(tmp_path)
    assert row["a"] == 1
    assert (row["image"]["_type"], row["image"]["width"], row["image"]["height"]) == ("image-file", 6, 4)
    assert row["video"]["_type"] == "video-file"
    (files,) = tmp_path.glob("wandb/offline-run-*/files")
    assert (files / row["image"]["path"]).read_bytes().startswith(b"\x89PNG")
    assert (files / row["video"]["path"]).read_bytes().startswith(b"GIF89a")
    (artifact,) = [record.artifact for record in records(tmp_path) if record.WhichOneof("record_type") == "artifact"]
    assert artifact.name == "the_checkpoint"


def test_a_run_of_yours_stays_open(wandb: Any, tmp_path: Path) -> None:
    run = wandb.init()
    logger = WandbLogger(run=run)
    assert logger.run is run
    logger.write({"a": 1})
    logger.close()
    run.log({"a": 2})
    run.finish()
    assert history(tmp_path) == [{"a": 1}, {"a": 2}]


def test_what_has_no_place_is_told_once_per_key(wandb: Any, tmp_path: Path) -> None:
    logger = WandbLogger()
    row = {"a": 1, "matrix": np.zeros((2, 2)), "empty": np.array([np.nan]), "partly": np.array([1.0, np.inf])}
    with pytest.warns(RolltapeWarning) as told:
        logger.write(row)
        logger.write(row)
    logger.close()
    assert sorted(str(one.message) for one in told) == [
        "Weights & Biases has no place for 'empty': an array of shape (1,) with 0 finite numbers makes no histogram",
        "Weights & Biases has no place for 'matrix': an array of shape (2, 2) with 4 finite numbers makes no histogram",
        "Weights & Biases has no place for the NaN and infinities in 'partly': the histogram is of the rest",
    ]
    assert [set(row) for row in history(tmp_path)] == [{"a", "partly"}] * 2


def test_strange_values_and_finished_runs(wandb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = wandb.init()
    strict = WandbLogger(run=run)
    with pytest.raises(RecordingError, match="'x', of type complex, cannot be kept"):
        strict.write({"x": 1j, "a": 1})
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = WandbLogger(run=run)
    run.finish()
    with pytest.warns(RolltapeWarning, match="Weights & Biases: a row cannot be written: .*finished") as told:
        logger.write({"a": 2})
        logger.write({"a": 3})
    logger.close()
    with pytest.warns(RolltapeWarning, match=r"after close\(\)"):
        logger.write({"a": 4})
    assert len(told) == 1
    assert logger.lost == 3
    assert history(tmp_path) == [{"a": 1}]


def test_wrong_arguments(wandb: Any) -> None:
    with pytest.raises(TypeError, match="step_key must be a string, not int"):
        WandbLogger(step_key=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"run must be what wandb\.init\(\) returns, not str"):
        WandbLogger(run="my-run")
    with pytest.raises(TypeError, match="with run, there is no run to make from project, name"):
        WandbLogger(run=object(), project="p", name="n")


def test_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['wandb'] = None\n"
        "from rolltape.loggers.wandb import WandbLogger\n"
        "WandbLogger(project='p')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: WandbLogger needs: pip install 'rolltape[wandb]'" in done.stderr
