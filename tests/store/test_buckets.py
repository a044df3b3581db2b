"""Points into buckets by the short way, which must give what the long one gives, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rolltape.store.buckets import equal_edges, gather, gather_points, points_as_pieces

strange = st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308, -0.0])
numbers = st.one_of(st.floats(-100, 100), st.floats(), st.integers(-3, 3).map(float), strange)


@given(st.lists(st.tuples(st.integers(-5, 25), numbers), max_size=60), st.booleans(), st.integers(1, 12))
def test_points_are_gathered_as_pieces_are(points: list[tuple[int, float]], in_order: bool, buckets: int) -> None:
    if in_order:
        points = sorted(points, key=lambda point: point[0])
    x, value = np.array([x for x, _ in points], np.float64), np.array([value for _, value in points], np.float64)
    edges = equal_edges(0.0, 20.0, buckets)
    with np.errstate(all="raise", under="ignore"):
        found = gather_points(x, value, edges)
    for ours, theirs in zip(found, gather(points_as_pieces(x, value), edges), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()
