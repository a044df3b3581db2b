"""The same runs read from their tapes and from ClickHouse: runs, metrics, points and curves are equal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from chdb_server import is_here, running
from cluster import Cluster, missing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolltape
from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.store.clickhouse.client import Client
from rolltape.store.clickhouse.load import Loader
from rolltape.store.clickhouse.store import ClickHouseStore
from rolltape.store.directory import DirectoryStore
from rolltape.store.model import Curve, Points, RunInfo

NASTY = "'; drop table points; -- {p0} \\ ü\n"
LONG = 90_000  # points: two levels of entries above the first


def record(root: Path) -> None:
    """Runs that differ in what makes stores differ."""
    rng = np.random.default_rng(7)
    with rolltape.init(project="p", name="long", config={"lr": 1e-3, "net": {"depth": 3}}, dir=root) as run:
        steps = np.arange(LONG)
        value = rng.normal(size=LONG).cumsum()
        value[5000:5100] = math.nan
        value[7000] = math.inf
        for start in range(0, LONG, 30_000):
            stop = start + 30_000
            run.log_batch({"loss": value[start:stop], "odd": value[start:stop] ** 2}, step=steps[start:stop])
        run.log_batch({"env_steps": np.arange(LONG, dtype=float) * 8}, step=steps)
        run.log({"rare": 1.0, "rare2": 2.0}, step=17)
        run.log({"rare": 3.0}, step=18)
        run.log({"note": "hello"}, step=3)
    for number in range(3):
        with rolltape.init(project="p", name=f"short{number}", config={"lr": 10.0**-number}, dir=root) as run:
            for step in range(700 + 64 * number):
                run.log({"loss": math.sin(step / 50) + number, "reward": float(step)}, step=step * 2)
                if step % 100 == 7:
                    run.log({"loss": math.nan, NASTY: 1.0}, step=step * 2)
    with rolltape.init(project="p", name="mixed", dir=root) as run:  # frames with and without a generation in turns
        for turn in range(4):
            for step in range(100):
                run.log({"loss": turn + step / 100}, step=1000 * turn + step)
            run.log_batch({"loss": rng.normal(size=20_000)}, step=np.arange(20_000) + 1000 * turn)
    with rolltape.init(project=NASTY, name="evil", tags=["a'b"], dir=root) as run:
        run.log_batch({NASTY: rng.normal(size=300), "loss": rng.normal(size=300)}, step=np.arange(300))
    first = rolltape.init(project="p", name="resumed", dir=root)
    for step in range(2000):
        first.log({"loss": step / 7, "other": 1.0}, step=step)
    first.close()
    with rolltape.init(project="p", id=first.id, dir=root) as run:
        for step in range(1500, 3000):
            run.log({"loss": -step / 7}, step=step)


class Both:
    """One set of runs in two stores."""

    def __init__(self, root: Path, address: str) -> None:
        self.root = root
        self.address = address
        load(root, address)
        self.local = local_store(root)
        self.there = ClickHouseStore(address)

    @property
    def keys(self) -> list[str]:
        return [info.key for info in self.local.runs()]


def local_store(root: Path) -> DirectoryStore:
    """Without index files, whose entries have wider bounds than those that are made: then curves are the same bits."""
    store = DirectoryStore(root)
    store._followed._index_places = lambda _: []  # type: ignore[method-assign]
    return store


def load(root: Path, address: str) -> None:
    loader = Loader(root, address)
    loader.load(patience=5)
    assert loader.problems == []
    loader.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recorded") / "tapes"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLTAPE_STRICT", "1")
        patch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("rolltape.recording.init.git_dirty", lambda _: None)
        record(root)
    return root


@pytest.fixture(scope="module", params=["chdb", "cluster"])
def both(request: pytest.FixtureRequest, recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    if request.param == "chdb":
        if not is_here():
            pytest.skip("chdb is not installed")
        with running(tmp_path_factory.mktemp("chdb")) as port:
            yield Both(recorded, f"clickhouse://127.0.0.1:{port}/rl")
    else:
        if missing():
            pytest.skip(f"no cluster: {', '.join(missing())} missing")
        cluster: Cluster = request.getfixturevalue("_servers")
        cluster.start_all()
        yield Both(recorded, cluster.url("reading"))


def same_points(a: Points, b: Points) -> None:
    assert a.step.tolist() == b.step.tolist()
    assert a.time.tolist() == b.time.tolist()
    assert a.value.view(np.int64).tolist() == b.value.view(np.int64).tolist()


def same_curve(a: Curve, b: Curve) -> None:
    """Bit for bit: the same entries and points go through the same code."""
    assert (a.metric, a.x, a.exact) == (b.metric, b.x, b.exact)
    assert a.edges.tolist() == b.edges.tolist()
    assert list(a.runs) == list(b.runs)
    assert a.gaps == b.gaps
    for key, one in a.runs.items():
        for field in dataclasses.fields(one):
            mine, other = getattr(one, field.name), getattr(b.runs[key], field.name)
            np.testing.assert_array_equal(mine, other, err_msg=f"{key} {field.name}")


def test_runs_are_the_same(both: Both) -> None:
    assert both.there.runs() == both.local.runs()
    assert both.there.runs("p") == both.local.runs("p")
    assert both.there.runs(NASTY) == both.local.runs(NASTY)
    assert both.there.runs("no such") == []


@pytest.mark.parametrize(
    "where",
    [
        "lr < 0.5",
        "status = 'finished' and project = 'p'",
        "last.loss > 1",
        "net.depth = 3 or name ~ 'evil'",
        "lr = null",
    ],
)
def test_where_is_the_same_language(both: Both, where: str) -> None:
    def asked(store: DirectoryStore | ClickHouseStore) -> object:
        try:
            return store.runs(where=where)
        except StoreError as error:
            return str(error)

    assert asked(both.there) == asked(both.local)


def test_a_run_is_found_as_in_a_directory(both: Both) -> None:
    for info in both.local.runs():
        for name in (info.key, info.id, f"{info.project}/{info.id}"):
            assert both.there.run(name) == both.local.run(name)


def test_metrics_writers_and_events_are_the_same(both: Both) -> None:
    for key in both.keys:
        assert both.there.metrics(key) == both.local.metrics(key)
        assert both.there.writers(key) == both.local.writers(key)
        assert both.there.events(key) == both.local.events(key)


def test_summaries_are_the_same(both: Both) -> None:
    for key in both.keys:
        mine, other = both.there.summaries(key), both.local.summaries(key)
        assert [one.metric for one in mine] == [one.metric for one in other]
        for a, b in zip(mine, other, strict=True):
            assert a == dataclasses.replace(b, mean=a.mean)
            assert a.mean == pytest.approx(b.mean, rel=1e-12, abs=1e-12)  # summed in another order


def test_points_are_the_same_bit_for_bit(both: Both) -> None:
    for key in both.keys:
        for metric in both.local.metrics(key):
            same_points(both.there.points(key, metric), both.local.points(key, metric))


@pytest.mark.parametrize("x", ["step", "time", "relative", "process", "env_steps", "reward"])
@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("resumed", ["all", "latest"])
def test_curves_are_the_same_bit_for_bit(both: Both, x: str, exact: bool, resumed: rolltape.store.Resumed) -> None:
    for buckets in (1, 30, 1000):
        asked = {"x": x, "buckets": buckets, "exact": exact, "resumed": resumed}
        same_curve(both.there.curve("loss", **asked), both.local.curve("loss", **asked))  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ends=st.tuples(st.integers(-10, LONG), st.integers(1, 20_000)),
    buckets=st.sampled_from([1, 7, 200]),
    exact=st.booleans(),
    resumed=st.sampled_from(["all", "latest"]),
)
def test_windows_are_the_same(
    both: Both, ends: tuple[int, int], buckets: int, exact: bool, resumed: rolltape.store.Resumed
) -> None:
    window = ends[0] + 0.5, ends[0] + ends[1]
    if window[0] >= window[1]:
        return
    mine = both.there.curve("loss", window=window, buckets=buckets, exact=exact, resumed=resumed)
    same_curve(mine, both.local.curve("loss", window=window, buckets=buckets, exact=exact, resumed=resumed))


@pytest.mark.parametrize("x", ["step", "relative", "env_steps"])
def test_windows_on_other_axes_are_the_same(both: Both, x: str) -> None:
    whole = both.local.curve("loss", x=x, buckets=4).edges
    for window in ((whole[1], whole[2]), (whole[2] + (whole[3] - whole[2]) / 100, whole[3])):
        for exact in (False, True):
            asked = {"x": x, "window": tuple(map(float, window)), "buckets": 50, "exact": exact}
            same_curve(both.there.curve("loss", **asked), both.local.curve("loss", **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [None, (100.0, 140.0), (29_990.0, 61_000.5), (1e9, 2e9)])
@pytest.mark.parametrize("resumed", ["all", "latest"])
def test_a_scan_gives_the_same_points(
    both: Both, window: tuple[float, float] | None, resumed: rolltape.store.Resumed
) -> None:
    for key in both.keys:
        a, b = (list(store.scan(key, "loss", window=window, resumed=resumed)) for store in (both.there, both.local))
        for found in (a, b):
            found.append((np.empty(0), Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))))
        same_points(_joined([points for _, points in a]), _joined([points for _, points in b]))
        assert np.concatenate([x for x, _ in a]).tolist() == np.concatenate([x for x, _ in b]).tolist()


def _joined(parts: Sequence[Points]) -> Points:
    return Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def test_a_level_below_the_fitting_one_is_asked_for_when_it_is_needed(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing depends on what is asked for at once: without it the answers are the same."""
    key = next(info.key for info in both.local.runs() if info.name == "long")
    monkeypatch.setattr("rolltape.store.clickhouse.tapes_of.fitting_level", lambda counts, *_: len(counts) - 1)
    monkeypatch.setattr("rolltape.store.clickhouse.tapes_of.FEW", 0)
    monkeypatch.setattr("rolltape.store.clickhouse.entries._FEW", 10)
    for exact in (False, True):
        asked = {"runs": [key], "buckets": 700, "exact": exact}
        same_curve(both.there.curve("loss", **asked), both.local.curve("loss", **asked))  # type: ignore[arg-type]


def test_a_chart_of_all_runs_takes_few_questions(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    columns = Client.columns

    def counting(self: Client, sql: str, *rest: object) -> object:
        asked.append(sql)
        return columns(self, sql, *rest)  # type: ignore[arg-type]

    both.there.curve("loss")
    monkeypatch.setattr(Client, "columns", counting)
    both.there.curve("loss", runs=[info.key for info in both.local.runs() if info.name.startswith("short")])
    shards = len(both.there.address.hosts)
    assert len(asked) <= 4 * shards  # runs, metrics, entries, points


def test_rows_that_are_there_twice_change_nothing(both: Both) -> None:
    runs, curve = both.there.runs(), both.there.curve("loss", buckets=300)
    for client in both.there._clients:
        for table in ("points", "entries", "metrics", "runs", "events"):
            client.execute(f"INSERT INTO {table} SELECT * FROM {table}")
    see_the_same(both, runs, curve)


def test_a_second_delivery_changes_nothing(both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLTAPE_CACHE_DIR", str(tmp_path / "another"))  # whoever loads knows of no earlier time
    runs, curve = both.there.runs(), both.there.curve("loss", buckets=300)
    load(both.root, both.address)
    see_the_same(both, runs, curve)


def see_the_same(both: Both, runs: list[RunInfo], curve: Curve) -> None:
    again = ClickHouseStore(both.address)
    assert again.runs() == runs
    same_curve(again.curve("loss", buckets=300), curve)
    for key in both.keys:
        assert again.events(key) == both.local.events(key)
        for metric in both.local.metrics(key):
            same_points(again.points(key, metric), both.local.points(key, metric))
    test_summaries_are_the_same(both)


def test_what_is_not_there_is_told(both: Both) -> None:
    for question in (both.there.run, both.there.metrics, both.there.summaries, both.there.events, both.there.writers):
        with pytest.raises(RunNotFound, match=r"no run .*; drop"):
            question("'; drop")
    key = both.keys[0]
    with pytest.raises(MetricNotFound, match="has no metric 'nix'"):
        both.there.points(key, "nix")
    with pytest.raises(MetricNotFound, match="none of the runs has a metric 'nix'"):
        both.there.curve("nix")
    with pytest.raises(MetricNotFound, match="x must be one of"):
        both.there.curve("loss", x="nix")
    with pytest.raises(StoreError, match="window"):
        both.there.curve("loss", window=(2.0, 1.0))
    long = next(info.key for info in both.local.runs() if info.name == "long")
    with pytest.raises(MetricNotFound, match="but text of that name"):
        both.there.points(long, "note")


def test_a_name_is_data(both: Both) -> None:
    key = next(info.key for info in both.local.runs() if info.name == "evil")
    same_curve(both.there.curve(NASTY, buckets=10), both.local.curve(NASTY, buckets=10))
    same_curve(both.there.curve("loss", x=NASTY, runs=[key]), both.local.curve("loss", x=NASTY, runs=[key]))


def test_another_database_is_told(both: Both) -> None:
    with pytest.raises(StoreError, match="nix"):
        ClickHouseStore(both.address.replace("/rl", "/nix").replace("/reading", "/nix"))


def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1 does not answer"):
        ClickHouseStore("clickhouse://127.0.0.1:1/rl")


def test_a_live_run_is_read_with_its_head(both: Both, tmp_path: Path) -> None:
    root = tmp_path / "live"
    run = rolltape.init(project="live", name="now", dir=root)
    key = f"live/{run.id}"
    for upto in (10, 100, 5000, 5001):
        for step in range(upto - 10 if upto > 10 else 0, upto):
            run.log({"loss": float(step), "other": 1.0}, step=step)
        if upto == 5000:
            run._writer.flush()
        load(root, both.address)
        local, there = local_store(root), ClickHouseStore(both.address)
        same_points(there.points(key, "loss"), local.points(key, "loss"))
        same_curve(there.curve("loss", runs=[key], buckets=20), local.curve("loss", runs=[key], buckets=20))
        assert there.run(key).status == "running"
        assert there.run(key).points == local.run(key).points
    run.close()
    load(root, both.address)
    assert ClickHouseStore(both.address).run(key) == DirectoryStore(root).run(key)
