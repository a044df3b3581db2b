"""TensorBoardLogger, read back by TensorBoard itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from full_disk import files_up_to
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers.tensorboard import TensorBoardLogger

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard.*"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:google.protobuf.*"),
]


@pytest.fixture
def read() -> Any:
    """What TensorBoard finds in a directory."""
    pytest.importorskip("tensorboardX")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    everything = dict.fromkeys(accumulator.DEFAULT_SIZE_GUIDANCE, 0)
    return lambda logdir: accumulator.EventAccumulator(str(logdir), size_guidance=everything).Reload()


def scalars(log: Any, key: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in log.Scalars(key)]


def test_everything_that_tensorboard_holds(read: Any, tmp_path: Path) -> None:
    logdir = tmp_path / "made" / "logs"
    logger = TensorBoardLogger(logdir)
    assert logger.logdir == logdir
    frame = np.zeros((4, 6, 3), np.uint8)
    logger.write({"train/loss": 0.5, "длина": np.int64(7), "done": True, "none": None, "note": "é *text*"})
    logger.write({"train/loss": float("nan"), "returns": np.array([1.0, 2.0, 4.0])})
    logger.write({"image": rolltape.Image(frame), "video": rolltape.Video(np.stack([frame, frame + 255]))})
    logger.close()
    logger.close()
    log = read(logdir)
    (first, loss), (second, nan) = scalars(log, "train/loss")
    assert (first, loss, second) == (0, 0.5, 1)
    assert np.isnan(nan)
    assert scalars(log, "длина") == [(0, 7.0)]
    assert scalars(log, "done") == [(0, 1.0)]
    assert log.Tensors("note/text_summary")[0].tensor_proto.string_val[0].decode() == "é *text*"
    (histogram,) = log.Histograms("returns")
    value = histogram.histogram_value
    assert (histogram.step, value.num, value.min, value.max, value.sum, value.sum_squares) == (1, 3, 1, 4, 7, 21)
    (image,) = log.Images("image")
    assert (image.step, image.width, image.height) == (2, 6, 4)
    assert image.encoded_image_string.startswith(b"\x89PNG")
    (video,) = log.Images("video")
    assert b"acTL" in video.encoded_image_string
    assert set(log.Tags()["scalars"]) == {"train/loss", "длина", "done"}
    assert logger.lost == 0


def test_a_step_key(read: Any, tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, step_key="steps")
    logger.write({"a": 0.0})
    logger.write({"a": 1.0, "steps": np.int64(1000)})
    logger.write({"a": 2.0})
    logger.write({"a": 3.0, "steps": None})
    logger.write({"a": 4.0, "steps": 500.0})
    logger.close()
    log = read(tmp_path)
    assert scalars(log, "a") == [(0, 0.0), (1000, 1.0), (1000, 2.0), (1000, 3.0), (500, 4.0)]
    assert scalars(log, "steps") == [(1000, 1000.0), (500, 500.0)]


def test_a_step_that_is_none_is_told_once(read: Any, tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, step_key="steps")
    logger.write({"a": 1.0, "steps": 7})
    with pytest.warns(RolltapeWarning, match=r"cannot take the step from 'steps', which is 0\.5") as told:
        logger.write({"a": 2.0, "steps": 0.5})
        logger.write({"a": 3.0, "steps": float("nan")})
    assert len(told) == 1
    logger.write({"a": 4.0, "steps": 2**70})
    logger.close()
    assert scalars(read(tmp_path), "a") == [(7, 1.0), (7, 2.0), (7, 3.0), (2**63 - 1, 4.0)]
    assert logger.lost == 0


def test_what_has_no_place_is_told_once_per_key(read: Any, tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    plain = tmp_path / "plain.txt"
    plain.write_text("text")
    row = {
        "kept": 1.0,
        "matrix": np.zeros((2, 2)),
        "empty": np.array([]),
        "partly": np.array([1.0, np.nan]),
        "file": rolltape.File(plain),
        "video": rolltape.Video(plain),
    }
    with pytest.warns(RolltapeWarning) as told:
        logger.write(row)
        logger.write(row)
    logger.close()
    messages = sorted(str(one.message).replace(str(tmp_path), "") for one in told)
    assert [message.split("the TensorBoard log in  ")[1] for message in messages] == [
        "has no place for 'empty': an array of shape (0,) with 0 finite numbers makes no histogram",
        "has no place for 'file': it is not one of .gif, .jpeg, .jpg, .png",
        "has no place for 'matrix': an array of shape (2, 2) with 4 finite numbers makes no histogram",
        "has no place for 'video': it is not one of .gif, .jpeg, .jpg, .png",
        "has no place for the NaN and infinities in 'partly': the histogram is of the rest",
    ]
    log = read(tmp_path)
    assert [event.histogram_value.num for event in log.Histograms("partly")] == [1, 1]
    assert len(scalars(log, "kept")) == 2


def test_an_image_from_a_file_is_taken_as_it_is(read: Any, tmp_path: Path) -> None:
    picture = tmp_path / "picture.PNG"
    picture.write_bytes(b"\x89PNG and so on")
    logger = TensorBoardLogger(tmp_path / "log")
    logger.write({"x": rolltape.Image(picture)})
    logger.close()
    assert read(tmp_path / "log").Images("x")[0].encoded_image_string == b"\x89PNG and so on"


@pytest.mark.parametrize("value", [1j, 2**2000, np.array([-1.7e308, 1.7e308]), "\ud800"])
def test_a_strange_value_costs_itself_only(read: Any, tmp_path: Path, value: Any) -> None:
    logger = TensorBoardLogger(tmp_path)
    with pytest.raises(RecordingError, match=r"'x', of type \w+, cannot be kept"):
        logger.write({"x": value, "a": 1.0})
    logger.close()
    assert scalars(read(tmp_path), "a") == [(0, 1.0)]
    assert logger.lost == 1


def test_two_loggers_on_one_directory_do_not_overwrite_each_other(read: Any, tmp_path: Path) -> None:
    loggers = [TensorBoardLogger(tmp_path) for _ in range(2)]
    for i, logger in enumerate(loggers):
        logger.write({f"a{i}": 1.0})
        logger.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_neither_stops_training_nor_spoils_the_file(
    read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = TensorBoardLogger(tmp_path)
    full = files_up_to(1000)
    with pytest.warns(RolltapeWarning, match="a row cannot be written: .*too large") as told, full:
        for i in range(100):
            logger.write({"a": float(i), "b": 0.5})
    logger.write({"a": 100.0})
    logger.close()
    assert len(told) == 1
    assert logger.lost > 50
    kept = [*range(100 - logger.lost), 100]
    assert scalars(read(tmp_path), "a") == [(i, float(i)) for i in kept]


KILLED = """
import os
from rolltape.loggers.tensorboard import TensorBoardLogger
logger = TensorBoardLogger(os.environ["WHERE"])
counter = os.open(os.environ["COUNTER"], os.O_RDWR | os.O_CREAT)
i = 0
while True:
    logger.write({"a": float(i)})
    i += 1
    os.pwrite(counter, i.to_bytes(8, "little"), 0)
"""


def test_kill_9_loses_nothing(read: Any, script: Any, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    trainer = script(KILLED, WHERE=str(tmp_path / "logs"), COUNTER=str(counter))
    while int.from_bytes(counter.read_bytes(), "little") < 500:
        assert trainer.process.poll() is None, trainer.wait()
        time.sleep(0.01)
    assert trainer.kill() == -signal.SIGKILL
    written = int.from_bytes(counter.read_bytes(), "little")
    back = scalars(read(tmp_path / "logs"), "a")
    assert back == [(i, float(i)) for i in range(len(back))]
    assert len(back) - written in (0, 1)


def test_wrong_arguments(read: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="int"):
        TensorBoardLogger(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="step_key must be a string, not int"):
        TensorBoardLogger(tmp_path, step_key=5)  # type: ignore[arg-type]


def test_without_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tensorboardX'] = None\n"
        "from rolltape.loggers.tensorboard import TensorBoardLogger\n"
        f"TensorBoardLogger({str(tmp_path / 'log')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: TensorBoardLogger needs: pip install 'rolltape[tensorboard]'" in done.stderr
    assert not (tmp_path / "log").exists()
