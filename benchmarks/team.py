"""What a team's store is promised to do: ClickHouse on three shards, as the tests start it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from tests.clickhouse.cluster import Cluster, missing

import rolltape
from benchmarks.effort import Effort
from benchmarks.row import Row, skipped
from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.address import Address, parse_address
from rolltape.store.clickhouse.client import Client, clients
from rolltape.store.clickhouse.load import BATCH, Loader
from rolltape.store.clickhouse.native import Piece, chunks, encode_block, text_bytes
from rolltape.store.clickhouse.tape_load import Owner, Rows, TapeLoad, encoded_points
from rolltape.store.clickhouse.tapes import Tapes

_METRICS = 10
_CALL = 5_000  # rows of a batch: 50,000 points, a frame
_ASKED = 0.8  # of the engine's own rate
_ROUNDS = 3
_KINDS = (np.float64, np.float32)


def ingest_row(effort: Effort) -> Row:
    """Tapes into three shards, beside the engine's own bulk insert of the same columns into the same tables.

    The engine's own is the faster of two: the very blocks that the loader sends, made before the clock starts, and the
    engine copying the points that it holds in memory. All three are in turns, into tables that are empty.
    """
    what, asked = "ingest into ClickHouse, three shards", f"≥ {_ASKED:.0%} of the engine's own bulk insert"
    if missing():
        return skipped(what, asked, f"{', '.join(missing())} missing")
    rates: dict[str, list[float]] = {"loader": [], "sent": [], "copied": []}
    with _scratch() as scratch, _running(scratch / "cluster") as cluster:
        tapes = scratch / "tapes"
        points = _record(tapes, parse_address(cluster.url("any")), effort.batch_points)
        blocks = _blocks(tapes, parse_address(cluster.url("any")))
        for number in range(_ROUNDS):
            sent, loaded = (parse_address(cluster.url(f"{name}_{number}")) for name in ("sent", "loaded"))
            schema.create(clients(sent))
            _quiet(sent)
            rates["sent"].append(points / _on_each(sent, lambda client: _send(client, blocks[client.shard])))
            loader = Loader(tapes, loaded)
            _quiet(loaded)
            began = time.perf_counter()
            loader.load()
            rates["loader"].append(points / (time.perf_counter() - began))
            loader.close()
            _on_each(loaded, _into_memory)
            _on_each(sent, _empty)
            source = loaded.database
            _quiet(loaded)
            copy = f"INSERT INTO points SELECT * FROM {source}.kept"
            rates["copied"].append(points / _on_each(sent, lambda client, sql=copy: client.execute(sql)))  # type: ignore[misc]
            for one in (sent, loaded):
                _on_each(one, _drop)
    middle = {name: median(found) for name, found in rates.items()}
    engine = max(middle["sent"], middle["copied"])
    share = middle["loader"] / engine
    reached = (
        f"{middle['loader'] / 1e6:.2f} M points/s, {share:.0%} (ready blocks {middle['sent'] / 1e6:.2f}, "
        f"copied from memory {middle['copied'] / 1e6:.2f})"
    )
    return Row(what, asked, reached, share >= _ASKED, {"points": points, "rates": rates})


def _record(tapes: Path, address: Address, points: int) -> int:
    """A run for each shard, of equal size; how many points there are."""
    rng = np.random.default_rng(1)
    calls = max(points // len(address.hosts) // (_CALL * _METRICS), 1)
    for shard in range(len(address.hosts)):
        run_id = next(name for name in map("run{}".format, range(1000)) if address.shard_of("team", name) == shard)
        with rolltape.init("team", dir=tapes, id=run_id) as run:
            for call in range(calls):
                values = {f"train/metric_{i}": rng.normal(size=_CALL).astype(_KINDS[i % 2]) for i in range(_METRICS)}
                run.log_batch(values, step=np.arange(_CALL) + call * _CALL)
    return calls * _CALL * _METRICS * len(address.hosts)


def _blocks(tapes: Path, address: Address) -> list[list[list[Piece]]]:
    """The inserts of points that the loader makes of each shard's tapes, as bytes."""
    blocks: list[list[list[Piece]]] = [[] for _ in address.hosts]
    for name, tape in Tapes(tapes).look().items():
        owner = Owner(text_bytes(tape.project), text_bytes(tape.run), text_bytes(tape.path.stem))
        load = TapeLoad(tape.path, tape.identity, tape.problem, owner)
        each = max(BATCH // load.points_of(0), 1)
        assert load.ready, name
        while load.ready:
            stop = min(load.loaded + each, len(load.reader.rows))
            rows = Rows()
            load.frames(stop, rows)
            load.stored(stop)
            whole = b"".join(chunks(encode_block(rows.count, encoded_points(rows.points))))
            blocks[address.shard_of(tape.project, tape.run)].append([Piece(whole)])
    return blocks


def _send(client: Client, blocks: list[list[Piece]]) -> None:
    for block in blocks:
        client.insert_blocks("points", schema.POINTS.columns, block)


def _into_memory(client: Client) -> None:
    client.execute("CREATE TABLE kept AS points ENGINE = Memory")
    client.execute("INSERT INTO kept SELECT * FROM points")


def _empty(client: Client) -> None:
    client.execute("DROP TABLE points")
    client.execute(schema.statement(client, schema.POINTS))


def _quiet(address: Address) -> None:
    """Wait until no server merges what came before: that is part of no insert's time."""
    for client in clients(address):
        while client.columns("SELECT count() AS n FROM system.merges", settings={"database": "system"})["n"][0]:
            time.sleep(0.05)


def _drop(client: Client) -> None:
    client.execute(f"DROP DATABASE {client.address.database}", database="default")


def _on_each(address: Address, work: Callable[[Client], None]) -> float:
    """Do it on all shards at once; the seconds until the last is done."""
    found = clients(address, 600.0)
    with ThreadPoolExecutor(len(found)) as pool:
        began = time.perf_counter()
        list(pool.map(work, found))
        return time.perf_counter() - began


@contextmanager
def _scratch() -> Iterator[Path]:
    """A directory that tapes and servers lie in, and the cache of this process."""
    before = os.environ.get("ROLLTAPE_CACHE_DIR")
    with tempfile.TemporaryDirectory(prefix="rolltape-team-", ignore_cleanup_errors=True) as scratch:
        os.environ["ROLLTAPE_CACHE_DIR"] = f"{scratch}/cache"
        try:
            yield Path(scratch)
        finally:
            os.environ.pop("ROLLTAPE_CACHE_DIR")
            if before is not None:
                os.environ["ROLLTAPE_CACHE_DIR"] = before


@contextmanager
def _running(directory: Path) -> Iterator[Cluster]:
    """The servers of the tests."""
    cluster = Cluster(directory)
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop()
