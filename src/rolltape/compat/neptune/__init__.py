"""A stand-in for Neptune, which closed in March 2026: its APIs, writing to tapes.

    import rolltape.compat.neptune
    rolltape.compat.neptune.install()  # from now on `import neptune` means this

All three APIs are here: that of 2020 (`init`, `create_experiment`, `log_metric`), that of neptune 1.x (`init_run`), and
that of neptune-scale (`scale.Run`). An unchanged script: ``python -m rolltape.compat.neptune train.py``.
"""

from __future__ import annotations

from typing import Any

from rolltape.compat.neptune import exceptions, legacy, new, scale, types
from rolltape.compat.neptune.installing import install
from rolltape.compat.neptune.legacy import (
    ANONYMOUS,
    ANONYMOUS_API_TOKEN,
    append_tag,
    append_tags,
    create_experiment,
    delete_artifacts,
    get_experiment,
    init,
    log_artifact,
    log_image,
    log_metric,
    log_text,
    remove_property,
    remove_tag,
    send_artifact,
    send_image,
    send_metric,
    send_text,
    set_project,
    set_property,
    stop,
)
from rolltape.compat.neptune.nothing import not_offered
from rolltape.compat.neptune.projects import Session
from rolltape.compat.neptune.runs import Run

__all__ = [
    "ANONYMOUS",
    "ANONYMOUS_API_TOKEN",
    "Run",
    "Session",
    "append_tag",
    "append_tags",
    "create_experiment",
    "delete_artifacts",
    "exceptions",
    "get_experiment",
    "init",
    "init_run",
    "install",
    "legacy",
    "log_artifact",
    "log_image",
    "log_metric",
    "log_text",
    "new",
    "remove_property",
    "remove_tag",
    "scale",
    "send_artifact",
    "send_image",
    "send_metric",
    "send_text",
    "set_project",
    "set_property",
    "stop",
    "types",
]
__version__ = "1.14.0"  # of the Neptune whose API this is, for scripts that ask

init_run = Run


def __getattr__(name: str) -> Any:
    if name in ("project", "session"):  # the current ones, which `init` replaces
        return getattr(legacy, name)
    return not_offered("neptune", name)
