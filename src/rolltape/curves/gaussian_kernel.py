"""A Gaussian kernel over x that need not be equally spaced, in time that grows with the number of values only.

The kernel is a smooth function of where a value lies and where the answer is wanted. So x is cut into cells one sigma
wide, each cell's values are put onto its 14 Chebyshev nodes, the kernel is taken between the nodes of cells near each
other, and the answer is interpolated back (a fast Gauss transform: Greengard and Strain 1991, "The fast Gauss
transform", with the interpolation of Fong and Darve 2009, "The black-box fast multipole method").
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, line

_NODES = 14  # in a cell one sigma wide they give the kernel to about 1e-13
_CELLS = 8  # on either side: all within 8 sigma; the weights left out are below exp(-32) = 1e-14


def gaussian(x: ArrayLike, y: ArrayLike, sigma: float) -> Floats:
    """[n]: Σ w · y / Σ w with w = exp(-(x - x of the answer)² / (2 sigma²)), over the values of y[n] at x[n].

    Values within 8 sigma all count, none from 9 sigma on. y that is not finite is no value: it stays as it is and does
    not enter.

    Args:
        x: must not decrease; in any unit.
        y: NaN where there is no value.
        sigma: in units of x; 0: no smoothing.

    Raises:
        ValueError: x and y do not fit each other, x decreases or is not finite, or sigma is not 0 or more.
    """
    xs, answer = line(x, y)
    if isinstance(sigma, bool) or not 0 <= sigma < math.inf:
        raise ValueError(f"sigma is {sigma!r}, but must be a finite number of at least 0")
    has = np.isfinite(answer)
    if sigma > 0 and has.any():
        answer[has] = _kernel_mean(xs[has], answer[has], sigma)
    return answer


def _kernel_mean(x: Floats, y: Floats, sigma: float) -> Floats:
    # In sigma from the first value. What is further apart than the kernel reaches is moved nearer, so that positions
    # stay small and exact
    with np.errstate(over="ignore"):
        apart = np.minimum(np.diff(x, prepend=x[:1]) / sigma, _CELLS + 2.0)
    position = np.cumsum(apart)
    cell_of = np.floor(position).astype(np.int64)
    first = np.flatnonzero(np.diff(cell_of, prepend=-1))
    cells = cell_of[first]
    basis = _basis(position - cell_of - 0.5)

    largest = float(np.abs(y).max()) or 1.0
    weighted = np.stack([basis, basis * (y / largest)[:, None]])
    sources = np.add.reduceat(weighted, first, axis=1)  # [2, cells, nodes]
    targets = np.zeros_like(sources)
    for offset in range(-_CELLS, _CELLS + 1):
        near = np.minimum(cells.searchsorted(cells + offset), len(cells) - 1)
        here = np.flatnonzero(cells[near] == cells + offset)
        targets[:, here] += sources[:, near[here]] @ _kernel_between(offset)
    sums = (targets[:, np.repeat(np.arange(len(cells)), np.diff(first, append=len(x)))] * basis).sum(axis=2)
    smooth: Floats = sums[1] / sums[0] * largest
    return smooth


def _nodes() -> Floats:
    """[nodes]: Chebyshev nodes of the second kind between -1/2 and 1/2."""
    nodes: Floats = np.cos(np.pi * np.arange(_NODES) / (_NODES - 1)) / 2
    return nodes


def _kernel_between(offset: int) -> Floats:
    """[nodes of a cell ``offset`` to the right, nodes of this cell]: the kernel between them."""
    nodes = _nodes()
    kernel: Floats = np.exp(-((offset + nodes[:, None] - nodes) ** 2) / 2)
    return kernel


def _basis(inside: Floats) -> Floats:
    """[n, nodes]: the Lagrange polynomials of the nodes at -1/2 <= inside[n] <= 1/2, in their barycentric form
    (Berrut and Trefethen 2004, "Barycentric Lagrange interpolation")."""
    nodes = _nodes()
    weights = np.where(np.arange(_NODES) % 2 == 0, 1.0, -1.0)
    weights[[0, -1]] /= 2
    away = inside[:, None] - nodes
    hit = away == 0
    terms = weights / np.where(hit, 1.0, away)
    basis: Floats = terms / terms.sum(axis=1, keepdims=True)
    on_a_node = hit.any(axis=1)
    basis[on_a_node] = hit[on_a_node]
    return basis
