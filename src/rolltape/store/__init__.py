"""The reading side: stores, and what they answer with."""

from __future__ import annotations

import os
from pathlib import Path

from rolltape.errors import StoreError
from rolltape.store.directory import DirectoryStore
from rolltape.store.model import Buckets, Curve, Gap, MetricSummary, Points, Resumed, RunInfo, Store, WriterInfo

__all__ = [
    "Buckets",
    "Curve",
    "DirectoryStore",
    "Gap",
    "MetricSummary",
    "Points",
    "Resumed",
    "RunInfo",
    "Store",
    "WriterInfo",
    "open",
]


def open(where: str | os.PathLike[str] | None = None) -> DirectoryStore:
    """The store at ``where``: a directory of tapes. None: ``$ROLLTAPE_DIR``, else ``./tapes``.

    Raises:
        StoreError: there is nothing that can be opened.
    """
    place = os.fspath(where) if where is not None else os.environ.get("ROLLTAPE_DIR") or "tapes"
    if "://" in place:
        raise StoreError(f"cannot open {place}: only directories can be opened so far")
    return DirectoryStore(Path(place))
