"""Weights & Biases, through its own library."""

from __future__ import annotations

import io
import re
from importlib import import_module
from typing import Any

import numpy as np

from rolltape.loggers.plain import Plain
from rolltape.loggers.sink import NoPlace, Sink
from rolltape.recording.media import File, Image, Video

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")  # of artifacts


class WandbLogger(Sink):
    """Logs each row to a W&B run. Needs ``pip install 'rolltape[wandb]'``.

    Numbers and texts are logged as they are, 1-d arrays as histograms of their finite values, images and videos as
    W&B's own (arrays become PNG and GIF), files as artifacts. Other arrays have no place; None is skipped. Device
    values are waited for. W&B sends in the background and keeps what it cannot send yet on disk.

    Every `write` is a step of W&B's own, because W&B drops rows whose step goes back. The step that matters is logged
    under ``step_key`` and made the x-axis of everything.

    Args:
        step_key: the key that is the x-axis. None: W&B's own count.
        run: what ``wandb.init`` returned; `close` leaves it open. None: made here with ``init``, finished by `close`.
        **init: for ``wandb.init``: project, name, config, mode and so on.

    Raises:
        ImportError: wandb is not installed.
        TypeError: ``step_key`` is not a string, or both ``run`` and ``init`` are given.
        wandb.Error: from ``wandb.init``.
    """

    def __init__(self, step_key: str | None = None, run: Any = None, **init: Any) -> None:
        if step_key is not None and not isinstance(step_key, str):
            raise TypeError(f"step_key must be a string, not {type(step_key).__name__}")
        if run is not None and init:
            raise TypeError(f"with run, there is no run to make from {', '.join(init)}")
        if run is not None and not (hasattr(run, "log") and hasattr(run, "define_metric")):
            raise TypeError(f"run must be what wandb.init() returns, not {type(run).__name__}")
        super().__init__("Weights & Biases")
        try:
            self._wandb: Any = import_module("wandb")
        except ImportError as error:
            raise ImportError("WandbLogger needs: pip install 'rolltape[wandb]'") from error
        self._is_ours = run is None
        self.run: Any = self._wandb.init(**init) if run is None else run
        if step_key is not None:
            self.run.define_metric("*", step_metric=step_key)

    def _put(self, row: dict[str, Plain]) -> None:
        files = {key: value for key, value in row.items() if isinstance(value, File)}
        rest = {key: value for key, value in row.items() if value is not None and key not in files}
        self._each(files, self._log_file)
        logged = self._each(rest, self._value)
        if logged:
            self.run.log(logged)

    def _value(self, key: str, value: Plain) -> Any:
        if isinstance(value, np.ndarray):
            finite = value[np.isfinite(value)]
            if value.ndim > 1 or not finite.size:
                raise NoPlace(f"an array of shape {value.shape} with {finite.size} finite numbers makes no histogram")
            if finite.size < value.size:
                self._miss(key, f"has no place for the NaN and infinities in {key!r}: the histogram is of the rest")
            return self._wandb.Histogram(finite)
        if isinstance(value, Image):
            return self._wandb.Image(str(value.file) if value.file else _pictures(value)[0])
        if isinstance(value, Video):
            if value.file:
                return self._wandb.Video(str(value.file))
            return self._wandb.Video(_gif(value), format="gif")
        return value

    def _log_file(self, key: str, file: File) -> None:
        artifact = self._wandb.Artifact(_NOT_IN_NAMES.sub("_", key), type="file")
        artifact.add_file(str(file.file))
        self.run.log_artifact(artifact)

    def _end(self) -> None:
        if self._is_ours:
            self.run.finish()


def _pictures(media: Image | Video) -> list[Any]:
    pillow: Any = import_module("PIL.Image")
    frames = () if media.frames is None else media.frames
    return [pillow.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames]


def _gif(video: Video) -> io.BytesIO:
    first, *others = _pictures(video)
    gif = io.BytesIO()
    first.save(gif, "GIF", save_all=True, append_images=others, duration=1000 / video.fps, loop=0)
    gif.seek(0)
    return gif
