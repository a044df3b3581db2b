"""``find=``: runs by plain words, for those who do not want to write a condition."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from rolltape.server.query import one_of
from rolltape.store import RunInfo
from rolltape.store.flat_config import flatten


def words_of(params: QueryParams) -> tuple[str, ...]:
    """The words of ``find``, in small letters. Raises Refused."""
    return tuple((one_of(params, "find") or "").lower().split())


def holds(info: RunInfo, words: tuple[str, ...]) -> bool:
    """Whether each word is in the run's names, its status, its tags or its settings (as ``key=value``)."""
    if not words:
        return True
    settings = (f"{key}={value}" for key, value in flatten(info.config).items())
    text = " ".join([info.name, info.project, info.id, info.status, *map(str, info.tags), *settings]).lower()
    return all(word in text for word in words)
