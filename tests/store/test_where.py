"""`where`: both spellings, every kind of value, every mistake, and a Python oracle for whatever can be written."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from rolltape.errors import StoreError
from rolltape.store.model import RunInfo
from rolltape.store.where import FIELDS, compile_where
from rolltape.store.where_parser import DEEPEST, LONGEST
from rolltape.store.where_times import read_duration, read_moment


def info(id: str = "r", **told: Any) -> RunInfo:
    """A run; what is not told of it is plain."""
    plain: dict[str, Any] = {
        "key": f"p/{id}",
        "id": id,
        "project": "p",
        "name": f"ppo {id}",
        "config": {},
        "tags": [],
        "status": "finished",
        "error": None,
        "exit_code": 0,
        "started": 1_700_000_000.0,
        "ended": 1_700_003_600.0,
        "points": 100,
        "lost": 0,
        "environment": {},
    }
    return RunInfo(**{**plain, **told})


CONFIGS: dict[str, dict[str, Any]] = {
    "a": {"lr": 1e-4, "seed": 1, "env": "Ant-v5", "flag": True, "optimizer": {"name": "adam", "beta": [0.9, 0.99]}},
    "b": {"lr": 3e-4, "seed": 2, "env": "CartPole-v1", "flag": False, "optimizer.name": "sgd", "odd key": "x"},
    "c": {"lr": "3e-4", "seed": True, "env": None, "nothing": math.nan, "name": "inner", "a/b": 7, "ones": [1]},
    "d": {"seed": 10**30, "env": "100%", "in": 3, "optimizer": "none"},
}
TAGS = {"a": ["sweep", "baseline"], "b": ["sweep"]}
RUNS = [info(id, config=config, tags=TAGS.get(id, [])) for id, config in CONFIGS.items()]


def found(text: str, runs: list[RunInfo] = RUNS, last: Callable[[], Mapping[str, float]] = dict) -> str:
    where = compile_where(text)
    return "".join(run.id for run in runs if where.matches(run, last))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        # Both spellings
        ("lr = 1e-4", "a"),
        ("lr == 1e-4", "a"),
        ("lr != 1e-4", "bc"),
        ("lr <> 1e-4", "bc"),
        ("lr > 1e-4", "b"),
        ("lr >= 1e-4", "ab"),
        ("lr < 3e-4", "a"),
        ("lr <= 3e-4", "ab"),
        ("3e-4 > lr", "a"),
        ("3e-4 >= lr", "ab"),
        ("1e-4 < lr", "b"),
        ("1e-4 <= lr", "ab"),
        ("1e-4 = lr", "a"),
        ("1e-4 < lr <= 3e-4", "b"),
        ("1e-4 <= lr < 3e-4 < 1", "a"),
        ("lr > 0 and seed = 2", "b"),
        ("(lr > 0) & (seed == 2)", "b"),
        ("lr > 0 & seed == 2", "b"),
        ("seed = 1 OR seed = 2", "ab"),
        ("seed == 1 | seed == 2", "ab"),
        ("seed = 1 or seed = 2 and lr = 9", "a"),
        ("(seed = 1 or seed = 2) and lr > 1e-4", "b"),
        ("not seed = 1", "bcd"),
        ("~(seed == 1)", "bcd"),
        ("NOT NOT seed = 1", "a"),
        ("not not not seed = 1", "bcd"),
        ("not seed = 1 and lr = 3e-4", "b"),
        ("seed in (1, 2)", "ab"),
        ("seed in [1, 2,]", "ab"),
        ("seed not in (1, 2)", "cd"),
        ("seed in ()", ""),
        ("env not in ('Ant-v5', 3)", "bd"),
        ("lr in (1e-4, '3e-4')", "ac"),
        ("lr between 1e-4 and 2e-4", "a"),
        ("lr between 1e-4 and 2e-4 and seed = 1", "a"),
        ("lr not between 1e-4 and 2e-4", "b"),
        ("(lr) > (1e-4)", "b"),
        ("((lr > 1e-4))", "b"),
        ("1 < 2 and seed = 1", "a"),
        ("true and seed = 1", "a"),
        ("false or seed = 1", "a"),
        # Like
        ("env like 'ant%'", "a"),
        ("env LIKE '%POLE%'", "b"),
        ("env like 'ant-v_'", "a"),
        ("env like 'ant'", ""),
        ("env like '%'", "abd"),
        ("env like '%5'", "a"),
        ("env like 'a%t%5'", "a"),
        ("env like 'a%5%5'", ""),
        ("env like 'ant-v5%v5'", ""),
        (r"env like '%\%'", "d"),
        (r"env like '1__\%'", "d"),
        (r"env like 'Ant\_v5'", ""),
        ("env not like 'ant%'", "bd"),
        ("seed like '1'", ""),
        # Lists and texts that contain
        ("'baseline' in tags", "a"),
        ("tags contains 'baseline'", "a"),
        ("'baseline' not in tags", "bcd"),
        ("tags not contains 'sweep'", "cd"),
        ("'Cart' in env", "b"),
        ("env contains 'v5'", "a"),
        ("0.9 in optimizer.beta", "a"),
        ("1 in ones", "c"),
        ("true in ones", ""),
        ("'name' in optimizer", "a"),
        ("1 in env", ""),
        ("1 in seed", ""),
        ("lr in optimizer.beta", ""),
        # Names
        ("optimizer.name = 'adam'", "a"),
        ("optimizer.name = 'sgd'", "b"),
        ("config.lr = 1e-4", "a"),
        ("config.optimizer.name = 'adam'", "a"),
        ("config.name = 'inner'", "c"),
        ("name like 'ppo%'", "abcd"),
        ("`odd key` = 'x'", "b"),
        ("config.`odd key` = 'x'", "b"),
        ("`in` = 3", "d"),
        ("config.in = 3", "d"),
        ("a/b = 7", "c"),
        ("id = 'a'", "a"),
        ("key = 'p/b'", "b"),
        ("LR = 1e-4", ""),
        # Kinds
        ("seed = true", "c"),
        ("seed = 1", "a"),
        ("seed != 1", "bcd"),
        ("seed < 3", "ab"),
        ("seed <= 1000000000000000000000000000000", "abd"),
        ("seed > 1e29", "d"),
        ("not seed < 3", "d"),
        ("flag > false", ""),
        ("lr = '3e-4'", "c"),
        ("lr < 'z'", "c"),
        ("env > 'B'", "b"),
        ("optimizer = 'none'", "d"),
        ("optimizer != 'none'", "a"),
        ("flag", "a"),
        ("flag = true", "a"),
        ("not flag", "b"),
        ("~flag", "b"),
        ("flag is true", "a"),
        ("flag is false", "b"),
        ("flag is not true", "bcd"),
        ("seed = seed", "abcd"),
        ("lr < seed", "ab"),
        ("env = lr", ""),
        ("env != lr", "ab"),
        ("flag < seed", ""),
        ("optimizer <= optimizer", "d"),
        ("optimizer.beta = optimizer.beta", "a"),
        # Null
        ("lr is null", "d"),
        ("lr is not null", "abc"),
        ("env is None", "c"),
        ("lr != 1", "abc"),
        ("not lr = 1", "abc"),
        ("missing = 1 or seed = 1", "a"),
        ("not (missing = 1 and seed = 1)", "bcd"),
        ("not (missing = 1 or seed = 1)", ""),
        ("missing is null and seed = 1", "a"),
        ("missing in (1)", ""),
        ("missing not in (1)", ""),
        ("missing like '%'", ""),
        ("missing not like 'a'", ""),
        ("missing contains 'a'", ""),
        ("missing not contains 'a'", ""),
        ("nothing = nothing", ""),
        ("nothing != 3", "c"),
        ("nothing is nan", "c"),
        ("lr is not nan", "abcd"),
        ("lr is nan", ""),
        # Numbers
        ("seed = +1", "a"),
        ("seed > -1", "abd"),
        ("lr < .00_02", "a"),
        ("lr < inf", "ab"),
        ("lr > -inf", "ab"),
        ("seed = 1_0", ""),
        ("seed == 1.", "a"),
    ],
)
def test_what_is_found(text: str, ids: str) -> None:
    assert found(text) == ids


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r'"it\'s"', "it's"),
        ('"say ""hi"""', 'say "hi"'),
        (r"'a\\b\n\t'", "a\\b\n\t"),
        (r"'C:\\new'", r"C:\new"),
        ("'ä\u2028 日本'", "ä\u2028 日本"),
        ("''", ""),
        ("'`'", "`"),
    ],
)
def test_texts(text: str, value: str) -> None:
    assert compile_where(f"x = {text}").matches(info(config={"x": value}))
    assert not compile_where(f"x = {text}").matches(info(config={"x": value + "."}))


def test_a_key_with_dots_and_one_in_a_mapping() -> None:
    config = {"a": {"b.c": 1, "b": {"d": 2}}, "a.b": {"e": 3}, "a.b.f": 4, "g": {"h": None}, "`q`": 5}
    run = info(config=config)
    for text in ("a.b.c = 1", "a.b.d = 2", "a.b.e = 3", "a.b.f = 4", "g.h is null", "```q``` = 5", "`a`.`b.c` = 1"):
        assert compile_where(text).matches(run), text
    assert not compile_where("a.b.g is not null").matches(run)


# Mistakes


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "an empty text is no condition", 1),
        ("  ", "an empty text is no condition", 1),
        ("lr >", "it ends where a name, a number or a text should follow", 5),
        ("lr > > 3", "a name, a number or a text should stand where '>' does", 6),
        ("(lr > 3", r"it ends where '\)' should follow", 8),
        ("lr > 3)", "'and', 'or' or the end should stand where '\\)' does", 7),
        ("lr > 3 seed", "'and', 'or' or the end should stand where 'seed' does", 8),
        ("lr > 3 and", "it ends where", 11),
        ("and lr", r"where 'and' does \(the name of a config key like this goes in backticks: `and`\)", 1),
        ("x = 'abc", "a text that never ends", 5),
        ("`abc = 3", "a name in backticks that never ends", 1),
        ("`` = 3", "a name has at least one character", 1),
        ("lr ? 3", "what is '\\?'", 4),
        ("lr = 3x", "a number goes on with 'x'", 6),
        ("lr = 1.5.2", "a number goes on with '.'", 6),
        ("lr = 1__0", "1__0 is no number", 6),
        ("lr = " + "9" * 5000, "is no number", 6),
        ("a-b = 3", "a name with such a character goes in backticks", 2),
        ("lr = -seed", "a number should stand where 'seed' does", 7),
        ("3", "3 alone is no condition", 1),
        ("seed = 1 and 'x'", "'x' alone is no condition", 14),
        ("not 3", "3 alone is no condition", 5),
        ("name", "name alone is no condition", 1),
        ("(not not lr) > 3", "'and', 'or' or the end should stand where '>' does", 14),
        ("lr = null", "nothing equals null: write 'is null'", 6),
        ("lr != None", "nothing equals null: write 'is null' or 'is not null'", 7),
        ("lr = nan", "nothing equals nan: write 'is nan'", 6),
        ("lr is 3", "null, nan, true or false should stand where '3' does", 7),
        ("lr like 3", "'like' needs a text", 9),
        ("lr like name", "'like' needs a text", 9),
        ("lr in (a)", "a list holds numbers and texts", 8),
        ("lr in (1 2)", "',' or '\\)' should stand", 10),
        ("lr in (1]", "',' or '\\)' should stand", 9),
        ("lr between 1", "it ends where 'and' should follow", 13),
        (r"x = 'a\d'", r"'\\\\d' is no escape", 7),
        ("tags = 'x'", "tags is a list: write 'a tag' in tags", 1),
        ("'x' != tags", "tags is a list: write 'a tag' in tags", 8),
        ("lr = tags", "tags is a list", 6),
        ("tags in ('x')", "tags is a list", 10),
        ("tags like 'x'", "tags is no text that 'like' could match: write 'a tag' in tags", 1),
        ("points like '1'", "points is no text", 1),
        ("'x' in points", "points is neither a text nor a list", 8),
        ("id = 3", "id is a text, and texts have quotes", 6),
        ("status = 'done'", "status is one of running, finished, failed", 10),
        ("status in ('finished', 'done')", "status is one of", 24),
        ("points > 'many'", "points is a number", 10),
        ("points > true", "points is a number", 10),
        ("last.loss > 'x'", "last.loss is a number", 13),
        ("duration > 'long'", "duration is seconds or a text such as '1h30m'", 12),
        ("started > 'soon'", "started is a date or time such as", 11),
        ("started > true", "started is a date or time such as", 11),
        ("started > '0001-01-01'", "started is a date or time such as", 11),
        ("lr >\n  > 3", "should stand where '>' does", 8),
    ],
)
def test_mistakes_are_shown(text: str, message: str, place: int) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        compile_where(text)
    said, line, mark = str(caught.value).split("\n")
    assert said.startswith("where: ")
    assert said.endswith(f"at character {place}")
    assert mark.index("^") - 4 == place - 1 - (text.rfind("\n", 0, place - 1) + 1)
    if place <= len(text):
        assert line[mark.index("^")] == text[place - 1]


def test_a_mistake_far_along_is_shown_in_part() -> None:
    with pytest.raises(StoreError) as caught:
        compile_where("seed = 1 and " * 300 + "\x1b ?")
    _, line, mark = str(caught.value).split("\n")
    assert len(line) < 120
    assert line[mark.index("^") + 2] == "?"
    assert "\x1b" not in line


def test_sizes_are_bounded() -> None:
    assert compile_where("x = 1 or " * 1000 + "x = 2").matches(info(config={"x": 2}))
    assert compile_where("(x = 1) or " * 500 + "(x) = (2)").matches(info(config={"x": 2})), "side by side is not inside"
    assert compile_where("not " * 2000 + "x = 2").matches(info(config={"x": 2}))
    assert compile_where("(" * DEEPEST + "x = 2" + ")" * DEEPEST).matches(info(config={"x": 2}))
    for opening in (
        "(" * (DEEPEST + 1) + "x = 2",
        "not (" * (DEEPEST + 1) + "x = 2",
        "x = " + "(" * (DEEPEST + 1) + "2",
    ):
        with pytest.raises(StoreError, match=f"more than {DEEPEST} parentheses"):
            compile_where(opening + ")" * (DEEPEST + 1))
    with pytest.raises(StoreError, match="10,001 characters; 10,000 are the most"):
        compile_where("x = " + "1" * (LONGEST - 3))
    with pytest.raises(StoreError, match=f"no more than {DEEPEST} dots"):
        compile_where(".".join("a" * (DEEPEST + 2)) + " = 1")


def test_no_pattern_is_slow() -> None:
    run = info(config={"x": "a" * 5000})
    began = time.process_time()
    assert not compile_where("x like '" + "%a" * 2000 + "%b'").matches(run)
    assert compile_where("x like '" + "%a" * 2000 + "%'").matches(run)
    assert time.process_time() - began < 5


# Fields


def test_every_field_can_be_asked_for() -> None:
    run = info("r", error="OutOfMemoryError: 3 GB", lost=2, tags=["t"], note="stuck early")
    asked = {
        "project": "project = 'p'",
        "name": "name = 'ppo r'",
        "id": "id in ('r')",
        "key": "key = 'p/r'",
        "status": "status = 'finished'",
        "error": "error contains 'Memory'",
        "tags": "'t' in tags",
        "started": "started = 1700000000",
        "ended": "ended > started",
        "duration": "duration = 3600",
        "points": "points = 100",
        "lost": "lost > 0",
        "note": "note contains 'stuck'",
    }
    assert set(asked) == set(FIELDS)
    for name, text in asked.items():
        where = compile_where(text)
        assert where.matches(run), text
        assert not compile_where(f"not ({text})").matches(run)
        assert name in where.names


def test_a_running_run_has_no_end_and_a_duration_until_now() -> None:
    run = info(status="running", started=time.time() - 100, ended=None)
    assert compile_where("ended is null and not status = 'finished'").matches(run)
    assert compile_where("99 < duration < 130").matches(run)
    assert not compile_where("ended > 0 or not ended > 0").matches(run)


def test_durations() -> None:
    for text, seconds in {
        "90s": 90,
        "1h30m": 5400,
        "1.5 hours": 5400,
        "2 days": 172800,
        "1w": 604800,
        "3 min": 180,
    }.items():
        assert read_duration(text) == seconds, text
    for text in ("", "s", "5", "5x", "1h 3", "h1", "-5s", "1 month"):
        assert read_duration(text) is None, text
    assert compile_where("'59m' < duration <= '1h'").matches(info())
    assert not compile_where("duration > '1 hour'").matches(info())


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where clocks are changed."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        # 30 Jan 23:59:59 · 31 Jan 0:00 · 31 Jan 18:30:20 · 1 Feb 0:00
        ("started > '2026-01-31'", "cd"),
        ("started >= '2026-01-31'", "bcd"),
        ("started < '2026-01-31'", "a"),
        ("started <= '2026-01-31'", "ab"),
        ("started = '2026-01-31'", "bc"),
        ("started != '2026-01-31'", "ad"),
        ("'2026-01-31' = started", "bc"),
        ("'2026-01-31' <= started < '2026-02-01'", "bc"),
        ("started in ('2026-01-30', '2026-02-01')", "ad"),
        ("started not in ('2026-01-30', '2026-02-01')", "bc"),
        ("started between '2026-01-31' and '2026-02-01'", "bcd"),
        ("started = '2026-01-31 18'", "c"),
        ("started = '2026-01-31 18:30'", "c"),
        ("started = '2026-01-31T18:30:20'", "c"),
        ("started = '2026-01-31T18:30:21'", ""),
        ("started = '2026-01-31T17:30:20Z'", "c"),
        ("started = '2026-01-31T17:30Z'", "c"),
        ("started = '2026-01-31T19:30+02:00'", "c"),
        ("started = '2026-01-31T18:30:20.000000'", "c"),
        ("started = '20260131'", "bc"),
        ("started < '1 day ago'", "abcd"),
        ("started > 'now'", ""),
    ],
)
def test_dates_are_local(in_berlin: None, text: str, moments: str) -> None:
    started = {"a": (2026, 1, 30, 23, 59, 59), "b": (2026, 1, 31), "c": (2026, 1, 31, 18, 30, 20), "d": (2026, 2, 1)}
    runs = [info(id, started=datetime(*moment).timestamp()) for id, moment in started.items()]  # type: ignore[arg-type]
    assert found(text, runs) == moments


def test_days_are_as_long_as_they_are(in_berlin: None) -> None:
    lengths = []
    for day in ("2026-03-28", "2026-03-29", "2026-10-25"):
        moment = read_moment(day)
        assert moment is not None
        lengths.append((moment.behind - moment.first) / 3600)
    assert lengths == [24, 23, 25]


def test_days_before_today() -> None:
    now = time.time()
    today, yesterday = read_moment("today"), read_moment(" Yesterday ")
    assert today is not None
    assert yesterday is not None
    assert yesterday.behind == today.first <= now < today.behind
    ago = read_moment("1h30m ago")
    assert ago is not None
    assert ago.first == pytest.approx(now - 5400, abs=60)
    for text in ("", "ago", "3 ago", "2026", "2026-13-01", "9999-12-31", "tomorrow", "\0"):
        assert read_moment(text) is None, text


# Last values


def test_last_values_are_read_once_and_only_if_needed() -> None:
    asked = []

    def last() -> dict[str, float]:
        asked.append(1)
        return {"loss": 0.5, "train/return": 200.0, "eval return": math.nan}

    where = compile_where("seed = 1 and last.loss < 1 and last.train/return >= 200 and last.`eval return` is nan")
    assert where.needs_last
    assert where.names == ("config.seed", "last.eval return", "last.loss", "last.train/return")
    assert found(where.text, last=last) == "a"
    assert len(asked) == 1
    assert found("last.missing > 0 or not last.missing > 0", last=last) == ""
    assert found("last.missing is null", last=last) == "abcd"
    assert not compile_where("last = 3 and lost < 3").needs_last, "a config key may be called last"
    assert compile_where("last = 3").matches(info(config={"last": 3}))
    assert compile_where("config.last.x = 3").matches(info(config={"last": {"x": 3}}))


# What nobody has


def test_unknown_names_are_told() -> None:
    told = compile_where("lrr > 1 and seed = 1 and config.env is null and optimizer.nam = 'x' and STATUS = 3").unknown(
        RUNS
    )
    assert told == [
        "no run has a config key 'STATUS' (did you mean 'status'?)",
        "no run has a config key 'lrr' (did you mean 'lr'?)",
        "no run has a config key 'optimizer.nam' (did you mean 'optimizer.name'?)",
    ]
    assert compile_where("zzzzzz = 1").unknown(RUNS) == ["no run has a config key 'zzzzzz'"]
    assert compile_where("zzzzzz = 1").unknown([]) == []
    assert compile_where("empty = 1").unknown([info(config={"empty": None})]) == []
    assert compile_where("loss < 1").unknown(RUNS, ["loss"]) == [
        "no run has a config key 'loss' (for the last value of a metric write last.loss)"
    ]
    assert compile_where("train/x < 1").unknown(RUNS)[0].endswith("write last.train/x)")
    assert compile_where("last.los < 1").unknown(RUNS, ["loss"]) == ["no run has a metric 'los' (did you mean 'loss'?)"]
    assert compile_where("last.loss < 1").unknown(RUNS, ["loss"]) == []
    assert compile_where("last.los < 1").unknown(RUNS) == []
