"""What the name of a run says besides its seed: ``ppo`` of ``ppo-s1``, ``ppo_seed2`` and ``ppo__3__1730000000``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from rolltape.store import RunInfo

_GIVEN_BY_ROLLTAPE = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_WITH_NUMBER = re.compile(
    r"(?P<base>.*?)"
    r"(?:(?:^|[-_ /.,:])(?P<word>seed|s)[-_ =:]?|(?:^|[-_ /]))"
    r"(?P<number>[0-9]{1,18})"
    r"(?P<time>__[0-9]{10})?",  # CleanRL ends its names with the unix time
    re.IGNORECASE | re.DOTALL,
)


class NameBase(NamedTuple):
    """What is left of a run's name without its seed (None where it names none)."""

    base: str
    seed: int | None


def own_name(info: RunInfo) -> str:
    """The name that the run was given; "" where it has but its id, made by rolltape."""
    return "" if info.name == info.id and _GIVEN_BY_ROLLTAPE.fullmatch(info.id) else info.name


def name_base(name: str, seeds: Iterable[Any]) -> NameBase:
    """A name without the seed at its end.

    A last part ``seed2`` (``-seed2``, ``_seed=2``, ``Seed 2``) is always a seed. A last part ``s2`` is one unless the
    runs of that name have another: a number that stays the same over several seeds names something else. A last part
    ``2`` is one only if it is the seed of all runs of that name. In front of a unix time, as in CleanRL's
    ``CartPole-v1__ppo__2__1730000000``, it is treated like ``s2``.

    Args:
        name: of a run.
        seeds: those that the configs of all runs of this name name; none, if they name none.
    """
    found = _WITH_NUMBER.fullmatch(name)
    if found is None:
        return NameBase(name, None)
    number = int(found["number"])
    told = [_is(seed, number) for seed in seeds]
    word = (found["word"] or "").lower()
    if word == "seed" or (all(told) and (word == "s" or found["time"] or told)):
        return NameBase(found["base"].rstrip("-_ /.,:"), number)
    return NameBase(name, None)


def _is(seed: Any, number: int) -> bool:
    if isinstance(seed, str):
        return seed.isdecimal() and seed.lstrip("0") == str(number).lstrip("0")
    return isinstance(seed, int | float) and not isinstance(seed, bool) and seed == number
