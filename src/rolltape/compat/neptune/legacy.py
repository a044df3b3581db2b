"""What `neptune.legacy` means, and `neptune` meant in 2020: functions that speak of one current experiment."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from rolltape.compat.neptune.exceptions import NeptuneUninitializedException
from rolltape.compat.neptune.experiments import Experiment
from rolltape.compat.neptune.nothing import Nothing, not_offered
from rolltape.compat.neptune.projects import Project, Session

ANONYMOUS = ANONYMOUS_API_TOKEN = "ANONYMOUS"
session: Session | None = None
project: Project | None = None


def init(
    project_qualified_name: str | None = None,
    api_token: str | None = None,
    proxies: Any = None,
    backend: Any = None,
    **kwargs: Any,
) -> Project:
    """Make a project the current one: ``workspace/project``; None: ``$NEPTUNE_PROJECT``, else ``default``.

    Token, proxies and backend have no effect: nothing leaves this machine.

    Raises:
        TypeError, ValueError: an argument is not what it must be.
    """
    if kwargs:
        raise TypeError(
            f"init() got an unexpected keyword argument {next(iter(kwargs))!r}; "
            "the init() that begins a run is that of neptune.new, and of neptune it is init_run()"
        )
    global session
    session = Session(api_token, proxies, backend)
    return set_project(project_qualified_name)


def set_project(project_qualified_name: str | None) -> Project:
    """`init`."""
    global session, project
    session = session or Session()
    project = session.get_project(project_qualified_name)
    return project


def create_experiment(
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
) -> Experiment:
    """`Project.create_experiment` of the current project.

    Raises:
        NeptuneUninitializedException: `init` was not called.
    """
    return _current_project().create_experiment(
        name, description, params, properties, tags, upload_source_files, logger=logger
    )


def get_experiment() -> Experiment:
    """The newest experiment that runs.

    Raises:
        NeptuneUninitializedException, NeptuneNoExperimentContextException: there is none.
    """
    return _current_project().current_experiment()


def log_metric(log_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
    """`Experiment.log_metric` of the current experiment."""
    get_experiment().log_metric(log_name, x, y, timestamp)


def send_metric(channel_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
    """`log_metric`."""
    get_experiment().log_metric(channel_name, x, y, timestamp)


def log_text(log_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
    """`Experiment.log_text` of the current experiment."""
    get_experiment().log_text(log_name, x, y, timestamp)


def send_text(channel_name: str, x: Any, y: Any = None, timestamp: Any = None) -> None:
    """`log_text`."""
    get_experiment().log_text(channel_name, x, y, timestamp)


def log_image(
    log_name: str,
    x: Any,
    y: Any = None,
    image_name: str | None = None,
    description: str | None = None,
    timestamp: Any = None,
) -> None:
    """`Experiment.log_image` of the current experiment."""
    get_experiment().log_image(log_name, x, y, image_name, description, timestamp)


def send_image(
    channel_name: str,
    x: Any,
    y: Any = None,
    name: str | None = None,
    description: str | None = None,
    timestamp: Any = None,
) -> None:
    """`log_image`."""
    get_experiment().log_image(channel_name, x, y, name, description, timestamp)


def log_artifact(artifact: Any, destination: str | None = None) -> None:
    """`Experiment.log_artifact` of the current experiment."""
    get_experiment().log_artifact(artifact, destination)


def send_artifact(artifact: Any, destination: str | None = None) -> None:
    """`log_artifact`."""
    get_experiment().log_artifact(artifact, destination)


def delete_artifacts(path: Any) -> None:
    """`Experiment.delete_artifacts` of the current experiment."""
    get_experiment().delete_artifacts(path)


def set_property(key: str, value: Any) -> None:
    """`Experiment.set_property` of the current experiment."""
    get_experiment().set_property(key, value)


def remove_property(key: str) -> None:
    """`Experiment.remove_property` of the current experiment."""
    get_experiment().remove_property(key)


def append_tag(tag: Any, *tags: str) -> None:
    """`Experiment.append_tag` of the current experiment."""
    get_experiment().append_tag(tag, *tags)


def append_tags(tag: Any, *tags: str) -> None:
    """`append_tag`."""
    get_experiment().append_tag(tag, *tags)


def remove_tag(tag: str) -> None:
    """`Experiment.remove_tag` of the current experiment."""
    get_experiment().remove_tag(tag)


def stop(traceback: str | None = None) -> None:
    """`Experiment.stop` of the current experiment."""
    get_experiment().stop(traceback)


def __getattr__(name: str) -> Nothing:
    return not_offered("neptune", name)


def _current_project() -> Project:
    if project is None:
        raise NeptuneUninitializedException("call neptune.init('workspace/project') first")
    return project
