"""The grammar of `where`: a text becomes a tree of conditions. Nothing in the text is ever run.

    condition   = conjunction { ("or" | "|") conjunction }
    conjunction = negation { ("and" | "&") negation }
    negation    = { "not" | "~" } ( "(" condition ")" | comparison )
    comparison  = operand { ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") operand }
                | operand ["not"] "in" ( list | operand )
                | operand ["not"] ( "like" text | "contains" operand | "between" operand "and" operand )
                | operand "is" ["not"] ( "null" | "none" | "nan" | "true" | "false" )
    list        = ( "(" | "[" ) literal { "," literal } [","] ( ")" | "]" )
    operand     = name | literal

    name        = parts joined by dots: letters, digits, _ and / inside, or anything in backticks
    literal     = 1, -1.5e-3, inf, true, false, 'text' or "text" (a quote in it doubled or behind a backslash)

The words of the language may be written in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rolltape.errors import StoreError
from rolltape.store.where_tokens import DEEPEST, LONGEST, Span, Token, mistake, short, tokens

_CONSTANTS: dict[str, bool | float] = {"true": True, "false": False, "inf": float("inf")}
_PART = re.compile(r"`((?:[^`]|``)*)`|([^.`]+)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "%": r"\%", "_": r"\_"}
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Name:
    """A name: its parts between dots, without backticks."""

    parts: tuple[str, ...]
    at: Span

    @property
    def text(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, true or false; ``like`` patterns keep their backslash before % and _."""

    value: float | str | bool
    at: Span


Operand = Name | Literal


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``; the operator is one of ``= != < <= > >=``."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class OneOf:
    """``value in (options)``."""

    value: Operand
    options: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """``item in whole``, ``whole contains item``."""

    whole: Operand
    item: Operand


@dataclass(frozen=True, slots=True)
class Like:
    """``value like pattern``."""

    value: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Is:
    """``value is what``; what is null, nan, true or false."""

    value: Operand
    what: str


@dataclass(frozen=True, slots=True)
class Not:
    """``not of``."""

    of: Node


@dataclass(frozen=True, slots=True)
class Every:
    """Conditions joined by ``and``."""

    of: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Conditions joined by ``or``."""

    of: tuple[Node, ...]


Node = Compare | OneOf | Contains | Like | Is | Not | Every | Either | Name | Literal


def parse(text: str) -> Node:
    """The tree of ``text``.

    Raises:
        StoreError: it is no condition; the message shows where.
    """
    if len(text) > LONGEST:
        raise StoreError(f"where has {len(text):,} characters; {LONGEST:,} are the most")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        if self._next.kind == "end":
            raise self._mistake(self._next.at, "an empty text is no condition")
        node = self._condition()
        if self._next.kind != "end":
            raise self._unexpected("'and', 'or' or the end")
        return self._checked(node)

    # The grammar, from loose to tight

    def _condition(self) -> Node:
        return self._joined(Either, ("or", "|"), lambda: self._joined(Every, ("and", "&"), self._negation))

    def _joined(self, kind: type[Every] | type[Either], by: tuple[str, str], part: Callable[[], Node]) -> Node:
        node = part()
        if not self._is(*by):
            return node
        parts = [self._checked(node)]
        while self._take(*by):
            parts.append(self._checked(part()))
        return kind(tuple(parts))

    def _negation(self) -> Node:
        negations = 0
        while self._take("not", "~"):
            negations += 1
        node = self._comparison()
        if not negations:
            return node
        checked = self._checked(node)
        return Not(checked) if negations % 2 else Not(Not(checked))

    def _comparison(self) -> Node:
        left: Node = self._inside(self._condition) if self._is("(") else self._operand()
        if not isinstance(left, Name | Literal):
            return left
        if self._next.text in _COMPARISONS and self._next.kind == "operator":
            return self._chain(left)
        if self._take("is"):
            return self._is_what(left)
        after = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        negated = self._is("not") and after.kind == "word" and after.text in ("in", "like", "between", "contains")
        if negated:
            self._at += 1
        node = self._relation(left)
        return Not(node) if negated else node

    def _chain(self, left: Operand) -> Node:
        links: list[Node] = []
        while self._next.kind == "operator" and self._next.text in _COMPARISONS:
            operator = _COMPARISONS[self._step().text]
            right = self._operand()
            links.append(Compare(operator, left, right))
            left = right
        return links[0] if len(links) == 1 else Every(tuple(links))

    def _relation(self, left: Operand) -> Node:
        if self._take("in"):
            opening = self._next
            if opening.kind == "operator" and opening.text in "([":
                return OneOf(left, self._options())
            return Contains(self._operand(), left)
        if self._take("contains"):
            return Contains(left, self._operand())
        if self._take("like"):
            pattern = self._operand()
            if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
                raise self._mistake(pattern.at, "'like' needs a text such as 'ppo%'")
            return Like(left, pattern.value)
        if self._take("between"):
            low = self._operand()
            if not self._take("and"):
                raise self._unexpected("'and'")
            return Every((Compare(">=", left, low), Compare("<=", left, self._operand())))
        return left

    def _options(self) -> tuple[Literal, ...]:
        closing = ")" if self._step().text == "(" else "]"
        options: list[Literal] = []
        while not self._take(closing):
            option = self._operand()
            if not isinstance(option, Literal):
                raise self._mistake(option.at, "a list holds numbers and texts; texts need quotes")
            options.append(option)
            if not self._is(",", closing):
                raise self._unexpected(f"',' or '{closing}'")
            self._take(",")
        return tuple(options)

    def _is_what(self, left: Operand) -> Node:
        negated = self._take("not")
        for word in ("null", "none", "nan", "true", "false"):
            if self._take(word):
                node = Is(left, "null" if word == "none" else word)
                return Not(node) if negated else node
        raise self._unexpected("null, nan, true or false")

    def _operand(self) -> Operand:
        token = self._next
        if self._is("("):
            inner = self._inside(self._operand)
            assert isinstance(inner, Name | Literal)
            return inner
        if self._take("-", "+"):
            number = self._next
            if number.kind != "number" and not self._is("inf"):
                raise self._unexpected("a number")
            self._step()
            value = self._number(number)
            return Literal(-value if token.text == "-" else value, Span(token.at.start, number.at.end))
        if token.kind == "number":
            self._step()
            return Literal(self._number(token), token.at)
        if token.kind == "text":
            return Literal(self._unquoted(self._step()), token.at)
        if token.kind == "name":
            return self._name(self._step())
        if token.kind == "word" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[self._step().text], token.at)
        if token.kind == "word" and token.text in ("null", "none", "nan"):
            what = "null" if token.text == "none" else token.text
            raise self._mistake(token.at, f"nothing equals {what}: write 'is {what}' or 'is not {what}'")
        raise self._unexpected("a name, a number or a text")

    def _inside(self, part: Callable[[], Node]) -> Node:
        """What stands in the parentheses that begin here."""
        opening = self._step()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._mistake(opening.at, f"more than {DEEPEST} parentheses inside one another")
        node = part()
        self._depth -= 1
        if not self._take(")"):
            raise self._unexpected("')'")
        return node

    # Tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _step(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("operator", "word") and self._next.text in texts

    def _take(self, *texts: str) -> bool:
        found = self._is(*texts)
        self._at += found
        return found

    def _number(self, token: Token) -> float:
        try:
            return int(token.text) if token.text.replace("_", "").isdigit() else float(token.text)
        except ValueError:
            raise self._mistake(token.at, f"{short(token.text)} is no number") from None

    def _unquoted(self, token: Token) -> str:
        quote = token.text[0]

        def plain(escape: re.Match[str]) -> str:
            if escape[1] is None:
                return quote
            if escape[1] not in _ESCAPED:
                start = token.at.start + 1 + escape.start()
                raise self._mistake(Span(start, start + 2), rf"{escape[0]!r} is no escape: write \\ for a backslash")
            return _ESCAPED[escape[1]]

        return re.sub(rf"\\(.)|{quote}{quote}", plain, token.text[1:-1], flags=re.DOTALL)

    def _name(self, token: Token) -> Name:
        parts = [bare or quoted.replace("``", "`") for quoted, bare in _PART.findall(token.text)]
        if "" in parts:
            raise self._mistake(token.at, "a name has at least one character")
        if token.text.count(".") > DEEPEST:
            raise self._mistake(token.at, f"a name has no more than {DEEPEST} dots")
        return Name(tuple(parts), token.at)

    # Errors

    def _checked(self, node: Node) -> Node:
        """A condition: a name alone asks for true, a number or text alone asks for nothing."""
        if isinstance(node, Literal) and not isinstance(node.value, bool):
            raise self._mistake(node.at, f"{short(self._text[slice(*node.at)])} alone is no condition: compare it")
        return node

    def _mistake(self, at: Span, message: str) -> StoreError:
        return mistake(self._text, at, message)

    def _unexpected(self, wanted: str) -> StoreError:
        token = self._next
        if token.kind == "end":
            return self._mistake(token.at, f"it ends where {wanted} should follow")
        found = short(self._text[slice(*token.at)])
        hint = ""
        if token.kind == "word":
            hint = f" (the name of a config key like this goes in backticks: `{found}`)"
        elif token.text in "+-" and self._at and self._tokens[self._at - 1].kind in ("name", "word"):
            hint = " (a name with such a character goes in backticks: `a-b`)"
        return self._mistake(token.at, f"{wanted} should stand where {found!r} does{hint}")
