"""The API of neptune 1.x: init_run, run["a/b"] = v, append, extend, upload, read back from the tape."""

from __future__ import annotations

import argparse
import io
import json
import math
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import rolltape
from rolltape.compat import neptune
from rolltape.compat.neptune import types
from rolltape.compat.neptune.exceptions import MissingFieldException
from rolltape.compat.neptune.stringify import stringify_unsupported


@pytest.fixture
def run(tapes: Path) -> neptune.Run:
    return neptune.init_run(project="ws/proj")


def info(run: neptune.Run) -> Any:
    return rolltape.open().run(run.recorder.id)


def points(run: neptune.Run, name: str) -> tuple[list[int], list[float]]:
    found = rolltape.open().points(run.recorder.id, name)
    return found.step.tolist(), found.value.tolist()


def events(run: neptune.Run) -> list[dict[str, Any]]:
    run.stop()
    return rolltape.open().events(run.recorder.id)


def texts(run: neptune.Run) -> list[tuple[str, int, str]]:
    return [(e["name"], e["step"], e["text"]) for e in events(run) if e["kind"] == "text"]


def files(run: neptune.Run) -> list[tuple[str, str, str, bytes]]:
    assert run.recorder.run is not None
    folder = run.recorder.run.directory / "media"
    found = [event for event in events(run) if event["kind"] != "text"]
    return [(e["name"], e["kind"], Path(e["file"]).suffix, (folder / e["file"]).read_bytes()) for e in found]


def test_what_a_run_is_created_with(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("code")
    with neptune.init_run(
        project="ws/proj", name="ppo", description="a try", tags="a", source_files="*.py", capture_stdout=False,
        capture_hardware_metrics=True, git_ref=False, dependencies="infer", flush_period=1,
    ) as run:  # fmt: skip
        assert run.get_state() == "started"
    assert run.get_state() == "stopped"
    found = info(run)
    assert (found.project, found.name, found.tags, found.status) == ("proj", "ppo", ["a"], "finished")
    assert found.config == {"sys/description": "a try"}
    assert files(run) == [("source_code/files/train.py", "file", ".py", b"code")]
    assert Path(found.environment["directory"]) == tmp_path


def test_assigning_sets_the_config(run: neptune.Run) -> None:
    run["algorithm"] = "PPO"
    run["params"] = {"lr": 3e-4, "net": {"sizes": [64, 64], "act": None}, "a//b/": True}
    run["args"] = argparse.Namespace(seed=1, env="CartPole-v1")
    run["/params/"]["lr"] = 1e-3
    run.assign({"x": {"y": 1}, "when": datetime(2020, 11, 2, 12)})
    run["np"].assign(np.float32(0.5))
    run["array"] = np.arange(3)
    run["copy"] = run["params/net"]
    run.define("nan", math.nan)
    run["atom"] = types.Float(0.25)
    run["data"].track_files("s3://bucket/data")
    run["odd"] = object
    assert info(run).config == {
        "algorithm": "PPO",
        "params/lr": 1e-3,
        "params/net/sizes": [64, 64],
        "params/net/act": None,
        "params/a/b": True,
        "args/seed": 1,
        "args/env": "CartPole-v1",
        "x/y": 1,
        "when": "2020-11-02T12:00:00",
        "np": 0.5,
        "array": [0, 1, 2],
        "copy/sizes": [64, 64],
        "copy/act": None,
        "nan": "nan",
        "atom": 0.25,
        "data": "s3://bucket/data",
        "odd": "<class 'object'>",
    }


class Tensor:
    """As PyTorch's, whose size is a method."""

    def size(self) -> tuple[int, ...]:
        return (1,)

    def tolist(self) -> list[float]:
        return [0.5]


def test_tensors_in_the_config(run: neptune.Run) -> None:
    run["params"] = {"clip": Tensor()}
    assert info(run).config == {"params/clip": [0.5]}


def test_what_was_stringified_is_text(run: neptune.Run) -> None:
    run["params"] = stringify_unsupported({"sizes": (64, 64), "lr": 0.1, "none": None, "deep": {"list": [1]}})
    run["wide"] = stringify_unsupported({"sizes": [64, [1]]}, expand=True)
    run["log"].append(stringify_unsupported([1, 2]))
    run["log"].append(stringify_unsupported(3))
    assert info(run).config == {
        "params/sizes": "(64, 64)",
        "params/lr": 0.1,
        "params/none": "None",
        "params/deep/list": "[1]",
        "wide/sizes/0": 64,
        "wide/sizes/1/0": 1,
    }
    assert points(run, "log") == ([1], [3])
    assert texts(run) == [("log", 0, "[1, 2]")]


def test_assigned_values_are_fetched_from_memory(run: neptune.Run) -> None:
    run["a/b"] = 1
    run["a/c/d"] = "x"
    run["ab"] = 9
    run["train/loss"].append(0.5)
    assert run["a/b"].fetch() == 1
    assert run["a"].fetch() == {"b": 1, "c": {"d": "x"}}
    assert run["sys/id"].fetch() == run["sys/name"].fetch() == run.recorder.id
    assert run.fetch()["a"] == run["a"].fetch()
    assert [run.exists(path) for path in ("a", "a/b", "train/loss", "train", "tra", "z")] == [True] * 4 + [False] * 2
    with pytest.raises(MissingFieldException, match=r"^this process has assigned nothing to 'train/acc'$") as missing:
        run["train/acc"].fetch()
    assert isinstance(missing.value, KeyError)
    assert isinstance(missing.value, AttributeError)
    run["x"] = 1
    run["x/y"] = 2
    assert run["x"].fetch() == 1
    assert run.fetch()["x"] == {"y": 2}, "a value and a namespace of one name"


def test_tags_and_the_name(run: neptune.Run) -> None:
    run["sys/tags"].add(["a", "b"])
    run["sys/tags"].add("c")
    run["sys/tags"] = types.StringSet(["d", "a"])
    run["sys"] = {"tags": ["e"]}
    run["sys/group_tags"].add("g")
    run["sys/group_tags"].add(["f"])
    run["sys/name"] = "renamed"
    found = info(run)
    assert (found.tags, found.name, found.config) == (
        ["a", "b", "c", "d", "e"],
        "renamed",
        {"sys/group_tags": ["f", "g"]},
    )
    assert run["sys/tags"].fetch() == {"a", "b", "c", "d", "e"}
    assert run["sys/name"].fetch() == "renamed"


def test_series(run: neptune.Run) -> None:
    for i in range(3):
        run["train/loss"].append(i / 2)
    run["train"].append({"loss": 5, "deep": {"acc": 1}}, step=10)
    run["train"].append({"loss": 6, "deep": {"acc": 2}, "new": 3})
    run["train/loss"].log(7)
    run["train/loss"].log([8, 9], step=4)
    run["train/loss"].append(math.nan, step=2.5, timestamp=1_600_000_000)
    assert points(run, "train/loss")[0] == [0, 1, 2, 10, 11, 12, 4, 4, 2]
    assert points(run, "train/loss")[1] == pytest.approx([0, 0.5, 1, 5, 6, 7, 8, 9, math.nan], nan_ok=True)
    assert points(run, "train/deep/acc") == ([10, 11], [1, 2])
    assert points(run, "train/new") == ([0], [3])
    assert points(run, "train/loss:x") == ([2], [2.5])
    assert rolltape.open().points(run.recorder.id, "train/loss").time[-1] == 1_600_000_000 * 10**9


def test_a_text_stays_a_text(run: neptune.Run) -> None:
    run["log"].append("0.5")
    run["log"].log(["a", "b"])
    run["log"].append("c", timestamp=7.5)
    assert texts(run) == [("log", 0, "0.5"), ("log", 1, "a"), ("log", 2, "b"), ("log", 3, "c")]
    assert points(run, "log:time") == ([3], [7.5])


def test_extending(run: neptune.Run) -> None:
    run["loss"].extend([1, 2, 3])
    run["loss"].extend(np.array([4.0, 5.0]), steps=[9, 1], timestamps=(10, 20))
    run["train"].extend({"a": [1, 2], "deep": {"b": ["x", "y"]}}, steps=[5, 6])
    run["empty"].extend([])
    run["assigned"] = types.FloatSeries([1, 2], min=0, max=3, unit="m", steps=[3, 4])
    run["words"] = types.StringSeries(["a"], timestamps=[5])
    assert points(run, "loss") == ([0, 1, 2, 9, 1], [1, 2, 3, 4, 5])
    assert rolltape.open().points(run.recorder.id, "loss").time[3:].tolist() == [10 * 10**9, 20 * 10**9]
    assert points(run, "train/a") == ([5, 6], [1, 2])
    assert points(run, "assigned") == ([3, 4], [1, 2])
    assert texts(run) == [("train/deep/b", 5, "x"), ("train/deep/b", 6, "y"), ("words", 0, "a")]
    assert "empty" not in rolltape.open().metrics(run.recorder.id)


class Chart:
    """As those of Plotly and Altair, and the tables of pandas."""

    def to_html(self) -> str:
        return "<html>ö"


def test_files(run: neptune.Run, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    (tmp_path / "plot.png").write_bytes(b"a plot")
    run["model"].upload(str(path))
    run["model"].upload(types.File(str(path)))
    run["plot"].upload(str(tmp_path / "plot.png"))
    run["assigned"] = types.File(str(path))
    run["renamed"].upload(types.File.from_path(str(path), extension="ckpt"))
    run["text"].upload(types.File.from_content("läuft"))
    run["page"].upload(types.File.from_content(b"<html>", extension="html"))
    stream = io.BytesIO(b"0123")
    stream.seek(3)
    run["stream"].upload(types.File.from_stream(stream))
    run["rest"].upload(types.File.from_stream(stream, seek=2, extension="dat"))
    run["texts"].upload(types.File.from_stream(io.StringIO("é")))
    run["pickle"].upload(types.File.as_pickle({"a": 1}))
    run["chart"].upload(Chart())
    run["table"].upload(types.File.as_html(Chart()))
    run["charts"].append(Chart(), step=3)
    stream.seek(0)
    found = files(run)
    assert [entry[:3] for entry in found] == [
        ("model", "file", ".pt"), ("model", "file", ".pt"), ("plot", "image", ".png"), ("assigned", "file", ".pt"),
        ("renamed", "file", ".ckpt"), ("text", "file", ".txt"), ("page", "file", ".html"), ("stream", "file", ".bin"),
        ("rest", "file", ".dat"), ("texts", "file", ".txt"), ("pickle", "file", ".pkl"), ("chart", "file", ".html"),
        ("table", "file", ".html"), ("charts", "file", ".html"),
    ]  # fmt: skip
    contents = [entry[3] for entry in found]
    assert contents[:10] == [
        b"weights", b"weights", b"a plot", b"weights", b"weights", "läuft".encode(), b"<html>", b"0123", b"23",
        "é".encode(),
    ]  # fmt: skip
    assert pickle.loads(contents[10]) == {"a": 1}
    assert contents[11:] == ["<html>ö".encode()] * 3
    assert [event["step"] for event in events(run)][:2] == [0, 1]
    assert events(run)[-1]["step"] == 3


def test_images(run: neptune.Run) -> None:
    rgb = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    mask = np.array([[0, 1]])
    run["frame"].append(Pillow.fromarray(rgb), step=7, name="a wall", description="grey")
    run["frame"].append(types.File.as_image(rgb))
    run["frame"].extend([types.File.as_image(rgb / 255), types.File.as_image(rgb.astype(float))])
    run["frame"] = types.FileSeries([types.File.as_image(rgb)], steps=[1])
    run["frame"].upload(rgb)
    run["mask"].upload(types.File.as_image(mask))
    run["mask"].upload(types.File.as_image(mask, autoscale=False))
    run["mask"].upload(types.File.as_image(np.array([[0.0, 1.0]]), autoscale=False))
    run["mask"].upload(types.File.as_image(np.array([[-1.0, np.nan, 0.5]])))
    run["mask"].upload(types.File.as_image(np.array([[False, True]])))
    found = files(run)
    assert {kind for _, kind, _, _ in found} == {"image"}
    pixels = [np.asarray(Pillow.open(io.BytesIO(content))) for _, _, _, content in found]
    for frame in pixels[:6]:
        assert np.array_equal(frame, rgb)
    assert [mask.tolist() for mask in pixels[6:]] == [[[0, 255]], [[0, 1]], [[0, 1]], [[0, 0, 128]], [[0, 255]]]
    assert [e["step"] for e in events(run) if e["name"] == "frame"] == [7, 8, 9, 10, 1, 2]
    assert texts(run) == [("frame:name", 7, "a wall"), ("frame:description", 7, "grey")]


def test_files_tell_what_they_are(tmp_path: Path) -> None:
    file = types.File("a/b.csv")
    assert (file.path, file.extension, repr(file)) == ("a/b.csv", "csv", "File(a/b.csv)")
    made = types.File.from_content("x")
    assert (made.content, made.extension) == (b"x", "txt")
    assert types.File.as_image(np.zeros((2, 2))).extension == "png"
    assert types.File.create_from(file) is file
    assert types.File.create_from("x.txt").path == "x.txt"
    image, chart = Pillow.new("L", (1, 1)), Chart()
    kinds = (types.File.is_convertable, types.File.is_convertable_to_image, types.File.is_convertable_to_html)
    assert [[is_kind(value) for is_kind in kinds] for value in (file, image, chart, "x", 3)] == [
        [True, False, False], [True, True, False], [True, False, True], [False] * 3, [False] * 3,
    ]  # fmt: skip
    with pytest.raises(TypeError, match="has no path"):
        made.path  # noqa: B018
    with pytest.raises(TypeError, match="has no content of its own"):
        file.content  # noqa: B018


def test_sets_of_files(run: neptune.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("out/a.csv", "out/deep/b.csv", "x.py", "y.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    run["set"].upload_files("out")
    run["set"].upload_files(["*.py", str(tmp_path / "x.py")])
    run["glob"] = types.FileSet("**/*.csv")  # but those on the tape
    assert [(name, content.decode()) for name, _, _, content in files(run)] == [
        ("set/out/a.csv", "out/a.csv"),
        ("set/out/deep/b.csv", "out/deep/b.csv"),
        ("set/x.py", "x.py"),
        ("set/y.py", "y.py"),
        ("set/x.py", "x.py"),
        ("glob/out/a.csv", "out/a.csv"),
        ("glob/out/deep/b.csv", "out/deep/b.csv"),
    ]


def test_files_where_the_tapes_are(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tapes.mkdir()
    monkeypatch.chdir(tapes)
    Path("model.pt").write_text("weights")
    first, second = neptune.init_run(), neptune.init_run()
    first["all"].upload_files(".")
    second["all"].upload_files(".")
    assert [entry[0] for entry in files(first)] == [entry[0] for entry in files(second)] == ["all/model.pt"]


@pytest.mark.parametrize(
    ("lose", "message"),
    [
        (lambda run: run["m"].upload("gone.pt"), "'m' cannot be recorded: there is no file gone.pt"),
        (lambda run: run["m"].upload_files("*.gone"), r"'m/\*\.gone' cannot be recorded: there is no file"),
        (lambda run: run["m"].append(types.File("gone")), "'m' cannot be recorded: there is no file gone"),
        (lambda run: run["m"].append(object()), "metric 'm' is a object that cannot be read as numbers"),
        (lambda run: run["m"].append(np.zeros((2, 2))), r"metric 'm' is an array of shape \(2, 2\)"),
    ],
)
def test_what_cannot_be_recorded_is_counted(
    tapes: Path, monkeypatch: pytest.MonkeyPatch, lose: Any, message: str
) -> None:
    with pytest.raises(rolltape.RecordingError, match=message):
        lose(neptune.init_run())
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    lenient = neptune.init_run()
    with pytest.warns(rolltape.RolltapeWarning, match=message) as told:
        lose(lenient)
        lose(lenient)
    lenient.stop()
    assert (len(told), info(lenient).lost) == (1, 2)


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (lambda run: run.pop("a/b"), "field 'a/b' stays"),
        (lambda run: run["a"].pop("b"), "field 'a/b' stays"),
        (lambda run: run["a/b"].pop(), "field 'a/b' stays"),
        (lambda run: run.__delitem__("a/b"), "field 'a/b' stays"),
        (lambda run: run["a"].__delitem__("b"), "field 'a/b' stays"),
        (lambda run: run["sys/tags"].remove("t"), "'t' of 'sys/tags' stays"),
        (lambda run: run["sys/tags"].clear(), "field 'sys/tags' stays"),
        (lambda run: run["f"].delete_files("x"), "'x' of 'f' stays"),
    ],
)
def test_what_was_recorded_stays(tapes: Path, remove: Any, message: str) -> None:
    run = neptune.init_run(tags=["t"])
    run["a/b"] = 1
    with pytest.warns(rolltape.RolltapeWarning, match=f"{message}: nothing that was recorded is ever removed"):
        remove(run)
    assert (info(run).tags, info(run).config, run["a/b"].fetch()) == (["t"], {"a/b": 1}, 1)


@pytest.mark.parametrize("argument", ["with_id", "custom_run_id"])
def test_a_run_is_taken_up_again(tapes: Path, argument: str) -> None:
    with neptune.init_run(custom_run_id="mine", name="first", tags=["a"]) as first:
        first["x"] = 1
        first["loss"].append(1.0, step=5)
    with neptune.init_run(**{argument: "mine"}, tags=["b"]) as again:
        assert again["sys/id"].fetch() == "mine"
        again["y"] = 2
        again["loss"].append(2.0, step=6)
    found = info(again)
    assert (found.id, found.name, found.tags, found.config) == ("mine", "first", ["a", "b"], {"x": 1, "y": 2})
    assert points(again, "loss") == ([5, 6], [1, 2])


def test_runs_side_by_side(tapes: Path) -> None:
    one, two = neptune.init_run(), neptune.Run()
    one["loss"].append(1)
    two["loss"].append(2)
    one["loss"].append(3)
    assert points(one, "loss") == ([0, 1], [1, 3])
    assert points(two, "loss") == ([0], [2])


def test_the_end_of_a_run(tapes: Path) -> None:
    with pytest.raises(KeyError), neptune.init_run() as failed:
        raise KeyError("reward")
    assert (info(failed).status, info(failed).error) == ("failed", "KeyError: 'reward'")
    run = neptune.init_run()
    run.wait()
    run.sync()
    assert run.get_root_object() is run["a"].get_root_object() is run["a"].container is run
    assert Path(run.get_url().removeprefix("file://")) == tapes / "default" / run.recorder.id
    run.stop(seconds=5)
    run.stop()
    assert info(run).status == "finished"
    with pytest.raises(rolltape.RecordingError, match=r"logged after close\(\) are lost"):
        run["loss"].append(1)


@pytest.mark.parametrize("mode", ["async", "sync", "offline"])
def test_modes_that_record(tapes: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("NEPTUNE_MODE", "debug")
    run = neptune.init_run(mode=mode)
    run["loss"].append(1)
    assert points(run, "loss") == ([0], [1])


@pytest.mark.parametrize("mode", [{"mode": "debug"}, {"mode": "read-only"}, {}])
def test_modes_that_do_not(tapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: dict[str, str]) -> None:
    monkeypatch.setenv("NEPTUNE_MODE", "debug")
    (tmp_path / "a.txt").write_text("x")

    def use() -> None:
        with neptune.init_run(**mode, tags=["a"], source_files=str(tmp_path / "a.txt")) as run:
            run["a"] = {"b": 1}
            run["loss"].append(1)
            run["loss"].extend([1, 2], timestamps=[1, 2])
            run["m"].upload(str(tmp_path / "a.txt"))
            run["m"].upload("gone")
            run["sys/tags"].add("b")
            assert run["a/b"].fetch() == 1
            assert run["sys/id"].fetch() == "not-recorded"
            assert run.get_url() == "about:blank"

    if mode.get("mode") == "read-only":
        with pytest.warns(rolltape.RolltapeWarning, match=r"rolltape\.open\(\) reads what was recorded"):
            use()
    else:
        use()
    assert not tapes.exists()


def test_the_bridge_of_the_years_between(tapes: Path) -> None:
    run = neptune.new.init("ws/p", name="n", tags=["a"])
    again = neptune.new.init(project="p", run=run.recorder.id, mode="sync")
    assert neptune.new.init_run is neptune.init_run is neptune.Run
    assert (info(again).id, info(again).project, info(again).name) == (run.recorder.id, "p", "n")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda _: neptune.init_run(project=7), TypeError, "project must be a string"),
        (lambda _: neptune.init_run(mode="fast"), ValueError, "mode must be one of async, sync, .*, not 'fast'"),
        (lambda _: neptune.init_run(tags=[7]), TypeError, "tags must be strings"),
        (
            lambda _: neptune.init_run("a", custom_run_id="b"),
            ValueError,
            "with_id 'a' and custom_run_id 'b' cannot both",
        ),
        (lambda _: neptune.init_run(nmae="x"), TypeError, "unexpected keyword argument 'nmae'"),
        (lambda run: run["a"].append(1, step="x"), TypeError, "x must be a number, not str: 'x'"),
        (lambda run: run["a"].append(1, timestamp="x"), TypeError, "timestamp must be a number"),
        (lambda run: run["a"].extend("abc"), TypeError, "values of 'a' must be a collection, not str: 'abc'"),
        (lambda run: run["a"].extend(3), TypeError, "values of 'a' must be a collection, not int: 3"),
        (lambda run: run["a"].extend([1, 2], steps=[1]), ValueError, "'a' has 2 values, but 1 steps"),
        (
            lambda run: run["a"].extend({"b": [1], "c": []}, timestamps=[1]),
            ValueError,
            "'a/c' has 0 values, but 1 timest",
        ),
        (lambda run: run["sys/tags"].add([7]), TypeError, "tags must be strings"),
        (lambda run: run[""].append(1), ValueError, "a metric's name must not be empty"),
        (lambda _: types.File(), ValueError, "path or file_composite is required"),
        (lambda _: types.File(7), TypeError, "path must be a string, not int: 7"),
        (lambda _: types.File.as_html(3), TypeError, r"a int has no to_html\(\), so it is no chart"),
    ],
)
def test_wrong_arguments_are_told_at_once(run: neptune.Run, call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(run)
    assert info(run).points == 0
    assert json.dumps(info(run).config) == "{}"
