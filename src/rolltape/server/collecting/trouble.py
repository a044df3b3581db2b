"""What can be wrong with one part of a shipment, and with the disk that all of them go to."""

from __future__ import annotations

import errno

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartError(Exception):
    """A part that is not taken; ``status`` is the HTTP status that it would have had alone."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class DiskFull(Exception):
    """The disk takes no more; what was acknowledged is there."""


def is_full(error: OSError) -> bool:
    """Whether a later try may do what this one could not, once there is space."""
    return error.errno in _FULL
