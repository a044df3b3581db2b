"""A cluster for all tests here, and a database of its own for each."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cluster import Cluster, missing

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    lacking = missing()
    if lacking:
        pytest.skip(f"no cluster: {', '.join(lacking)} missing; cluster.py names the packages")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start_all()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(_servers: Cluster) -> Cluster:
    """Three shards and a ZooKeeper, all of which run."""
    _servers.start_all()
    return _servers


@pytest.fixture
def address(cluster: Cluster) -> str:
    """The address of a store that is not there yet."""
    return cluster.url(f"test_{next(_numbers)}")


@pytest.fixture
def replicated(cluster: Cluster) -> str:
    """The same of replicated tables."""
    return cluster.url(f"test_{next(_numbers)}", "?replicated=1")


Stored = Callable[[str, str], list[list[str]]]


@pytest.fixture
def stored(cluster: Cluster) -> Stored:
    """Ask all shards of a store, by its address: the rows of all of them, as texts, in order."""

    def ask(address: str, sql: str) -> list[list[str]]:
        database = address.rpartition("/")[2].partition("?")[0]
        answers = [cluster.ask(shard, f"{sql} FORMAT TabSeparated", database) for shard in range(len(cluster.http))]
        return sorted(line.split("\t") for answer in answers for line in answer.split("\n") if line)

    return ask
