"""Projects and sessions of the API of 2020: where experiments are created."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from rolltape.compat.neptune.exceptions import NeptuneNoExperimentContextException
from rolltape.compat.neptune.experiments import Experiment
from rolltape.compat.neptune.nothing import Nothing, not_offered
from rolltape.compat.neptune.starting import mapping, project_name, start


class Project:
    """A name that experiments are kept under. Made by `init`, `set_project` and `Session.get_project`."""

    def __init__(self, qualified: str | None) -> None:
        self.name = project_name(qualified)
        self.full_id = qualified or self.name
        self._experiments: list[Experiment] = []  # those that run; the newest is the current one

    def create_experiment(
        self,
        name: str | None = None,
        description: str | None = None,
        params: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        upload_source_files: Sequence[str] | str | None = None,
        abort_callback: Any = None,
        logger: logging.Logger | None = None,
        upload_stdout: bool = True,
        upload_stderr: bool = True,
        send_hardware_metrics: bool = True,
        run_monitoring_thread: bool = True,
        handle_uncaught_exceptions: bool = True,
        git_info: Any = None,
        hostname: str | None = None,
        notebook_id: str | None = None,
        notebook_path: str | None = None,
    ) -> Experiment:
        """Begin a run, which is the current experiment until it stops.

        Args:
            name: what the run is called.
            description: kept in the config as ``sys/description``.
            params: the config.
            properties: kept in the config as ``properties/<key>``.
            tags: words to find the run by.
            upload_source_files: paths and glob patterns of files to keep as ``source_code/<path>``.
            logger: its messages are recorded as texts of the series ``logger``.
            abort_callback: of no effect, like all that follow except `logger`: they watch the process.

        Raises:
            TypeError, ValueError: an argument is not what it must be.
            RecordingError: the directory cannot be written.
        """
        params = mapping("params", {} if params is None else params)
        properties = mapping("properties", {} if properties is None else properties)
        described = {"sys/description": description} if description else {}
        recorder = start(
            self.full_id,
            name=name,
            config={**params, **{f"properties/{key}": value for key, value in properties.items()}, **described},
            tags=tags or (),
        )
        experiment = Experiment(recorder, name, params, properties, tags or (), on_stop=self._forget)
        self._experiments.append(experiment)
        experiment._begin(logger, upload_source_files)
        return experiment

    def current_experiment(self) -> Experiment:
        """The newest that runs.

        Raises:
            NeptuneNoExperimentContextException: there is none.
        """
        if not self._experiments:
            raise NeptuneNoExperimentContextException("no experiment runs: call create_experiment() first")
        return self._experiments[-1]

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Project", name)

    def __repr__(self) -> str:
        return f"Project({self.full_id})"

    def _forget(self, stopped: Experiment) -> None:
        self._experiments = [experiment for experiment in self._experiments if experiment is not stopped]


class Session:
    """Where projects came from, when there was a server. The arguments have no effect."""

    def __init__(self, api_token: str | None = None, proxies: Any = None, backend: Any = None) -> None:
        pass

    @classmethod
    def with_default_backend(cls, api_token: str | None = None, proxies: Any = None) -> Session:
        """A session."""
        return cls(api_token, proxies)

    def get_project(self, project_qualified_name: str | None) -> Project:
        """The project of that name, ``workspace/project`` or ``project``."""
        return Project(project_qualified_name)

    def __getattr__(self, name: str) -> Nothing:
        return not_offered("Session", name)
