"""Short numbers and times, and text made harmless."""

from __future__ import annotations

import math

import pytest

from rolltape.cli import text
from rolltape.cli.output import plain


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1234, "1.23k"),
        (12_345, "12.3k"),
        (99_960, "100k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (4_500_000, "4.5M"),
        (10**16, "10000T"),
        (-12_345, "-12.3k"),
    ],
)
def test_count(number: int, told: str) -> None:
    assert text.count(number) == told


def test_size() -> None:
    assert [text.size(n) for n in (0, 812, 12_345, 999_999)] == ["0 B", "812 B", "12.3 kB", "1 MB"]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.69314718, "0.6931"),
        (-0.001234567, "-0.001235"),
        (499.96, "500"),
        (3e-7, "3e-7"),
        (1234567.0, "1.23e6"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
        (1.7e308, "1.7e308"),
    ],
)
def test_value(number: float, told: str) -> None:
    assert text.value(number) == told


def test_duration() -> None:
    seconds = (0.04, 9.96, 42, 59.7, 200, 3_600, 7_500, 180_000, -1, math.nan)
    assert [text.duration(s) for s in seconds] == [
        "0.0s",
        "10s",
        "42s",
        "1m 00s",
        "3m 20s",
        "1h 00m",
        "2h 05m",
        "2d 2h",
        "?",
        "?",
    ]


def test_ago() -> None:
    now = 1_700_000_000.0
    told = [text.ago(now - s, now) for s in (-5, 0, 30, 180, 7_200, 86_400 * 3)]
    assert told == ["just now", "just now", "30 s ago", "3 min ago", "2 h ago", "3 d ago"]
    assert text.ago(now - 86_400 * 100, now).startswith("2023-08-")
    assert text.ago(1e300, now) == "?"


def test_sparkline() -> None:
    assert text.sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert text.sparkline([1, math.nan, 2]) == "▁ █"
    assert text.sparkline([5, 5]) == "▄▄"
    assert text.sparkline([math.nan, math.inf]) == "  "
    assert text.sparkline([-1.7e308, 1.7e308]) == "▁█"
    assert text.sparkline([]) == ""


def test_clean_keeps_languages_and_escapes_control() -> None:
    assert text.clean("ünïcødé 名前 👩‍🔬 [bold]") == "ünïcødé 名前 👩‍🔬 [bold]"
    assert text.clean("a\tb\nc\x1b[2J\x9b31m\x7f") == "a\\tb\\nc\\x1b[2J\\x9b31m\\x7f"
    assert text.clean("abc\u202egnp.exe\u2028\ud800") == "abc\\u202egnp.exe\\u2028\\ud800"


def test_plain_is_strict_json() -> None:
    assert plain({"a": [math.nan, math.inf, 1.5], 2: (None, True)}) == {"a": [None, None, 1.5], "2": [None, True]}
