"""The end of a chain that is a tape: names, steps, and whose the run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from kept_rows import Rows
from rolltape.errors import RolltapeWarning
from rolltape.loggers import Logger, RunLogger, TimeFilter


def points(metric: str) -> list[tuple[int, float]]:
    found = rolltape.open().points("r", metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def test_the_index_is_taken_out_and_0_is_one(tapes: Path) -> None:
    logger = RunLogger(rolltape.init(id="r"), prefix="train", index_name="epoch")
    for epoch in (0, 0, 5, 3):
        logger.write({"loss": epoch / 2, "epoch": epoch})
    logger.write({"loss": 9.0})
    logger.write({"loss": 9.5, "epoch": None})
    assert points("train/loss") == [(0, 0.0), (0, 0.0), (5, 2.5), (3, 1.5), (4, 9.0), (5, 9.5)]
    assert rolltape.open().metrics("r") == ["train/loss"]


def test_a_step_key_stays(tapes: Path) -> None:
    logger = RunLogger(rolltape.init(id="r"), step_key="steps")
    logger.write({"loss": 1.0, "steps": np.int64(40)})
    logger.write({"loss": 2.0, "steps": np.array(50)})
    logger.write({"loss": 3.0, "steps": 60.0})
    assert points("loss") == [(40, 1.0), (50, 2.0), (60, 3.0)]
    assert points("steps") == [(40, 40.0), (50, 50.0), (60, 60.0)]


def test_the_index_comes_before_the_step_key(tapes: Path) -> None:
    logger = RunLogger(rolltape.init(id="r"), index_name="epoch", step_key="steps")
    logger.write({"loss": 1.0, "steps": 40, "epoch": 2})
    logger.write({"loss": 2.0, "steps": 50})
    assert points("loss") == [(2, 1.0), (50, 2.0)]


@pytest.mark.parametrize("index", [0.5, float("nan"), float("inf"), "12", np.array([1, 2])])
def test_what_is_no_step_is_recorded_and_told_once(tapes: Path, index: Any) -> None:
    logger = RunLogger(rolltape.init(id="r"), "train", index_name="x")
    with pytest.warns(RolltapeWarning, match="'x' is .* no step") as told:
        logger.write({"loss": 1.0, "x": index})
    assert told[0].filename == __file__
    logger.write({"loss": 2.0, "x": index})
    assert points("train/loss") == [(0, 1.0), (1, 2.0)]
    if isinstance(index, str):
        assert [event["text"] for event in rolltape.open().events("r")] == ["12", "12"]
    else:
        assert len(points("train/x")) == 2 * np.size(index)


def test_a_step_beyond_64_bits_is_the_runs_to_tell(tapes: Path) -> None:
    with pytest.raises(rolltape.RecordingError, match="64 bits"):
        RunLogger(rolltape.init(), index_name="x").write({"loss": 1.0, "x": 2**70})


def test_it_leaves_the_run_open(tapes: Path) -> None:
    """Train and eval loops write to one run: neither ends it."""
    run = rolltape.init(id="r")
    train, evaluation = RunLogger(run, "train"), RunLogger(run, "eval")
    train.write({"loss": 1.0})
    train.close()
    evaluation.write({"loss": 2.0})
    assert rolltape.open().run("r").status == "running"
    assert points("eval/loss") == [(1, 2.0)]


def test_a_run_is_itself_a_logger_that_close_reaches(tapes: Path) -> None:
    run = rolltape.init(id="r")
    assert isinstance(run, Logger)
    chain = TimeFilter(run, 0)
    chain.write({"loss": 1.0})
    chain.close()
    assert rolltape.open().run("r").status == "finished"


def test_any_logger_takes_the_same_names() -> None:
    to = Rows()
    logger = RunLogger(to, "train", index_name="epoch")
    logger.write({"loss": 1.0, "epoch": 3})
    logger.write({"loss": 2.0})
    logger.close()
    assert to.rows == [{"train/loss": 1.0, "epoch": 3}, {"train/loss": 2.0}]
    assert to.closed == 1


def test_all_kinds_of_values_pass(tapes: Path) -> None:
    RunLogger(rolltape.init(id="r"), "a/b").write({"returns": [1.0, 2.0], "note": "x", "zero_d": np.array(3.0)})
    assert points("a/b/returns") == [(0, 1.0), (0, 2.0)]
    assert points("a/b/zero_d") == [(0, 3.0)]
    assert rolltape.open().events("r")[0]["name"] == "a/b/note"
