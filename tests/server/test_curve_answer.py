"""The lines of a chart against plain formulas over raw points."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
from frames import CurveFrame, Floats, read_curve
from numpy.typing import NDArray

import rolltape
from rolltape.curves import group_runs, smooth
from rolltape.server import serve_in_background
from rolltape.server.answers.curve_lines import one_per_run
from rolltape.server.choice import Line
from rolltape.stats.bootstrap import bootstrap_interval, bootstrap_t_interval
from rolltape.stats.intervals import student_t_interval

Points = tuple[NDArray[np.int64], Floats]
N = 400
LENGTHS = {"five": [400, 400, 300, 260, 220], "three": [400, 380, 400], "two": [400, 390], "one": [400]}


def record_groups(root: Path) -> dict[str, list[Points]]:
    """Groups of five, three, two and one seeds of different lengths; NaN, infinities and a spike among the values."""
    raw: dict[str, list[Points]] = {}
    for group, lengths in LENGTHS.items():
        raw[group] = []
        for seed, length in enumerate(lengths):
            rng = np.random.default_rng([len(group), seed])
            steps = np.sort(rng.choice(10 * length, length, replace=False))
            values = rng.standard_normal(length).cumsum()
            values[5], values[17], values[100] = np.nan, np.inf, 1000.0 + seed
            with rolltape.init(
                project="p",
                name=f"{group}-s{seed}",
                id=f"{group}{seed}",
                dir=root,
                config={"algo": group, "seed": seed},
            ) as run:
                run.log_batch({"return/mean ü": values, "other": values * 2}, step=steps)
                run.log_batch({f"only {group}": values[:50]}, step=steps[:50] + 5000)
            raw[group].append((steps, values))
    return raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, dict[str, list[Points]], Path]]:
    root = tmp_path_factory.mktemp("groups")
    points = record_groups(root)
    with serve_in_background(root, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client, points, root


@pytest.fixture
def ask(raw: tuple[httpx.Client, dict[str, list[Points]], Path]) -> Any:
    """Asks for lines by (group's name or run's key) and the other parameters."""
    client, _, root = raw
    ids = {group.config["algo"]: group.id for group in group_runs(rolltape.open(root).runs())}

    def ask(*lines: str, metric: str | list[str] = "return/mean ü", **params: Any) -> CurveFrame:
        query: list[tuple[str, Any]] = [("run", line) if "/" in line else ("group", ids[line]) for line in lines]
        query += [("metric", name) for name in ([metric] if isinstance(metric, str) else metric)]
        answer = read_curve(client.get(f"/api/curve?{urlencode([*query, *params.items()])}"))  # httpx would reorder it
        renamed = {id: name for name, id in ids.items()}
        columns = {(name, renamed.get(id, id)): found for (name, id), found in answer.lines.items()}
        told = [{**line, "id": renamed.get(line["id"], line["id"])} for line in answer.header["lines"]]
        return CurveFrame({**answer.header, "lines": told}, answer.edges, columns)

    return ask


@pytest.fixture
def points(raw: tuple[httpx.Client, dict[str, list[Points]], Path]) -> dict[str, list[Points]]:
    return raw[1]


def in_buckets(points: Points, edges: Floats) -> list[Floats]:
    """The finite values in each bucket, the rule written out."""
    steps, values = points
    found = []
    for i, (low, high) in enumerate(pairwise(edges.tolist())):
        inside = (steps >= low) & ((steps < high) | ((i == len(edges) - 2) & (steps == high)))
        found.append(values[inside & np.isfinite(values)])
    return found


def bucket_means(points: Points, edges: Floats) -> Floats:
    return np.array([values.mean() if len(values) else np.nan for values in in_buckets(points, edges)])


def interpolated(means: Floats, edges: Floats) -> Floats:
    x = (edges[:-1] + edges[1:]) / 2
    known = np.flatnonzero(~np.isnan(means))
    answer = np.full(len(x), np.nan)
    inside = slice(known[0], known[-1] + 1)
    answer[inside] = np.interp(x[inside], x[known], means[known])
    return answer


def seeds_of(group: list[Points], edges: Floats) -> Floats:
    """[seeds, b]"""
    return np.array([interpolated(bucket_means(points, edges), edges) for points in group])


def test_a_line_of_one_run(ask: Any, points: dict[str, list[Points]]) -> None:
    for name in ("p/five2", "one"):
        answer = ask(name, buckets=37)
        wanted = in_buckets(points["one" if name == "one" else "five"][0 if name == "one" else 2], answer.edges)
        columns = answer.lines["return/mean ü", name]
        assert columns["count"].tolist() == [len(values) for values in wanted]
        assert columns["n"].tolist() == [float(len(values) > 0) for values in wanted]
        for column, of in (("center", np.mean), ("low", np.min), ("high", np.max)):
            np.testing.assert_allclose(columns[column], [of(values) if len(values) else np.nan for values in wanted])
        told = answer.told("return/mean ü", name)
        assert (told["center"], told["band"], told["runs"]) == ("mean", "true min and max", 1)
        assert (told["group"], told["nonfinite"]) == (name == "one", 2)
        assert told["points"] == sum(len(values) for values in wanted) + 2
        fullest, least = max(map(len, wanted)), min(len(values) for values in wanted if len(values))
        assert told["method"] == f"mean of {least}–{fullest} points a bucket; band: true min and max of the raw points"


def test_the_window_is_that_of_all_lines_and_metrics(ask: Any, points: dict[str, list[Points]]) -> None:
    every = [steps for group in ("five", "two") for steps, _ in points[group]]
    low, high = min(steps[0] for steps in every), max(steps[-1] for steps in every)
    one = ask("five", "two", buckets=10)
    np.testing.assert_allclose(one.edges, np.linspace(low, high, 11))
    low_of_both = min(steps[0] for group in ("five", "one") for steps, _ in points[group])
    both = ask("five", "p/one0", metric=["return/mean ü", "only one"], buckets=10)
    assert (both.edges[0], both.edges[-1]) == (low_of_both, points["one"][0][0][49] + 5000)
    assert list(both.lines) == [("return/mean ü", "five"), ("return/mean ü", "p/one0"), ("only one", "p/one0")]
    assert (both.header["metric"], both.header["metrics"]) == ("return/mean ü", ["return/mean ü", "only one"])
    assert both.header["columns"] == ["count", "center", "low", "high", "n"]
    alone = ask("p/one0", metric="only one", lo=both.edges[0], hi=both.edges[-1], buckets=10)
    for name, column in alone.lines["only one", "p/one0"].items():
        np.testing.assert_array_equal(column, both.lines["only one", "p/one0"][name])


def test_five_seeds_by_policy(ask: Any, points: dict[str, list[Points]]) -> None:
    answer = ask("five", buckets=50)
    columns, told = answer.lines["return/mean ü", "five"], answer.told("return/mean ü", "five")
    seeds = seeds_of(points["five"], answer.edges)
    n = (~np.isnan(seeds)).sum(axis=0)
    np.testing.assert_array_equal(columns["n"], n)
    counts = sum(np.array([len(v) for v in in_buckets(run, answer.edges)]) for run in points["five"])
    np.testing.assert_array_equal(columns["count"], counts)
    for i in range(50):
        there = np.sort(seeds[~np.isnan(seeds[:, i]), i])
        trim = len(there) // 4
        wanted = there[trim : len(there) - trim].mean() if len(there) >= 3 else np.nan
        assert columns["center"][i] == pytest.approx(wanted, nan_ok=True)
    interval = bootstrap_interval(seeds, "iqm")
    np.testing.assert_allclose(columns["low"], np.where(n == 5, interval.low, np.nan))
    np.testing.assert_allclose(columns["high"], np.where(n == 5, interval.high, np.nan))
    assert (told["center"], told["band"], told["runs"]) == ("IQM", "95 % bootstrap CI", 5)
    assert told["method"].startswith("IQM over 3–5 seeds (95 % interval: percentile bootstrap, 2000 resamples")
    assert "seeds interpolated linearly between buckets" in told["method"]


def test_three_seeds_by_policy(ask: Any, points: dict[str, list[Points]]) -> None:
    answer = ask("three", buckets=20)
    seeds = seeds_of(points["three"], answer.edges)
    columns, told = answer.lines["return/mean ü", "three"], answer.told("return/mean ü", "three")
    three = ~np.isnan(seeds).any(axis=0)
    interval = student_t_interval(seeds)
    np.testing.assert_allclose(columns["low"], np.where(three, interval.low, np.nan))
    np.testing.assert_allclose(columns["center"], np.nanmean(seeds, axis=0))
    assert (told["center"], told["band"]) == ("mean", "95 % t CI")


def test_two_seeds_have_no_interval(ask: Any, points: dict[str, list[Points]]) -> None:
    answer = ask("two", buckets=20, hi=3000, lo=0)
    columns, told = answer.lines["return/mean ü", "two"], answer.told("return/mean ü", "two")
    np.testing.assert_allclose(columns["center"], seeds_of(points["two"], answer.edges).mean(axis=0))
    assert np.isnan(columns["low"]).all()
    assert np.isnan(columns["high"]).all()
    assert (told["center"], told["band"]) == ("mean", "")
    assert "2 seeds: no interval; show the seeds" in told["notes"]


@pytest.mark.parametrize("center", ["mean", "median", "iqm"])
def test_the_centre_that_was_asked_for(ask: Any, points: dict[str, list[Points]], center: str) -> None:
    answer = ask("five", buckets=20, center=center, lo=0, hi=2000)
    seeds = seeds_of(points["five"], answer.edges)
    middle = np.sort(seeds, axis=0)
    wanted = {"mean": seeds.mean(axis=0), "median": middle[2], "iqm": middle[1:4].mean(axis=0)}[center]
    columns = answer.lines["return/mean ü", "five"]
    np.testing.assert_allclose(columns["center"], wanted)
    interval = bootstrap_t_interval(seeds) if center == "mean" else bootstrap_interval(seeds, center)  # type: ignore[arg-type]
    np.testing.assert_allclose(columns["low"], interval.low)


def test_the_bands_that_were_asked_for(ask: Any, points: dict[str, list[Points]]) -> None:
    every: dict[str, dict[str, Floats]] = {}
    names = {}
    for band in ("minmax", "std", "stderr", "iqr", "none", "ci", "auto"):
        answer = ask("five", buckets=20, band=band)
        every[band] = answer.lines["return/mean ü", "five"]
        names[band] = answer.told("return/mean ü", "five")["band"]
    seeds = seeds_of(points["five"], answer.edges)
    n = (~np.isnan(seeds)).sum(axis=0)
    shown = n >= 3
    pooled = [np.concatenate(values) for values in zip(*(in_buckets(run, answer.edges) for run in points["five"]))]  # noqa: B905
    np.testing.assert_array_equal(every["minmax"]["low"], [v.min() if len(v) else np.nan for v in pooled])
    np.testing.assert_array_equal(every["minmax"]["high"], [v.max() if len(v) else np.nan for v in pooled])
    assert every["minmax"]["high"].max() >= 1000, "a spike stays visible"
    mean, std = np.nanmean(seeds, axis=0), np.nanstd(seeds, axis=0, ddof=1)
    for band, reach in (("std", std), ("stderr", std / np.sqrt(n))):
        np.testing.assert_allclose(every[band]["center"], np.where(shown, mean, np.nan))
        np.testing.assert_allclose(every[band]["low"], np.where(shown, mean - reach, np.nan))
        np.testing.assert_allclose(every[band]["high"], np.where(shown, mean + reach, np.nan))
    low, high = np.nanpercentile(seeds, [25, 75], axis=0)
    np.testing.assert_allclose(every["iqr"]["low"], np.where(shown, low, np.nan))
    np.testing.assert_allclose(every["iqr"]["high"], np.where(shown, high, np.nan))
    assert np.isnan(every["none"]["low"]).all()
    for column in ("low", "center", "high"):
        np.testing.assert_array_equal(every["ci"][column], every["auto"][column])
    for band in ("minmax", "iqr", "none"):
        np.testing.assert_array_equal(every[band]["center"], every["auto"]["center"])
    assert names == {
        "minmax": "true min and max",
        "std": "± std",
        "stderr": "± stderr",
        "iqr": "25–75 % of seeds",
        "none": "",
        "ci": "95 % bootstrap CI",
        "auto": "95 % bootstrap CI",
    }


def test_smoothing_leaves_the_raw_band(ask: Any, points: dict[str, list[Points]]) -> None:
    plain, smoothed = (ask("one", "five", buckets=40, band="minmax", **more) for more in ({}, {"smooth": "twema:0.9"}))
    x = (plain.edges[:-1] + plain.edges[1:]) / 2
    span = plain.edges[-1] - plain.edges[0]
    for name in ("one", "five"):
        before, after = plain.lines["return/mean ü", name], smoothed.lines["return/mean ü", name]
        for column in ("count", "low", "high"):
            np.testing.assert_array_equal(before[column], after[column])
        means = [smooth(x, bucket_means(run, plain.edges), "twema", 0.9, span=span) for run in points[name]]
        seeds = np.sort([interpolated(mean, plain.edges) for mean in means], axis=0)
        if name == "one":
            np.testing.assert_allclose(after["center"], means[0])
        else:
            full = ~np.isnan(seeds).any(axis=0)
            np.testing.assert_allclose(after["center"][full], seeds[1:4].mean(axis=0)[full])
        assert "smoothed" in smoothed.told("return/mean ü", name)["method"]
    interval = ask("five", buckets=40, smooth="ema:0.9")
    assert "the band is of smoothed runs" in interval.told("return/mean ü", "five")["method"]


def test_seeds_one_by_one(ask: Any) -> None:
    answer = ask("two", "p/one0", "three", buckets=10, seeds=1)
    told = answer.header["lines"]
    assert [line["id"] for line in told] == ["p/two1", "p/two0", "p/one0", "p/three2", "p/three1", "p/three0"]
    assert all(line["runs"] == 1 and not line["group"] for line in told)
    assert [line["label"].split(" · ")[-1] for line in told] == [
        *("seed 1", "seed 0", "one-s0", "seed 2", "seed 1", "seed 0")
    ]
    single = ask("p/two1", buckets=10, lo=answer.edges[0], hi=answer.edges[-1])
    for name, column in single.lines["return/mean ü", "p/two1"].items():
        np.testing.assert_array_equal(column, answer.lines["return/mean ü", "p/two1"][name])


def test_a_run_without_a_seed_is_called_by_its_id() -> None:
    group = Line("abc", "ppo", True, ["p/a", "p/b"], {"p/a": None, "p/b": 2.0})
    run = Line("p/b", "b", False, ["p/b"], {})
    assert [(line.id, line.name) for line in one_per_run([group, run])] == [("p/a", "ppo · a"), ("p/b", "ppo · seed 2")]


def test_a_line_without_the_metric_is_left_out(ask: Any) -> None:
    answer = ask("two", "five", "one", metric="only five", buckets=10)
    assert list(answer.lines) == [("only five", "five")]
    nothing = ask("two", metric="only five")
    assert (nothing.header["buckets"], nothing.header["lines"], len(nothing.edges)) == (0, [], 0)
    assert nothing.header["extent"] is None


def test_where_nan_was_logged(ask: Any, points: dict[str, list[Points]]) -> None:
    answer = ask("five", "p/five0", buckets=30)
    edges = answer.edges
    bad = [np.searchsorted(edges, steps[[5, 17]], "right") - 1 for steps, _ in points["five"]]
    assert answer.told("return/mean ü", "five")["nonfinite_at"] == sorted(set(np.concatenate(bad).tolist()))
    assert answer.told("return/mean ü", "five")["nonfinite"] == 10
    assert answer.told("return/mean ü", "p/five0")["nonfinite_at"] == sorted(set(bad[0].tolist()))


def test_an_empty_window_and_one_of_a_point(ask: Any, points: dict[str, list[Points]]) -> None:
    empty = ask("five", "one", buckets=5, lo=1e6, hi=2e6)
    for name in ("five", "one"):
        columns = empty.lines["return/mean ü", name]
        assert columns["count"].tolist() == columns["n"].tolist() == [0] * 5
        assert all(np.isnan(columns[column]).all() for column in ("center", "low", "high"))
        assert empty.told("return/mean ü", name)["points"] == 0
        assert "no points here" in empty.told("return/mean ü", name)["method"]
    steps, values = points["one"][0]
    point = ask("one", buckets=3, lo=steps[50] - 0.25, hi=steps[50] + 0.25)
    columns = point.lines["return/mean ü", "one"]
    assert columns["count"].tolist() == [0, 1, 0]
    assert [columns[column][1] for column in ("center", "low", "high")] == [values[50]] * 3
    assert point.told("return/mean ü", "one")["method"].startswith("one point a bucket")


def test_a_metric_as_x(ask: Any, raw: tuple[httpx.Client, dict[str, list[Points]], Path]) -> None:
    answer = ask("five", "one", x="only one", buckets=10)
    assert list(answer.lines) == [("return/mean ü", "one")]
    wanted = rolltape.open(raw[2]).curve("return/mean ü", ["p/one0"], "only one", None, 10)
    np.testing.assert_array_equal(answer.edges, wanted.edges)
    np.testing.assert_array_equal(answer.lines["return/mean ü", "one"]["center"], wanted.runs["p/one0"].mean)


def test_a_restart_is_a_gap_of_its_run(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="again", name="ppo-s2", id="s", config={"seed": 2}, dir=tapes) as run:
        run.log_batch({"y": np.arange(800.0)}, step=np.arange(800))
    for start in (0, 500):
        with rolltape.init(project="again", name="ppo-s1", id="r", config={"seed": 1}, dir=tapes) as run:
            run.log_batch({"y": np.arange(300.0)}, step=np.arange(start, start + 300))
    answer = read_curve(client.get("/api/curve", params={"metric": "y", "run": "again/r", "buckets": 40}))
    assert answer.told("y", "again/r")["gaps"] == [[299, 500]]
    (group,) = group_runs([info for info in rolltape.open(tapes).runs() if info.project == "again"])
    answer = read_curve(client.get("/api/curve", params={"metric": "y", "group": group.id, "buckets": 40}))
    told = answer.told("y", group.id)
    assert (told["keys"], told["gaps"]) == (["again/r", "again/s"], [])
    middle = (answer.edges[:-1] > 310) & (answer.edges[1:] < 490)
    assert (answer.lines["y", group.id]["n"][middle] == 1).all(), "nothing is interpolated across a restart"


def test_one_step_and_one_nan(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="tiny", id="a", dir=tapes) as run:
        run.log({"y": 2.5, "bad": float("nan")}, step=7)
    answer = read_curve(
        client.get("/api/curve", params={"metric": ["y", "bad"], "run": "tiny/a", "buckets": 4, "smooth": "ema:0.5"})
    )
    assert answer.lines["y", "tiny/a"]["center"].tolist()[0] == 2.5
    assert answer.lines["y", "tiny/a"]["count"].tolist() == [1, 0, 0, 0]
    told = answer.told("bad", "tiny/a")
    assert (told["points"], told["nonfinite"], told["nonfinite_at"]) == (1, 1, [0])
    assert np.isnan(answer.lines["bad", "tiny/a"]["center"]).all()


def test_buckets_stay_while_a_run_goes_on(client: httpx.Client, tapes: Path) -> None:
    with rolltape.init(project="over", name="b-s2", id="b2", config={"seed": 2}, dir=tapes) as run:
        run.log_batch({"y": np.arange(900.0)}, step=np.arange(100, 1000))
    runs = [
        rolltape.init(project="live", name=f"a-s{seed}", id=f"a{seed}", config={"seed": seed}, dir=tapes)
        for seed in range(6)
    ]
    values = np.random.default_rng(0).standard_normal((6, 2000))
    for seed, run in enumerate(runs):
        run.log_batch({"y": values[seed, :1030]}, step=np.arange(1030))
    (group,) = group_runs([info for info in rolltape.open(tapes).runs() if info.project == "live"])

    def ask(x: str = "step", **more: Any) -> CurveFrame:
        return read_curve(
            client.get("/api/curve", params={"metric": "y", "group": group.id, "buckets": 64, "x": x, **more})
        )

    ends = set()
    for upto in range(1030, 1100, 10):
        for seed, run in enumerate(runs):
            for i in range(upto, upto + 10 - seed):
                run.log({"y": values[seed, i]}, i)
        answer = ask()
        ends.add(answer.edges[-1])
        assert answer.header["extent"] == [0, upto + 9]
        wanted = [
            rolltape.open(tapes).curve("y", [f"live/a{seed}"], "step", (0, answer.edges[-1]), 64) for seed in range(6)
        ]
        seeds = np.array(
            [interpolated(curve.runs[f"live/a{seed}"].mean, curve.edges) for seed, curve in enumerate(wanted)]
        )
        columns = answer.lines["y", group.id]
        np.testing.assert_array_equal(columns["n"], (~np.isnan(seeds)).sum(axis=0))
        np.testing.assert_array_equal(
            columns["count"].sum(), sum(c.runs[k].count.sum() for c in wanted for k in c.runs)
        )
        interval = bootstrap_interval(seeds, "iqm")
        enough = columns["n"] >= 5
        np.testing.assert_allclose(columns["low"][enough], interval.low[enough])
        for seed, run in enumerate(runs):
            for i in range(upto + 10 - seed, upto + 10):
                run.log({"y": values[seed, i]}, i)
    assert ends == {1152.0}, "from 1030 to 1152 nothing moves"
    zoomed = ask(lo=10, hi=500.5)
    assert (zoomed.edges[0], zoomed.edges[-1], zoomed.header["extent"]) == (10, 500.5, [0, 1099])
    assert ask("relative").edges[-1] > ask("relative").header["extent"][1]
    for run in runs:
        run.close()
    over = ask()
    assert (over.edges[-1], over.header["extent"]) == (1099, [0, 1099])
    single = read_curve(client.get("/api/curve", params={"metric": "y", "run": "over/b2", "buckets": 10}))
    assert (single.edges[0], single.edges[-1], single.header["extent"]) == (100, 999, [100, 999])


def test_a_run_is_there_at_once(client: httpx.Client, tapes: Path) -> None:
    for number in range(3):
        with rolltape.init(project="new", id=f"r{number}", dir=tapes) as run:
            run.log({"y": 1.0 * number}, step=1)
        answer = read_curve(client.get("/api/curve", params={"metric": "y", "run": f"new/r{number}", "buckets": 4}))
        assert answer.lines["y", f"new/r{number}"]["center"][0] == number


@pytest.mark.parametrize("smooth", ["ema:0.9", "mean:11", "gaussian:5", "median:5"])
def test_a_smoothed_line_is_the_same_at_every_zoom(tapes: Path, smooth: str) -> None:
    with rolltape.init(project="zoom", id="walk", dir=tapes) as run:
        run.log_batch({"m": np.random.default_rng(0).normal(size=4000).cumsum()}, step=np.arange(4000))
    with serve_in_background(tapes, 0) as served, httpx.Client(base_url=served.url, trust_env=False) as client:

        def line(**params: Any) -> Any:
            told = {"metric": "m", "run": "zoom/walk", "smooth": smooth, **params}
            return read_curve(client.get("/api/curve", params=told)).lines["m", "zoom/walk"]["center"]

        whole = line(lo=-0.5, hi=3999.5, buckets=400)
        part = line(lo=1999.5, hi=2999.5, buckets=100)
    np.testing.assert_allclose(part, whole[200:300], atol=0.02)
