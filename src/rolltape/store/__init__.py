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


def open(where: str | os.PathLike[str] | None = None) -> Store:
    """The store at ``where``: a directory of tapes, ``https://HOST[:PORT]`` or ``http://…`` of a server that shows one,
    or ``clickhouse://[user[:password]@]host:port[,…]/database``.

    None: ``$ROLLTAPE_DIR``, else ``./tapes``. A server is told the token in ``$ROLLTAPE_TOKEN``.

    Raises:
        StoreError: there is nothing that can be opened.
    """
    place = os.fspath(where) if where is not None else os.environ.get("ROLLTAPE_DIR") or "tapes"
    if place.startswith("clickhouse://"):
        from rolltape.store.clickhouse.store import ClickHouseStore

        return ClickHouseStore(place)
    if place.startswith(("https://", "http://")):
        from rolltape.store.remote.store import RemoteStore

        return RemoteStore(place)
    if "://" in place:  # the rest may hold a password
        kind = place.partition("://")[0]
        raise StoreError(f"cannot open {kind}://…: only directories, https://… and clickhouse://… can be opened")
    return DirectoryStore(Path(place))
