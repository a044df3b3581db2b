"""`where` against a Python oracle, for whatever can be written, and against texts that cannot be understood."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rolltape.errors import StoreError
from rolltape.store.model import RunInfo
from rolltape.store.where import compile_where


def info(config: dict[str, Any]) -> RunInfo:
    """A run with this config."""
    return RunInfo("p/r", "r", "p", "ppo", config, ["x"], "finished", None, 0, 1.7e9, 1.7e9 + 60, 10, 0, {})


RUNS = [info({}), info({"lr": 1e-4, "optimizer": {"name": "x"}, "x": [1, "x"]}), info({"lr": "x", "a b": math.nan})]


_TEXT = """
    and or not in like between is null true false nan inf contains && | & ~ ( ) [ ] , = == != <> < <= > >= + - ! . / #
    lr optimizer.name name started tags status last.loss config.x `a b` 1 -1.5e3 .5 1_0 1x 'x' "y" '%' '' '2026-01-31'
    ' " ` \\ \0 é ² ٣ \ud800 ; --
"""
WORDS = _TEXT.split()


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join),
        st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    )
)
def test_any_text_is_a_condition_or_a_store_error(text: str) -> None:
    try:
        where = compile_where(text)
    except StoreError:
        return
    for run in RUNS:
        assert where.matches(run, lambda: {"loss": 1.0}) in (True, False)
    where.unknown(RUNS)


Value = float | str | bool | None
NAMES = ["lr", "seed", "on", "opt.name", "missing"]
values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, -2.0, math.inf, math.nan]),
    st.sampled_from(["a", "B", "ab", ""]),
    st.booleans(),
)
literals = values.filter(lambda value: value == value)
comparisons = st.tuples(
    st.just("compare"),
    st.one_of(st.sampled_from(NAMES).map(lambda n: ("name", n)), literals.map(lambda v: ("value", v))),
    st.lists(
        st.tuples(
            st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
            st.one_of(st.sampled_from(NAMES).map(lambda n: ("name", n)), literals.map(lambda v: ("value", v))),
        ),
        min_size=1,
        max_size=2,
    ),
)
leaves = st.one_of(
    comparisons,
    st.tuples(st.just("in"), st.sampled_from(NAMES), st.lists(literals, max_size=3), st.booleans()),
    st.tuples(st.just("is"), st.sampled_from(NAMES), st.sampled_from(["null", "nan", "true", "false"]), st.booleans()),
    st.tuples(st.just("between"), st.sampled_from(NAMES), literals, literals, st.booleans()),
    st.tuples(st.just("alone"), st.sampled_from(NAMES)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)
SPELLINGS = {
    "=": ["=", "=="],
    "!=": ["!=", "<>"],
    "and": ["and", "AND", "&"],
    "or": ["or", "Or", "|"],
    "not": ["not ", "NOT ", "~"],
}


def written(tree: Any, pick: Callable[[list[str]], str]) -> str:
    def one(word: str) -> str:
        return pick(SPELLINGS.get(word, [word]))

    def value(value: Any) -> str:
        if isinstance(value, bool):
            return pick([str(value), str(value).lower()])
        return pick([f"'{value}'", f'"{value}"']) if isinstance(value, str) else str(value)

    def operand(operand: Any) -> str:
        kind, what = operand
        if kind == "value":
            return pick([value(what), f"({value(what)})"])
        return pick([what, f"config.{what}", f"`{what}`", f"({what})"])

    match tree:
        case ("compare", first, links):
            return operand(first) + "".join(f" {one(sign)} {operand(right)}" for sign, right in links)
        case ("in", name, options, negated):
            listed = ", ".join(map(value, options))
            return f"{name} {'not ' * negated}in {pick([f'({listed})', f'[{listed}]'])}"
        case ("is", name, what, negated):
            return f"{name} is {'not ' * negated}{what}"
        case ("between", name, low, high, negated):
            return f"{name} {'not ' * negated}between {value(low)} and {value(high)}"
        case ("alone", name):
            return name
        case ("not", inner):
            return f"{one('not')}({written(inner, pick)})"
        case (word, parts):
            return f" {one(word)} ".join(f"({written(part, pick)})" for part in parts)
    raise AssertionError(tree)


def truth(tree: Any, config: Mapping[str, Value]) -> bool | None:
    """The oracle: SQL's three truths, Python's comparisons, kinds apart."""

    def kind(value: Value) -> str:
        return "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"

    def compare(left: Value, sign: str, right: Value) -> bool | None:
        if left is None or right is None:
            return None
        same = kind(left) == kind(right)
        if sign == "=":
            return same and left == right
        if sign == "!=":
            return not same or left != right
        if not same or kind(left) == "bool":
            return None
        return {
            "<": lambda: left < right,  # type: ignore[operator]
            "<=": lambda: left <= right,  # type: ignore[operator]
            ">": lambda: left > right,  # type: ignore[operator]
            ">=": lambda: left >= right,  # type: ignore[operator]
        }[sign]()

    def negation(one: bool | None) -> bool | None:
        return None if one is None else not one

    def every(parts: list[bool | None]) -> bool | None:
        return False if False in parts else None if None in parts else True

    match tree:
        case ("compare", first, links):
            operands = [first, *(right for _, right in links)]
            known = [config.get(what) if kind_ == "name" else what for kind_, what in operands]
            return every(
                [compare(a, sign, b) for (a, b), (sign, _) in zip(itertools.pairwise(known), links, strict=True)]
            )
        case ("in", name, options, negated):
            value = config.get(name)
            one = None if value is None else any(compare(value, "=", option) for option in options)
            return negation(one) if negated else one
        case ("is", name, what, negated):
            value = config.get(name)
            wanted = {"null": value is None, "nan": value != value, "true": value is True, "false": value is False}[
                what
            ]
            return wanted != negated
        case ("between", name, low, high, negated):
            one = every([compare(config.get(name), ">=", low), compare(config.get(name), "<=", high)])
            return negation(one) if negated else one
        case ("alone", name):
            return compare(config.get(name), "=", True)
        case ("not", inner):
            return negation(truth(inner, config))
        case ("and", parts):
            return every([truth(part, config) for part in parts])
        case ("or", parts):
            return negation(every([negation(truth(part, config)) for part in parts]))
    raise AssertionError(tree)


@settings(max_examples=400, deadline=None)
@given(trees, st.fixed_dictionaries({}, optional={name: st.one_of(values, st.none()) for name in NAMES[:4]}), st.data())
def test_conditions_mean_what_python_says(tree: Any, config: dict[str, Value], data: st.DataObject) -> None:
    text = written(tree, lambda options: data.draw(st.sampled_from(options)))
    nested: dict[str, Any] = dict(config)
    if "opt.name" in nested and data.draw(st.booleans()):
        nested["opt"] = {"name": nested.pop("opt.name")}
    assert compile_where(text).matches(info(nested)) is (truth(tree, config) is True), text
