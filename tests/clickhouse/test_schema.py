"""The tables: made once, by several at once, and only read where they are what this version knows."""

from __future__ import annotations

import threading

import pytest
from cluster import Cluster

from rolltape.errors import StoreError
from rolltape.store.clickhouse import schema
from rolltape.store.clickhouse.address import Address, parse_address
from rolltape.store.clickhouse.client import clients

_LAYOUT = "INSERT INTO layout (number, version, shard, shards, state) VALUES"
_LATER = 4_000_000_000_000_000_000


@pytest.fixture
def where(address: str) -> Address:
    return parse_address(address)


def test_they_are_made_once_and_stay(where: Address) -> None:
    shards = clients(where)
    with pytest.raises(StoreError, match="holds no rolltape store"):
        schema.check(shards)
    first = schema.create(shards)
    assert schema.create(shards) == first
    schema.check(shards)


def test_several_may_make_them_at_once(where: Address) -> None:
    failed: list[Exception] = []

    def make() -> None:
        try:
            schema.create(clients(where))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_what_a_newer_version_made_is_left_alone(where: Address, cluster: Cluster) -> None:
    schema.create(clients(where))
    cluster.ask(1, f"{_LAYOUT} ({_LATER}, 2, 1, 3, 'whole')", where.database)
    for use in (schema.create, schema.check):
        with pytest.raises(StoreError, match=r"made by a newer rolltape \(layout 2.*update rolltape"):
            use(clients(where))


def test_a_creation_that_stopped_half_way_is_told_and_finished(where: Address, cluster: Cluster) -> None:
    schema.create(clients(where))
    cluster.ask(1, "DROP TABLE metrics", where.database)
    cluster.ask(1, f"{_LAYOUT} ({_LATER}, 1, 1, 3, 'making')", where.database)
    with pytest.raises(StoreError, match="half made: a creation stopped there"):
        schema.check(clients(where))
    cluster.ask(1, "DROP TABLE layout", where.database)
    schema.create(clients(where))
    schema.check(clients(where))


@pytest.mark.parametrize("shard", range(3))
def test_a_creation_killed_at_any_shard_goes_on(where: Address, cluster: Cluster, shard: int) -> None:
    shards = clients(where)
    for one in shards[:shard]:
        schema._create_on(one)
    client = shards[shard]
    client.execute(f"CREATE DATABASE {where.database}", database="default")
    client.execute(schema.statement(client, schema.LAYOUT))
    schema._mark(client, "making")
    client.execute(schema.statement(client, schema.POINTS))
    with pytest.raises(StoreError, match=r"half made|holds no rolltape store"):
        schema.check(shards)
    schema.create(shards)
    schema.check(shards)


def test_other_columns_are_a_half_migration(where: Address, cluster: Cluster) -> None:
    schema.create(clients(where))
    cluster.ask(2, "ALTER TABLE points DROP COLUMN time", where.database)
    for use in (schema.create, schema.check):
        with pytest.raises(StoreError, match=r"columns of its table points are others: time.*stopped half way"):
            use(clients(where))


def test_a_shard_missing_from_the_address_or_out_of_order_is_told(where: Address) -> None:
    schema.create(clients(where))
    with pytest.raises(StoreError, match="is shard 1 of 3, but the address names it as 1 of 2"):
        schema.check(clients(Address(where.hosts[:2], where.database)))
    with pytest.raises(StoreError, match="is shard 2 of 3, but the address names it as 1 of 3"):
        schema.create(clients(Address((where.hosts[1], where.hosts[0], where.hosts[2]), where.database)))


def test_replicated_tables_are_those_of_zookeeper(replicated: str, cluster: Cluster) -> None:
    where = parse_address(replicated)
    schema.create(clients(where))
    engines = cluster.ask(
        0, "SELECT DISTINCT engine FROM system.tables WHERE database = currentDatabase()", where.database
    )
    assert engines == "ReplicatedReplacingMergeTree"
