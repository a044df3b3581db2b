"""Numbers as bytes: a JSON header and columns of doubles that a browser uses where they lie.

Little endian: u32 N, the length of the header with its padding of spaces, so that 4 + N is a multiple of 8; the header;
then float64 arrays, one behind the other, whose lengths follow from the header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rolltape.server.strict_json import encode


def encode_frame(header: Mapping[str, Any], arrays: Iterable[NDArray[Any]]) -> bytes:
    """A header and arrays of numbers, which become float64."""
    text = encode(header)
    text += b" " * (-(4 + len(text)) % 8)
    numbers = (np.asarray(array, "<f8").tobytes() for array in arrays)
    return b"".join((struct.pack("<I", len(text)), text, *numbers))
