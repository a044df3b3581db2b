"""Views of curves: smoothing, distributions over x, seeds on a common x, and the groups that runs form.

Everything here is computed when someone looks, from what a store answers; nothing is kept, and the band of true minimum
and maximum is never changed. No run is smoothed, joined or held across a restart.
"""

from rolltape.curves.alignment import Aligned, align
from rolltape.curves.bucket_axis import centres
from rolltape.curves.bucket_percentiles import Percentiles, percentiles
from rolltape.curves.gaussian_kernel import gaussian
from rolltape.curves.groups import Group, group_runs
from rolltape.curves.moving_averages import TWEMA_SCALE, debiased_ema, time_weighted_ema
from rolltape.curves.restarts import segments
from rolltape.curves.rolling import rolling_mean, rolling_median
from rolltape.curves.seed_keys import SEED_NAMES
from rolltape.curves.smoothing import METHODS, smooth, smooth_curve
from rolltape.curves.value_histogram import Histogram, histogram

__all__ = [
    "METHODS",
    "SEED_NAMES",
    "TWEMA_SCALE",
    "Aligned",
    "Group",
    "Histogram",
    "Percentiles",
    "align",
    "centres",
    "debiased_ema",
    "gaussian",
    "group_runs",
    "histogram",
    "percentiles",
    "rolling_mean",
    "rolling_median",
    "segments",
    "smooth",
    "smooth_curve",
    "time_weighted_ema",
]
