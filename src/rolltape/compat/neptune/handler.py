"""``run["a/b"]`` of neptune 1.x: a field or a namespace of fields."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rolltape.compat.neptune.nothing import Nothing, keep, not_offered
from rolltape.compat.neptune.stringify import StringifyValue
from rolltape.compat.neptune.types import Atom, File, FileSet, Series, StringSet

if TYPE_CHECKING:
    from rolltape.compat.neptune.runs import Run


class Handler:
    """What stands under a path of a run. ``wait`` has no effect: what is logged is on the tape already."""

    def __init__(self, container: Run, path: str) -> None:
        self._run = container
        self._path = joined(path)

    @property
    def container(self) -> Run:
        return self._run

    def get_root_object(self) -> Run:
        """The run."""
        return self._run

    def __getitem__(self, path: str) -> Handler:
        return Handler(self._run, joined(self._path, path))

    def __setitem__(self, key: str, value: Any) -> None:
        self[key].assign(value)

    def __delitem__(self, path: str) -> None:
        self[path].pop()

    def assign(self, value: Any, *, wait: bool = False) -> None:
        """Set a field, or the fields of a mapping, in the run's config; files and series go where they belong.

        ``sys/name`` renames the run, ``sys/tags`` adds tags.
        """
        config = {}
        for path, inner in _flat(value, self._path):
            inner = _unwrapped(inner)
            field = Handler(self._run, path)
            if isinstance(inner, StringSet) or path == "sys/tags":
                field.add(inner.values if isinstance(inner, StringSet) else inner)
            elif isinstance(inner, FileSet):
                field.upload_files(inner.file_globs)
            elif isinstance(inner, Series):
                field.extend(inner.values, steps=inner.steps, timestamps=inner.timestamps)
            elif File.is_convertable(inner):
                field.upload(inner)
            elif path == "sys/name":
                self._run.recorder.describe(name=str(inner))
                self._run.assigned[path] = str(inner)
            else:
                config[path] = _plain(inner)
                self._run.assigned[path] = inner
        self._run.recorder.describe(config)

    def append(
        self,
        value: Any,
        *,
        step: float | None = None,
        timestamp: float | None = None,
        wait: bool = False,
        **kwargs: Any,
    ) -> None:
        """Add a number, a text, a file or an image to a series, or the values of a mapping to the series below.

        Args:
            value: the type decides; a text stays a text.
            step: any number, may repeat and go back. None: one more than the last of each series, from 0.
            timestamp: seconds since 1970. None: now.
            kwargs: ``name`` and ``description`` of a file are kept as texts beside it.

        Raises:
            TypeError: step or timestamp is not a number.
        """
        points = {}
        for path, inner in _flat(value, self._path):
            inner = _unwrapped(inner)
            if File.is_convertable(inner):
                notes = {note: kwargs[note] for note in ("name", "description") if note in kwargs}
                self._run.recorder.log_file(path, _source(inner), step, timestamp, **notes)
            else:
                points[path] = inner
        self._run.recorder.log(points, step, timestamp)

    def log(
        self,
        value: Any,
        *,
        step: float | None = None,
        timestamp: float | None = None,
        wait: bool = False,
        **kwargs: Any,
    ) -> None:
        """`append`, of one value or of each value of a list."""
        for one in value if isinstance(value, list | tuple | set) else [value]:
            self.append(one, step=step, timestamp=timestamp, **kwargs)

    def extend(
        self,
        values: Any,
        *,
        steps: Collection[float] | None = None,
        timestamps: Collection[float] | None = None,
        wait: bool = False,
        **kwargs: Any,
    ) -> None:
        """`append` each of n values, or those of each series of a mapping.

        Args:
            values: a collection, or a mapping (of mappings) of collections.
            steps: n numbers.
            timestamps: n times in seconds since 1970.

        Raises:
            TypeError: ``values`` is no collection. ValueError: the lengths differ. Nothing is recorded then.
        """
        series = {path: _listed(path, _unwrapped(inner)) for path, inner in _flat(values, self._path)}
        for what, given in (("steps", steps), ("timestamps", timestamps)):
            for path, listed in series.items():
                if given is not None and len(given) != len(listed):
                    raise ValueError(f"{path!r} has {len(listed)} values, but {len(given)} {what}")
        for path, listed in series.items():
            field = Handler(self._run, path)
            own_steps = steps if steps is not None else [None] * len(listed)
            own_times = timestamps if timestamps is not None else [None] * len(listed)
            for value, step, timestamp in zip(listed, own_steps, own_times, strict=True):
                field.append(value, step=step, timestamp=timestamp, **kwargs)

    def upload(self, value: Any, *, wait: bool = False, **kwargs: Any) -> None:
        """Keep a file: a path, a `File`, a PIL image, a figure, a chart or an array."""
        self._run.recorder.log_file(self._path, _source(value))

    def upload_files(self, value: str | Iterable[str], *, wait: bool = False) -> None:
        """Keep every file that paths and glob patterns name, as ``<path>/<name>``."""
        self._run.recorder.log_files(self._path, value)

    def track_files(self, path: str, *, destination: str | None = None, wait: bool = False) -> None:
        """Note in the config where the files lie. They are neither kept nor hashed."""
        self.assign(path)

    def add(self, values: str | Iterable[str], *, wait: bool = False) -> None:
        """Add words to a set. ``sys/tags`` are the run's tags; any other set is a list in the config.

        Raises:
            TypeError: a tag is not a string.
        """
        added = [values] if isinstance(values, str) else list(values)
        known: set[str] = self._run.assigned.get(self._path, set())
        if self._path == "sys/tags":
            self._run.recorder.describe(tags=added)
        else:
            self._run.recorder.describe({self._path: sorted(known.union(added))})
        self._run.assigned[self._path] = known.union(added)

    def fetch(self) -> Any:
        """What this process has assigned here: a value, or a nested dict of those below.

        Raises:
            MissingFieldException: it has assigned nothing here.
        """
        return self._run.fetched(self._path)

    def pop(self, path: str | None = None, *, wait: bool = False) -> None:
        """Warn that it stays."""
        keep(f"field {joined(self._path, path or '')!r}")

    def remove(self, values: str | Iterable[str], *, wait: bool = False) -> None:
        """Warn that the words stay."""
        keep(f"{values!r} of {self._path!r}")

    def clear(self, *, wait: bool = False) -> None:
        """Warn that it stays."""
        keep(f"field {self._path!r}")

    def delete_files(self, paths: str | Iterable[str], *, wait: bool = False) -> None:
        """Warn that the files stay."""
        keep(f"{paths!r} of {self._path!r}")

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Handler", name)

    def __repr__(self) -> str:
        return f"<field {self._path!r} of {self._run!r}>"


def joined(*paths: str) -> str:
    """A path of its parts, without empty ones."""
    return "/".join(part for path in paths for part in str(path).split("/") if part)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a nested mapping, or of the one value."""
    if isinstance(value, Handler):
        value = value.fetch()
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, joined(path, key))
    else:
        yield path, value


def _unwrapped(value: Any) -> Any:
    if isinstance(value, StringifyValue):
        return value.plain()
    return value.value if isinstance(value, Atom) else value


def _plain(value: Any) -> Any:
    """As the config can hold it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.tolist() if hasattr(value, "tolist") else value


def _source(value: Any) -> Any:
    return value.source if isinstance(value, File) else value


def _listed(path: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise TypeError(f"values of {path!r} must be a collection, not {type(values).__name__}: {values!r}")
    return list(values)
