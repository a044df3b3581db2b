"""A run of neptune 1.x, `neptune.init_run`."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rolltape.compat.neptune.exceptions import MissingFieldException
from rolltape.compat.neptune.handler import Handler, joined
from rolltape.compat.neptune.nothing import Nothing, keep, not_offered
from rolltape.compat.neptune.starting import start


class Run:
    """One run: ``run["a/b"] = value`` sets its config, ``run["a/b"].append(value)`` records a point.

    Args:
        with_id: the id of a run to take up; ``custom_run_id`` the same, or the id of a new one.
        project: ``workspace/project``; None: ``$NEPTUNE_PROJECT``, else ``default``.
        mode: ``async``, ``sync`` and ``offline`` record; ``debug`` and ``read-only`` do not. None: ``$NEPTUNE_MODE``.
        name: what the run is called.
        description: kept in the config as ``sys/description``.
        tags: words to find the run by.
        source_files: paths and glob patterns of files to keep as ``source_code/files/<path>``.
        capture_stdout: like all that follow, of no effect: they watch the process, the machine or the server.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
        RecordingError: the directory cannot be written.
    """

    def __init__(
        self,
        with_id: str | None = None,
        *,
        project: str | None = None,
        api_token: str | None = None,
        custom_run_id: str | None = None,
        mode: str | None = None,
        name: str | None = None,
        description: str | None = None,
        tags: list[str] | str | None = None,
        source_files: list[str] | str | None = None,
        capture_stdout: bool | None = None,
        capture_stderr: bool | None = None,
        capture_hardware_metrics: bool | None = None,
        fail_on_exception: bool = True,
        monitoring_namespace: str | None = None,
        flush_period: float = 5,
        proxies: Any = None,
        capture_traceback: bool = True,
        git_ref: Any = None,
        dependencies: Any = None,
        async_lag_callback: Any = None,
        async_lag_threshold: float = 1800.0,
        async_no_progress_callback: Any = None,
        async_no_progress_threshold: float = 300.0,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"init_run() got an unexpected keyword argument {next(iter(kwargs))!r}")
        if with_id is not None and custom_run_id is not None:
            raise ValueError(f"with_id {with_id!r} and custom_run_id {custom_run_id!r} cannot both be given")
        tags = [tags] if isinstance(tags, str) else list(tags or ())
        facts = {"sys/description": description} if description else {}
        self.recorder = start(
            project, mode=mode, name=name, config=facts, tags=tags, id=custom_run_id if with_id is None else with_id
        )
        self.assigned: dict[str, Any] = {
            "sys/id": self.recorder.id,
            "sys/name": name or self.recorder.id,
            "sys/tags": set(tags),
            **facts,
        }
        self._state = "started"
        self.recorder.log_files("source_code/files", source_files or ())

    def __getitem__(self, path: str) -> Handler:
        return Handler(self, path)

    def __setitem__(self, key: str, value: Any) -> None:
        self[key].assign(value)

    def __delitem__(self, path: str) -> None:
        self.pop(path)

    def assign(self, value: Any, *, wait: bool = False) -> None:
        """`Handler.assign` of a mapping."""
        self[""].assign(value)

    def define(self, path: str, value: Any, *, wait: bool = False) -> None:
        """`Handler.assign` of one path."""
        self[path].assign(value)

    def fetch(self) -> dict[str, Any]:
        """All that this process has assigned, as a nested dict."""
        return dict(self.fetched(""))

    def exists(self, path: str) -> bool:
        """Whether this process has assigned or logged something at or below the path."""
        wanted = joined(path)
        return any(known == wanted or known.startswith(f"{wanted}/") for known in (*self.assigned, *self.recorder.last))

    def pop(self, path: str, *, wait: bool = False) -> None:
        """Warn that it stays."""
        keep(f"field {joined(path)!r}")

    def stop(self, *, seconds: float | None = None) -> None:
        """End the run. Everything is on the tape when this returns; stopping again does nothing."""
        self._state = "stopped"
        self.recorder.close()

    def get_state(self) -> str:
        """``started`` or ``stopped``."""
        return self._state

    def get_url(self) -> str:
        """Where the run is recorded."""
        return self.recorder.url

    def get_root_object(self) -> Run:
        """The run."""
        return self

    def sync(self, *, wait: bool = True) -> None:
        """Nothing to do: what is logged is on the tape already."""

    def wait(self, *, disk_only: bool = False) -> None:
        """Nothing to do: what is logged is on the tape already."""

    def fetched(self, path: str) -> Any:
        """What was assigned at a path, or below it as a nested dict.

        Raises:
            MissingFieldException: there is nothing.
        """
        if path in self.assigned:
            return self.assigned[path]
        tree: dict[str, Any] = {}
        for known, value in self.assigned.items():
            if not path or known.startswith(f"{path}/"):
                *above, leaf = known[len(path) :].lstrip("/").split("/")
                place = tree
                for part in above:
                    if not isinstance(place.get(part), dict):
                        place[part] = {}
                    place = place[part]
                place[leaf] = value
        if not tree:
            raise MissingFieldException(f"this process has assigned nothing to {path!r}")
        return tree

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self._state = "stopped"
        self.recorder.close(exc_val)

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Run", name)

    def __repr__(self) -> str:
        return f"<neptune.Run {self.recorder.id}>"
