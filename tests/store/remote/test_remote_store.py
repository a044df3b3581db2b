"""Whatever a store is asked through a server, the answer is that of the directory there, bit for bit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolltape
from rolltape.cli import main
from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.server import serve_in_background
from rolltape.server.reading import answers
from rolltape.store import Curve, DirectoryStore, Points
from rolltape.store.remote.store import RemoteStore


def bits(points: Points) -> list[tuple[str, bytes]]:
    return [(column.dtype.str, column.tobytes()) for column in points]


def curve_bits(curve: Curve) -> dict[str, Any]:
    runs = {
        key: {name: (column.dtype.str, column.tobytes()) for name, column in _columns(buckets).items()}
        for key, buckets in curve.runs.items()
    }
    return {
        "metric": curve.metric,
        "x": curve.x,
        "exact": curve.exact,
        "edges": curve.edges.tobytes(),
        "runs": runs,
        "order": list(runs),
        "gaps": repr(curve.gaps),
    }


def _columns(buckets: Any) -> dict[str, Any]:
    return {name: getattr(buckets, name) for name in ("count", "mean", "min", "max", "std", "nonfinite")}


def same_json(one: Any, other: Any) -> bool:
    """NaN is NaN here."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def keys(store: DirectoryStore) -> list[str]:
    return [info.key for info in store.runs()]


def test_the_runs(here: DirectoryStore, there: RemoteStore) -> None:
    assert len(here.runs()) == 7
    for project, where in (
        (None, None),
        ("other", None),
        ("cart pole", None),
        ("nothing", None),
        (None, "lr < 1 and seed = 2"),
        ("other", "last.loss > 1"),
        (None, "config.`deep`.`a`.`b` is null"),
        (None, "name like 'ö%' or 'ü' in tags"),
    ):
        told, wanted = there.runs(project, where), here.runs(project, where)
        assert same_json([asdict(info) for info in told], [asdict(info) for info in wanted]), (project, where)
    assert len(there.runs(where="lr < 1 and seed = 2")) == 1
    assert [type(info).__name__ for info in there.runs("cart pole")] == ["RunInfo"] * 2


def test_everything_of_a_run(here: DirectoryStore, there: RemoteStore) -> None:
    assert any("\udcff" in key for key in keys(here))
    for key in keys(here):
        assert same_json(asdict(there.run(key)), asdict(here.run(key)))
        assert there.metrics(key) == here.metrics(key)
        assert there.writers(key) == here.writers(key)
        assert same_json(there.events(key), here.events(key))
        assert repr(there.summaries(key)) == repr(here.summaries(key))
    assert there.run("s1").key == there.run("cart pole/s1").key == "cart%20pole/s1"
    assert len(there.writers("resumed")) == 2


def test_every_point(here: DirectoryStore, there: RemoteStore) -> None:
    seen = 0
    for key in keys(here):
        for metric in here.metrics(key):
            points = there.points(key, metric)
            assert bits(points) == bits(here.points(key, metric)), (key, metric)
            seen += len(points.step)
    assert seen > 200_000
    assert bits(there.points("strange", "a b/ü&=+%#?"))[0][1] == bits(here.points("strange", "loss"))[0][1]


@pytest.mark.parametrize("resumed", ["all", "latest"])
@pytest.mark.parametrize("x", ["step", "time", "relative", "process", "episodes"])
def test_scanning(here: DirectoryStore, there: RemoteStore, x: str, resumed: Any) -> None:
    for run in ("s1", "resumed"):
        axis = np.concatenate([x_of for x_of, _ in here.scan(run, "loss", x)])
        middle = tuple(map(float, np.nanquantile(axis, [0.25, 0.7])))
        for window in (None, middle):
            blocks = [list(store.scan(run, "loss", x, window, resumed)) for store in (here, there)]
            xs = [np.concatenate([x_of for x_of, _ in of]).tobytes() for of in blocks]
            whole = [
                [np.concatenate(column).tobytes() for column in zip(*(p for _, p in of), strict=True)] for of in blocks
            ]
            assert xs[0] == xs[1]
            assert whole[0] == whole[1]
            assert len(xs[0]) > 0


def test_a_window_without_points(here: DirectoryStore, there: RemoteStore) -> None:
    window = (0.25, 0.75)
    assert list(there.scan("s1", "loss", "step", window)) == list(here.scan("s1", "loss", "step", window)) == []


def test_blocks_are_of_limited_size(there: RemoteStore) -> None:
    sizes = [len(x) for x, _ in there.scan("strange", "long")]
    assert sum(sizes) == 200_000
    assert max(sizes) == answers.ROWS


def test_a_scan_that_is_given_up_leaves_the_store_as_it_was(there: RemoteStore) -> None:
    for _ in range(50):  # more than there may be at one time
        blocks = there.scan("strange", "long")
        next(blocks)
        del blocks
        there.scan("strange", "long")
    assert there.run("strange").points == 200_012


AXES = st.sampled_from(["step", "time", "relative", "process", "episodes", "loss"])
WINDOW = st.none() | st.tuples(st.floats(-1e3, 500), st.floats(501, 1e9))


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    metrics=st.lists(st.sampled_from(["loss", "episodes", "long", "nothing"]), max_size=3),
    runs=st.none()
    | st.lists(st.sampled_from(["s1", "s2", "other/resumed", "strange", "one point", "empty"]), max_size=4),
    x=AXES,
    window=WINDOW,
    buckets=st.sampled_from([1, 2, 7, 100, 1000]),
    exact=st.booleans(),
    resumed=st.sampled_from(["all", "latest"]),
)
def test_curves(here: DirectoryStore, there: RemoteStore, metrics: Any, **how: Any) -> None:
    def tell(ask: Callable[[], dict[str, Curve]]) -> Any:
        try:
            return {metric: curve_bits(curve) for metric, curve in ask().items()}
        except StoreError as error:
            return type(error), str(error)

    assert tell(lambda: there.curves(metrics, **how)) == tell(lambda: here.curves(metrics, **how))
    for metric in metrics:
        one = [tell(lambda store=store, metric=metric: {metric: store.curve(metric, **how)}) for store in (here, there)]
        assert one[0] == one[1]


def test_gaps_of_a_run_that_was_resumed(here: DirectoryStore, there: RemoteStore) -> None:
    curve = there.curve("loss", ["resumed"])
    assert curve.gaps == here.curve("loss", ["resumed"]).gaps
    assert curve.gaps["other/resumed"][0].before == 599.0


@pytest.mark.parametrize("x", ["step", "episodes", "relative"])
def test_an_answer_that_is_made_in_pieces(
    here: DirectoryStore, there: RemoteStore, x: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rolltape.server.reading import questions

    metrics = ["loss", "episodes", "long", "nothing"]
    for window in (None, (100.0, 500.0)):
        for most in (40, 130, 450):
            with monkeypatch.context() as small:
                small.setattr(questions, "MOST_VALUES", most)
                small.setattr(answers, "MOST_VALUES", most)
                told = there.curves(metrics, None, x, window, 30)
                alone = there.curve("loss", ["s2", "s1", "resumed", "one point"], x, window, 30)
            wanted = here.curves(metrics, None, x, window, 30)
            assert list(told) == list(wanted)
            for metric, curve in wanted.items():
                assert {**curve_bits(told[metric]), "order": 0} == {**curve_bits(curve), "order": 0}
            same = here.curve("loss", ["s2", "s1", "resumed", "one point"], x, window, 30)
            assert curve_bits(alone) == curve_bits(same)
    with monkeypatch.context() as small:
        small.setattr(questions, "MOST_VALUES", 40)
        small.setattr(answers, "MOST_VALUES", 40)
        for bad in ({"metric": "nothing"}, {"metric": "loss", "x": "no axis"}):
            assert error_of(lambda bad=bad: there.curve(**bad)) == error_of(lambda bad=bad: here.curve(**bad))


def error_of(ask: Callable[[], object]) -> tuple[type[Exception], str]:
    with pytest.raises(StoreError) as caught:
        ask()
    return type(caught.value), str(caught.value)


def test_a_curve_over_a_thousand_runs(tmp_path: Path) -> None:
    root = tmp_path / "many"
    with rolltape.init(project="p", id="0", dir=root) as run:
        run.log_batch({"loss": np.arange(5.0)})
    for number in range(1, 1000):
        copy = root / "p" / (f"{number:04d}-" + "long-" * 20)
        copy.mkdir()
        for file in (root / "p" / "0").iterdir():
            if file.is_file():
                os.link(file, copy / file.name)
    with serve_in_background(root, 0) as served:
        there = rolltape.open(served.url)
        named = [info.key for info in there.runs()]
        assert len(set(named)) == 1000 and len("".join(named)) > 100_000
        curve = there.curve("loss", named, buckets=5)
        assert {key: list(buckets.count) for key, buckets in curve.runs.items()} == dict.fromkeys(named, [1] * 5)
        assert len(there.curve("loss", buckets=5).runs) == 1000


WRONG: list[Callable[[Any], object]] = [
    lambda store: store.run("nothing"),
    lambda store: store.run(""),
    lambda store: store.metrics("../other"),
    lambda store: store.writers("nothing"),
    lambda store: store.events("nothing"),
    lambda store: store.summaries("nothing"),
    lambda store: store.points("nothing", "loss"),
    lambda store: store.points("s1", "nothing"),
    lambda store: store.points("s1", ""),
    lambda store: store.points("strange", "only a text"),
    lambda store: store.scan("s1", "nothing"),
    lambda store: store.scan("s1", "loss", window=(3.0, 1.0)),
    lambda store: store.scan("s1", "loss", window=(0.0, float("inf"))),
    lambda store: store.scan("s1", "loss", resumed="some"),
    lambda store: store.curve("nothing"),
    lambda store: store.curve("only a text"),
    lambda store: store.curve("loss", ["s1", "nothing"]),
    lambda store: store.curve("loss", ["\ud800"]),
    lambda store: store.curve("loss", x="nothing"),
    lambda store: store.curve("loss", buckets=0),
    lambda store: store.curve("loss", buckets=100_001),
    lambda store: store.curve("loss", window=(float("nan"), 1.0)),
    lambda store: store.curve("loss", resumed="some"),
    lambda store: store.runs(where="lr <"),
    lambda store: store.frame(["nothing"]),
    lambda store: store.frame(["s1"], ["nothing"]),
]


@pytest.mark.parametrize("ask", WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_cannot_be_answered_is_said_in_the_same_words(
    here: DirectoryStore, there: RemoteStore, ask: Callable[[Any], object]
) -> None:
    kind, sentence = error_of(lambda: ask(there))
    wanted, words = error_of(lambda: ask(here))
    assert kind is wanted
    assert sentence.encode("utf-8", "replace") == words.encode("utf-8", "replace")
    assert kind in (StoreError, RunNotFound, MetricNotFound)


@pytest.mark.parametrize("name", ["\udcff", "\ud800", "a\0b", "\n"])
def test_names_that_nothing_has(there: RemoteStore, name: str) -> None:
    with pytest.raises(RunNotFound, match="there is no run"):
        there.run(name)
    with pytest.raises(MetricNotFound, match="run cart%20pole/s1 has no metric"):
        there.scan("s1", name)
    assert there.runs(name) == []


def test_a_frame(here: DirectoryStore, there: RemoteStore) -> None:
    pa = pytest.importorskip("pyarrow")
    for how in ({}, {"runs": ["strange", "s1"], "metrics": ["loss"]}):
        one, other = pa.table(there.frame(**how)), pa.table(here.frame(**how))
        assert one.num_rows == other.num_rows > 0
        assert one.drop(["value"]).combine_chunks().equals(other.drop(["value"]).combine_chunks())
        assert one["value"].to_numpy().tobytes() == other["value"].to_numpy().tobytes()


def test_in_a_notebook(here: DirectoryStore, there: RemoteStore) -> None:
    assert there._repr_html_() == here._repr_html_()


COMMANDS: list[list[str]] = [
    ["ls", "DIR"],
    ["ls", "DIR", "--where", "seed = 1", "--json"],
    ["show", "s1", "--dir", "DIR"],
    ["show", "resumed", "--dir", "DIR", "--json"],
    ["export", "DIR", "-o", "-", "--metric", "loss"],
    ["export", "DIR", "--run", "strange", "-o", "-", "--format", "jsonl"],
    ["sql", "select run, metric, count(*), max(value) from points group by all order by all", "DIR"],
    ["sql", "select run, key, value from config order by all", "DIR"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=[" ".join(command[:3]) for command in COMMANDS])
def test_the_commands(
    command: list[str], recorded: Path, there: RemoteStore, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    if command[0] == "sql":
        pytest.importorskip("duckdb")
    told = []
    for place in (str(recorded), there.root):
        assert main([place if word == "DIR" else word for word in command]) == 0
        told.append(capfdbinary.readouterr().out)
    assert told[0] == told[1] != b""


def test_a_run_that_is_written_meanwhile(tapes: Path) -> None:
    run = rolltape.init(project="p", id="live")
    run.log({"loss": 0.0})
    with serve_in_background(tapes, 0) as served:
        there = rolltape.open(served.url)
        for count in range(2, 5):
            run.log({"loss": float(count)})
            assert there.run("live").status == "running"
            assert len(there.points("live", "loss").step) == count
        run.close()
        assert there.run("live").status == "finished"


@pytest.fixture(autouse=True)
def no_line_is_left_open() -> Iterator[None]:
    """Sockets that are left to the garbage collector are told by it, which fails the test."""
    import gc

    yield
    gc.collect()
