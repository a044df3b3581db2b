"""Probability of improvement: how likely a run of X scores above a run of Y (Agarwal et al. 2021, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rolltape.stats.arguments import RESAMPLES, Floats, floats, seed_of
from rolltape.stats.bootstrap import check_resamples, few_seeds
from rolltape.stats.resampling import draw_counts, percentile_bounds


@dataclass(frozen=True, slots=True, eq=False)
class Improvement:
    """P(X > Y): the mean over tasks of the share of pairs that X wins, a tie counting half.

    Attributes:
        probability: 0 to 1; 0.5 where neither is better; NaN where a task has no run on one side.
        low, high: bounds; NaN where a side has a task with fewer than two seeds.
        per_task: [tasks].
        n: seeds of X and of Y; with several tasks the fewest of any task.
        level: nominal coverage.
        method: how the bounds were found.
        notes: what a reader must know beside it.
    """

    probability: float
    low: float
    high: float
    per_task: Floats
    n: tuple[int, int]
    level: float
    method: str
    notes: tuple[str, ...]


def probability_of_improvement(
    x: ArrayLike,
    y: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Improvement:
    """P(X > Y) = mean over tasks of U / (N_X · N_Y), Mann and Whitney's U with ties as ½; stratified bootstrap.

    Both sides are resampled independently, within each task.

    Args:
        x: scores [seeds] or [seeds, tasks]; NaN where there is no run.
        y: scores of the other side: as many tasks in the same order, not necessarily as many seeds.
        level: nominal coverage.
        resamples: how many resamples.
        rng: a generator, or the seed of one.

    Raises:
        ValueError: shapes that do not fit each other, a level outside (0, 1), or too few resamples for the level.
    """
    ours, theirs = (floats(name, side, 1, 2) for name, side in (("x", x), ("y", y)))
    if ours.ndim != theirs.ndim or ours.shape[1:] != theirs.shape[1:]:
        raise ValueError(f"x has shape {ours.shape} and y {theirs.shape}: the tasks must be the same")
    check_resamples(resamples, level)
    seed, named = seed_of(rng)
    tasks = [(_runs(a), _runs(b)) for a, b in zip(np.atleast_2d(ours.T), np.atleast_2d(theirs.T), strict=True)]
    n = min((len(a) for a, _ in tasks), default=0), min((len(b) for _, b in tasks), default=0)
    per_task = np.array([wins.mean() if wins.size else np.nan for wins in (_wins(a, b) for a, b in tasks)])
    low = high = np.nan
    if min(n) >= 2:
        resampled = np.mean([_resampled(a, b, resamples, [seed, task]) for task, (a, b) in enumerate(tasks)], axis=0)
        low, high = map(float, percentile_bounds(resampled, level))
    notes = few_seeds(min(n))
    if low == high:
        notes += ("every resample agrees: no width is no certainty",)
    probability = float(per_task.mean()) if tasks else np.nan
    method = f"stratified bootstrap over {len(tasks)} task(s), {resamples} resamples of both sides, {named}"
    return Improvement(probability, low, high, per_task, n, level, method, notes)


def _runs(scores: Floats) -> Floats:
    return np.sort(scores[~np.isnan(scores)])


def _wins(x: Floats, y: Floats) -> Floats:
    """[x, y]: 1 where x is above y, ½ where they tie."""
    wins: Floats = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    return wins


def _resampled(x: Floats, y: Floats, resamples: int, stream: list[int]) -> Floats:
    drawn_x = draw_counts(len(x), resamples, [*stream, 0, len(x)])
    drawn_y = draw_counts(len(y), resamples, [*stream, 1, len(y)])
    won: Floats = ((_wins(x, y).T @ drawn_x) * drawn_y).sum(axis=0) / (len(x) * len(y))
    return won
