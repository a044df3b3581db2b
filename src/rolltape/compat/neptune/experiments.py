"""An experiment of the API of 2020, `neptune.create_experiment`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rolltape.compat.neptune.media import opened
from rolltape.compat.neptune.nothing import Nothing, keep, not_offered
from rolltape.compat.neptune.recorder import Recorder, metric
from rolltape.compat.neptune.text_handler import TextHandler


class Experiment:
    """One run. Made by `create_experiment`; ends with `stop`, its context or the process.

    Where a method takes ``x`` and ``y``: ``(name, y)`` counts x on from the series' last, ``(name, x, y)`` gives it. x
    is any number, may repeat and go back. ``timestamp`` is in seconds since 1970.
    """

    def __init__(
        self,
        recorder: Recorder,
        name: str | None,
        params: Mapping[str, Any],
        properties: Mapping[str, Any],
        tags: Sequence[str],
        on_stop: Callable[[Experiment], None],
    ) -> None:
        self._recorder = recorder
        self._name = name or recorder.id
        self._params = dict(params)
        self._properties = dict(properties)
        self._tags = list(tags)
        self._on_stop = on_stop
        self._handlers: list[tuple[logging.Logger, TextHandler]] = []
        self._state = "running"

    @property
    def id(self) -> str:
        """The run's id, as `rolltape.open()` knows it."""
        return self._recorder.id

    @property
    def internal_id(self) -> str:
        return self._recorder.id

    @property
    def name(self) -> str:
        return self._name

    @property
    def state(self) -> str:
        """``running``, ``succeeded`` or ``failed``."""
        return self._state

    def log_metric(self, log_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
        """Record a point. What `float` takes is a number, also a numeric text; NaN and infinities are kept."""
        x, y = _x_and_y(x, y)
        self._recorder.log({log_name: metric(log_name, y)}, x, timestamp)

    def send_metric(self, channel_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
        """`log_metric`."""
        self.log_metric(channel_name, x, y, timestamp)

    def log_text(self, log_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
        """Record a text."""
        x, y = _x_and_y(x, y)
        self._recorder.log({log_name: y if y is None else str(y)}, x, timestamp)

    def send_text(self, channel_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
        """`log_text`."""
        self.log_text(channel_name, x, y, timestamp)

    def log_image(
        self,
        log_name: str,
        x: Any,
        y: Any = None,
        image_name: str | None = None,
        description: str | None = None,
        timestamp: Any = None,
    ) -> None:
        """Record an image: a path, a PIL image, a figure, or an array or tensor [height, width(, channels)]."""
        x, y = _x_and_y(x, y)
        self._recorder.log_file(log_name, y, x, timestamp, name=image_name, description=description)

    def send_image(
        self,
        channel_name: str,
        x: Any,
        y: Any = None,
        name: str | None = None,
        description: str | None = None,
        timestamp: Any = None,
    ) -> None:
        """`log_image`."""
        self.log_image(channel_name, x, y, name, description, timestamp)

    def log_artifact(self, artifact: Any, destination: str | None = None) -> None:
        """Keep a copy of a file, of all files in a directory, or of what an open file holds.

        It is recorded as ``artifacts/<destination>``; no destination: the name of the file.

        Raises:
            TypeError: it is neither a path nor open.
        """
        if hasattr(artifact, "read"):
            name = destination or Path(str(getattr(artifact, "name", "stream"))).name
            self._recorder.log_file(f"artifacts/{name}", opened(artifact, Path(name).suffix))
            return
        if not isinstance(artifact, str | os.PathLike):
            raise TypeError(f"artifact must be a path or an open file, not {type(artifact).__name__}: {artifact!r}")
        given = Path(artifact)
        if given.is_dir():
            for path in sorted(inner for inner in given.rglob("*") if inner.is_file()):
                name = path.relative_to(given).as_posix()
                self._recorder.log_file(f"artifacts/{destination or given.name}/{name}", path)
        else:
            self._recorder.log_file(f"artifacts/{destination or given.name}", given)

    def send_artifact(self, artifact: Any, destination: str | None = None) -> None:
        """`log_artifact`."""
        self.log_artifact(artifact, destination)

    def set_property(self, key: str, value: Any) -> None:
        """Set ``properties/<key>`` in the run's config."""
        self._properties[key] = value
        self._recorder.describe({f"properties/{key}": value})

    def append_tag(self, tag: Any, *tags: str) -> None:
        """Add a tag, several, or a list of them.

        Raises:
            TypeError: a tag is not a string.
        """
        added = list(tag) if isinstance(tag, list | tuple | set | frozenset) else [tag, *tags]
        self._recorder.describe(tags=added)
        self._tags += [one for one in added if one not in self._tags]

    def append_tags(self, tag: Any, *tags: str) -> None:
        """`append_tag`."""
        self.append_tag(tag, *tags)

    def get_parameters(self) -> dict[str, Any]:
        """The ``params`` that the experiment was created with."""
        return dict(self._params)

    def get_properties(self) -> dict[str, Any]:
        """The properties set by this process."""
        return dict(self._properties)

    def get_tags(self) -> list[str]:
        """The tags given by this process."""
        return list(self._tags)

    def remove_tag(self, tag: str) -> None:
        """Warn that the tag stays."""
        keep(f"tag {tag!r}")

    def remove_property(self, key: str) -> None:
        """Warn that the property stays."""
        keep(f"property {key!r}")

    def reset_log(self, log_name: str) -> None:
        """Warn that the points stay. The next x is counted on, so that they can be told apart."""
        keep(f"log {log_name!r}")

    def delete_artifacts(self, path: Any) -> None:
        """Warn that the artifacts stay."""
        keep(f"artifact {path!r}")

    def stop(self, exc_tb: str | None = None) -> None:
        """End the run; stopping again does nothing.

        Args:
            exc_tb: what went wrong; the run has then failed.
        """
        if exc_tb is None:
            self._recorder.close()
        else:
            said = str(exc_tb).strip().splitlines()
            self._recorder.fail(said[-1] if said else "stopped with an empty traceback")
        self._stopped("succeeded" if exc_tb is None else "failed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self._recorder.close(exc_val)
        self._stopped("succeeded" if exc_val is None else "failed")

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Experiment", name)

    def __repr__(self) -> str:
        return f"Experiment({self.id})"

    def _begin(self, logger: logging.Logger | None, source_files: Any) -> None:
        """What `create_experiment` has recorded from the first moment on."""
        if logger is not None:
            handler = TextHandler(self._recorder, "logger")
            logger.addHandler(handler)
            self._handlers.append((logger, handler))
        self._recorder.log_files("source_code", source_files or ())

    def _stopped(self, state: str) -> None:
        if self._state == "running":
            self._state = state
        while self._handlers:
            logger, handler = self._handlers.pop()
            logger.removeHandler(handler)
        self._on_stop(self)


def _x_and_y(x: Any, y: Any) -> tuple[Any, Any]:
    """Neptune's rule: what is given alone is y."""
    return (None, x) if y is None else (x, y)
