"""What the parts of a `where` mean: names become values of a run, comparisons true, false or unknown (None)."""

from __future__ import annotations

import math
import operator
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from rolltape.store.model import RunInfo
from rolltape.store.where_parser import (
    Compare,
    Contains,
    Either,
    Every,
    Is,
    Like,
    Literal,
    Name,
    Node,
    Not,
    OneOf,
    Operand,
)
from rolltape.store.where_times import Moment, read_duration, read_moment
from rolltape.store.where_tokens import DEEPEST, mistake

Last: TypeAlias = Callable[[], Mapping[str, float]]
Test: TypeAlias = Callable[[RunInfo, Last], bool | None]
_Get: TypeAlias = Callable[[RunInfo, Last], Any]

_TEXTS = ("project", "name", "id", "key", "status", "error", "note")
_MOMENTS = ("started", "ended")
_NUMBERS = ("duration", "points", "lost")
FIELDS = (*_TEXTS, "tags", *_MOMENTS, *_NUMBERS)
_STATUSES = ("running", "finished", "failed", "interrupted", "killed")
_TURNED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# What a comparison of two kinds is: they differ, and neither comes first
_OF_TWO_KINDS = {"=": False, "!=": True}


class Place(NamedTuple):
    """What a name names: a ``field``, a ``config`` key or a metric's ``last`` value."""

    kind: str
    name: str

    @property
    def text(self) -> str:
        """With ``config.`` or ``last.`` before it."""
        return self.name if self.kind == "field" else f"{self.kind}.{self.name}"


def place_of(name: Name) -> Place:
    """Fields come first; ``config.`` and ``last.`` force a config key and a metric."""
    if len(name.parts) > 1 and name.parts[0] in ("config", "last"):
        return Place(name.parts[0], ".".join(name.parts[1:]))
    return Place("field" if name.text in FIELDS else "config", name.text)


def look_up(config: Mapping[str, Any], name: str) -> Any:
    """The value of a key, which may lie in mappings inside mappings, joined by dots; None: there is none."""
    if name in config:
        return config[name]
    dot = name.find(".")
    while dot >= 0:
        inner = config.get(name[:dot])
        if isinstance(inner, Mapping) and (found := look_up(inner, name[dot + 1 :])) is not None:
            return found
        dot = name.find(".", dot + 1)
    return None


def keys_of(config: Mapping[str, Any], depth: int = DEEPEST) -> Iterator[str]:
    """Every name that `look_up` knows, mappings before what is in them."""
    for key, value in config.items():
        yield key
        if isinstance(value, Mapping) and depth:
            yield from (f"{key}.{inner}" for inner in keys_of(value, depth - 1))


def build(text: str, node: Node, places: set[Place]) -> Test:
    """The test that ``node``, parsed from ``text``, describes; adds every name in it to ``places``.

    Raises:
        StoreError: a field is compared with what it can never be.
    """
    return _Builder(text, places).test(node)


class _Builder:
    def __init__(self, text: str, places: set[Place]) -> None:
        self._text = text
        self._places = places

    def test(self, node: Node) -> Test:
        match node:
            case Name():
                if place_of(node).kind == "field":
                    raise mistake(self._text, node.at, f"{node.text} alone is no condition: compare it")
                return self._compare("=", node, Literal(True, node.at))
            case Literal(value):
                truth = value is True
                return lambda _info, _last: truth
            case Not(of):
                return _not(self.test(of))
            case Every(parts):
                return _every([self.test(part) for part in parts])
            case Either(parts):
                return _either([self.test(part) for part in parts])
            case Is(value, what):
                return _is(self._get(value), what)
            case Like(value, pattern):
                self._must_be(value, _TEXTS, "no text that 'like' could match")
                return _like(self._get(value), pattern)
            case Contains(whole, item):
                self._must_be(whole, (*_TEXTS, "tags"), "neither a text nor a list that could contain anything")
                return _contains(self._get(whole), self._get(item))
            case OneOf(value, options):
                return _one_of(self._get(value), [self._fitting("=", value, option) for option in options])
            case Compare(sign, left, right):
                return self._compare(sign, left, right)

    def _compare(self, sign: str, left: Operand, right: Operand) -> Test:
        for side in (left, right):
            if isinstance(side, Name) and place_of(side) == ("field", "tags"):
                raise mistake(self._text, side.at, "tags is a list: write 'a tag' in tags")
        if isinstance(left, Literal) and isinstance(right, Name):
            sign, left, right = _TURNED[sign], right, left
        if isinstance(right, Literal):
            return _against(self._get(left), sign, self._fitting(sign, left, right))
        return _between(self._get(left), sign, self._get(right))

    def _get(self, operand: Operand) -> _Get:
        if isinstance(operand, Literal):
            value = operand.value
            return lambda _info, _last: value
        place = place_of(operand)
        self._places.add(place)
        name = place.name
        if place.kind == "last":
            return lambda _info, last: last().get(name)
        if place.kind == "config":
            if "." in name:
                return lambda info, _last: look_up(info.config, name)
            return lambda info, _last: info.config.get(name)
        if name == "duration":
            return lambda info, _last: (time.time() if info.ended is None else info.ended) - info.started
        field = operator.attrgetter(name)
        return lambda info, _last: field(info)

    def _must_be(self, operand: Operand, fields: Sequence[str], otherwise: str) -> None:
        if isinstance(operand, Name) and (place := place_of(operand)).kind == "field" and place.name not in fields:
            hint = ": write 'a tag' in tags" if place.name == "tags" else ""
            raise mistake(self._text, operand.at, f"{place.name} is {otherwise}{hint}")

    def _fitting(self, sign: str, operand: Operand, literal: Literal) -> float | str | bool | Moment:
        """The literal as what it is compared with asks for."""
        place = place_of(operand) if isinstance(operand, Name) else Place("config", "")
        value = literal.value
        found: float | str | bool | Moment | None = value
        wanted = ""
        if place.kind == "last":
            found = value if _kind(value) == "number" else None
            wanted = "a number"
        elif place.kind != "field":
            pass
        elif place.name == "tags":
            found, wanted = None, "a list: write 'a tag' in tags"
        elif place.name in _MOMENTS:
            found = read_moment(value) if isinstance(value, str) else value if _kind(value) == "number" else None
            wanted = "a date or time such as '2026-01-31', '2026-01-31 18:30', 'yesterday' or '3 days ago'"
        elif place.name == "duration":
            found = read_duration(value) if isinstance(value, str) else value if _kind(value) == "number" else None
            wanted = "seconds or a text such as '1h30m'"
        elif place.name in _NUMBERS:
            found = value if _kind(value) == "number" else None
            wanted = "a number"
        else:
            found = value if isinstance(value, str) else None
            wanted = "a text, and texts have quotes"
            if place.name == "status" and sign in ("=", "!=") and value not in _STATUSES:
                found, wanted = None, f"one of {', '.join(_STATUSES)}"
        if found is None:
            raise mistake(self._text, literal.at, f"{place.text} is {wanted}")
        return found


# Values


def _kind(value: object) -> str:
    """True is not 1: numbers, texts, truths and the rest are kinds of their own."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else type(value).__name__


def _against(get: _Get, sign: str, value: float | str | bool | Moment) -> Test:
    """A value of the run and one that is known."""
    if isinstance(value, Moment):
        return _at_moment(get, sign, value)
    compare, kind, other = _COMPARE[sign], _kind(value), _OF_TWO_KINDS.get(sign)
    if kind == "truth" and sign not in _OF_TWO_KINDS:
        return lambda _info, _last: None
    plain = (float, int) if kind == "number" else (type(value),) * 2

    def test(info: RunInfo, last: Last) -> bool | None:
        found = get(info, last)
        if found is None:
            return None
        if type(found) in plain or _kind(found) == kind:
            return compare(found, value)
        return other

    return test


def _between(get_left: _Get, sign: str, get_right: _Get) -> Test:
    """Two values of the run."""
    compare, other = _COMPARE[sign], _OF_TWO_KINDS.get(sign)

    def test(info: RunInfo, last: Last) -> bool | None:
        left, right = get_left(info, last), get_right(info, last)
        if left is None or right is None:
            return None
        kind = _kind(left)
        if kind != _kind(right) or (other is None and kind not in ("number", "text")):
            return other
        return compare(left, right)

    return test


def _at_moment(get: _Get, sign: str, moment: Moment) -> Test:
    """A day equals what lies in it; what comes before or after it is told by its first moment."""
    compare = _COMPARE[sign]

    def test(info: RunInfo, last: Last) -> bool | None:
        found = get(info, last)
        if found is None:
            return None
        if sign in ("=", "!="):
            return bool(moment.first <= found < moment.behind) == (sign == "=")
        return compare(found, moment.first)

    return test


def _one_of(get: _Get, options: Sequence[float | str | bool | Moment]) -> Test:
    if any(isinstance(option, Moment) for option in options):
        return _either([_against(get, "=", option) for option in options])
    known = {(_kind(option), option) for option in options}

    def test(info: RunInfo, last: Last) -> bool | None:
        found = get(info, last)
        if found is None:
            return None
        kind = _kind(found)
        return kind in ("number", "text", "truth") and (kind, found) in known

    return test


def _contains(get_whole: _Get, get_item: _Get) -> Test:
    """A list or the keys of a mapping hold a value, a text holds a text."""

    def test(info: RunInfo, last: Last) -> bool | None:
        whole, item = get_whole(info, last), get_item(info, last)
        if whole is None or item is None:
            return None
        if isinstance(whole, str):
            return isinstance(item, str) and item in whole
        if not isinstance(whole, list | tuple | Mapping):
            return False
        kind = _kind(item)
        return any(_kind(one) == kind and one == item for one in whole)

    return test


def _is(get: _Get, what: str) -> Test:
    """Never unknown."""
    if what == "null":
        return lambda info, last: get(info, last) is None
    if what == "nan":
        return lambda info, last: isinstance(found := get(info, last), float) and math.isnan(found)
    truth = what == "true"
    return lambda info, last: get(info, last) is truth


def _like(get: _Get, pattern: str) -> Test:
    r"""SQL's LIKE in small and capital letters alike: % is any text, _ any character, \% and \_ are themselves."""
    pieces: list[list[str]] = [[]]
    for token in re.findall(r"\\[%_\\]|.", pattern, re.DOTALL):
        if token == "%":
            pieces.append([])
        else:
            pieces[-1].append("." if token == "_" else re.escape(token[-1]))
    first, *rest = (re.compile("".join(piece), re.IGNORECASE | re.DOTALL) for piece in pieces)
    tail = len(pieces[-1])

    def test(info: RunInfo, last: Last) -> bool | None:
        found = get(info, last)
        if not isinstance(found, str):
            return None if found is None else False
        if not rest:
            return first.fullmatch(found) is not None
        # Piece after piece at the first place it fits: no pattern makes this slow, as one regular expression could be
        match = first.match(found)
        for piece in rest[:-1]:
            match = match and piece.search(found, match.end())
        return match is not None and rest[-1].fullmatch(found, max(match.end(), len(found) - tail)) is not None

    return test


# Three truths


def _not(test: Test) -> Test:
    def negated(info: RunInfo, last: Last) -> bool | None:
        truth = test(info, last)
        return None if truth is None else not truth

    return negated


def _every(tests: Sequence[Test]) -> Test:
    def every(info: RunInfo, last: Last) -> bool | None:
        truth: bool | None = True
        for test in tests:
            one = test(info, last)
            if one is None:
                truth = None
            elif not one:
                return False
        return truth

    return every


def _either(tests: Sequence[Test]) -> Test:
    def either(info: RunInfo, last: Last) -> bool | None:
        truth: bool | None = False
        for test in tests:
            one = test(info, last)
            if one is None:
                truth = None
            elif one:
                return True
        return truth

    return either
