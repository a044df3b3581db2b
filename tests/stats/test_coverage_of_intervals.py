"""How often nominal 95 % intervals hold the truth: the figures that the default band is chosen by, simulated again.

Each simulated experiment is one "point" of a curve, so that many experiments are one call. They share its draws, so
the experiments are spread over several calls. With ``-s`` the figures are printed.

Where the figures that the policy rests on were measured, bootstrap-t left out the resamples without spread; here they
count as infinite, so its bounds of three seeds are mostly infinite and are not compared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from rolltape.stats import (
    Interval,
    bootstrap_interval,
    bootstrap_t_interval,
    stratified_bootstrap_interval,
    student_t_interval,
)

CALLS, EXPERIMENTS, RESAMPLES = 30, 60, 800
ERROR = 0.035  # of the difference of two such simulations: three standard errors where coverage is about .8
SEEDS = (3, 5, 10, 20)


def bimodal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(rng.random(shape) < 0.7, 0.1)


SCORES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "bimodal": bimodal,
    "log-normal": lambda rng, shape: rng.lognormal(0, 0.8, size=shape),
}
METHODS: dict[str, Callable[[np.ndarray, int], Interval]] = {
    "bootstrap mean": lambda values, rng: bootstrap_interval(values, "mean", resamples=RESAMPLES, rng=rng),
    "bootstrap IQM": lambda values, rng: bootstrap_interval(values, "iqm", resamples=RESAMPLES, rng=rng),
    "t mean": lambda values, rng: student_t_interval(values),
    "bootstrap-t mean": lambda values, rng: bootstrap_t_interval(values, resamples=RESAMPLES, rng=rng),
}
ONE_TASK = {
    ("normal", "bootstrap mean"): (0.74, 0.83, 0.89, 0.92),
    ("normal", "bootstrap IQM"): (0.74, 0.90, 0.94, 0.94),
    ("normal", "t mean"): (0.95, 0.96, 0.95, 0.95),
    ("normal", "bootstrap-t mean"): (None, 0.95, 0.95, 0.95),
    ("bimodal", "bootstrap mean"): (0.62, 0.79, 0.91, 0.93),
    ("bimodal", "bootstrap IQM"): (0.68, 0.83, 0.94, 0.94),
    ("bimodal", "t mean"): (0.72, 0.82, 0.95, 0.94),
    ("bimodal", "bootstrap-t mean"): (None, 0.85, 0.98, 0.98),
    ("log-normal", "bootstrap mean"): (0.68, 0.76, 0.82, 0.89),
    ("log-normal", "bootstrap IQM"): (0.75, 0.91, 0.93, 0.95),
    ("log-normal", "t mean"): (0.88, 0.86, 0.87, 0.90),
    ("log-normal", "bootstrap-t mean"): (None, 0.91, 0.92, 0.93),
}
TEN_TASKS = {"mean": (0.87, 0.91, 0.93, 0.94), "iqm": (0.88, 0.92, 0.93, 0.95)}


@cache
def truth(scores: str) -> dict[str, float]:
    """The population's mean and the mean of its middle half."""
    ranked = np.sort(SCORES[scores](np.random.default_rng(99), (2_000_000,)))
    return {"mean": float(ranked.mean()), "IQM": float(ranked[500_000:1_500_000].mean())}


def coverage(interval: Callable[[int], Interval], target: float) -> float:
    """The share of the intervals of all calls that hold the target."""
    found = [interval(call) for call in range(CALLS)]
    return float(np.mean([(one.low <= target) & (target <= one.high) for one in found]))


@pytest.mark.parametrize(("scores", "method"), ONE_TASK)
def test_coverage_with_one_task(scores: str, method: str) -> None:
    rng = np.random.default_rng(4)
    for seeds, expected in zip(SEEDS, ONE_TASK[scores, method], strict=True):
        reached = coverage(
            lambda call, seeds=seeds: METHODS[method](SCORES[scores](rng, (seeds, EXPERIMENTS)), call),
            truth(scores)["IQM" if "IQM" in method else "mean"],
        )
        print(f"{scores}, {method}, n={seeds}: {reached:.3f} ({expected})")
        assert expected is None or reached == pytest.approx(expected, abs=ERROR)


@pytest.mark.parametrize("statistic", TEN_TASKS)
def test_coverage_with_ten_tasks(statistic) -> None:
    rng = np.random.default_rng(5)
    for seeds, expected in zip(SEEDS, TEN_TASKS[statistic], strict=True):
        reached = coverage(
            lambda call, seeds=seeds: stratified_bootstrap_interval(
                rng.normal(size=(seeds, 10, EXPERIMENTS)), statistic, resamples=RESAMPLES, rng=call
            ),
            0.0,
        )
        print(f"ten tasks, {statistic}, n={seeds}: {reached:.3f} ({expected})")
        assert reached == pytest.approx(expected, abs=ERROR)
