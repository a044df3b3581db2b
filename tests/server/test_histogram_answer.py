"""Histograms over x against numpy's own."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
from frames import read_histogram

import rolltape
from rolltape.curves import group_runs


def record_two_seeds(root: Path) -> tuple[str, list[np.ndarray], list[np.ndarray]]:  # type: ignore[type-arg]
    steps, values = [], []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        steps.append(np.sort(rng.choice(5000, 1000, replace=False)))
        values.append(np.where(rng.random(1000) < 0.5, 0.0, 100.0) + rng.standard_normal(1000))
        values[-1][[3, 500]] = np.nan, -np.inf
        with rolltape.init(project="h", name=f"ppo-s{seed}", id=f"r{seed}", config={"seed": seed}, dir=root) as run:
            run.log_batch({"return ü": values[-1]}, step=steps[-1])
    (group,) = group_runs([info for info in rolltape.open(root).runs() if info.project == "h"])
    return group.id, steps, values


def test_a_group_is_pooled_and_a_run_is_alone(client: httpx.Client, tapes: Path) -> None:
    id, steps, values = record_two_seeds(tapes)
    for line, runs in (({"group": id}, (0, 1)), ({"run": "h/r1"}, (1,))):
        answer = read_histogram(client.get("/api/histogram", params={"metric": "return ü", **line}))
        x, y = (np.concatenate([part[i] for i in runs]) for part in (steps, values))
        finite = np.isfinite(y)
        assert (answer.header["buckets"], answer.header["bins"]) == (200, 60)
        assert (answer.header["points"], answer.header["nonfinite"]) == (len(y), 2 * len(runs))
        assert answer.header["id"] == next(iter(line.values()))
        assert answer.header["metric"] == "return ü"
        assert (answer.edges[0], answer.edges[-1]) == (x.min(), x.max())
        assert (answer.value_edges[0], answer.value_edges[-1]) == (y[finite].min(), y[finite].max())
        wanted, _, _ = np.histogram2d(x[finite], y[finite], (answer.edges, answer.value_edges))
        np.testing.assert_array_equal(answer.counts, wanted)
        total, _ = np.histogram(x[finite], answer.edges, weights=y[finite])
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(answer.mean, total / wanted.sum(axis=1))


def test_a_window_and_other_sizes(client: httpx.Client, tapes: Path) -> None:
    _, steps, values = record_two_seeds(tapes)
    params = {"metric": "return ü", "run": "h/r0", "lo": 1000, "hi": 2500, "buckets": 7, "bins": 3}
    answer = read_histogram(client.get("/api/histogram", params=params))
    np.testing.assert_allclose(answer.edges, np.linspace(1000, 2500, 8))
    inside = (steps[0] >= 1000) & (steps[0] <= 2500) & np.isfinite(values[0])
    wanted, _, _ = np.histogram2d(steps[0][inside], values[0][inside], (answer.edges, answer.value_edges))
    np.testing.assert_array_equal(answer.counts, wanted)
    empty = read_histogram(client.get("/api/histogram", params={**params, "lo": 1e6, "hi": 1e7}))
    assert empty.counts.sum() == empty.header["points"] == 0
    assert np.isnan(empty.mean).all()


def test_a_metric_as_x_and_a_metric_that_the_run_lacks(client: httpx.Client, tapes: Path) -> None:
    params = {"metric": "loss", "run": "cart%20pole/s1", "x": "episodes", "buckets": 10}
    answer = read_histogram(client.get("/api/histogram", params=params))
    wanted = rolltape.open(tapes).curve("loss", ["cart%20pole/s1"], "episodes", None, 10, exact=True)
    np.testing.assert_array_equal(answer.edges, wanted.edges)
    np.testing.assert_array_equal(answer.counts.sum(axis=1), wanted.runs["cart%20pole/s1"].count)
    nothing = read_histogram(client.get("/api/histogram", params={"metric": "loss", "run": "other/o"}))
    assert (nothing.header["buckets"], nothing.header["points"], len(nothing.edges)) == (0, 0, 0)


def test_one_value_and_only_nan(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="tiny", id="a", dir=tapes) as run:
        run.log({"y": 2.5, "bad": float("nan")}, step=7)
    one = read_histogram(client.get("/api/histogram", params={"metric": "y", "run": "tiny/a"}))
    assert (one.counts.sum(), one.mean[0]) == (1, 2.5)
    bad = read_histogram(client.get("/api/histogram", params={"metric": "bad", "run": "tiny/a"}))
    assert (bad.counts.sum(), bad.header["points"], bad.header["nonfinite"]) == (0, 1, 1)
