"""From Python's logging to a series of texts."""

from __future__ import annotations

import logging

from rolltape.compat.neptune.recorder import Recorder


class TextHandler(logging.Handler):
    """Records every message of a `logging.Logger` as a text of one series."""

    def __init__(self, recorder: Recorder, series: str, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._recorder = recorder
        self._series = series

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # wrong arguments for the message: as every handler tells it
            self.handleError(record)
            return
        self._recorder.log({self._series: text})
