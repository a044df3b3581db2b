"""Every exception and warning of rolltape, in one tree.

RolltapeError
├── RecordingError      a row, value or file could not be recorded (raised only under ROLLTAPE_STRICT=1)
├── TapeError           a file is not what a tape or head must be
└── StoreError          a question that a store cannot answer
    ├── RunNotFound
    └── MetricNotFound
RolltapeWarning         what is told once instead of raised, so that training goes on
"""

from __future__ import annotations


class RolltapeError(Exception):
    """Base of everything that rolltape raises on purpose."""


class RecordingError(RolltapeError):
    """Something could not be recorded; raised instead of warned under ``ROLLTAPE_STRICT=1``."""


class TapeError(RolltapeError):
    """A file is not a tape, or not one that this version can read. The message names the file."""


class StoreError(RolltapeError):
    """A store cannot answer: the directory, run, metric or axis does not exist or is ambiguous."""


class RunNotFound(StoreError):
    """No run of that id, or several; the message says which."""


class MetricNotFound(StoreError):
    """The run holds no points under that name."""


class RolltapeWarning(UserWarning):
    """Told once per run and cause; training goes on and what was lost is counted."""
