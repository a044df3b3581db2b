"""The Native format, both ways, against a real server; and what is no such answer."""

from __future__ import annotations

import numpy as np
import pytest
from cluster import Cluster
from hypothesis import given
from hypothesis import strategies as st

from rolltape.store.clickhouse.address import parse_address
from rolltape.store.clickhouse.client import Client, filled, quoted
from rolltape.store.clickhouse.native import (
    NUMBERS,
    NativeError,
    Piece,
    Repeated,
    bytes_text,
    chunks,
    decode,
    encode_block,
    size_of,
    text_bytes,
)

_LONG = "x" * 20_000


def test_every_type_comes_back_as_it_went(cluster: Cluster) -> None:
    client = Client(parse_address(cluster.url("default", shards=1)))
    kinds = [kind for kind in NUMBERS if "Date" not in kind]
    columns = ", ".join(f"{kind} {kind}" for kind in kinds)
    client.execute(f"CREATE TABLE IF NOT EXISTS types (text String, {columns}) ENGINE = Memory")
    texts = [b"", _LONG.encode(), b"\0\xff'\\"]
    limits = {
        kind: np.array([np.iinfo(NUMBERS[kind]).min, 1, np.iinfo(NUMBERS[kind]).max], NUMBERS[kind])
        for kind in kinds
        if "Int" in kind
    }
    floats = {kind: np.array([np.nan, -np.inf, 0.1], NUMBERS[kind]) for kind in ("Float32", "Float64")}
    client.insert("types", 3, {"text": ("String", texts), **{k: (k, v) for k, v in {**limits, **floats}.items()}})
    found = client.columns("SELECT * FROM types")
    client.execute("DROP TABLE types")
    assert found.pop("text") == texts
    for kind, values in {**limits, **floats}.items():
        assert found[kind].dtype == NUMBERS[kind]
        assert found[kind].tobytes() == values.tobytes()


def test_repeated_values_are_those_written_out() -> None:
    runs = [(b"ab", 3), (b"", 1), (b"c", 400_000)]
    plain = [text for text, count in runs for _ in range(count)]
    numbers = np.repeat(np.array([7, 1 << 63], np.uint64), (2, 400_002))
    short = encode_block(
        400_004, {"t": ("String", Repeated(runs)), "n": ("UInt64", Repeated([(7, 2), (1 << 63, 400_002)]))}
    )
    long = encode_block(400_004, {"t": ("String", plain), "n": ("UInt64", numbers)})
    assert b"".join(chunks(short)) == b"".join(chunks(long))
    assert size_of(short) == len(b"".join(chunks(long)))
    assert max(map(len, chunks(short))) < 1 << 20


@given(st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 5)), max_size=20))
def test_chunks_are_the_pieces_one_after_the_other(pieces: list[tuple[bytes, int]]) -> None:
    given = [Piece(data, times) for data, times in pieces]
    assert b"".join(chunks(given)) == b"".join(data * times for data, times in pieces)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.binary(max_size=200), min_size=2, max_size=2)), st.data())
def test_a_cut_answer_is_noticed(columns: dict[str, list[bytes]], data: st.DataObject) -> None:
    block = b"".join(chunks(encode_block(2, {name: ("String", texts) for name, texts in columns.items()})))
    assert decode(block) == columns
    cut = data.draw(st.integers(1, len(block) - 1))
    with pytest.raises(NativeError):
        decode(block[:cut])


def test_several_blocks_are_one_answer() -> None:
    one = b"".join(chunks(encode_block(2, {"a": ("UInt8", np.array([1, 2])), "b": ("String", [b"x", b"y"])})))
    found = decode(one + one)
    assert found["a"].tolist() == [1, 2, 1, 2]
    assert found["b"] == [b"x", b"y", b"x", b"y"]
    assert decode(b"") == {}


@given(st.text() | st.sampled_from(["'; DROP TABLE points", "\\", "\\'", "\ud800", "{a}", "\0"]))
def test_texts_survive(text: str) -> None:
    assert bytes_text(text_bytes(text)) == text


def test_whatever_a_parameter_holds_it_is_one_value(cluster: Cluster) -> None:
    client = Client(parse_address(cluster.url("default", shards=1)))
    for text in ("'; DROP TABLE x; --", "\\", "\\'", "\\\\'", "{b}", "\0\n\t", "\ud800", "ü世", "' OR '1' = '1"):
        found = client.columns("SELECT {a} AS a, {b} AS b", {"a": text, "b": "}{'"})
        assert (bytes_text(found["a"][0]), found["b"]) == (text, [b"}{'"])
    for number in (float("nan"), float("-inf"), 0.1, -5e-324, 1e308):
        (got,) = client.columns("SELECT {a} AS a", {"a": number})["a"]
        assert got == number or (got != got and number != number)
    for whole in (-(2**63), 2**64 - 1, 0):
        assert client.columns("SELECT {a} AS a", {"a": whole})["a"][0] == whole


def test_a_parameter_is_not_looked_into_again() -> None:
    assert filled("{a} {b}", {"a": "{b}", "b": 1}) == "'{b}' 1"
    assert quoted("a\\'b") == "'a\\\\\\'b'"
    assert filled("'{replica}'", None) == "'{replica}'"
