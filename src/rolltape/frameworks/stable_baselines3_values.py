"""What Stable-Baselines3's logger is given, as a run takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common import logger as sb3

from rolltape.loggers.base import SupportsWrite
from rolltape.loggers.run_logger import RunLogger
from rolltape.recording.media import Image, Video
from rolltape.recording.run import Run
from rolltape.recording.values import NUMBERS
from rolltape.recording.warning import warn


class Values:
    """Stable-Baselines3's values, as a run takes them."""

    def __init__(self, run: Run | SupportsWrite) -> None:
        self._run = run
        self._rows = RunLogger(run, index_name="step")
        self._told: set[str] = set()

    def log(self, values: Mapping[str, Any], step: int) -> None:
        """Log a row."""
        row: dict[str, Any] = {}
        for key, value in values.items():
            row |= {key: value} if type(value) in NUMBERS else self._loggable(key, value)
        if row:
            self._rows.log(row, step)

    def _loggable(self, key: str, value: Any) -> dict[str, Any]:
        """What one value is on a tape; more than one for several pictures, videos and hyperparameters."""
        if isinstance(value, str):
            return {key: value}
        try:
            if isinstance(value, sb3.HParam):
                if isinstance(self._run, Run):
                    self._run.describe(value.hparam_dict)
                return dict(value.metric_dict)
            if isinstance(value, sb3.Figure):
                return {key: Image(_drawn(value.figure))}
            if isinstance(value, sb3.Image):
                return _numbered(key, _pictures(value))
            if isinstance(value, sb3.Video):
                frames = np.moveaxis(_array(value.frames), 2, -1)  # [n, time, channels, height, width] of old
                return _numbered(key, [Video(one, fps=min(max(value.fps, 0.1), 65)) for one in frames])
            array = _array(value)
            return {key: array.reshape(-1) if array.ndim else float(array)}
        except Exception as error:  # whatever a foreign value does on conversion
            if key in self._told:
                return {}
            self._told.add(key)
            warn(f"{key!r} is a {type(value).__name__} that cannot be a metric ({error}): kept as text, this once")
            return {key: str(value)}


def _array(value: Any) -> NDArray[Any]:
    """A tensor or array of numbers, in host memory. Raises TypeError, ValueError."""
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "fiub":
        array = array.astype(np.float64)
    return array


def _drawn(figure: Any) -> NDArray[np.uint8]:
    agg: Any = import_module("matplotlib.backends.backend_agg")
    canvas = agg.FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def _pictures(value: Any) -> list[Image]:
    """``value`` may be several; its dataformats name the axes, such as CHW or NHWC."""
    if isinstance(value.image, str):
        return [Image(value.image)]
    axes = value.dataformats.upper()
    array = _array(value.image).transpose([axes.index(axis) for axis in "NHWC" if axis in axes])
    return [Image(one) for one in (array if "N" in axes else [array])]


def _numbered(key: str, media: Sequence[Image | Video]) -> dict[str, Any]:
    return {key: media[0]} if len(media) == 1 else {f"{key}/{i}": one for i, one in enumerate(media)}
