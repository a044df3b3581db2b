"""The bucket of an x by the rule written out, and the centres of buckets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_formulas import NAN

from rolltape.curves import centres
from rolltape.curves.bucket_axis import bucket_of, equal_bucket_of
from rolltape.store.buckets import equal_edges


@given(
    st.lists(st.one_of(st.floats(-10, 20), st.integers(-1, 11), st.just(NAN)), max_size=30),
    st.lists(st.integers(0, 10), min_size=2, max_size=6, unique=True).map(sorted),
)
def test_the_bucket_of_an_x_is_the_stores(x: list[float], edges: list[int]) -> None:
    for at, found in zip(x, bucket_of(np.array(x, np.float64), np.array(edges, np.float64)), strict=True):
        last = len(edges) - 2
        inside = [i for i in range(last + 1) if edges[i] <= at < edges[i + 1] or (i == last and at == edges[-1])]
        assert found == (inside[0] if inside else -1)


@given(
    st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.78e9, -1e6]),
    st.floats(1e-300, 1e300) | st.sampled_from([1e-7, 1e-6, 1.0, 3.0]),
    st.integers(1, 400),
    st.lists(st.floats(-0.1, 1.1) | st.just(NAN), max_size=10),
)
def test_a_reckoned_bucket_is_the_one_that_is_found(
    low: float, width: float, buckets: int, shares: list[float]
) -> None:
    edges = equal_edges(low, low + width, buckets)
    x = np.concatenate(
        [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), low + np.array(shares) * width]
    )
    np.testing.assert_array_equal(equal_bucket_of(x, edges), bucket_of(x, edges))


def test_centres() -> None:
    assert centres(np.array([0.0, 1.0, 4.0])).tolist() == [0.5, 2.5]
    assert centres(np.array([-1.7e308, 1.7e308])).tolist() == [0]
    assert centres(np.array([1.7e308, 1.75e308])).tolist() == pytest.approx([1.725e308])
