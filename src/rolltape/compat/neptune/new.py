"""What `neptune.new` meant before 1.0: the API of 1.x, with `init` for `init_run`."""

from __future__ import annotations

from typing import Any

from rolltape.compat.neptune.legacy import ANONYMOUS_API_TOKEN
from rolltape.compat.neptune.nothing import Nothing, not_offered
from rolltape.compat.neptune.runs import Run

__all__ = ["ANONYMOUS_API_TOKEN", "Run", "init", "init_run"]

init_run = Run


def init(
    project: str | None = None,
    api_token: str | None = None,
    run: str | None = None,
    custom_run_id: str | None = None,
    **kwargs: Any,
) -> Run:
    """`Run`, where ``run`` is the id of a run to take up."""
    return Run(run, project=project, api_token=api_token, custom_run_id=custom_run_id, **kwargs)


def __getattr__(name: str) -> Nothing:
    return not_offered("neptune.new", name)
