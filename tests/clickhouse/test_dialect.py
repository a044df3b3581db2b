"""Which version is talked to how."""

from __future__ import annotations

import pytest

from rolltape.errors import StoreError
from rolltape.store.clickhouse.dialect import dialect_of


def test_the_old_server_gets_only_what_it_knows() -> None:
    old = dialect_of("18.16.1")
    assert not old.current
    assert old.column_type("points", "value", "Float64") == "Float64"
    assert (old.table_settings(True), old.token("t"), old.query_settings) == ("", {}, {})


def test_the_current_engine_gets_codecs_and_tokens() -> None:
    new = dialect_of("26.9.2.1")
    assert new.current
    assert new.column_type("points", "value", "Float64") == "Float64 CODEC(Gorilla, ZSTD(1))"
    assert new.column_type("points", "metric", "String") == "LowCardinality(String)"
    assert new.token("t") == {"insert_deduplication_token": "t"}
    assert new.token(None) == {}
    assert "replicated_deduplication_window" in new.table_settings(True)
    assert new.insert_settings["async_insert"] == "0"


def test_versions_between_are_spoken_to_like_the_old_one() -> None:
    assert not dialect_of("20.3.8.53").current
    assert not dialect_of("23.2.1").current
    assert dialect_of("23.3.1-testing").current


@pytest.mark.parametrize(("version", "said"), [("18.14.9", "needs 18.16 or newer"), ("1.1.54380", "needs"), ("", "no")])
def test_older_ones_and_what_is_no_version_are_refused(version: str, said: str) -> None:
    with pytest.raises(StoreError, match=said):
        dialect_of(version)
