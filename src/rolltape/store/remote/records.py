"""What a store tells of runs as JSON holds it, and back. Both sides use this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import MISSING, asdict, fields
from itertools import islice
from typing import Any, Protocol, TypeVar

from rolltape.store.model import MetricSummary, RunInfo, WriterInfo
from rolltape.store.remote.wire import Block, Broken

T = TypeVar("T", RunInfo, WriterInfo, MetricSummary)
U = TypeVar("U")


class Blocks(Protocol):
    """Blocks of an answer, which may be given up."""

    def __iter__(self) -> Iterator[Block]: ...

    def close(self) -> None: ...


def told(record: RunInfo | WriterInfo | MetricSummary) -> dict[str, Any]:
    """A record as a JSON object."""
    return asdict(record)


def in_lists(name: str, those: Iterable[U], most: int) -> Iterator[dict[str, list[U]]]:
    """Many things as the facts of several blocks, of ``most`` things each."""
    rest = iter(those)
    while some := list(islice(rest, most)):
        yield {name: some}


def listed(name: str, blocks: Blocks) -> list[Any]:
    """What `in_lists` told. Raises Broken."""
    found: list[Any] = []
    with closing(blocks):
        for block in blocks:
            some = block.facts.get(name)
            if not isinstance(some, list):
                raise Broken(f"it tells no {name}")
            found += some
    return found


def meant(kind: type[T], facts: Any) -> T:
    """The record that a JSON object is of; what else it holds is passed over. Raises Broken."""
    if not isinstance(facts, Mapping):
        raise Broken(f"it tells a {kind.__name__} that is no JSON object")
    known = {one.name: facts[one.name] for one in fields(kind) if one.name in facts}
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    for name in needed:
        if name not in known:
            raise Broken(f"it tells a {kind.__name__} without {name}: its rolltape is of another age than this one")
    return kind(**known)


def all_meant(kind: type[T], those: Sequence[Any]) -> list[T]:
    """`meant` of each."""
    return [meant(kind, one) for one in those]
