"""What `neptune_scale` means: `Run` with `log_metrics`, `log_configs`, and what they take."""

from __future__ import annotations

import dataclasses
import json
import logging
import mimetypes
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from rolltape.compat.neptune.media import Content
from rolltape.compat.neptune.nothing import Nothing, keep, not_offered, warn_once
from rolltape.compat.neptune.recorder import metric
from rolltape.compat.neptune.starting import mapping, start
from rolltape.compat.neptune.text_handler import TextHandler


@dataclass
class File:
    """A file to keep: a path, or bytes whose kind the MIME type tells. ``size`` and ``destination`` have no effect."""

    source: str | Path | bytes
    mime_type: str | None = None
    size: int | None = None
    destination: str | None = None

    def content(self) -> str | Path | Content:
        """What to keep."""
        if not isinstance(self.source, bytes):
            return self.source
        return Content(self.source, mimetypes.guess_extension(self.mime_type or "") or ".bin")


@dataclass
class Histogram:
    """n counts or densities between n + 1 edges."""

    bin_edges: Any
    counts: Any = None
    densities: Any = None


@dataclass
class SourceTrackingConfig:
    """Has no effect: rolltape notes the commit by itself."""

    namespace: str = "source_code"
    repository: Path | None = None
    upload_run_command: bool = True
    upload_entry_point: bool = False
    upload_diff_head: bool = False
    upload_diff_upstream: bool = False


_TRACKED = SourceTrackingConfig()


class Run:
    """One run.

    A ``step`` is any number and may repeat and go back. ``timestamp`` is a datetime, in local time unless it says
    otherwise. What is not a number, a text or a file where one is due is lost: counted and warned about.

    Args:
        run_id: the id of a new run, or of one to take up.
        project: ``workspace/project``; None: ``$NEPTUNE_PROJECT``, else ``default``.
        mode: ``async`` and ``offline`` record, ``disabled`` does not. None: ``$NEPTUNE_MODE``, else ``async``.
        experiment_name: what the run is called.
        creation_time: kept in the config as ``sys/creation_time``.
        fork_run_id: kept with ``fork_step`` in the config as ``sys/forking/parent`` and ``sys/forking/step``; the
            parent's points are not repeated.
        log_directory: like all that follow and ``api_token``, of no effect: they watch the process or the server.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
        RecordingError: the directory cannot be written.
    """

    def __init__(
        self,
        *,
        run_id: str | None = None,
        project: str | None = None,
        api_token: str | None = None,
        mode: str | None = None,
        experiment_name: str | None = None,
        creation_time: datetime | None = None,
        fork_run_id: str | None = None,
        fork_step: float | None = None,
        log_directory: str | Path | None = None,
        max_queue_size: int | None = None,
        async_lag_threshold: float | None = None,
        on_async_lag_callback: Any = None,
        on_queue_full_callback: Any = None,
        on_network_error_callback: Any = None,
        on_error_callback: Any = None,
        on_warning_callback: Any = None,
        enable_console_log_capture: bool = True,
        runtime_namespace: str | None = None,
        source_tracking_config: SourceTrackingConfig | None = _TRACKED,
        inherit_configs: bool = True,
        **kwargs: Any,
    ) -> None:
        if (fork_run_id is None) != (fork_step is None):
            raise ValueError("fork_run_id and fork_step must be given together")
        for name in kwargs.keys() - {"resume", "system_namespace"}:
            warn_once(f"Run() of neptune_scale has no argument {name!r}: it does nothing")
        facts = {
            "sys/creation_time": None if creation_time is None else creation_time.isoformat(),
            "sys/forking/parent": fork_run_id,
            "sys/forking/step": fork_step,
        }
        self.recorder = start(
            project,
            mode=mode,
            name=experiment_name,
            config={name: fact for name, fact in facts.items() if fact is not None},
            id=run_id,
        )
        self._group_tags: set[str] = set()

    def log_metrics(
        self,
        data: dict[str, Any],
        step: float | None,
        *,
        timestamp: datetime | None = None,
        preview: bool = False,
        preview_completion: float | None = None,
    ) -> None:
        """Record a row of numbers.

        Previews are no points of the metric: they are recorded as ``<name>:preview``, with their completion, from 0 to
        1, as ``<name>:preview_completion``.

        Raises:
            TypeError: ``data`` is no mapping, or step or timestamp is not what it must be.
        """
        data = dict(mapping("data", data))
        if preview:
            data = {f"{name}:preview": value for name, value in data.items()} | (
                {}
                if preview_completion is None
                else {f"{name}:preview_completion": preview_completion for name in data}
            )
        self.recorder.log({name: metric(name, value) for name, value in data.items()}, step, _time(timestamp))

    def log_string_series(self, data: dict[str, str], step: float, *, timestamp: datetime | None = None) -> None:
        """Record texts.

        Raises:
            TypeError: as `log_metrics`.
        """
        texts = {name: str(text) for name, text in mapping("data", data).items()}
        self.recorder.log(texts, step, _time(timestamp))

    def log_histograms(
        self, histograms: dict[str, Histogram], step: float, *, timestamp: datetime | None = None
    ) -> None:
        """Record histograms as texts: JSON with ``bin_edges`` and ``counts`` or ``densities``.

        Raises:
            TypeError: as `log_metrics`.
        """
        for name, histogram in mapping("histograms", histograms).items():
            try:
                parts = {
                    part: np.asarray(list(values), float).tolist()
                    for part, values in vars(histogram).items()
                    if values is not None
                }
            except (TypeError, ValueError) as error:
                self.recorder.lose(name, error)
            else:
                self.recorder.log({name: json.dumps(parts)}, step, _time(timestamp))

    def log_configs(self, data: Any, flatten: bool = False, cast_unsupported: bool = False) -> None:
        """Set keys of the run's config.

        Args:
            data: a mapping or a dataclass; None: nothing.
            flatten: make ``a/b`` of nested mappings and dataclasses; otherwise they stay nested.
            cast_unsupported: make texts of what is no number, text, truth value, time or collection of texts, and "" of
                None; otherwise lists and None stay what they are.

        Raises:
            TypeError: ``data`` is neither.
        """
        if data is None:
            return
        if dataclasses.is_dataclass(data) and not isinstance(data, type):
            data = dataclasses.asdict(data)
        config = dict(_flat(mapping("data", data))) if flatten else dict(mapping("data", data))
        if cast_unsupported:
            config = {name: _cast(value) for name, value in config.items()}
        self.recorder.describe(
            {name: value.isoformat() if isinstance(value, datetime) else value for name, value in config.items()}
        )

    def assign_files(self, files: dict[str, Any]) -> None:
        """Keep files: paths, bytes or `File`.

        Raises:
            TypeError: ``files`` is no mapping.
        """
        self._keep_files(files)

    def log_files(self, files: dict[str, Any], step: float, *, timestamp: datetime | None = None) -> None:
        """Keep files that belong to a step.

        Raises:
            TypeError: as `log_metrics`.
        """
        self._keep_files(files, step, timestamp)

    def add_tags(self, tags: Collection[str], group_tags: bool = False) -> None:
        """Add tags; group tags are a list in the config, ``sys/group_tags``.

        Raises:
            TypeError: they are not strings in a list.
        """
        if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
            raise TypeError(f"tags must be strings in a list, not {tags!r}")
        if group_tags:
            self._group_tags.update(tags)
            self.recorder.describe({"sys/group_tags": sorted(self._group_tags)})
        else:
            self.recorder.describe(tags=list(tags))

    def remove_tags(self, tags: Collection[str], group_tags: bool = False) -> None:
        """Warn that the tags stay."""
        keep(f"tags {sorted(tags)}")

    def log(
        self,
        step: float | None = None,
        timestamp: datetime | None = None,
        configs: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        tags_add: dict[str, Any] | None = None,
        tags_remove: dict[str, Any] | None = None,
    ) -> None:
        """The older way to `log_configs`, `log_metrics`, `add_tags` and `remove_tags`, tags by their path."""
        self.log_configs(configs)
        if metrics is not None:
            self.log_metrics(metrics, step, timestamp=timestamp)
        for path, tags in (tags_add or {}).items():
            self.add_tags(tags, group_tags=path != "sys/tags")
        for tags in (tags_remove or {}).values():
            self.remove_tags(tags)

    def close(self, timeout: float | None = None) -> None:
        """End the run. Everything is on the tape when this returns; closing again does nothing."""
        self.recorder.close()

    def terminate(self) -> None:
        """`close`: there is no synchronisation to abort."""
        self.recorder.close()

    def wait_for_submission(self, timeout: float | None = None, verbose: bool = True) -> bool:
        """True: what is logged is on the tape already."""
        return True

    def wait_for_processing(self, timeout: float | None = None, verbose: bool = True) -> bool:
        """True: what is logged is on the tape already."""
        return True

    def get_run_url(self) -> str:
        """Where the run is recorded."""
        return self.recorder.url

    def get_experiment_url(self) -> str:
        """Where the run is recorded."""
        return self.recorder.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.recorder.close(exc_value)

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Run", name)

    def _keep_files(self, files: dict[str, Any], step: float | None = None, timestamp: datetime | None = None) -> None:
        for name, file in mapping("files", files).items():
            source = file.content() if isinstance(file, File) else file
            self.recorder.log_file(name, source, step, _time(timestamp))


class NeptuneLoggingHandler(TextHandler):
    """Records the messages of a `logging.Logger` as texts of a run, at ``attribute_path`` or ``runtime/logs``."""

    def __init__(self, *, run: Run, level: int = logging.NOTSET, attribute_path: str | None = None) -> None:
        super().__init__(run.recorder, attribute_path or "runtime/logs", level)


def __getattr__(name: str) -> Nothing:
    return not_offered("neptune_scale", name)


def _time(timestamp: Any) -> Any:
    if timestamp is not None and not isinstance(timestamp, datetime | float | int):
        raise TypeError(f"timestamp must be a datetime, not {type(timestamp).__name__}: {timestamp!r}")
    return timestamp


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = dataclasses.asdict(value)
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}/")
        else:
            yield f"{path}{key}", value


def _cast(value: Any) -> Any:
    if isinstance(value, float | int | str | datetime):
        return value
    if isinstance(value, list | set | tuple) and all(isinstance(item, str) for item in value):
        return value
    return "" if value is None else str(value)
