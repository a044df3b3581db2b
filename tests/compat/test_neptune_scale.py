"""The API of neptune-scale: Run with log_metrics, log_configs and their kin, read back from the tape."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.compat.neptune.scale import File, Histogram, NeptuneLoggingHandler, Run, SourceTrackingConfig


@pytest.fixture
def run(tapes: Path) -> Run:
    return Run(run_id="r", project="ws/proj")


def points(name: str) -> tuple[list[int], list[float]]:
    found = rolltape.open().points("r", name)
    return found.step.tolist(), found.value.tolist()


def test_what_a_run_is_created_with(tapes: Path) -> None:
    with Run(
        run_id="r", project="ws/proj", experiment_name="exp", creation_time=datetime(2025, 1, 2, tzinfo=UTC),
        fork_run_id="parent", fork_step=7.5, api_token="…", log_directory="x", enable_console_log_capture=False,
        source_tracking_config=SourceTrackingConfig(upload_diff_head=True), resume=True, on_error_callback=print,
    ) as run:  # fmt: skip
        assert run.get_run_url() == run.get_experiment_url() == (tapes / "proj" / "r").as_uri()
    info = rolltape.open().run("r")
    assert (info.project, info.name, info.status) == ("proj", "exp", "finished")
    assert info.config == {
        "sys/creation_time": "2025-01-02T00:00:00+00:00",
        "sys/forking/parent": "parent",
        "sys/forking/step": 7.5,
    }


def test_metrics(run: Run) -> None:
    run.log_metrics({"loss": 0.5, "acc": "0.25"}, 1)
    run.log_metrics(data={"loss": math.nan}, step=1)
    run.log_metrics({"loss": np.float32(2)}, step=np.int64(0))
    run.log_metrics({"loss": 3, "acc": 1}, step=2.5)
    run.log(metrics={"loss": 4})
    assert points("loss")[0] == [1, 1, 0, 2, 3]
    assert points("loss")[1] == pytest.approx([0.5, math.nan, 2, 3, 4], nan_ok=True)
    assert points("acc") == ([1, 2], [0.25, 1])
    assert points("loss:x") == ([2, 3], [2.5, 3.5])
    assert points("acc:x") == ([2], [2.5])


def test_times(run: Run) -> None:
    run.log_metrics({"loss": 1, "acc": 2}, 1, timestamp=datetime(2025, 1, 2, tzinfo=UTC))
    local = datetime(2025, 6, 1, 12)
    run.log_metrics({"loss": 2}, 2, timestamp=local)
    run.log_string_series({"log": "x"}, 3, timestamp=local)
    times = [datetime(2025, 1, 2, tzinfo=UTC).timestamp() * 10**9, local.timestamp() * 10**9]
    assert rolltape.open().points("r", "loss").time.tolist() == times
    assert rolltape.open().points("r", "acc").time.tolist() == times[:1]
    assert points("log:time") == ([3], [local.timestamp()])


def test_previews_are_no_points_of_the_metric(run: Run) -> None:
    run.log_metrics({"loss": 1}, 1, preview=True)
    run.log_metrics({"loss": 2}, 1, preview=True, preview_completion=0.5)
    run.log_metrics({"loss": 3}, 1)
    assert points("loss") == ([1], [3])
    assert points("loss:preview") == ([1, 1], [1, 2])
    assert points("loss:preview_completion") == ([1], [0.5])


@dataclass
class Net:
    sizes: list[int] = field(default_factory=lambda: [64, 64])


@dataclass
class Config:
    lr: float = 0.1
    net: Net = field(default_factory=Net)


def test_configs(run: Run) -> None:
    run.log_configs(None)
    run.log_configs({"a/lr": 0.1, "when": datetime(2025, 1, 2), "tags": ["x"]})
    run.log_configs(Config())
    run.log_configs({"b": Config(), "c": {"d": {"e": 1}}}, flatten=True)
    run.log_configs({"f": None, "g": [1, 2], "h": {"x"}, "i": True, "j": {"k": 1}}, cast_unsupported=True)
    run.log(configs={"l": 1})
    assert rolltape.open().run("r").config == {
        "a/lr": 0.1, "when": "2025-01-02T00:00:00", "tags": ["x"],
        "lr": 0.1, "net": {"sizes": [64, 64]},
        "b/lr": 0.1, "b/net/sizes": [64, 64], "c/d/e": 1,
        "f": "", "g": "[1, 2]", "h": ["x"], "i": True, "j": "{'k': 1}",
        "l": 1,
    }  # fmt: skip


def test_texts_histograms_and_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"weights")
    run.log_string_series({"log": "hello", "number": 5}, step=1)  # type: ignore[dict-item]
    run.log_histograms({"h": Histogram([0, 1, 2], counts=np.array([3, 4]))}, step=2)
    run.log_histograms({"h": Histogram(np.array([0.0, 0.5]), densities=[2.0])}, step=3)
    run.assign_files({"m": str(tmp_path / "a.pt"), "p": tmp_path / "a.pt", "b": b"\0"})
    run.assign_files(
        {"f": File(b"<html>", mime_type="text/html"), "g": File(tmp_path / "a.pt", size=7, destination="x")}
    )
    run.log_files({"s": File(b"plain")}, step=7)
    run.close()
    found = rolltape.open().events("r")
    assert [(e["name"], e["step"], e["text"]) for e in found[:2]] == [("log", 1, "hello"), ("number", 1, "5")]
    assert [(e["name"], e["step"], json.loads(e["text"])) for e in found[2:4]] == [
        ("h", 2, {"bin_edges": [0, 1, 2], "counts": [3, 4]}),
        ("h", 3, {"bin_edges": [0, 0.5], "densities": [2]}),
    ]
    folder = rolltape_folder(run)
    assert [(e["name"], e["step"], Path(e["file"]).suffix, (folder / e["file"]).read_bytes()) for e in found[4:]] == [
        ("m", 0, ".pt", b"weights"),
        ("p", 0, ".pt", b"weights"),
        ("b", 0, ".bin", b"\0"),
        ("f", 0, ".html", b"<html>"),
        ("g", 0, ".pt", b"weights"),
        ("s", 7, ".bin", b"plain"),
    ]


def rolltape_folder(run: Run) -> Path:
    assert run.recorder.run is not None
    return run.recorder.run.directory / "media"


@pytest.mark.parametrize(
    ("lose", "message"),
    [
        (lambda run: run.assign_files({"m": "gone.pt"}), "'m' cannot be recorded: there is no file gone.pt"),
        (lambda run: run.log_histograms({"h": 5}, 1), "'h' cannot be recorded"),
        (lambda run: run.log_histograms({"h": Histogram([0, 1], counts=5)}, 1), "'h' cannot be recorded"),
        (lambda run: run.log_metrics({"loss": object()}, 1), "metric 'loss' is a object"),
    ],
)
def test_what_cannot_be_recorded_is_counted(run: Run, lose: Any, message: str) -> None:
    with pytest.raises(rolltape.RecordingError, match=message):
        lose(run)
    run.close()
    assert rolltape.open().run("r").lost == 1


def test_tags(run: Run) -> None:
    run.add_tags(["a", "b"])
    run.add_tags({"c"})
    run.add_tags(("h", "g"), group_tags=True)
    run.add_tags(["f"], group_tags=True)
    run.log(tags_add={"sys/tags": ["d"], "sys/group_tags": ["e"]})
    with pytest.warns(rolltape.RolltapeWarning, match=r"tags \['a', 'b'\] stays: nothing that was recorded") as told:
        run.remove_tags(["b", "a"])
        run.log(tags_remove={"sys/tags": {"a", "b"}})
    assert len(told) == 1
    info = rolltape.open().run("r")
    assert (info.tags, info.config) == (["a", "b", "c", "d"], {"sys/group_tags": ["e", "f", "g", "h"]})


def test_the_end_of_a_run(tapes: Path) -> None:
    with pytest.raises(ValueError, match="reward"), Run(run_id="failed"):
        raise ValueError("reward")
    assert (rolltape.open().run("failed").status, rolltape.open().run("failed").error) == (
        "failed",
        "ValueError: reward",
    )
    run = Run(run_id="r")
    assert run.wait_for_processing(timeout=1, verbose=False)
    assert run.wait_for_submission()
    run.close(timeout=3)
    run.close()
    run.terminate()
    assert rolltape.open().run("r").status == "finished"
    with pytest.raises(rolltape.RecordingError, match=r"logged after close\(\) are lost"):
        run.log_metrics({"loss": 1}, 1)


def test_a_run_is_taken_up_again(tapes: Path) -> None:
    for step in (1, 2):
        with Run(run_id="r", experiment_name="exp") as run:
            run.log_metrics({"loss": step}, step)
    assert points("loss") == ([1, 2], [1, 2])


def test_a_disabled_run_records_nothing(tapes: Path) -> None:
    with Run(run_id="r", mode="disabled") as run:
        run.log_metrics({"loss": 1}, 1)
        run.log_configs({"a": 1})
        run.log_histograms({"h": 5}, 1)  # type: ignore[dict-item]
    assert not tapes.exists()


def test_messages_of_a_logger(run: Run) -> None:
    logger = logging.getLogger("a scale script's")
    plain, picky = NeptuneLoggingHandler(run=run), NeptuneLoggingHandler(run=run, level=30, attribute_path="bad")
    logger.addHandler(plain)
    logger.addHandler(picky)
    logger.warning("careful")
    logger.setLevel("INFO")
    logger.info("fine")
    logger.removeHandler(plain)
    logger.removeHandler(picky)
    found = [(event["name"], event["step"], event["text"]) for event in rolltape.open().events("r")]
    assert found == [("runtime/logs", 0, "careful"), ("bad", 0, "careful"), ("runtime/logs", 1, "fine")]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda _: Run(project=7), TypeError, "project must be a string"),
        (lambda _: Run(run_id=7), TypeError, "id must be a string"),
        (lambda _: Run(mode="fast"), ValueError, "mode must be one of"),
        (lambda _: Run(fork_run_id="a"), ValueError, "fork_run_id and fork_step must be given together"),
        (lambda run: run.log_metrics([1], 1), TypeError, "data must be a mapping, not list"),
        (lambda run: run.log_metrics(None, 1), TypeError, "data must be a mapping, not NoneType"),
        (lambda run: run.log_metrics({"a": 1}, "x"), TypeError, "x must be a number, not str: 'x'"),
        (lambda run: run.log_metrics({"a": 1}, 1, timestamp="x"), TypeError, "timestamp must be a datetime, not str"),
        (lambda run: run.log_metrics({7: 1}, 1), TypeError, "a metric's name must be a string"),
        (lambda run: run.log_string_series("x", 1), TypeError, "data must be a mapping, not str"),
        (lambda run: run.log_histograms(3, 1), TypeError, "histograms must be a mapping, not int"),
        (lambda run: run.log_configs(3), TypeError, "data must be a mapping, not int"),
        (lambda run: run.assign_files("x"), TypeError, "files must be a mapping, not str"),
        (lambda run: run.add_tags("abc"), TypeError, "tags must be strings in a list, not 'abc'"),
        (lambda run: run.add_tags([7], group_tags=True), TypeError, "tags must be strings in a list"),
    ],
)
def test_wrong_arguments_are_told_at_once(run: Run, call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(run)
    assert rolltape.open().run("r").points == 0


def test_arguments_that_never_were_are_told_once(tapes: Path) -> None:
    with pytest.warns(
        rolltape.RolltapeWarning, match="neptune_scale has no argument 'experiment': it does nothing"
    ) as told:
        Run(experiment="a")
        Run(experiment="b")
    assert len(told) == 1
