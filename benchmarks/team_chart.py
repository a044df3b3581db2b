"""A chart of 30 runs x 10^6 points from three ClickHouse shards, against the engine's fastest query by hand.

    python -m benchmarks.team_chart

It starts the servers itself (Debian's clickhouse-server, zookeeper, default-jre-headless) in a temporary directory. The
query by hand is one GROUP BY a shard over the same pyramid entries, all shards at once, read as text, checked against
the chart. Without FINAL it may count an entry twice; with it it is what is safe to write.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import rolltape
from rolltape.store.clickhouse.load import Loader
from rolltape.store.clickhouse.store import ClickHouseStore

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "clickhouse"))

from cluster import Cluster

RUNS, POINTS, BUCKETS = 30, 1_000_000, 1000
LEVEL = 1  # the highest whose entries are narrower than a bucket
ROUNDS = 15


def record(root: Path) -> None:
    """The runs, as trainers log them."""
    rng = np.random.default_rng(1)
    for number in range(RUNS):
        with rolltape.init(project="p", name=f"run{number}", dir=root) as run:
            value = rng.normal(size=POINTS).cumsum()
            for start in range(0, POINTS, 50_000):
                rows = slice(start, start + 50_000)
                run.log_batch({"loss": value[rows]}, step=np.arange(POINTS)[rows])


def by_hand(cluster: Cluster, pool: ThreadPoolExecutor, final: bool, where: str = "") -> int:
    """The query by hand; how many points are in its buckets."""
    sql = (
        f"SELECT run, intDiv(step_low * {BUCKETS}, {POINTS - 1}) AS bucket, sum(count), sum(total) / sum(finite),"
        f" min(low), max(high) FROM entries{' FINAL' if final else ''}"
        f" WHERE project = 'p' AND metric = 'loss' AND level = {LEVEL}{where} GROUP BY run, bucket FORMAT TabSeparated"
    )
    answers = pool.map(lambda shard: cluster.ask(shard, sql, "team"), range(len(cluster.http)))
    return sum(int(line.split("\t")[2]) for answer in answers for line in answer.split("\n") if line)


def median(work: Callable[[], object]) -> float:
    """Milliseconds, at the median."""
    work()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "servers")
        try:
            cluster.start_all()
            measure(cluster, Path(directory) / "tapes")
        finally:
            cluster.stop()


def measure(cluster: Cluster, root: Path) -> None:
    """As `main`, on servers that run."""
    record(root)
    address = cluster.url("team")
    began = time.perf_counter()
    loader = Loader(root, address)
    loader.load()
    loader.close()
    print(f"loaded {RUNS * POINTS / (time.perf_counter() - began) / 1e6:.2f} million points a second")
    store = ClickHouseStore(address)
    with ThreadPoolExecutor(len(cluster.http)) as pool:
        plain = median(lambda: by_hand(cluster, pool, False))
        final = median(lambda: by_hand(cluster, pool, True))
        counted = by_hand(cluster, pool, True)
    mine = median(lambda: store.curve("loss", buckets=BUCKETS))
    first = median(lambda: ClickHouseStore(address).curve("loss", buckets=BUCKETS))
    window = (0.40 * POINTS, 0.41 * POINTS)
    zoomed = median(lambda: store.curve("loss", window=window, buckets=BUCKETS))
    found = store.curve("loss", buckets=BUCKETS)
    assert sum(int(one.count.sum()) for one in found.runs.values()) == RUNS * POINTS
    assert RUNS * POINTS - counted < RUNS * 256  # what is in no whole entry of that level
    print(f"by hand {plain:.0f} ms, with FINAL {final:.0f} ms")
    print(
        f"chart {mine:.0f} ms = {mine / plain:.1f} x by hand, {mine / final:.1f} x with FINAL;"
        f" from a new store {first:.0f} ms"
    )
    print(f"a window of 1 % {zoomed:.0f} ms")
    local = rolltape.open(root)
    print(f"from the tapes {median(lambda: local.curve('loss', buckets=BUCKETS)):.0f} ms")


if __name__ == "__main__":
    main()
