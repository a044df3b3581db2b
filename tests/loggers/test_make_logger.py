"""The usual chain: raw rows reach the tape before any filter, what filters make of them beside."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import rolltape
from kept_rows import Rows
from rolltape.loggers import Logger, make_logger


def points(metric: str) -> list[tuple[int, float]]:
    found = rolltape.open().points("r", metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_every_raw_row_is_on_the_tape_whatever_is_filtered(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger = make_logger(rolltape.init(id="r"), "train", time_delta=3600, smoothing_regex="return", smoothing_coeff=0.9)
    assert isinstance(logger, Logger)
    for i in range(50):
        logger.write({"episode_return": float(i), "steps": 10 * i, "nothing": None})
    assert points("train/episode_return") == [(10 * i, float(i)) for i in range(50)]
    assert points("train/steps") == [(10 * i, 10.0 * i) for i in range(50)]
    smoothed = points("train/episode_return_smoothed_0.9")
    assert [step for step, _ in smoothed] == [10 * i for i in range(50)], "smoothing sees every row, at its step"
    assert len(printed(capsys)) == 1, "the terminal one line an hour"


def test_aggregates_go_to_the_tape_under_their_own_names(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger = make_logger(rolltape.init(id="r"), "eval", aggregate_regex="return")
    for i in range(5):
        logger.write({"episode_return": float(i), "steps": 100 + i})
    assert printed(capsys) == []
    logger.dump()
    (line,) = printed(capsys)
    assert line.startswith("[eval] ")
    assert "episode_return_mean = 2" in line
    assert points("eval/episode_return") == [(100 + i, float(i)) for i in range(5)]
    assert points("eval/episode_return_mean") == [(104, 2.0)]
    assert points("eval/episode_return_median") == [(104, 2.0)]
    assert points("eval/episode_return_max") == [(104, 4.0)]
    assert points("eval/steps") == [(100 + i, 100.0 + i) for i in range(5)], "the last value is not recorded again"


def test_both_filters_as_in_the_article(tapes: Path) -> None:
    """Aggregate around smoothing: the average is of the means."""
    logger = make_logger(
        rolltape.init(id="r"),
        aggregate_regex="return$",
        smoothing_regex="return_mean",
        smoothing_coeff=0.5,
        terminal=False,
    )
    for value in (1.0, 3.0):
        logger.write({"return": value})
        logger.dump()
    assert points("return") == [(0, 1.0), (1, 3.0)]
    assert points("return_mean_smoothed_0.5") == [(0, 1.0), (1, pytest.approx(3 * 0.95 + 0.05))]


def test_rows_without_a_step_are_counted_and_derived_values_do_not_count(tapes: Path) -> None:
    run = rolltape.init(id="r")
    train, evaluation = (
        make_logger(run, "train", smoothing_regex="r", terminal=False),
        make_logger(run, "eval", terminal=False),
    )
    for i in range(3):
        train.write({"r": float(i)})
        evaluation.write({"r": -1.0})
    assert points("train/r") == [(0, 0.0), (2, 1.0), (4, 2.0)]
    assert [step for step, _ in points("train/r_smoothed_0.99")] == [0, 2, 4]
    assert points("eval/r") == [(1, -1.0), (3, -1.0), (5, -1.0)]


def test_derived_rows_have_the_step_of_their_own_loggers_row(tapes: Path) -> None:
    run = rolltape.init(id="r")
    loggers = [make_logger(run, str(i), smoothing_regex="r", terminal=False) for i in range(2)]

    def work(me: int) -> None:
        for i in range(3000):
            loggers[me].write({"r": 1.0, "steps": 2 * i + me})

    threads = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for me in range(2):
        steps = [step for step, _ in points(f"{me}/r_smoothed_0.99")]
        assert steps == [2 * i + me for i in range(3000)]


def test_without_filters_and_terminal_nothing_but_the_raw_rows(tapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logger = make_logger(rolltape.init(id="r"), terminal=False)
    logger.write({"loss": np.float32(0.5)})
    logger.close()
    assert rolltape.open().metrics("r") == ["loss"]
    assert points("loss") == [(0, 0.5)]
    assert printed(capsys) == []


def test_it_takes_any_logger() -> None:
    to = Rows()
    logger = make_logger(to, "train", smoothing_regex="r", terminal=False)
    logger.write({"r": 1.0, "steps": 4})
    logger.close()
    assert to.rows == [{"train/r": 1.0, "train/steps": 4}, {"train/r_smoothed_0.99": 1.0}]
    assert to.closed == 1


def test_bad_input(tapes: Path) -> None:
    run = rolltape.init()
    with pytest.raises(ValueError, match="not a regular expression"):
        make_logger(run, aggregate_regex="(")
    with pytest.raises(ValueError, match="time_delta must not be negative"):
        make_logger(run, time_delta=-1)
    with pytest.raises(ValueError, match="smoothing_coeff"):
        make_logger(run, smoothing_regex="a", smoothing_coeff=2)
