"""The Pareto front: what is not beaten in both cost and score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pareto_front(costs: Floats, scores: Floats) -> NDArray[np.bool_]:
    """Which entries no other entry beats: none costs no more and scores no less, and differs in one of the two.

    Equal entries are all on the front, or none is. An entry without a cost or a score (NaN) is not on it.

    Args:
        costs: [n], smaller is better.
        scores: [n], larger is better.
    """
    front = np.zeros(len(costs), np.bool_)
    order = np.lexsort((-scores, costs))  # by cost, of equal costs the best score first
    order = order[~np.isnan(costs[order]) & ~np.isnan(scores[order])]
    if not len(order):
        return front
    cost, score = costs[order], scores[order]
    best_at_cost = np.searchsorted(cost, cost, "left")  # where entries of the same cost begin
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(score)])[best_at_cost]
    front[order] = (score == score[best_at_cost]) & (score > best_before)
    return front
