"""Images and videos: from files and arrays to media/ and an event that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import rolltape
from rolltape.errors import RecordingError

rng = np.random.default_rng(0)


def recorded(run: rolltape.Run) -> list[tuple[dict[str, Any], Path]]:
    run.close()
    return [(event, run.directory / "media" / event["file"]) for event in rolltape.open().events(run.id)]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (1, 1, 3)])
def test_an_image_from_an_array_is_the_same_pixels(tapes: Path, shape: tuple[int, ...]) -> None:
    run = rolltape.init(id="r")
    pixels = rng.integers(0, 256, shape, np.uint8)
    run.log({"frame": rolltape.Image(pixels), "loss": 1.0}, 3)
    ((event, path),) = recorded(run)
    assert (event["name"], event["kind"], event["step"], path.suffix) == ("frame", "image", 3, ".png")
    with Pillow.open(path) as image:
        assert np.array_equal(np.asarray(image).reshape(shape), pixels)
    assert rolltape.open().points("r", "loss").value.tolist() == [1.0]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0, 2.0, -1.0, np.nan]]), [0, 128, 255, 255, 0, 0]),
        (np.array([[True, False]]), [255, 0]),
        (np.array([[-5, 0, 300]]), [0, 0, 255]),
    ],
)
def test_values_become_bytes(tapes: Path, array: Any, expected: list[int]) -> None:
    run = rolltape.init(id="r")
    run.log({"frame": rolltape.Image(array)})
    ((_, path),) = recorded(run)
    with Pillow.open(path) as image:
        assert np.asarray(image).ravel().tolist() == expected


@pytest.mark.parametrize("shape", [(4, 6, 8), (4, 6, 8, 3), (1, 6, 8, 3)])
def test_a_video_from_an_array_plays(tapes: Path, shape: tuple[int, ...]) -> None:
    run = rolltape.init(id="r")
    frames = rng.integers(0, 256, shape, np.uint8)
    video = rolltape.Video(frames, fps=20)
    wanted = frames.copy()
    frames[:] = 0  # the caller goes on with its buffer
    run.log({"episode": video}, 9)
    ((event, path),) = recorded(run)
    assert (event["kind"], event["step"]) == ("video", 9)
    with Pillow.open(path) as image:
        assert getattr(image, "n_frames", 1) == shape[0]
        for i in range(shape[0]):
            image.seek(i)
            assert np.array_equal(np.asarray(image.convert("RGB"))[..., 0], wanted[i].reshape(6, 8, -1)[..., 0])
        assert image.info.get("duration", 50) == 50


@pytest.mark.parametrize("kind", [rolltape.Image, rolltape.Video])
def test_a_file_is_copied_at_once(tapes: Path, tmp_path: Path, kind: type[rolltape.Image]) -> None:
    run = rolltape.init(id="r")
    source = tmp_path / "Rollout \u00e4.MP4"
    source.write_bytes(b"as it is")
    run.log({"a/b c": kind(source)}, 1)
    source.unlink()
    ((_, path),) = recorded(run)
    assert path.read_bytes() == b"as it is"
    assert path.suffix == ".mp4"
    assert path.parent == run.directory / "media"


def test_many_of_one_name_are_many_files(tapes: Path) -> None:
    run = rolltape.init(id="r")
    for i in range(5):
        run.log({"frame": rolltape.Image(np.full((2, 2), i, np.uint8))}, i)
    found = recorded(run)
    assert [event["step"] for event, _ in found] == list(range(5))
    assert len({path for _, path in found}) == 5
    assert all(path.is_file() for _, path in found)


@pytest.mark.parametrize("name", ["../../up", "/etc/passwd", "..", "\u4f60" * 200, "nul\x00", ".", "a\nb"])
def test_no_name_escapes_the_directory(tapes: Path, tmp_path: Path, name: str) -> None:
    run = rolltape.init(id="r")
    run.log({name: rolltape.Image(np.zeros((2, 2)))})
    ((event, path),) = recorded(run)
    assert event["name"] == name
    assert path.resolve().parent == (run.directory / "media").resolve()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tapes"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rolltape.Image("nowhere.png"), FileNotFoundError, "there is no file nowhere.png"),
        (lambda: rolltape.Image(np.zeros(3)), ValueError, r"shape \[height, width\(, channels\)\], not \(3,\)"),
        (lambda: rolltape.Image(np.zeros((3, 3, 7))), ValueError, r"not \(3, 3, 7\)"),
        (lambda: rolltape.Image(np.zeros((0, 3))), ValueError, r"not \(0, 3\)"),
        (lambda: rolltape.Image(np.array([["a"]])), ValueError, "must hold numbers"),
        (lambda: rolltape.Video(np.zeros((3, 3))), ValueError, r"\[time, height, width\(, channels\)\]"),
        (lambda: rolltape.Video(np.zeros((3, 3, 3)), fps=0), ValueError, "fps must be between 0.1 and 65, not 0"),
    ],
)
def test_wrong_media_are_told_where_they_are_made(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_media_directory_that_cannot_be_written(tapes: Path, tmp_path: Path) -> None:
    run = rolltape.init(id="r")
    (run.directory / "media").write_text("in the way")
    source = tmp_path / "x.png"
    source.write_bytes(b"x")
    with pytest.raises(RecordingError, match="image 'frame' cannot be written"):
        run.log({"frame": rolltape.Image(source), "loss": 1.0})
    assert run.lost == 1
    assert rolltape.open().points("r", "loss").value.tolist() == [1.0], "numbers are recorded first"


@pytest.mark.parametrize("strict", ["0", "1"])
def test_an_encoder_that_fails_is_told_and_counted(tapes: Path, monkeypatch: pytest.MonkeyPatch, strict: str) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", strict)
    monkeypatch.setattr("rolltape.recording.media.encode_png", lambda *_: 1 / 0)
    run = rolltape.init(id="r")
    expected = pytest.raises(RecordingError) if strict == "1" else pytest.warns(rolltape.RolltapeWarning)
    with expected as told:
        run.log({"frame": rolltape.Image(np.zeros((2, 2))), "loss": 1.0})
        run.close()
    assert "ZeroDivisionError" in str(told.value if strict == "1" else told[0].message)
    info = rolltape.open().run("r")
    assert (info.status, info.lost) == ("finished", 1)
    assert rolltape.open().points("r", "loss").value.tolist() == [1.0]


def test_any_file_is_kept(tapes: Path, tmp_path: Path) -> None:
    (tmp_path / "policy.pt").write_bytes(b"weights")
    (tmp_path / "LICENSE").write_bytes(b"text")
    run = rolltape.init(id="r")
    run.log({"checkpoint": rolltape.File(tmp_path / "policy.pt"), "license": rolltape.File(tmp_path / "LICENSE")}, 4)
    (policy, policy_path), (_, license_path) = recorded(run)
    assert (policy["name"], policy["kind"], policy["step"]) == ("checkpoint", "file", 4)
    assert (policy_path.suffix, policy_path.read_bytes()) == (".pt", b"weights")
    assert (license_path.suffix, license_path.read_bytes()) == (".bin", b"text")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        rolltape.File(tmp_path / "missing")
