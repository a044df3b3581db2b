"""Allowances and counts."""

from __future__ import annotations

import pytest

from rolltape.server.access import bounds
from rolltape.server.access.bounds import Allowances, UnderWay, seconds


def test_an_allowance_fills_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    some = Allowances(2, 3.0, lambda: now)
    assert [some.take("a"), some.take("a")] == [0, 0]
    assert some.take("a") == pytest.approx(3.0)
    assert some.take("a") == pytest.approx(3.0), "asking in vain costs nothing"
    assert some.take("b") == 0
    now = 101.0
    assert some.take("a") == pytest.approx(2.0)
    now = 103.5
    assert some.take("a") == 0
    assert some.take("a") > 0
    now = 1e6
    assert [some.take("a") > 0 for _ in range(3)] == [False, False, True], "never more than the burst"
    monkeypatch.setattr(bounds, "_MOST_KNOWN", 10)
    for key in range(100):
        some.take(key)
    assert len(some._left) == 10


def test_counts() -> None:
    under_way = UnderWay(2)
    with under_way.counted(["a", "b"]), under_way.counted(["a"]):
        assert under_way.is_full("a")
        assert not under_way.is_full("b")
    assert not under_way.is_full("a")
    with pytest.raises(RuntimeError), under_way.counted(["a"]):
        raise RuntimeError
    assert not under_way._counts


def test_seconds() -> None:
    assert [seconds(0.01), seconds(2.0), seconds(2.1)] == ["1", "2", "3"]
