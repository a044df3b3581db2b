"""TensorBoard's event files, written by tensorboardX's own records."""

from __future__ import annotations

import io
import os
import socket
import struct
import time
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from rolltape.loggers.plain import Plain
from rolltape.loggers.sink import NoPlace, Sink, Steps
from rolltape.loggers.whole_lines import append_whole
from rolltape.recording.media import File, Image, Video
from rolltape.recording.png import encode_png

_BINS = 64
_PICTURES = {".png", ".jpg", ".jpeg", ".gif"}  # what TensorBoard's image page shows
_opened = count()


class TensorBoardLogger(Sink):
    """Writes rows to an event file of its own in ``logdir``. Needs ``pip install 'rolltape[tensorboard]'``.

    Numbers are scalars (TensorBoard keeps 32 bits), 1-d arrays histograms of their finite values, texts texts, images
    images, and videos images that move (animated PNG). Other arrays and files have no place; None is skipped. Device
    values are waited for.

    A row is in the file when `write` returns. That is why this does not go through tensorboardX's SummaryWriter: its
    rows wait up to two minutes in another thread, and once that thread has died of a full disk, it blocks for ever.

    Args:
        logdir: the directory; made if there is none.
        step_key: the key whose value is the step, also kept as a scalar; a row without it has the last step.
            None: writes are counted from 0.

    Raises:
        ImportError: tensorboardX is not installed.
        TypeError: ``logdir`` is not a path, or ``step_key`` not a string.
        OSError: the file cannot be made.
    """

    def __init__(self, logdir: str | os.PathLike[str], step_key: str | None = None) -> None:
        self.logdir = Path(logdir).expanduser().resolve()
        super().__init__(f"the TensorBoard log in {self.logdir}")
        self._steps = Steps(step_key)
        try:
            self._event: Any = import_module("tensorboardX.proto.event_pb2").Event
            self._proto: Any = import_module("tensorboardX.proto.summary_pb2").Summary
            self._summary: Any = import_module("tensorboardX.summary")
            self._checksum: Any = import_module("tensorboardX.record_writer").masked_crc32c
        except ImportError as error:
            raise ImportError("TensorBoardLogger needs: pip install 'rolltape[tensorboard]'") from error
        self.logdir.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_opened)}"
        self._file = io.FileIO(self.logdir / name, "x")
        append_whole(self._file, self._record(self._event(wall_time=time.time(), file_version="brain.Event:2")))

    def _put(self, row: dict[str, Plain]) -> None:
        step, now = self._steps.next(row, self._miss), time.time()
        values = self._each({key: value for key, value in row.items() if value is not None}, self._value)
        if values:
            summary = self._proto(value=values.values())
            append_whole(self._file, self._record(self._event(wall_time=now, step=step, summary=summary)))

    def _value(self, key: str, value: Plain) -> Any:
        if isinstance(value, np.ndarray):
            return self._proto.Value(tag=key, histo=self._histogram(key, value))
        if isinstance(value, str):
            return self._summary.text(key, value).value[0]
        if isinstance(value, File | Image | Video):
            return self._proto.Value(tag=key, image=self._picture(value))
        return self._proto.Value(tag=key, simple_value=value)

    def _histogram(self, key: str, array: np.ndarray[Any, Any]) -> Any:
        finite = array[np.isfinite(array)]
        if array.ndim > 1 or not finite.size:
            raise NoPlace(f"an array of shape {array.shape} with {finite.size} finite numbers makes no histogram")
        if finite.size < array.size:
            self._miss(key, f"has no place for the NaN and infinities in {key!r}: the histogram is of the rest")
        return self._summary.make_histogram(finite.astype(np.float64), _BINS)

    def _picture(self, media: File | Image | Video) -> Any:
        if media.frames is not None:
            _, height, width, channels = media.frames.shape
            png = b"".join(encode_png(media.frames, media.fps))
            return self._proto.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)
        if media.file is None or media.suffix.lower() not in _PICTURES:
            raise NoPlace(f"it is not one of {', '.join(sorted(_PICTURES))}")
        return self._proto.Image(encoded_image_string=media.file.read_bytes())

    def _record(self, event: Any) -> bytes:
        """An event as TFRecord: length, its checksum, the event, its checksum."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        return b"".join((
            length,
            struct.pack("<I", self._checksum(length)),
            data,
            struct.pack("<I", self._checksum(data)),
        ))  # fmt: skip

    def _end(self) -> None:
        self._file.close()
