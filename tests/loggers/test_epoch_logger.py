"""Store, then log: raw values on the tape at once, the table as a view, and an epoch that nothing can end."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolltape
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers import CSVLogger, EpochLogger, Logger, setup_logger_kwargs
from rolltape.recording import put


@pytest.fixture
def logger(tmp_path: Path, tapes: Path) -> EpochLogger:
    return EpochLogger(rolltape.init(id="r"), tmp_path / "out")


def points(metric: str) -> list[tuple[int, float]]:
    """(step, value) of everything recorded under a name."""
    found = rolltape.open().points("r", metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def table(tmp_path: Path) -> list[list[str]]:
    return [line.split("\t") for line in (tmp_path / "out" / "progress.txt").read_text().splitlines()]


def test_what_is_stored_is_on_the_tape_before_the_epoch_ends(logger: EpochLogger) -> None:
    logger.store(EpRet=10.0, EpLen=20)
    logger.store(EpRet=12.0, EpLen=25)
    assert points("EpRet") == [(20, 10.0), (45, 12.0)]
    assert points("EpLen") == [(20, 20.0), (45, 25.0)]


def test_kill_in_mid_epoch_loses_nothing(script: Callable[..., Any], tapes: Path, tmp_path: Path) -> None:
    recorder = script(
        """
        import os
        import rolltape
        from rolltape.loggers import EpochLogger

        logger = EpochLogger(rolltape.init(id="r"), os.environ["OUT"])
        for episode in range(1000):
            logger.store(EpRet=float(episode), EpLen=2)
        print("stored")
        input()
        """,
        OUT=str(tmp_path / "out"),
    )
    while recorder.line() != "stored":
        pass
    recorder.kill(signal.SIGKILL)
    assert points("EpRet") == [(2 * (i + 1), float(i)) for i in range(1000)]


def test_steps_follow_episodes_and_the_table(logger: EpochLogger) -> None:
    logger.store(VVals=0.5)  # nothing has told of steps yet: rows are counted
    logger.store(VVals=0.6)
    logger.store(EpRet=1.0, EpLen=30)
    logger.store(VVals=0.7)
    logger.log_tabular("Epoch", 0)
    logger.log_tabular("TotalEnvInteracts", np.int64(50))
    logger.dump_tabular()
    logger.store(EpRet=2.0, EpLen=10)
    logger.store(EpRet=3.0, EpLen=np.array([5, 5]))  # two environments
    assert points("VVals") == [(0, 0.5), (1, 0.6), (30, 0.7)]
    assert points("EpRet") == [(30, 1.0), (60, 2.0), (70, 3.0)]
    assert points("Epoch") == [(50, 0.0)]
    for strange in ("many", 10**30):
        logger.log_tabular("TotalEnvInteracts", strange)
        with pytest.warns(RolltapeWarning, match="makes no number of steps"):
            logger.dump_tabular()
    for strange in ("five", 10**30):
        with pytest.warns(RolltapeWarning, match="EpLen makes no number of steps"):
            logger.store(EpLen=strange)
    logger.store(EpRet=4.0, EpLen=5)
    assert points("EpRet")[-1] == (75, 4.0)


def test_the_table_is_on_the_tape_under_its_own_names_but_no_point_twice(logger: EpochLogger) -> None:
    logger.store(EpRet=1.0, EpLen=10)
    logger.store(EpRet=3.0, EpLen=20)
    logger.log_tabular("EpRet", with_min_and_max=True)
    logger.log_tabular("EpLen", average_only=True)  # a column with the name of the raw values
    logger.log_tabular("LossPi", -0.5)
    logger.log_tabular("Note", "warm-up")
    logger.dump_tabular()
    assert points("AverageEpRet") == [(30, 2.0)]
    assert points("StdEpRet") == [(30, 1.0)]
    assert points("MaxEpRet") == [(30, 3.0)]
    assert points("MinEpRet") == [(30, 1.0)]
    assert points("EpLen") == [(10, 10.0), (30, 20.0)], "not the average among the lengths of episodes"
    assert points("LossPi") == [(30, -0.5)]
    assert [(e["name"], e["text"]) for e in rolltape.open().events("r")] == [("Note", "warm-up")]


def test_both_styles_end_in_the_same_points(tapes: Path, tmp_path: Path) -> None:
    stored, written = rolltape.init(id="stored"), rolltape.init(id="written")
    logger = EpochLogger(stored, tmp_path / "out")
    rng = np.random.default_rng(0)
    steps = 0
    for epoch in range(3):
        for _ in range(40):
            episode_return, episode_length = rng.normal(), int(rng.integers(5, 50))
            steps += episode_length
            logger.store(EpRet=episode_return, EpLen=episode_length)
            written.log({"EpRet": episode_return, "EpLen": episode_length}, step=steps)
        logger.log_tabular("Epoch", epoch)
        logger.log_tabular("EpRet", with_min_and_max=True)
        logger.log_tabular("EpLen", average_only=True)
        logger.dump_tabular()
    store = rolltape.open()
    for metric in ("EpRet", "EpLen"):
        one, other = store.points("stored", metric), store.points("written", metric)
        assert np.array_equal(one.step, other.step)
        assert np.array_equal(one.value, other.value)
    curve = store.curve("EpRet", runs=["stored", "written"], buckets=3)
    a, b = curve.runs.values()
    assert np.array_equal(a.mean, b.mean)
    averages = store.points("stored", "AverageEpRet").value
    epochs = store.points("written", "EpRet").value.reshape(3, 40)
    assert np.allclose(averages, epochs.mean(1), rtol=1e-6), "the table is a view of the raw points"


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, width=32), max_size=8),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_statistics_of_every_epoch(tmp_path: Path, epochs: list[list[float]]) -> None:
    logger = EpochLogger(output_dir=tmp_path / "out")
    for values in epochs:
        for value in values:
            logger.store(X=value)
        logger.log_tabular("X", with_min_and_max=True)
        logger.dump_tabular()
    header, *rows = table(tmp_path)
    assert header == ["AverageX", "StdX", "MaxX", "MinX"]
    for values, row in zip(epochs, rows, strict=True):
        if not values:
            assert row == [""] * 4
        else:
            expected = [np.mean(values), np.std(values), np.max(values), np.min(values)]
            assert np.allclose([float(cell) for cell in row], expected, rtol=1e-4, atol=0.2)


def test_arrays_and_numbers_mix_and_stay_as_they_were_stored(logger: EpochLogger, tmp_path: Path) -> None:
    buffer = np.array([1.0, 3.0])
    logger.store(Q=buffer)
    buffer[:] = 100.0
    logger.store(Q=8.0)
    logger.log_tabular("Q", with_min_and_max=True)
    logger.dump_tabular()
    assert table(tmp_path)[1] == ["4.0", "2.9439204", "8.0", "1.0"]
    assert points("Q") == [(0, 1.0), (0, 3.0), (1, 8.0)]


def test_what_is_no_number_has_no_statistics(tmp_path: Path) -> None:
    logger = EpochLogger(rolltape.init(id="r"), tmp_path / "out")
    logger.store(Note="hello")
    with pytest.warns(RolltapeWarning, match="Note has no statistics"):
        logger.log_tabular("Note", average_only=True)
    logger.dump_tabular()
    assert table(tmp_path) == [["Note"], [""]]
    strict = EpochLogger(output_dir=tmp_path / "strict", strict=True)
    strict.store(Note="hello")
    with pytest.raises(ValueError, match="could not convert"):
        strict.log_tabular("Note")


def test_a_key_that_comes_late_gets_its_column(logger: EpochLogger, tmp_path: Path) -> None:
    logger.log_tabular("A", 1)
    logger.dump_tabular()
    with pytest.warns(RolltapeWarning, match="introduce a new key B"):
        logger.log_tabular("B", 2)
    logger.dump_tabular()
    logger.log_tabular("B", 3)  # told once
    logger.log_tabular("A", 4)
    logger.dump_tabular()
    assert table(tmp_path) == [["A", "B"], ["1", ""], ["", "2"], ["4", "3"]]
    assert points("B") == [(1, 2.0), (2, 3.0)]


def test_a_key_set_twice_keeps_both_values_on_the_tape(logger: EpochLogger, tmp_path: Path) -> None:
    logger.log_tabular("A", 1)
    with pytest.warns(RolltapeWarning, match="already set A"):
        logger.log_tabular("A", 2)
    logger.dump_tabular()
    assert table(tmp_path) == [["A"], ["2"]]
    assert [value for _, value in points("A")] == [1.0, 2.0]


def test_what_ends_the_original_does_not_end_training(logger: EpochLogger, tmp_path: Path) -> None:
    logger.dump_tabular()  # without any key
    mean, std = logger.get_stats("Never")
    assert np.isnan(mean)
    assert np.isnan(std)
    logger.log_tabular("Array", np.array([1.0, 2.0]))
    logger.dump_tabular()
    assert table(tmp_path) == [["Array"], ["[1. 2.]"]]


def test_an_earlier_table_is_kept(tmp_path: Path) -> None:
    for i in range(3):
        logger = EpochLogger(output_dir=tmp_path / "out")
        logger.log_tabular("Run", i)
        logger.dump_tabular()
    names = ["progress.txt.1", "progress.txt.2", "progress.txt"]
    assert [(tmp_path / "out" / name).read_text() for name in names] == [f"Run\n{i}\n" for i in range(3)]


def test_key_sets_take_turns(logger: EpochLogger) -> None:
    for i in range(50):
        logger.store(LossQ=float(i), Q1=2.0 * i)
        logger.store(Q1=2.0 * i + 1, LossQ=-1.0)  # the same keys in another order
        logger.store(LossPi=float(i))
        logger.store()
        logger.store(EpRet=float(i), EpLen=1)
    assert [value for _, value in points("LossQ")] == [v for i in range(50) for v in (float(i), -1.0)]
    assert [value for _, value in points("Q1")] == [float(i) for i in range(100)]
    assert points("LossPi") == [(2, 0.0), *((i, float(i)) for i in range(1, 50))], "rows are counted before EpLen"
    assert logger.epoch_dict["LossPi"] == [float(i) for i in range(50)]
    assert points("EpRet") == [(i + 1, float(i)) for i in range(50)]


def test_strange_values_go_the_general_way_and_back(logger: EpochLogger) -> None:
    logger.store(EpRet=1.0, EpLen=5)
    logger.store(EpRet=np.float32(2.0), EpLen=np.int64(5))
    logger.store(EpRet=np.array([3.0, 4.0]), EpLen=[5, 5])
    logger.store(EpRet=5.0, EpLen=5)
    with pytest.warns(RolltapeWarning, match="EpLen makes no number of steps"):
        logger.store(EpRet=6.0, EpLen="five")
    assert points("EpRet") == [(5, 1.0), (10, 2.0), (20, 3.0), (20, 4.0), (25, 5.0), (25, 6.0)]
    assert type(logger.steps) is int


def test_many_rows_fill_the_head(logger: EpochLogger) -> None:
    for i in range(30_000):
        logger.store(A=float(i), EpLen=1)
    assert points("A") == [(i + 1, float(i)) for i in range(30_000)]
    assert logger.epoch_dict["A"] == [float(i) for i in range(30_000)]


def test_the_function_made_for_a_key_set_is_used(logger: EpochLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    if not put.GIL:
        pytest.skip("without a GIL every row goes the general way, under a lock")
    logger.store(A=1.0, EpLen=1)
    calls: list[Any] = []
    monkeypatch.setattr(EpochLogger, "store_any", lambda _, values: calls.append(values))
    logger.store(A=2.0, EpLen=1)
    assert calls == []
    logger.store(A="text", EpLen=1)
    assert len(calls) == 1


def test_a_subclass_may_override_store(tmp_path: Path) -> None:
    class Counting(EpochLogger):
        calls = 0

        def store(self, **values: Any) -> None:
            self.calls += 1
            super().store(**values)

    logger = Counting(rolltape.init(id="r"), tmp_path / "out")
    for _ in range(3):
        logger.store(A=1.0)
    assert logger.calls == 3
    assert points("A") == [(0, 1.0), (1, 1.0), (2, 1.0)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_stores_too(logger: EpochLogger) -> None:
    logger.store(A=1.0)
    child = os.fork()
    if not child:
        logger.store(A=2.0)
        logger.store(A=3.0)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    logger.store(A=4.0)
    assert sorted(value for _, value in points("A")) == [1.0, 2.0, 3.0, 4.0]


def test_it_is_a_logger_and_takes_any(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    logger = EpochLogger(CSVLogger(path), tmp_path / "out")
    assert isinstance(logger, Logger)
    logger.write({"EpRet": 1.0, "EpLen": 3})
    logger.store(EpRet=2.0, EpLen=4)
    logger.log_tabular("EpRet", average_only=True)
    logger.log_tabular("Epoch", 0)
    logger.dump_tabular()
    logger.close()
    assert path.read_text().split() == ["EpRet,EpLen,Epoch", "1.0,3,", "2.0,4,", ",,0"]


def test_a_run_that_was_closed_tells(logger: EpochLogger) -> None:
    logger.store(A=1.0)
    for run in list(rolltape.recording.run.open_runs):
        run.close()
    with pytest.raises(RecordingError, match="after close"):
        logger.store(A=2.0)


def test_save_config_describes_the_run(logger: EpochLogger) -> None:
    class Environment:
        def __init__(self) -> None:
            self.itself = self

    logger.save_config(
        {"lr": 3e-4, "seed": 2, "env_fn": lambda: None, "logger": logger, "logger_kwargs": {"output_dir": "x"}}
        | {"odd": (1, object), 7: "number", "env": Environment()}
    )
    config = rolltape.open().run("r").config
    assert {name: config[name] for name in ("lr", "seed", "odd", "7")} == {
        "lr": 3e-4, "seed": 2, "odd": [1, "object"], "7": "number",
    }  # fmt: skip
    assert "0x" not in str(config)
    saved = json.loads(Path(str(logger.output_dir), "config.json").read_text())
    assert saved["logger"].startswith("<rolltape.loggers.epoch_logger.EpochLogger object"), "not the run and its tape"
    assert not {"logger", "logger_kwargs"} & set(config)


def test_save_state(logger: EpochLogger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joblib = pytest.importorskip("joblib")
    logger.save_state({"env": np.arange(3)})
    logger.save_state({"env": 2}, itr=10)
    assert joblib.load(tmp_path / "out" / "vars.pkl")["env"].tolist() == [0, 1, 2], "as the original's tools load it"
    assert pickle.loads((tmp_path / "out" / "vars10.pkl").read_bytes()) == {"env": 2}
    capsys.readouterr()
    logger.save_state({"env": lambda: None}, itr=11)
    assert capsys.readouterr().out == "\x1b[31;1mWarning: could not pickle state_dict.\x1b[0m\n"


def test_save_pytorch(logger: EpochLogger, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(2, 1)
    logger.setup_pytorch_saver(module)
    logger.save_state({})
    logger.save_state({}, itr=3)
    for name in ("model.pt", "model3.pt"):
        loaded = torch.load(tmp_path / "out" / "pyt_save" / name, weights_only=False)
        assert torch.equal(loaded.weight, module.weight)


def test_tensors_are_stored_without_their_graph(logger: EpochLogger, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    parameter = torch.ones(2, requires_grad=True)
    logger.store(Loss=(parameter * 3).sum(), Q=parameter * 2)
    logger.log_tabular("Loss", average_only=True)
    logger.log_tabular("Q", with_min_and_max=True)
    logger.dump_tabular()
    assert table(tmp_path)[1] == ["6.0", "2.0", "0.0", "2.0", "2.0"]
    assert points("Q") == [(0, 2.0), (0, 2.0)]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_does_not_end_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLTAPE_STRICT")
    logger = EpochLogger(output_dir=tmp_path / "out")
    logger.log_tabular("A", 1)
    logger.dump_tabular()
    (tmp_path / "out" / "progress.txt").unlink()
    (tmp_path / "out" / "progress.txt").symlink_to("/dev/full")
    logger.log_tabular("A", 2)
    with pytest.warns(RolltapeWarning, match="No space left"):
        logger.dump_tabular()
    logger.log_tabular("A", 3)
    logger.dump_tabular()  # told once
    monkeypatch.setenv("ROLLTAPE_STRICT", "1")
    with pytest.raises(RecordingError, match="No space left"):
        logger.dump_tabular()


def test_threads_count_steps_exactly(logger: EpochLogger) -> None:
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda: [logger.store(A=1.0, EpLen=1) for _ in range(5000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(old)
    assert logger.steps == 20_000
    assert sorted(step for step, _ in points("A")) == list(range(1, 20_001))


class Rude:
    """Raises whatever one asks of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __float__ = __array__ = __len__ = __hash__ = __call__ = __str__  # type: ignore[assignment]


STRANGE: dict[str, Any] = {
    "huge": 10**400, "rude": Rude(), "function": lambda: 1 / 0, "surrogate": "\ud800", "bytes": b"x",
    "ragged": [[1], [2, 3]], "object": object(), "complex": 1j,
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.filterwarnings("ignore::rolltape.errors.RolltapeWarning")
def test_no_value_ends_training(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLTAPE_STRICT")
    value = STRANGE[name]
    logger = EpochLogger(rolltape.init(id="r"), tmp_path / "out")
    logger.store(X=value, EpLen=value)
    logger.log_tabular("X", with_min_and_max=True)
    logger.log_tabular("TotalEnvInteracts", value)
    logger.log_tabular("é", value)
    logger.dump_tabular()
    logger.save_config({"value": value, "nested": [value, {"deep": value}]})
    logger.get_stats("X")
    logger.store(X=1.0)
    logger.log_tabular("X", average_only=True)
    logger.dump_tabular()
    assert table(tmp_path)[0][-2:] == ["é", "X"]
    assert table(tmp_path)[-1][-1] == "1.0"
    assert points("X")[-1][1] == 1.0


def test_a_stdout_that_fails_does_not_end_training(logger: EpochLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, text: str) -> None:
            raise RuntimeError("broken")

        flush = write

    monkeypatch.setattr(sys, "stdout", Broken())
    logger.log_tabular("A", 1)
    with pytest.warns(RolltapeWarning, match="a line cannot be printed: broken"):
        logger.dump_tabular()
    assert points("A") == [(0, 1.0)]


def test_epoch_dict_may_be_set_as_the_original_does(logger: EpochLogger) -> None:
    logger.store(A=1.0, EpLen=1)
    logger.store(A=2.0, EpLen=1)
    logger.epoch_dict["A"] = []
    logger.store(A=3.0, EpLen=1)
    assert logger.get_stats("A")[0] == 3.0
    logger.epoch_dict = {}
    logger.store(A=5.0, EpLen=1)
    assert logger.get_stats("A")[0] == 5.0


def test_somebody_may_wrap_store(logger: EpochLogger) -> None:
    calls = []
    inner = logger.store
    logger.store = lambda **values: (calls.append(values), inner(**values))  # type: ignore[method-assign, assignment]
    for i in range(3):
        logger.store(A=float(i))
    assert len(calls) == 3
    assert [value for _, value in points("A")] == [0.0, 1.0, 2.0]


def test_a_key_may_be_called_self(logger: EpochLogger) -> None:
    logger.write({"self": 1.0})
    logger.write({"self": 2.0})
    assert [value for _, value in points("self")] == [1.0, 2.0]


def test_the_file_goes_on_wherever_the_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    logger = EpochLogger(output_dir="out")
    logger.log_tabular("A", np.arange(40.0))
    logger.dump_tabular()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    logger.log_tabular("A", 2)
    logger.dump_tabular()
    assert [row[0][:3] for row in table(tmp_path)] == ["A", "[ 0", "2"], "an array is one line"
    (tmp_path / "out" / "progress.txt").unlink()
    logger.log_tabular("A", 3)
    logger.dump_tabular()
    assert table(tmp_path) == [["A"], ["3"]], "a file that was removed begins with its header"


def test_configurations_that_have_no_end(logger: EpochLogger) -> None:
    class Node:
        def __init__(self) -> None:
            self.others: list[Any] = []

        def __str__(self) -> str:
            return "node"

    nodes = [Node() for _ in range(12)]
    for node in nodes:
        node.others = nodes
    deep: Any = nodes[0]
    for _ in range(3000):
        deep = [deep]
    frozen = dataclasses.make_dataclass("Frozen", ["x"], frozen=True)
    logger.save_config(
        {"linked": nodes, "deep": deep, frozen(1): "key", (1, object): 2, "seed": 4, "buffer": [0.5] * 5000}
    )
    config = rolltape.open().run("r").config
    assert config["seed"] == 4
    assert config["buffer"] == "5000 values"


def test_setup_logger_kwargs(tmp_path: Path) -> None:
    assert setup_logger_kwargs("vpg") == {"output_dir": "data/vpg", "exp_name": "vpg"}
    seeded = setup_logger_kwargs("vpg", seed=3, data_dir=tmp_path)
    assert seeded == {"output_dir": str(tmp_path / "vpg" / "vpg_s3"), "exp_name": "vpg"}
    day = time.strftime("%Y-%m-%d")
    stamped = Path(setup_logger_kwargs("vpg", seed=3, data_dir=tmp_path, datestamp=True)["output_dir"])
    assert stamped.parent == tmp_path / f"{day}_vpg"
    assert stamped.name.startswith(day + "_")
    assert stamped.name.endswith("-vpg_s3")
    EpochLogger(**seeded)
    assert (tmp_path / "vpg" / "vpg_s3" / "progress.txt").exists()


def test_bad_input(tmp_path: Path, logger: EpochLogger) -> None:
    with pytest.raises(KeyError, match="purple"):
        logger.log("x", color="purple")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        EpochLogger(output_dir=tmp_path / "file")
