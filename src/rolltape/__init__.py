"""Record reinforcement-learning runs raw, at about a microsecond a row, and read them back.

import rolltape

run = rolltape.init(project="cartpole", config={"lr": 3e-4, "seed": 1})
run.log({"train/episode_return": 12.0}, step=0)
run.close()
"""

from __future__ import annotations

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
from rolltape.recording.init import init
from rolltape.recording.media import Image, Video
from rolltape.recording.run import Run

if TYPE_CHECKING:
    from rolltape.store import open

__all__ = [
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


def __getattr__(name: str) -> Any:
    """The reading side is loaded when it is first used, so that a training process does not carry it."""
    if name == "open":
        from rolltape.store import open

        return open
    raise AttributeError(f"module 'rolltape' has no attribute {name!r}")
