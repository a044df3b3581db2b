"""Addresses of ClickHouse stores, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from rolltape.errors import StoreError
from rolltape.store.clickhouse.address import Address, Host, parse_address


def test_what_an_address_says() -> None:
    found = parse_address("clickhouse://me:p%40s%2Fs@a.b:8124,[::1]:9,c/runs?secure=1&replicated=1")
    hosts = (Host("a.b", 8124), Host("[::1]", 9), Host("c", 8443))
    assert found == Address(hosts, "runs", "me", "p@s/s", secure=True, replicated=True)
    assert parse_address("clickhouse://h/d") == Address((Host("h", 8123),), "d")


def test_its_text_does_not_tell_the_password() -> None:
    found = parse_address("clickhouse://me:secret@h:1/d?replicated=1")
    assert str(found) == repr(found) == "clickhouse://me@h:1/d?replicated=1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://h/d", "the address of a ClickHouse store is clickhouse://"),
        ("clickhouse://h:8123", "the database is ''"),
        ("clickhouse://h/a b", "the database is 'a b'"),
        ("clickhouse://h/a`; DROP", "letters, digits and _"),
        ("clickhouse:///d", "a host is missing"),
        ("clickhouse://a,,b/d", "a host is missing"),
        ("clickhouse://a:0/d", "there is no port 0"),
        ("clickhouse://a:99999/d", "there is no port 99999"),
        ("clickhouse://a:x/d", "'a:x' is not host:port"),
        ("clickhouse://a:1,a:1/d", "a:1 is named twice"),
        ("clickhouse://a/d?tls=1", "there is no option 'tls'"),
        ("clickhouse://a/d?secure=maybe", "secure is 0 or 1, not 'maybe'"),
        ("clickhouse://u:secret#1@a/d", "there must be no #"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(StoreError) as told:
        parse_address(text)
    assert said in str(told.value)
    assert "secret" not in str(told.value)


def test_runs_lie_where_they_always_lay() -> None:
    where = parse_address("clickhouse://a,b,c/d")
    assert [where.shard_of("p", f"run{number}") for number in range(8)] == _SHARDS
    assert where.shard_of("p\0a", "b") == where.shard_of("p", "a\0b")  # which no recorder writes
    assert parse_address("clickhouse://a/d").shard_of("p", "r") == 0


_SHARDS = [2, 2, 1, 0, 0, 2, 0, 1]
