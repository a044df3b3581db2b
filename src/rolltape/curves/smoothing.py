"""Smoothing by name, for lines and for curves. The band of a curve is never smoothed."""

from __future__ import annotations

from typing import Literal, get_args

from numpy.typing import ArrayLike

from rolltape.curves.arguments import Floats, line
from rolltape.curves.bucket_axis import centres
from rolltape.curves.gaussian_kernel import gaussian
from rolltape.curves.moving_averages import debiased_ema, time_weighted_ema
from rolltape.curves.restarts import segments
from rolltape.curves.rolling import rolling_mean, rolling_median
from rolltape.store import Curve

Method = Literal["none", "ema", "twema", "gaussian", "mean", "median"]
METHODS: tuple[str, ...] = get_args(Method)


def smooth(x: ArrayLike, y: ArrayLike, method: Method, amount: float, *, span: float | None = None) -> Floats:
    """[n]: y[n] at x[n] smoothed; NaN in y is no value and stays NaN.

    Args:
        x: must not decrease.
        y: NaN where there is no value.
        method: ``none``; ``ema`` (debiased); ``twema`` (by distance along x); ``gaussian``; ``mean`` and ``median``
            (of a window).
        amount: beta of ``ema``, 0 to below 1; weight of ``twema``, 0 to 1; sigma of ``gaussian``, in units of x;
            width of ``mean`` and ``median``, a whole number of positions, empty ones too.
        span: of ``twema`` only, the width of what is shown in units of x; None: that of x.

    Raises:
        ValueError: an argument is not what it must be; the message names it.
    """
    xs, ys = line(x, y)
    if method == "none":
        return ys
    if method == "ema":
        return debiased_ema(ys, amount)
    if method == "twema":
        return time_weighted_ema(xs, ys, amount, span=span)
    if method == "gaussian":
        return gaussian(xs, ys, amount)
    if method == "mean":
        return rolling_mean(ys, amount)
    if method == "median":
        return rolling_median(ys, amount)
    raise ValueError(f"method is {method!r}, but must be one of {', '.join(METHODS)}")


def smooth_curve(curve: Curve, method: Method, amount: float, *, span: float | None = None) -> dict[str, Floats]:
    """The smoothed mean line [b] of each run, by its key; ``method`` and ``amount`` as of `smooth`.

    Smoothing starts anew behind every restart (see `segments`). x is the centre of a bucket; the span of TWEMA is
    ``span``, or what the curve shows, from its first edge to its last, so all runs are smoothed alike. The curve is
    not changed, and its min and max remain those of the raw values.

    Raises:
        ValueError: an argument is not what it must be; the message names it.
    """
    x = centres(curve.edges)
    if span is None:
        span = float(curve.edges[-1]) - float(curve.edges[0])
    answer = {}
    for key, buckets in curve.runs.items():
        line_of_run = buckets.mean.astype(float)
        for part in segments(curve, key):
            line_of_run[part] = smooth(x[part], buckets.mean[part], method, amount, span=span)
        answer[key] = line_of_run
    return answer
