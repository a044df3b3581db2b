"""Where the ROWS frames of a tape lie, and how many rows of which schema each of them holds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_FRAME, _GROUP = 4, 2  # numbers per frame and per group


class FrameAt(NamedTuple):
    """One ROWS frame."""

    payload: int  # the byte at which its payload begins
    length: int  # of the payload
    generation: int
    groups: list[tuple[int, int]]  # (schema, rows)


class FrameTable:
    """Grows by one frame at a time; two flat arrays, because a long tape has very many frames."""

    def __init__(self, frames: bytes = b"", groups: bytes = b"") -> None:
        self._frames = array("q", frames)  # payload, length, generation, the end of its groups
        self._groups = array("q", groups)  # schema, rows

    def __len__(self) -> int:
        return len(self._frames) // _FRAME

    def __getitem__(self, number: int) -> FrameAt:
        at = _FRAME * number
        payload, length, generation, end = self._frames[at : at + _FRAME]
        begin = self._frames[at - 1] if number else 0
        flat = self._groups[_GROUP * begin : _GROUP * end]
        return FrameAt(payload, length, generation, list(zip(flat[::2], flat[1::2], strict=True)))

    def add(self, payload: int, length: int, generation: int, groups: Iterable[tuple[int, int]]) -> None:
        """Append a frame."""
        for group in groups:
            self._groups.extend(group)
        self._frames.extend((payload, length, generation, len(self._groups) // _GROUP))

    def counts(self, schemas: Iterable[int]) -> NDArray[np.int64]:
        """[frames]: how many rows of these schemas lie in each frame."""
        groups = np.array(self._groups, np.int64).reshape(-1, _GROUP)
        rows = np.where(np.isin(groups[:, 0], list(schemas)), groups[:, 1], 0)
        sums = np.concatenate(([0], rows.cumsum()))
        ends = np.array(self._frames, np.int64).reshape(-1, _FRAME)[:, 3]
        return np.diff(sums[ends], prepend=0)

    def to_bytes(self) -> tuple[bytes, bytes]:
        """What the constructor takes."""
        return self._frames.tobytes(), self._groups.tobytes()
