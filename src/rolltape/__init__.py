"""Record reinforcement-learning runs raw, at about a microsecond a row, and read them back.

import rolltape

run = rolltape.init(project="cartpole", config={"lr": 3e-4, "seed": 1})
run.log({"train/episode_return": 12.0}, step=0)
run.close()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rolltape._version import __version__
from rolltape.errors import (
    MetricNotFound,
    RecordingError,
    RolltapeError,
    RolltapeWarning,
    RunNotFound,
    StoreError,
    TapeError,
)

if TYPE_CHECKING:
    from rolltape.recording.init import init
    from rolltape.recording.media import File, Image, Video
    from rolltape.recording.run import Run
    from rolltape.store import open

__all__ = [
    "File",
    "Image",
    "MetricNotFound",
    "RecordingError",
    "RolltapeError",
    "RolltapeWarning",
    "Run",
    "RunNotFound",
    "StoreError",
    "TapeError",
    "Video",
    "__version__",
    "init",
    "open",
]

_ROOMS = {
    "File": "rolltape.recording.media",
    "Image": "rolltape.recording.media",
    "Run": "rolltape.recording.run",
    "Video": "rolltape.recording.media",
    "init": "rolltape.recording.init",
    "open": "rolltape.store",
}


def __getattr__(name: str) -> Any:
    """Each side is loaded when it is first used: training does not carry the reading side, nor a reader the other."""
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'rolltape' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
