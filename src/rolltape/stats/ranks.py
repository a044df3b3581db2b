"""Rank of hyperparameters: how much of the score's variation each one explains, and how much chance would.

For each parameter η², the share of the scores' sum of squares that lies between the bins of its values (one-way
analysis of variance; numbers in quantile bins, anything else by its values), and for numbers Spearman's ρ. η² is
never negative and grows with the number of bins, so it says nothing by itself: the scores are also shuffled over the
configurations, which gives the band that a parameter without any effect would reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rolltape.stats.aggregates import mean
from rolltape.stats.arguments import Floats, Ints, check_count, check_level, floats, seed_of
from rolltape.stats.resampling import percentile_bounds

FEWEST = 4  # configurations, below which nothing can be told from chance


@dataclass(frozen=True, slots=True)
class Importance:
    """What one hyperparameter explains.

    Attributes:
        name: of the parameter.
        explained: η², 0 to 1; NaN where it cannot be told (see ``note``).
        null: the bounds between which ``level`` of the η² of shuffled scores lie.
        p_value: how often shuffled scores explain at least as much, (1 + k) / (1 + permutations); for one parameter,
            not corrected for how many are looked at.
        correlation: Spearman's ρ, −1 to 1; NaN for what is no number.
        correlation_null: its bounds under shuffling.
        excess: ``explained`` less the mean of shuffled scores: what the ranking is by.
        bins: how many groups of values were compared.
        n: configurations with a score and a value of this parameter.
        note: why there is no answer; "" where there is one.
    """

    name: str
    explained: float
    null: tuple[float, float]
    p_value: float
    correlation: float
    correlation_null: tuple[float, float]
    excess: float
    bins: int
    n: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    """All hyperparameters, the one that explains most above chance first; those without an answer last.

    Attributes:
        parameters: one entry each.
        n: configurations with a score.
        level: of the null bands.
        method: how they were found.
    """

    parameters: tuple[Importance, ...]
    n: int
    level: float
    method: str


def rank_hyperparameters(
    parameters: Mapping[str, Sequence[object]],
    scores: ArrayLike,
    *,
    bins: int = 4,
    level: float = 0.95,
    permutations: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Ranking:
    """Rank hyperparameters by η² on seed-averaged scores, with a permutation null.

    Args:
        parameters: for each name one value a configuration; None or NaN where a configuration does not have it.
        scores: [configurations], or [configurations, seeds] of which the mean over seeds is taken; a configuration
            without a score (NaN) is left out.
        bins: into how many quantile bins numbers with more distinct values are put.
        level: of the null bands.
        permutations: how often the scores are shuffled.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: lengths that do not fit each other, infinite scores, or an argument out of its range.
    """
    given = floats("scores", scores, 1, 2)
    target = mean(given, axis=1) if given.ndim == 2 else given
    if np.isinf(target).any():
        raise ValueError(f"scores of shape {given.shape} holds infinities")
    check_level(level)
    if check_count("bins", bins) < 2:
        raise ValueError("bins is 1, but at least 2 are needed")
    check_count("permutations", permutations)
    seed, named = seed_of(rng)
    scored = ~np.isnan(target)
    found = []
    for name, values in parameters.items():
        if len(values) != len(target):
            raise ValueError(f"parameters[{name!r}] has {len(values)} values, but scores has shape {given.shape}")
        has = scored & np.array([not _missing(value) for value in values], dtype=np.bool_)
        kept = [value for value, one in zip(values, has, strict=True) if one]
        found.append(_importance(name, kept, target[has], bins, level, permutations, seed))
    found.sort(key=lambda one: (math.isnan(one.excess), -one.excess, one.name))
    method = f"η² on seed-averaged scores, numbers in up to {bins} quantile bins, {permutations} permutations, {named}"
    return Ranking(tuple(found), int(scored.sum()), level, method)


def _importance(
    name: str, values: list[object], scores: Floats, bins: int, level: float, permutations: int, seed: int
) -> Importance:
    n = len(scores)
    numbers = np.array(values, dtype=np.float64) if all(map(_is_number, values)) else None
    groups = _distinct(map(repr, values)) if numbers is None else _quantile_bins(numbers, bins)
    count = int(groups.max(initial=-1)) + 1
    around = scores - scores.mean() if n else scores
    note = _why_not(n, count, bool(np.ptp(scores) == 0) if n else True)
    if note:
        none = (math.nan, math.nan)
        return Importance(name, math.nan, none, math.nan, math.nan, none, math.nan, count, n, note)
    shuffled = np.random.default_rng([seed, n]).permuted(np.tile(np.arange(n), (permutations, 1)), axis=1)
    orders = np.vstack([np.arange(n), shuffled])
    explained = _explained(around[orders], groups, count)
    rho, rho_null = math.nan, (math.nan, math.nan)
    if numbers is not None:
        correlations = _standardised(_ranks(scores))[orders] @ _standardised(_ranks(numbers))
        rho, rho_null = float(correlations[0]), _bounds(correlations[1:], level)
    as_much = int((explained[1:] >= explained[0] - 1e-12).sum())
    return Importance(
        name,
        float(explained[0]),
        _bounds(explained[1:], level),
        (1 + as_much) / (1 + permutations),
        rho,
        rho_null,
        float(explained[0] - explained[1:].mean()),
        count,
        n,
    )


def _why_not(n: int, groups: int, equal_scores: bool) -> str:
    if n < FEWEST:
        return f"{n} configuration(s): too few"
    if groups < 2:
        return "the same value everywhere"
    if groups == n:
        return "another value in every configuration"
    return "all scores are equal" if equal_scores else ""


def _explained(scores: Floats, groups: Ints, count: int) -> Floats:
    """η² of each row of centred scores [rows, configurations]."""
    member = (groups[:, None] == np.arange(count)).astype(np.float64)
    between = ((scores @ member) ** 2 / member.sum(axis=0)).sum(axis=1)
    explained: Floats = np.clip(between / (scores[0] ** 2).sum(), 0.0, 1.0)
    return explained


def _quantile_bins(numbers: Floats, bins: int) -> Ints:
    """The bin of each number, equal numbers in the same one; [configurations]."""
    distinct, groups = np.unique(numbers, return_inverse=True)
    if len(distinct) <= bins:
        return groups.astype(np.int64)
    edges = np.quantile(numbers, np.arange(1, bins) / bins, method="inverted_cdf")
    return _distinct(np.searchsorted(edges, numbers))


def _distinct(keys: Iterable[object]) -> Ints:
    """The keys counted from 0, [configurations]; the same for any order of the configurations up to names."""
    return np.unique(np.array(list(keys)), return_inverse=True)[1].astype(np.int64)


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    return ranks


def _standardised(ranks: Floats) -> Floats:
    """Centred and of length one, so that a product of two is their correlation."""
    around = ranks - ranks.mean()
    unit: Floats = around / np.sqrt((around**2).sum())
    return unit


def _bounds(shuffled: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = percentile_bounds(shuffled, level)
    return float(low), float(high)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return not isinstance(value, int) or abs(value) < 2**1023
