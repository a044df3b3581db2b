"""The API of 2020: init, create_experiment, log_metric and their kin, read back from the tape."""

from __future__ import annotations

import io
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import rolltape
from rolltape.compat import neptune
from rolltape.compat.neptune.exceptions import (
    NeptuneException,
    NeptuneNoExperimentContextException,
    NeptuneUninitializedException,
)
from rolltape.compat.neptune.experiments import Experiment

NaN, inf = math.nan, math.inf


@pytest.fixture
def experiment(tapes: Path) -> Experiment:
    neptune.init("ws/proj")
    return neptune.create_experiment()


def points(experiment: Experiment, name: str) -> tuple[list[int], list[float]]:
    found = rolltape.open().points(experiment.id, name)
    return found.step.tolist(), found.value.tolist()


def events(experiment: Experiment) -> list[tuple[Any, ...]]:
    experiment.stop()
    return [(e["name"], e["kind"], e["step"], e.get("text")) for e in rolltape.open().events(experiment.id)]


def test_an_experiment_is_a_run(tapes: Path) -> None:
    project = neptune.init(project_qualified_name="ws/proj", api_token="…", proxies={}, backend=object())
    assert (project.name, project.full_id, neptune.project) == ("proj", "ws/proj", project)
    with neptune.create_experiment(
        name="ppo",
        description="a try",
        params={"lr": 3e-4, "net": {"sizes": [64, 64]}},
        properties={"host": 7},
        tags=["a"],
    ) as experiment:
        assert neptune.get_experiment() is experiment
        assert (experiment.name, experiment.state) == ("ppo", "running")
        neptune.set_property("magic", 7)
        experiment.set_property("host", "vm")
        neptune.append_tag("b", "c")
        neptune.append_tags(["d", "a"])
        assert experiment.get_parameters() == {"lr": 3e-4, "net": {"sizes": [64, 64]}}
        assert experiment.get_properties() == {"host": "vm", "magic": 7}
        assert experiment.get_tags() == ["a", "b", "c", "d"]
    assert experiment.state == "succeeded"
    info = rolltape.open().run(experiment.id)
    assert (info.project, info.name, info.status, info.tags) == ("proj", "ppo", "finished", ["a", "b", "c", "d"])
    assert info.config == {
        "lr": 3e-4,
        "net": {"sizes": [64, 64]},
        "sys/description": "a try",
        "properties/host": "vm",
        "properties/magic": 7,
    }


@pytest.mark.parametrize(
    ("calls", "steps", "values"),
    [
        ([(1.0,), (2.0,), (3.0,)], [0, 1, 2], [1, 2, 3]),
        ([(10, 1.0), (10, 2.0), (5, 3.0), (11, 4.0)], [10, 10, 5, 11], [1, 2, 3, 4]),
        ([(10, 1.0), (2.0,), (None, 3.0)], [10, 11, 12], [1, 2, 3]),
        ([(3, 1.0), (2, 2.0), (3.0,)], [3, 2, 3], [1, 2, 3]),
        ([(NaN,), (inf,), (-inf,)], [0, 1, 2], [NaN, inf, -inf]),
        ([("0.5",), ("7", "1e3"), (b"2",)], [0, 7, 8], [0.5, 1000, 2]),
        ([(np.int64(4), np.float32(0.5)), (np.float64(5), np.array([[2.0]])), (True,)], [4, 5, 6], [0.5, 2, 1]),
        ([(np.array([1.0]),), (-3, 1), (2**53 + 1, 1)], [0, -3, 2**53 + 1], [1, 1, 1]),
    ],
)
def test_every_point_is_kept(experiment: Experiment, calls: Any, steps: list[int], values: list[float]) -> None:
    for call in calls:
        neptune.log_metric("train/return", *call)
    found_steps, found_values = points(experiment, "train/return")
    assert found_steps == steps
    assert found_values == pytest.approx(values, nan_ok=True)
    assert rolltape.open().metrics(experiment.id) == ["train/return"]


def test_an_x_that_is_no_step_is_kept_beside(experiment: Experiment) -> None:
    for x, y in [
        (1, 10.0),
        (1.5, 11.0),
        (1.75, 12.0),
        (2, 13.0),
        (NaN, 14.0),
        (-inf, 15.0),
        (1e30, 16.0),
        (-0.5, 17.0),
    ]:
        experiment.log_metric("loss", x, y)
    experiment.log_metric("loss", 18.0)
    experiment.log_metric("other", 3, 1.0)
    steps, values = points(experiment, "loss")
    assert values == list(range(10, 19))
    assert steps == [1, 1, 1, 2, 2, 2, 2, -1, 0]
    steps, values = points(experiment, "loss:x")
    assert values == pytest.approx([1.5, 1.75, 2, NaN, -inf, 1e30, -0.5, 0.5], nan_ok=True)
    assert rolltape.open().metrics(experiment.id) == ["loss", "loss:x", "other"]


def test_what_is_no_step_is_not_counted_on_from(experiment: Experiment) -> None:
    for call in [(7, 1.0), (NaN, 2.0), (3.0,), (inf, 4.0), (5.0,)]:
        experiment.log_metric("loss", *call)
    assert points(experiment, "loss") == ([7, 7, 8, 8, 9], [1, 2, 3, 4, 5])


def test_each_series_counts_for_itself(experiment: Experiment) -> None:
    for i in range(3):
        experiment.log_metric("a", i)
    experiment.send_metric("b", 5)
    neptune.send_metric("a", x=7, y=1.0, timestamp=None)
    assert points(experiment, "a") == ([0, 1, 2, 7], [0, 1, 2, 1])
    assert points(experiment, "b") == ([0], [5])


def test_times_are_kept(experiment: Experiment) -> None:
    experiment.log_metric("loss", 3, 1.0, 1_600_000_000.5)
    experiment.log_metric("loss", 4, 2.0, timestamp=1_600_000_001)
    experiment.log_metric("loss", 5, np.array([3.0, 4.0]), timestamp=1_600_000_002)
    experiment.log_metric("loss", 6, 5.0, timestamp=NaN)
    experiment.log_text("note", 1, "hello", timestamp=1_600_000_003)
    found = rolltape.open().points(experiment.id, "loss")
    assert (found.step.tolist(), found.value.tolist()) == ([3, 4, 5, 5, 6], [1, 2, 3, 4, 5])
    assert found.time[:4].tolist() == [1600000000500000000, 1600000001000000000, *[1600000002000000000] * 2]
    assert found.time[4] > 1600000003000000000
    assert points(experiment, "note:time") == ([1], [1600000003])
    assert points(experiment, "loss:time")[0] == [6]
    assert events(experiment) == [("note", "text", 1, "hello")]


def test_texts(experiment: Experiment) -> None:
    neptune.log_text("log", "first")
    neptune.send_text("log", 5, "second")
    experiment.send_text("log", 5.5, "third")
    experiment.log_text("log", None, y=12)
    texts = zip((0, 5, 5, 6), ("first", "second", "third", "12"), strict=True)
    assert events(experiment) == [("log", "text", step, text) for step, text in texts]
    assert points(experiment, "log:x") == ([5, 6], [5.5, 6.5])


def test_a_text_that_is_no_number_is_kept_and_told_once(experiment: Experiment) -> None:
    with pytest.warns(rolltape.RolltapeWarning, match="'abc' is not a number: it is kept as a text of 'loss'") as told:
        experiment.log_metric("loss", "abc")
        experiment.log_metric("loss", 5, "abc")
    assert len(told) == 1
    assert events(experiment) == [("loss", "text", 0, "abc"), ("loss", "text", 5, "abc")]


def test_nothing_to_log_is_told(experiment: Experiment) -> None:
    with pytest.warns(rolltape.RolltapeWarning, match="metric 'loss' is None: there is nothing to record"):
        experiment.log_metric("loss", None)


@pytest.mark.parametrize("value", [object(), 1j, [[1], [2, 3]], {}])
def test_strange_values_are_lost_and_counted(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, experiment: Experiment, value: Any
) -> None:
    with pytest.raises(rolltape.RecordingError, match="'loss'"):
        experiment.log_metric("loss", value)
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    lenient = neptune.create_experiment()
    with pytest.warns(rolltape.RolltapeWarning, match="'loss'") as told:
        for _ in range(3):
            lenient.log_metric("loss", value)
    lenient.stop()
    assert (len(told), rolltape.open().run(lenient.id).lost) == (1, 3)


def test_images_of_every_kind(experiment: Experiment, tmp_path: Path) -> None:
    rgb = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    Pillow.fromarray(rgb).save(tmp_path / "a.png")
    sources = [
        str(tmp_path / "a.png"), Pillow.fromarray(rgb), rgb, rgb / 255, rgb.astype(float), Tensor(rgb), Figure(rgb),
        Axes(rgb),
    ]  # fmt: skip
    for source in sources:
        neptune.log_image("frame", source)
    experiment.send_image("frame", 20, str(tmp_path / "a.png"), "hard case", "a wall")
    neptune.send_image("frame", 21, str(tmp_path / "a.png"), name="easy")
    experiment.stop()
    run = rolltape.open()
    found = [event for event in run.events(experiment.id) if event["kind"] == "image"]
    assert [event["step"] for event in found] == [*range(8), 20, 21]
    directory = rolltape_directory(experiment)
    for event in found:
        with Pillow.open(directory / "media" / event["file"]) as image:
            assert np.array_equal(np.asarray(image.convert("RGB")), rgb), event
    texts = [(e["name"], e["step"], e["text"]) for e in run.events(experiment.id) if e["kind"] == "text"]
    assert sorted(texts) == [
        ("frame:description", 20, "a wall"),
        ("frame:name", 20, "hard case"),
        ("frame:name", 21, "easy"),
    ]


class Tensor:
    """As PyTorch's: on a device, in a graph."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Any:
        return self.array


class Figure:
    """As Matplotlib's."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def savefig(self, place: Any, format: str, bbox_inches: str) -> None:
        Pillow.fromarray(self.array).save(place, format)


class Axes:
    """As Matplotlib's, and seaborn's grids."""

    def __init__(self, array: Any) -> None:
        self.figure = Figure(array)


def rolltape_directory(experiment: Experiment) -> Path:
    run = experiment._recorder.run
    assert run is not None
    return run.directory


def palette() -> Pillow.Image:
    image = Pillow.new("P", (2, 1))
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.putdata([0, 1])
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    "image",
    [
        *(Pillow.new("L", (2, 1), 9).convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "F", "I")),
        Pillow.new("RGBA", (2, 1), (1, 2, 3, 4)).convert("PA"),
        palette(),
    ],
    ids=lambda image: image.mode,
)
def test_pil_images_of_every_mode(experiment: Experiment, image: Pillow.Image) -> None:
    experiment.log_image("frame", image)
    experiment.stop()
    (event,) = rolltape.open().events(experiment.id)
    with Pillow.open(rolltape_directory(experiment) / "media" / event["file"]) as found:
        assert np.array_equal(np.asarray(found.convert("RGBA")), np.asarray(image.convert("RGBA")))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("nowhere.png", "'frame' cannot be recorded: there is no file nowhere.png"),
        (np.zeros((3, 4, 5, 6)), r"'frame' cannot be recorded: the array must have shape .*, not \(3, 4, 5, 6\)"),
        (object(), "'frame' cannot be recorded: the array must have shape"),
        (None, "'frame' cannot be recorded"),
    ],
)
def test_what_is_no_image_is_lost_and_counted(experiment: Experiment, image: Any, message: str) -> None:
    with pytest.raises(rolltape.RecordingError, match=message):
        experiment.log_image("frame", 1, image)
    with pytest.raises(rolltape.RecordingError, match=message):
        experiment.log_image("frame", image)
    experiment.stop()
    assert rolltape.open().run(experiment.id).lost == 2


def test_artifacts(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "policy.pt").write_bytes(b"weights")
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "a.csv").write_text("1,2")
    (tmp_path / "out" / "deep" / "b.mp4").write_bytes(b"film")
    neptune.log_artifact(str(tmp_path / "policy.pt"))
    neptune.send_artifact(tmp_path / "policy.pt", "best/policy.pt")
    experiment.log_artifact(str(tmp_path / "out"))
    experiment.send_artifact(str(tmp_path / "out"), "results")
    experiment.log_artifact(io.StringIO("läuft"), "notes.txt")
    experiment.log_artifact(io.BytesIO(b"\0"))
    with (tmp_path / "policy.pt").open("rb") as file:
        experiment.log_artifact(file)
    experiment.stop()
    found = rolltape.open().events(experiment.id)
    contents = [(rolltape_directory(experiment) / "media" / e["file"]).read_bytes() for e in found]
    assert [(e["name"], e["kind"], Path(e["file"]).suffix, c) for e, c in zip(found, contents, strict=True)] == [
        ("artifacts/policy.pt", "file", ".pt", b"weights"),
        ("artifacts/best/policy.pt", "file", ".pt", b"weights"),
        ("artifacts/out/a.csv", "file", ".csv", b"1,2"),
        ("artifacts/out/deep/b.mp4", "video", ".mp4", b"film"),
        ("artifacts/results/a.csv", "file", ".csv", b"1,2"),
        ("artifacts/results/deep/b.mp4", "video", ".mp4", b"film"),
        ("artifacts/notes.txt", "file", ".txt", "läuft".encode()),
        ("artifacts/stream", "file", ".bin", b"\0"),
        ("artifacts/policy.pt", "file", ".pt", b"weights"),
    ]


def test_a_missing_artifact_is_lost_and_counted(experiment: Experiment) -> None:
    with pytest.raises(
        rolltape.RecordingError, match=r"'artifacts/gone\.pt' cannot be recorded: there is no file gone\.pt"
    ):
        experiment.log_artifact("gone.pt")
    closed = io.StringIO("x")
    closed.close()
    with pytest.raises(rolltape.RecordingError, match=r"'artifacts/a\.txt' cannot be recorded: .*closed file"):
        experiment.log_artifact(closed, "a.txt")


def test_source_files_and_a_logger(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lib").mkdir()
    for name in ("train.py", "net.py", "lib/util.py", "data.csv"):
        Path(name).write_text(name)
    logger = logging.getLogger("a script's")
    logger.setLevel("INFO")
    neptune.init("ws/p")
    with neptune.create_experiment(upload_source_files=["*.py", "**/util.py"], logger=logger) as experiment:
        logger.info("epoch %d", 3)
    logger.info("after")
    assert [e for e in events(experiment) if e[1] == "text"] == [("logger", "text", 0, "epoch 3")]
    assert [e[0] for e in events(experiment) if e[1] == "file"] == [
        "source_code/net.py", "source_code/train.py", "source_code/lib/util.py",
    ]  # fmt: skip
    with neptune.create_experiment(upload_source_files=str(tmp_path / "train.py")) as experiment:
        pass
    assert [e[0] for e in events(experiment)] == ["source_code/train.py"]


def test_a_message_with_wrong_arguments_does_not_break_training(
    tapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("another script's")
    logger.propagate = False  # to pytest, which raises
    neptune.init("ws/p")
    with neptune.create_experiment(logger=logger):
        logger.error("%d", "no number")
    assert "--- Logging error ---" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (lambda e: e.remove_tag("a"), "tag 'a' stays"),
        (lambda e: e.remove_property("k"), "property 'k' stays"),
        (lambda e: e.reset_log("loss"), "log 'loss' stays"),
        (lambda e: e.delete_artifacts("x.pt"), r"artifact 'x\.pt' stays"),
        (lambda _: neptune.remove_tag("a"), "tag 'a' stays"),
        (lambda _: neptune.remove_property("k"), "property 'k' stays"),
        (lambda _: neptune.delete_artifacts("x.pt"), r"artifact 'x\.pt' stays"),
    ],
)
def test_what_was_recorded_stays(tapes: Path, remove: Any, message: str) -> None:
    neptune.init("ws/p")
    experiment = neptune.create_experiment(properties={"k": 1}, tags=["a"])
    experiment.log_metric("loss", 1.0)
    with pytest.warns(rolltape.RolltapeWarning, match=f"{message}: nothing that was recorded is ever removed") as told:
        remove(experiment)
        remove(experiment)
    assert len(told) == 1
    info = rolltape.open().run(experiment.id)
    assert (info.tags, info.config, info.points) == (["a"], {"properties/k": 1}, 1)
    assert (experiment.get_tags(), experiment.get_properties()) == (["a"], {"k": 1})


def test_the_end_of_an_experiment(tapes: Path) -> None:
    neptune.init("ws/p")
    with pytest.raises(ZeroDivisionError), neptune.create_experiment() as failed:
        raise ZeroDivisionError("division by zero")
    stopped = neptune.create_experiment()
    neptune.stop("Traceback …\n  File …\nValueError: no such environment\n")
    stopped.stop()
    empty = neptune.create_experiment()
    empty.stop("")
    store = rolltape.open()
    assert [(store.run(e.id).status, store.run(e.id).error, e.state) for e in (failed, stopped, empty)] == [
        ("failed", "ZeroDivisionError: division by zero", "failed"),
        ("failed", "ValueError: no such environment", "failed"),
        ("failed", "stopped with an empty traceback", "failed"),
    ]
    with pytest.raises(rolltape.RecordingError, match=r"logged after close\(\) are lost"):
        stopped.log_metric("loss", 1.0)


def test_experiments_are_a_stack(tapes: Path) -> None:
    neptune.init("ws/p")
    first, second = neptune.create_experiment(), neptune.create_experiment()
    assert neptune.get_experiment() is second
    neptune.log_metric("loss", 1.0)
    first.log_metric("loss", 2.0)
    neptune.stop()
    assert neptune.get_experiment() is first
    neptune.log_metric("loss", 3.0)
    first.stop()
    with pytest.raises(NeptuneNoExperimentContextException, match=r"call create_experiment\(\) first"):
        neptune.log_metric("loss", 4.0)
    assert points(first, "loss") == ([0, 1], [2, 3])
    assert points(second, "loss") == ([0], [1])


def test_without_init(tapes: Path) -> None:
    with pytest.raises(NeptuneUninitializedException, match=r"call neptune\.init"):
        neptune.create_experiment()
    with pytest.raises(NeptuneException):
        neptune.get_experiment()
    assert issubclass(NeptuneException, rolltape.RolltapeError)


@pytest.mark.parametrize(
    ("given", "environment", "project"),
    [("ws/p", "", "p"), ("p", "", "p"), (None, "", "default"), (None, "a/b", "b"), ("ws/p", "a/b", "p")],
)
def test_the_name_of_a_project(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str, project: str
) -> None:
    monkeypatch.setenv("NEPTUNE_PROJECT", environment)
    experiment = neptune.set_project(given).create_experiment()
    assert rolltape.open().run(experiment.id).project == project
    assert neptune.Session.with_default_backend().get_project(given).name == project


def test_sessions_make_projects(tapes: Path) -> None:
    project = neptune.Session(api_token="…").get_project("ws/p")
    assert repr(project) == "Project(ws/p)"
    experiment = project.create_experiment("a", notebook_path="x.ipynb")
    assert repr(experiment) == f"Experiment({experiment.internal_id})"
    assert neptune.project is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: neptune.init(7), TypeError, "project must be a string, not int: 7"),
        (lambda: neptune.init(""), ValueError, "project must not be empty"),
        (lambda: neptune.init("ws/"), ValueError, "project must not be empty"),
        (lambda: neptune.init(project="ws/p"), TypeError, r"argument 'project'; .* neptune\.new, .* init_run\(\)"),
        (lambda: neptune.create_experiment(name=7), TypeError, "name must be a string"),
        (lambda: neptune.create_experiment(params=7), TypeError, "params must be a mapping, not int"),
        (lambda: neptune.create_experiment(tags=[7]), TypeError, r"tags must be strings in a list, not \[7\]"),
        (lambda: neptune.create_experiment(properties=[1]), TypeError, "properties must be a mapping, not list"),
        (lambda: neptune.append_tag(7), TypeError, r"tags must be strings in a list, not \[7\]"),
        (lambda: neptune.log_metric(7, 1.0), TypeError, "a metric's name must be a string, not int: 7"),
        (lambda: neptune.log_metric("", 1.0), ValueError, "a metric's name must not be empty"),
        (lambda: neptune.log_metric("a", "x", 1.0), TypeError, "x must be a number, not str: 'x'"),
        (lambda: neptune.log_metric("a", [1, 2], 1.0), TypeError, "x must be a number, not list"),
        (lambda: neptune.log_metric("a", 10**400, 1.0), TypeError, "x must be a number"),
        (
            lambda: neptune.log_metric("a", 1.0, timestamp="now"),
            TypeError,
            "timestamp must be a number, not str: 'now'",
        ),
        (lambda: neptune.log_image("a", "x", np.zeros((2, 2))), TypeError, "x must be a number"),
        (lambda: neptune.log_artifact(7), TypeError, "artifact must be a path or an open file, not int: 7"),
    ],
)
def test_wrong_arguments_are_told_at_once(tapes: Path, call: Any, error: type[Exception], message: str) -> None:
    neptune.init("ws/p").create_experiment()
    with pytest.raises(error, match=message):
        call()


def test_any_exception_can_be_caught_by_name() -> None:
    assert issubclass(neptune.exceptions.NoChannelValue, NeptuneException)
    assert neptune.exceptions.NoChannelValue is neptune.exceptions.NoChannelValue
    with pytest.raises(AttributeError, match="no attribute 'lower'"):
        neptune.exceptions.lower  # noqa: B018
