"""The loader: tapes of a directory into ClickHouse, while they grow and after.

The tape is the queue. What a loader sends has a key of its own in every table, so whatever is sent twice, in whatever
pieces and by however many loaders, is there once. Each shard has a thread that follows the tapes of its own runs: it
notes which frames come next, sends them, and notes that they are stored (`journal`). What a server cannot take now
waits on the tape.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.address import Address, parse_address
from rolltape.store.clickhouse.client import Client
from rolltape.store.clickhouse.shard_load import BATCH, ShardLoader
from rolltape.store.clickhouse.tapes import Chosen

_TIMEOUT = 300.0  # s that an insert may take

Progress = Callable[[int, int], None]


def _nobody(*_: object) -> None:
    """Who nobody listens to."""


class Loader:
    """Loads the tapes under a directory: a store's, a project's or one run's.

    Args:
        directory: of the tapes. It may be empty, or come later.
        address: of the store, as text or parsed. Its tables are made if they are not there.
        progress: told how many bytes of tapes are stored, and how many there are. From any thread.
        tell: told in a sentence what goes wrong, once for each cause in a row. From any thread.
        batch: points of an insert.
        chosen: whether a tape is loaded, by what its first frame says; None: all are.

    Raises:
        StoreError: the address is none, or the store cannot be reached or used.
    """

    def __init__(
        self,
        directory: Path,
        address: str | Address,
        progress: Progress = _nobody,
        tell: Callable[[str], None] = _nobody,
        batch: int = BATCH,
        chosen: Chosen | None = None,
    ) -> None:
        self.address = address if isinstance(address, Address) else parse_address(address)
        self.directory = directory.expanduser().absolute()
        clients = [Client(self.address, shard, _TIMEOUT) for shard in range(len(self.address.hosts))]
        stores = schema.create(clients)
        self._progress = progress
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._seen: list[tuple[int, int]] = [(0, 0) for _ in clients]
        self._shards = [
            ShardLoader(self.directory, client, store, self._moved, tell, batch, chosen)
            for client, store in zip(clients, stores, strict=True)
        ]

    @property
    def points(self) -> int:
        """Points that were stored since this loader began, those of the head when they came and again as frames."""
        return sum(shard.points for shard in self._shards)

    @property
    def problems(self) -> list[str]:
        """What of the tapes cannot be loaded, a sentence each."""
        return [problem for shard in self._shards for problem in shard.problems.values()]

    def load(self, until_ended: bool = False, patience: float | None = None) -> None:
        """Load all that is there.

        Args:
            until_ended: also what comes while runs are live.
            patience: seconds that a server may be out of reach before this gives up; None: for ever.

        Raises:
            StoreError: a server refuses, or is out of reach for too long. What was not loaded is on the tape.
        """
        self._run(lambda shard: shard.settled(until_ended), patience)

    def follow(self) -> None:
        """Load what is there and what comes, until `stop`. Raises StoreError: a server refuses."""
        self._run(lambda _: False, None)

    def stop(self) -> None:
        """Have `load` or `follow` return after what is being sent. From any thread."""
        self._stop.set()

    def close(self) -> None:
        """Close connections and journals."""
        for shard in self._shards:
            shard.close()

    def _run(self, settled: Callable[[ShardLoader], bool], patience: float | None) -> None:
        failed: list[Exception] = []

        def work(shard: ShardLoader) -> None:
            try:
                shard.run(settled, patience, self._stop)
            except Exception as error:
                failed.append(error)
                self._stop.set()

        threads = [
            threading.Thread(target=work, args=(shard,), name=f"rolltape-load-{number}", daemon=True)
            for number, shard in enumerate(self._shards)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():  # in pieces: Ctrl-C comes through on every system
                    thread.join(0.2)
        except BaseException:
            self._stop.set()
            for thread in threads:
                thread.join(5.0)
            raise
        if failed:
            self._stop.clear()
            raise failed[0]

    def _moved(self, shard: int, done: int, total: int) -> None:
        with self._lock:
            self._seen[shard] = done, total
            self._progress(sum(one for one, _ in self._seen), sum(one for _, one in self._seen))
