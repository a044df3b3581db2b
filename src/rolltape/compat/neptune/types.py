"""What `neptune.types` means: files, and values that say what kind of field they are assigned to."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rolltape.compat.neptune.media import Content, html, is_chart, is_picture, opened, pixels
from rolltape.compat.neptune.nothing import Nothing, not_offered
from rolltape.recording.media import Image


class File:
    """A file to upload: ``File(path)``, or what the functions of this class make.

    Raises:
        TypeError: ``path`` is not a string.
    """

    def __init__(self, path: str | None = None, file_composite: Any = None) -> None:
        if path is None and file_composite is None:
            raise ValueError("path or file_composite is required")
        if path is not None and not isinstance(path, str):
            raise TypeError(f"path must be a string, not {type(path).__name__}: {path!r}")
        self.source: Any = path if path is not None else file_composite

    @property
    def path(self) -> str:
        """Raises TypeError where the file has none."""
        if not isinstance(self.source, str):
            raise TypeError(f"{self} has no path")
        return self.source

    @property
    def content(self) -> bytes:
        """What `from_content`, `from_stream` (once), `as_html` and `as_pickle` hold. Raises TypeError for others."""
        if not isinstance(self.source, Content):
            raise TypeError(f"{self} has no content of its own")
        return self.source.read()

    @property
    def extension(self) -> str:
        """Without a dot."""
        if isinstance(self.source, Content):
            return self.source.suffix[1:]
        return Path(self.source).suffix[1:] if isinstance(self.source, str) else "png"

    @staticmethod
    def from_path(path: str, *, extension: str | None = None) -> File:
        """A file that exists, kept under its own extension or another."""
        return File(file_composite=Content(Path(path), f".{extension}")) if extension else File(path)

    @staticmethod
    def from_content(content: str | bytes, *, extension: str | None = None) -> File:
        """A file of this text or these bytes; its extension is ``txt`` or ``bin`` unless given."""
        usual = "txt" if isinstance(content, str) else "bin"
        return File(file_composite=Content(content, f".{extension or usual}"))

    @staticmethod
    def from_stream(stream: Any, *, seek: int | None = 0, extension: str | None = None) -> File:
        """What an open file holds from position ``seek`` on. It is read when it is logged, so only once."""
        if seek is not None and stream.seekable():
            stream.seek(seek)
        return File(file_composite=opened(stream, f".{extension}" if extension else ""))

    @staticmethod
    def as_image(image: Any, autoscale: bool = True) -> File:
        """An image of a PIL image, a figure, or an array or tensor [height, width(, channels)].

        Args:
            image: where it is an array: integers 0 to 255 or floats 0 to 1.
            autoscale: take an array by its largest value: up to 1 it is 0 to 1, above it is 0 to 255. False: 0 to 255.

        Raises:
            ValueError: the array has another shape.
        """
        return File(file_composite=image if is_picture(image) else Image(pixels(image, autoscale)))

    @staticmethod
    def as_html(chart: Any, **kwargs: Any) -> File:
        """A page of a chart of Plotly or Altair or of a table of pandas; a figure stays an image.

        Raises:
            TypeError: it is none of these.
        """
        return File(file_composite=chart if is_picture(chart) else html(chart))

    @staticmethod
    def as_pickle(obj: Any) -> File:
        """A file of a pickled object."""
        return File(file_composite=Content(pickle.dumps(obj), ".pkl"))

    @staticmethod
    def create_from(value: Any, **kwargs: Any) -> File:
        """A file of a path, an image, a figure, a chart or a table; a `File` as it is."""
        return value if isinstance(value, File) else File(file_composite=value)

    @staticmethod
    def is_convertable(value: Any) -> bool:
        """Whether it is a `File`, an image, a figure, a chart or a table."""
        return isinstance(value, File) or is_picture(value) or is_chart(value)

    @staticmethod
    def is_convertable_to_image(value: Any) -> bool:
        """Whether it is a PIL image or a figure."""
        return is_picture(value)

    @staticmethod
    def is_convertable_to_html(value: Any) -> bool:
        """Whether it is a chart or a table."""
        return is_chart(value)

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("File", name)

    def __repr__(self) -> str:
        return f"File({self.source if isinstance(self.source, str) else type(self.source).__name__})"


@dataclass(frozen=True)
class Atom:
    """One value."""

    value: Any


Boolean = Datetime = Float = Integer = String = Atom


class Series:
    """Points to assign at once."""

    def __init__(
        self, values: Collection[Any], steps: Collection[float] | None, timestamps: Collection[float] | None
    ) -> None:
        self.values, self.steps, self.timestamps = values, steps, timestamps


class FloatSeries(Series):
    """Numbers. ``min``, ``max`` and ``unit`` have no effect: axes fit what was recorded."""

    def __init__(
        self,
        values: Collection[Any],
        min: float | None = None,
        max: float | None = None,
        unit: str | None = None,
        timestamps: Sequence[float] | None = None,
        steps: Sequence[float] | None = None,
    ) -> None:
        super().__init__(values, steps, timestamps)


class StringSeries(Series):
    """Texts."""

    def __init__(
        self,
        values: Collection[Any],
        timestamps: Sequence[float] | None = None,
        steps: Sequence[float] | None = None,
    ) -> None:
        super().__init__(values, steps, timestamps)


class FileSeries(Series):
    """Files or images."""

    def __init__(
        self,
        values: Collection[Any],
        timestamps: Sequence[float] | None = None,
        steps: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(values, steps, timestamps)


@dataclass(frozen=True)
class StringSet:
    """Words, such as tags."""

    values: Iterable[str]


@dataclass(frozen=True)
class FileSet:
    """Paths and glob patterns of files."""

    file_globs: str | Iterable[str]


def __getattr__(name: str) -> Nothing:
    return not_offered("neptune.types", name)
