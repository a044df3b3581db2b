"""Honest statistics of seeds: NumPy functions on arrays whose first axis is seeds; every result has its method and n.

`default_band` and `curve_band` choose centre and bounds by the number of seeds. NaN means "no value here".
"""

from rolltape.stats.aggregates import across_tasks, count, iqm, iqm_kept, mean, median, std, stderr
from rolltape.stats.bands import default_band
from rolltape.stats.bimodality import looks_bimodal
from rolltape.stats.bootstrap import bootstrap_interval, bootstrap_t_interval, stratified_bootstrap_interval
from rolltape.stats.curve_area import CurveAreas, area_under_curve
from rolltape.stats.curves import curve_band, fewest_to_show, seeds_at
from rolltape.stats.gap import optimality_gap
from rolltape.stats.improvement import Improvement, probability_of_improvement
from rolltape.stats.intervals import Interval, std_interval, stderr_interval, student_t_interval
from rolltape.stats.profiles import PerformanceProfile, performance_profile
from rolltape.stats.ranks import Importance, Ranking, rank_hyperparameters
from rolltape.stats.student_t import t_quantile
from rolltape.stats.threshold import ThresholdSteps, steps_to_threshold

__all__ = [
    "CurveAreas",
    "Importance",
    "Improvement",
    "Interval",
    "PerformanceProfile",
    "Ranking",
    "ThresholdSteps",
    "across_tasks",
    "area_under_curve",
    "bootstrap_interval",
    "bootstrap_t_interval",
    "count",
    "curve_band",
    "default_band",
    "fewest_to_show",
    "iqm",
    "iqm_kept",
    "looks_bimodal",
    "mean",
    "median",
    "optimality_gap",
    "performance_profile",
    "probability_of_improvement",
    "rank_hyperparameters",
    "seeds_at",
    "std",
    "std_interval",
    "stderr",
    "stderr_interval",
    "steps_to_threshold",
    "stratified_bootstrap_interval",
    "student_t_interval",
    "t_quantile",
]
