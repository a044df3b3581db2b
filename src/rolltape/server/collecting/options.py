"""How a server collects."""

from __future__ import annotations

from dataclasses import dataclass

from rolltape.tape.shipment import LARGEST_ALONE


@dataclass(frozen=True, slots=True)
class Collecting:
    """How a server collects.

    Attributes:
        largest: bytes that one shipment may have. A frame that is larger cannot be sent.
        synced: whether everything is synced to disk before it is acknowledged.
    """

    largest: int = LARGEST_ALONE
    synced: bool = False
