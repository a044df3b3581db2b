"""The words of a `where`: where each begins and ends, and how a mistake in the text is shown."""

from __future__ import annotations

import re
from typing import NamedTuple

from rolltape.errors import StoreError

LONGEST = 10_000  # characters of a text
DEEPEST = 30  # parentheses inside one another, and dots in a name

_WORDS = frozenset(
    ["and", "or", "not", "in", "like", "between", "is", "contains", "null", "none", "nan", "true", "false", "inf"]
)
_SEGMENT = r"(?:\w+(?:/\w+)*|`(?:[^`]|``)*`)"
_TOKEN = re.compile(
    rf"""(?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
    |(?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    |(?P<name>{_SEGMENT}(?:\.{_SEGMENT})*)
    |(?P<operator><=|>=|==|!=|<>|[=<>()\[\],&|~+-])""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*")


class Span(NamedTuple):
    """Where something stands in the text: characters from ``start`` to before ``end``."""

    start: int
    end: int


class Token(NamedTuple):
    """A word of the text."""

    kind: str  # number, text, name, operator, word or end
    text: str  # of a word in small letters
    at: Span


def tokens(text: str) -> list[Token]:
    """The words of a text, and the end.

    Raises:
        StoreError: some character belongs to no word.
    """
    found: list[Token] = []
    start = _skip_space(text, 0)
    while start < len(text):
        match = _TOKEN.match(text, start)
        if match is None:
            character = text[start]
            what = "a text that never ends" if character in "'\"" else f"what is {character!r}?"
            if character == "`":
                what = "a name in backticks that never ends"
            raise mistake(text, Span(start, start + 1), what)
        kind, end = match.lastgroup or "", match.end()
        if kind == "number" and end < len(text) and (text[end].isalnum() or text[end] in "_./`"):
            raise mistake(
                text, Span(start, end + 1), f"a number goes on with {text[end]!r}: such a name goes in backticks"
            )
        word = match[0].lower()
        is_word = kind == "name" and word in _WORDS
        found.append(Token("word" if is_word else kind, word if is_word else match[0], Span(start, end)))
        start = _skip_space(text, end)
    end = len(text.rstrip())
    return [*found, Token("end", "", Span(end, end + 1))]


def _skip_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def short(text: str) -> str:
    """Not more of a text than goes into a message."""
    return text if len(text) <= 40 else text[:37] + "..."


def mistake(text: str, at: Span, message: str) -> StoreError:
    """The error that ``message`` tells, with the line of the text and a mark under the place."""
    start, end = at
    begin = max(text.rfind("\n", 0, start) + 1, start - 50)
    stop = text.find("\n", start)
    line = text[begin : min(len(text) if stop < 0 else stop, start + 50)]
    shown = "".join(character if character.isprintable() else " " for character in line)
    mark = " " * (start - begin) + "^" * max(1, min(end - start, len(shown) - (start - begin)))
    return StoreError(f"where: {message}, at character {start + 1}\n    {shown}\n    {mark}")
