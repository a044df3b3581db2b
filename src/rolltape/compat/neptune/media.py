"""What Neptune takes as a file, an image or a chart, as rolltape's `File`, `Image` or `Video`."""

from __future__ import annotations

import glob
import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.recording.media import File, Image, Video

_IMAGES = frozenset((".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"))
_VIDEOS = frozenset((".avi", ".m4v", ".mkv", ".mov", ".mp4", ".ogv", ".webm"))


@dataclass(frozen=True)
class Content:
    """A file that is not on disk, or not under that suffix."""

    data: Any  # bytes, a text, or what is read when it is logged: an open file or a path
    suffix: str  # with its dot

    def read(self) -> bytes:
        if isinstance(self.data, Path):
            return self.data.read_bytes()
        data = self.data.read() if hasattr(self.data, "read") else self.data
        return data.encode() if isinstance(data, str) else bytes(data)


@contextmanager
def media_of(source: Any) -> Iterator[File | Image | Video]:
    """What to log for a path, `Content`, bytes, an open file, a PIL image, a figure, a chart, a table or an array.

    It lies in a temporary file only while the context lasts, so log it inside.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an array has not the shape of an image. Libraries that draw raise what they like.
    """
    if isinstance(source, File | Image | Video):
        yield source
    elif isinstance(source, str | os.PathLike):
        yield _by_suffix(Path(source))
    elif _has(source, "getbands"):  # a PIL image
        yield Image(_plain_pixels(source))
    elif (figure := _figure(source)) is not None:
        with tempfile.TemporaryDirectory() as folder:
            figure.savefig(Path(folder, "figure.png"), format="png", bbox_inches="tight")
            yield Image(Path(folder, "figure.png"))
    elif (content := _content(source)) is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"content{content.suffix}")
            path.write_bytes(content.read())
            yield _by_suffix(path)
    else:
        yield Image(pixels(source))


def is_picture(value: Any) -> bool:
    """Whether it is a PIL image or a figure of Matplotlib or seaborn."""
    return _has(value, "getbands") or _figure(value) is not None


def is_chart(value: Any) -> bool:
    """Whether it draws itself as HTML, as charts of Plotly and Altair and tables of pandas do."""
    return _has(value, "to_html") and _figure(value) is None


def html(chart: Any) -> Content:
    """A chart or table as an HTML page.

    Raises:
        TypeError: it is neither.
    """
    if not is_chart(chart):
        raise TypeError(f"a {type(chart).__name__} has no to_html(), so it is no chart")
    return Content(chart.to_html(), ".html")


def opened(source: Any, suffix: str = "") -> Content:
    """What is left to read of an open file, or of a buffer."""
    usual = ".txt" if isinstance(source, io.TextIOBase) else ".bin"
    return Content(source, suffix or Path(str(getattr(source, "name", ""))).suffix or usual)


def pixels(array: Any, autoscale: bool = True) -> NDArray[Any]:
    """An array as rolltape takes images: integers 0 to 255 or floats 0 to 1.

    Neptune tells by the largest value: up to 1 it is scaled, above it is 0 to 255 already, whatever its type.
    """
    found: NDArray[Any] = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if found.dtype.kind not in "fiu" or not found.size:
        return found
    small = autoscale and np.nan_to_num(found).max() <= 1
    if small == (found.dtype.kind == "f"):
        return found
    scaled: NDArray[Any] = found.astype(np.int64) * 255 if small else found / 255
    return scaled


def found_files(patterns: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> Iterator[tuple[str, Path]]:
    """(name, path) of every file that the paths and glob patterns name; all that lie in a directory.

    A pattern that names nothing is given back as a path, so that whoever reads it tells.
    """
    for pattern in [patterns] if isinstance(patterns, str | os.PathLike) else patterns:
        pattern = os.fspath(pattern)
        for match in sorted(glob.glob(pattern, recursive=True)) or [pattern]:  # noqa: PTH207 (Path.glob takes no absolute pattern)
            path = Path(match)
            name = Path(path.name) if path.is_absolute() else path
            if path.is_dir():
                for inner in sorted(path.rglob("*")):
                    if inner.is_file():
                        yield (name / inner.relative_to(path)).as_posix(), inner
            else:
                yield name.as_posix(), path


def _by_suffix(path: Path) -> File | Image | Video:
    suffix = path.suffix.lower()
    return Image(path) if suffix in _IMAGES else Video(path) if suffix in _VIDEOS else File(path)


def _content(source: Any) -> Content | None:
    if isinstance(source, Content):
        return source
    if isinstance(source, bytes):
        return Content(source, ".bin")
    if _has(source, "read"):
        return opened(source)
    return html(source) if is_chart(source) else None


def _figure(value: Any) -> Any:
    """What can save itself as a picture: the value, or what it is drawn on (axes, the grids of seaborn)."""
    if _has(value, "savefig"):
        return value
    return value.figure if _has(value, "figure") and _has(value.figure, "savefig") else None


def _has(value: Any, name: str) -> bool:
    """Whether an object of another library has the attribute; the stand-in's own answer to every name."""
    return not type(value).__module__.startswith("rolltape.") and hasattr(value, name)


def _plain_pixels(image: Any) -> NDArray[Any]:
    """The pixels of a PIL image, whose palettes and other colour spaces are not everyone's."""
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    return np.asarray(image)
