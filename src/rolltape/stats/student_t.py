"""Student's t distribution from the incomplete beta function, without SciPy."""

from __future__ import annotations

import math
from functools import lru_cache

_SMALL = 1e-300
_STEPS = 200


def t_tail(t: float, df: float) -> float:
    """P(T > t) for ``df`` > 0 degrees of freedom (not necessarily whole), to 1e-12 of itself for df
    up to 1,000 and 1e-8 up to 1,000,000."""
    if not df > 0 or math.isinf(df):
        raise ValueError(f"df is {df!r}, but must be positive and finite")
    if math.isnan(t):
        return math.nan
    half = _beta_share(df / 2, 0.5, df / (df + t * t), t * t / (df + t * t)) / 2 if math.isfinite(t) else 0.0
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = ``p``, for ``df`` > 0 degrees of freedom.

    Raises:
        ValueError: ``p`` is not strictly between 0 and 1, or ``df`` not positive.
    """
    if not 0 < p < 1:
        raise ValueError(f"p is {p!r}, but must lie between 0 and 1")
    if not df > 0 or math.isinf(df):
        raise ValueError(f"df is {df!r}, but must be positive and finite")
    if p == 0.5:
        return 0.0
    tail = min(p, 1 - p)
    low, high = 0.0, 1.0
    while t_tail(high, df) > tail:
        low, high = high, 2 * high
    t = (low + high) / 2
    for _ in range(_STEPS):
        excess = t_tail(t, df) - tail
        low, high = (t, high) if excess > 0 else (low, t)
        step = excess / _density(t, df)
        closer = t + step if low < t + step < high else (low + high) / 2
        if abs(closer - t) <= 1e-15 * t:
            break
        t = closer
    return t if p > 0.5 else -t


def _density(t: float, df: float) -> float:
    scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return math.exp(scale - (df + 1) / 2 * math.log1p(t * t / df))


def _beta_share(a: float, b: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function I_x(a, b), with ``rest`` = 1 - x free of cancellation."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * _log(x, rest) + b * _log(rest, x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, rest) / b


def _log(x: float, rest: float) -> float:
    return math.log(x) if x < 0.5 else math.log1p(-rest)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b) (DLMF 8.17.22) by Lentz's method."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        before = value
        for share in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + share * d)
            c = _away_from_zero(1 + share / c)
            value *= c * d
        if abs(value - before) <= 1e-16 * abs(value):
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALL else _SMALL
