"""Images, videos and other files: a file in the run's media/ directory and an event that names it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rolltape.recording.names import directory_name
from rolltape.recording.png import encode_png

Source = str | os.PathLike[str] | NDArray[Any]


def _frames(array: Any, dimensions: int, shapes: str) -> NDArray[np.uint8]:
    """A copy of ``array`` as frames[t, height, width, channels], 0 to 255."""
    frames = np.asarray(array)
    if frames.ndim == dimensions:  # no channels
        frames = frames[..., None]
    if frames.ndim != dimensions + 1 or frames.shape[-1] not in (1, 2, 3, 4) or 0 in frames.shape:
        raise ValueError(f"the array must have shape {shapes}, not {np.shape(array)}")
    if frames.dtype.kind == "f":
        frames = np.rint(np.clip(np.nan_to_num(frames), 0.0, 1.0) * 255)
    elif frames.dtype == np.bool_:
        frames = frames * 255
    elif frames.dtype.kind not in "iu":
        raise ValueError(f"the array must hold numbers, not {frames.dtype}")
    return np.array(np.clip(frames, 0, 255), np.uint8).reshape(-1, *frames.shape[-3:])


class Image:
    """An image to log: the path of a file, or an array [height, width] or [height, width, channels].

    Integers are 0 to 255, floats 0 to 1. Files are copied when logged, arrays are copied here and written as PNG.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the array has another shape.
    """

    kind: ClassVar[str] = "image"

    def __init__(self, source: Source) -> None:
        self.file = _file(source)
        self.frames = None if self.file else _frames(source, 2, "[height, width(, channels)]")
        self.fps = 1.0

    @property
    def suffix(self) -> str:
        return self.file.suffix if self.file else ".png"


class File:
    """Any other file to log: a checkpoint, a table. It is copied when logged.

    Raises:
        FileNotFoundError: there is no such file.
    """

    kind: ClassVar[str] = "file"
    frames: ClassVar[None] = None
    fps: ClassVar[float] = 1.0

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self.file = _file(source)

    @property
    def suffix(self) -> str:
        return self.file.suffix if self.file else ""


class Video:
    """A video to log: the path of a file, or an array [time, height, width] or [time, height, width, channels].

    Arrays are written as animated PNG, which every browser plays, at ``fps`` frames a second.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the array has another shape, or ``fps`` is not between 0.1 and 65.
    """

    kind: ClassVar[str] = "video"

    def __init__(self, source: Source, fps: float = 30.0) -> None:
        if not 0.1 <= fps <= 65:
            raise ValueError(f"fps must be between 0.1 and 65, not {fps}")
        self.file = _file(source)
        self.frames = None if self.file else _frames(source, 3, "[time, height, width(, channels)]")
        self.fps = fps

    @property
    def suffix(self) -> str:
        return self.file.suffix if self.file else ".png"


def _file(source: Source) -> Path | None:
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    return path


def write_media(media: File | Image | Video, folder: Path, stem: str, name: str) -> str:
    """Write the file that ``media`` stands for into ``folder``, and say what it is called there.

    Raises:
        OSError: it cannot be written.
    """
    suffix = "".join(c for c in media.suffix.lower() if c.isascii() and c.isalnum())[:10]
    path = folder / f"{stem}-{directory_name(name)[-60:].lstrip('.')}.{suffix or 'bin'}"
    folder.mkdir(exist_ok=True)
    if media.file is not None:
        shutil.copyfile(media.file, path)
    elif media.frames is not None:
        with path.open("wb") as file:
            file.writelines(encode_png(media.frames, media.fps))
    return path.name
