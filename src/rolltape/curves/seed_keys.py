"""Which entries of a config are seeds: found by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

SEED_NAMES: tuple[str, ...] = (
    "seed",
    "random_seed",
    "rng_seed",
    "prng_seed",
    "global_seed",
    "master_seed",
    "base_seed",
    "run_seed",
    "init_seed",
    "train_seed",
    "training_seed",
    "agent_seed",
    "policy_seed",
    "model_seed",
    "torch_seed",
    "jax_seed",
    "tf_seed",
    "numpy_seed",
    "np_seed",
    "python_seed",
    "env_seed",
    "environment_seed",
    "eval_seed",
    "test_seed",
)

Rank = Callable[[str], "int | None"]


def seed_rank(seed_key: str | Sequence[str] | None) -> Rank:
    """A function that tells of a flat key whether it is a seed: None, or the smaller the more it is the run's seed.

    None: SEED_NAMES, whatever their case, underscores and hyphens, as any part of a nested key: ``train.seed``,
    ``args/Random-Seed``, ``rngSeed``, and ``seed.torch``. Otherwise the keys that are named and no others: whole, or
    the last parts of a nested key (``seed`` for ``train.seed``), whatever their case.
    """
    if seed_key is None:
        order = {_plain(name): i for i, name in enumerate(SEED_NAMES)}
        return lambda key: min((order[part] for part in map(_plain, _parts(key)) if part in order), default=None)
    named = [_parts(key) for key in names("seed_key", seed_key)]

    def rank(key: str) -> int | None:
        parts = _parts(key)
        return next((i for i, wanted in enumerate(named) if parts[-len(wanted) :] == wanted), None)

    return rank


def ignored_by(ignore: str | Sequence[str]) -> Callable[[str], bool]:
    """A function that tells whether a flat key is one of those to ignore, or lies below one; whatever their case."""
    named = [_parts(key) for key in names("ignore", ignore)]
    return lambda key: any(_parts(key)[: len(wanted)] == wanted for wanted in named)


def seed_of(flat: Mapping[str, Any], ranks: Mapping[str, int]) -> Any:
    """The value of the run's seed: of the keys in ``ranks`` the one of the smallest rank, then of the fewest parts."""
    return flat[min(ranks, key=lambda key: (ranks[key], len(_parts(key)), key))]


def names(what: str, given: str | Iterable[str]) -> list[str]:
    """One name or several, as a list.

    Raises:
        ValueError: one is empty or no string.
    """
    several = [given] if isinstance(given, str) else list(given)
    for name in several:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{what} holds {name!r}, but must be names of config keys")
    return several


def _parts(key: str) -> list[str]:
    """The parts of a nested key; some trackers nest by slashes."""
    return re.split(r"[./]", key.lower())


def _plain(part: str) -> str:
    return re.sub(r"[_\-\s]", "", part)
