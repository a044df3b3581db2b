"""Against the real Acme 0.4.0: its loops everywhere, D4PG where TensorFlow is."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import Episode, killed, recorded, trained, truth

import rolltape
from rolltape.frameworks.acme import logger_factory, make_logger
from rolltape.loggers import RunLogger

if importlib.util.find_spec("acme") is None:
    pytest.skip("dm-acme is not installed", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent
NAMES = "train/episode_return", "train/episode_length"
with_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is missing")


class Rows:
    """A logger of the user's own, in ten lines."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.closed = 0

    def write(self, values: Any) -> None:
        self.rows.append(dict(values))

    def close(self) -> None:
        self.closed += 1


def points(metric: str, run: str = "r") -> list[tuple[int, float]]:
    found = rolltape.open().points(run, metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


# Training


def test_what_is_on_the_tape_is_what_happened(tapes: Path, tmp_path: Path) -> None:
    trained("train_acme_loop.py", tmp_path / "truth", 100)
    happened = truth(tmp_path / "truth")
    assert len(happened) == 100
    assert recorded(tapes, "r", *NAMES) == happened


def test_killed_in_the_middle_what_was_acknowledged_is_there(tapes: Path, tmp_path: Path) -> None:
    happened = killed("train_acme_loop.py", tmp_path / "truth", 10**7, path=tmp_path / "truth", episodes=200)
    found = recorded(tapes, "r", *NAMES)
    assert found == happened[: len(found)]
    assert len(found) >= len(happened) - 1, "all but one that had not come back from the environment"


@with_tensorflow
@pytest.mark.timeout(400)
def test_d4pg_learner_training_and_evaluation_are_one_run_at_environment_steps(tapes: Path, tmp_path: Path) -> None:
    trained("train_acme.py", tmp_path / "truth", 40, tmp_path / "evaluated")
    happened, evaluated = truth(tmp_path / "truth"), truth(tmp_path / "evaluated")
    assert recorded(tapes, "r", *NAMES) == happened
    assert len(happened) == 40
    rounds = [happened[i].step for i in (9, 19, 29, 39)]
    found = recorded(tapes, "r", "eval/episode_return", "eval/episode_length")
    assert found == [episode._replace(step=rounds[i // 5]) for i, episode in enumerate(evaluated)]
    assert len(found) == 20
    means = rolltape.open().points("r", "eval/episode_return_mean")
    assert means.step.tolist() == rounds
    won = np.array([episode.episode_return for episode in evaluated])
    assert means.value == pytest.approx(won.reshape(4, 5).mean(1))
    updates = rolltape.open().points("r", "learner/steps")
    assert updates.value.tolist() == list(range(1, len(updates.value) + 1)), "every update"
    assert set(updates.step) <= {episode.step for episode in happened}
    for loss in ("learner/critic_loss", "learner/policy_loss"):
        found_losses = rolltape.open().points("r", loss)
        assert found_losses.step.tolist() == updates.step.tolist()
        assert np.isfinite(found_losses.value).all()


@with_tensorflow
@pytest.mark.timeout(400)
def test_d4pg_killed_in_the_middle(tapes: Path, tmp_path: Path) -> None:
    happened = killed("train_acme.py", tmp_path / "truth", 10**7, path=tmp_path / "truth", episodes=60)
    found = recorded(tapes, "r", *NAMES)
    assert found == happened[: len(found)]
    assert len(found) >= len(happened) - 1
    assert points("learner/critic_loss")


@with_tensorflow
@pytest.mark.timeout(400)
def test_a_builder_of_a_jax_agent_makes_the_learners_logger(tapes: Path, tmp_path: Path) -> None:
    trained("train_acme_jax.py", tmp_path / "truth", 20)
    assert recorded(tapes, "r", *NAMES) == truth(tmp_path / "truth")
    updates = rolltape.open().points("r", "learner/steps")
    assert updates.value.tolist() == list(range(1, len(updates.value) + 1)) != []
    losses = rolltape.open().points("r", "learner/critic_loss")
    assert losses.step.tolist() == updates.step.tolist()
    assert np.isfinite(losses.value).all()


@with_tensorflow
@pytest.mark.timeout(400)
def test_the_example_runs() -> None:
    small = ["--episodes=4", "--episodes-per-eval=2", "--max-episode-steps=300"]
    example = [sys.executable, str(ROOT / "examples" / "acme_d4pg.py"), *small, "--seed=5"]
    done = subprocess.run(example, capture_output=True, text=True, timeout=350)
    assert done.returncode == 0, done.stderr[-4000:]
    (info,) = rolltape.open().runs("mountain-car")
    assert info.config["seed"] == 5
    assert info.status == "finished"
    assert "The page: http://127.0.0.1:" in done.stdout.splitlines()[-1]
    metrics = rolltape.open().metrics(info.id)
    assert {"learner/critic_loss", "train/episode_return_smoothed_0.99", "eval/episode_return_mean"} <= set(metrics)
    assert points("eval/episode_return", info.id)[0][0] == 600


# The loops of Acme, without TensorFlow


def loop(truth: Path, logger: Any, **more: Any) -> Any:
    import acme
    from dm_env_script import Scripted
    from train_acme_loop import Still

    return acme.EnvironmentLoop(Scripted(truth), Still(), logger=logger, **more)


def test_a_shared_counter_tells_the_steps(tmp_path: Path) -> None:
    from acme.utils import counting

    parent = counting.Counter()
    with rolltape.init(id="r") as run:
        loggers = logger_factory(run, terminal=False)
        train, evaluation, learner = (counting.Counter(parent, name, 0) for name in ("actor", "evaluator", "learner"))
        learn = loggers("learner", "learner_steps", 0)
        acting = loop(tmp_path / "truth", loggers("actor", "actor_steps", 0), counter=train)
        judging = loop(tmp_path / "other", loggers("evaluator", "evaluator_steps", 0), counter=evaluation)
        for _ in range(3):
            acting.run(num_episodes=2)
            learn.write({"loss": np.float32(0.5), **learner.increment(steps=1, walltime=1)})
            judging.run(num_episodes=1)
    steps = [episode.step for episode in truth(tmp_path / "truth")]
    assert recorded(tmp_path / "tapes", "r", "actor/episode_return", "actor/episode_length") == truth(
        tmp_path / "truth"
    )
    assert points("learner/loss") == [(step, 0.5) for step in steps[1::2]]
    assert points("learner/learner_steps") == [(step, 1.0 + i) for i, step in enumerate(steps[1::2])]
    assert [step for step, _ in points("evaluator/episode_return")] == steps[1::2]
    assert points("evaluator/actor_steps") == [(step, float(step)) for step in steps[1::2]], "an axis"


def test_any_logger_gets_the_rows_and_the_step(tmp_path: Path) -> None:
    rows = Rows()
    loggers = logger_factory(rows, terminal=False)
    loop(tmp_path / "truth", loggers("train_loop", smoothing_regex="return")).run(num_episodes=8)
    name = "train_loop/episode_return"
    raw = [row for row in rows.rows if name in row]
    found = [Episode(float(row[name]), row["train_loop/episode_length"], row["actor_steps"]) for row in raw]
    assert found == truth(tmp_path / "truth")
    smoothed = [row for row in rows.rows if f"{name}_smoothed_0.99" in row]
    assert [row["actor_steps"] for row in smoothed] == [row["actor_steps"] for row in raw]
    assert len(rows.rows) == 16


def test_two_adapters_on_one_run_record_nothing_twice(tmp_path: Path) -> None:
    with rolltape.init(id="r") as run:
        loop(tmp_path / "truth", make_logger(run, "train", terminal=False)).run(num_episodes=5)
        loop(tmp_path / "other", logger_factory(run, terminal=False)("other_train")).run(num_episodes=5)
    for label in ("train", "other_train"):
        assert recorded(tmp_path / "tapes", "r", f"{label}/episode_return", f"{label}/episode_length") == truth(
            tmp_path / "truth"
        )


def test_what_the_factory_makes_is_a_logger_of_acme() -> None:
    from acme.utils import loggers

    rows = Rows()
    made = logger_factory(rows)("learner")
    assert isinstance(made, loggers.Logger)
    mixed = loggers.AutoCloseLogger(loggers.NoneFilter(made))
    mixed.write({"loss": 1.0, "nothing": None})
    mixed.close()
    assert rows.rows == [{"learner/loss": 1.0}]
    assert rows.closed == 1


# The factory


def test_it_stands_wherever_acme_takes_a_way_to_make_a_logger() -> None:
    rows = Rows()
    loggers = logger_factory(rows, terminal=False)
    loggers().write({"loss": 1.0, "steps": 1})  # logger_fn()
    loggers(3).write({"episode_return": 2.0, "steps": 70})  # actor_logger_fn(actor_id)
    loggers("evaluator", "evaluator_steps", 0).write({"episode_return": 3.0, "evaluator_steps": 9})  # logger_factory
    assert rows.rows == [
        {"learner/loss": 1.0, "learner/steps": 1, "actor_steps": 1},
        {"actor/episode_return": 2.0, "actor/steps": 70, "actor_steps": 70},
        {"evaluator/episode_return": 3.0, "evaluator/evaluator_steps": 9, "actor_steps": 70},
    ]


def test_the_step_is_that_of_the_environment_where_it_is_known() -> None:
    with rolltape.init(id="r") as run:
        loggers = logger_factory(run, terminal=False)
        learner, train, evaluation = loggers("learner"), loggers("train"), loggers("eval")
        learner.write({"loss": 0.0, "steps": 900})
        train.write({"episode_return": 1.0, "steps": 200})
        learner.write({"loss": 1.0, "steps": 901})
        evaluation.write({"episode_return": 5.0, "steps": 31})
        train.write({"episode_return": 2.0, "steps": 400})
        learner.write({"loss": 2.0, "steps": 902, "actor_steps": 450})
        evaluation.write({"episode_return": 6.0, "steps": 62, "train_steps": 0.5})
    assert points("learner/loss") == [(0, 0.0), (200, 1.0), (450, 2.0)]
    assert points("learner/steps") == [(0, 900.0), (200, 901.0), (450, 902.0)]
    assert points("train/episode_return") == [(200, 1.0), (400, 2.0)]
    assert points("eval/episode_return") == [(200, 5.0), (450, 6.0)]
    assert points("eval/steps") == [(200, 31.0), (450, 62.0)]


def test_actors_may_count_for_themselves_and_an_evaluation_never_tells_the_steps() -> None:
    rows = Rows()
    loggers = logger_factory(rows, terminal=False)
    loggers(0).write({"steps": 70})
    loggers(1).write({"steps": 50})
    loggers("eval_environment_loop").write({"steps": 900})
    loggers("learner").write({"loss": 1.0})
    assert [row["actor_steps"] for row in rows.rows] == [70, 50, 70, 70]


def test_where_nothing_acts_the_step_is_the_learners() -> None:
    with rolltape.init(id="r") as run:
        learner = logger_factory(run, terminal=False)("learner")
        for n in range(1, 4):
            learner.write({"loss": 1.0 / n, "steps": np.int64(10 * n)})
        learner.write({"note": 1.0})
    assert points("learner/loss") == [(10, 1.0), (20, 1.0 / 2), (30, 1.0 / 3)]
    assert points("learner/note") == [(31, 1.0)]


def test_nested_rewards_and_metrics_are_flat_and_none_is_left_out() -> None:
    rows = Rows()
    row = {"episode_return": {"red": np.array(1.5), "blue": {"x": 2}}, "vector": np.arange(2.0), "nothing": None}
    logger_factory(rows, terminal=False)("train").write(row | {"steps": 5})
    vector = rows.rows[0].pop("train/vector")
    assert vector.tolist() == [0.0, 1.0]
    expected = {"train/episode_return/red": 1.5, "train/episode_return/blue/x": 2, "train/steps": 5, "actor_steps": 5}
    assert rows.rows == [expected]


def test_what_is_no_number_is_text_once() -> None:
    rows = Rows()
    logger = logger_factory(rows, terminal=False)("train")
    with pytest.warns(rolltape.RolltapeWarning, match="'map' is no number but a str: it is kept as text this once"):
        logger.write({"map": "E1M1", "steps": 5})
    logger.write({"map": "E1M2", "steps": 6})
    assert rows.rows == [
        {"train/map": "E1M1", "train/steps": 5, "actor_steps": 5},
        {"train/steps": 6, "actor_steps": 6},
    ]


def test_options_are_for_all_or_for_one_and_a_run_stays_open(capsys: pytest.CaptureFixture[str]) -> None:
    with rolltape.init(id="r") as run:
        loggers = logger_factory(run, time_delta=0, terminal=False)
        evaluation = loggers("eval", aggregate_regex="return", terminal=True)
        for won in (1.0, 3.0):
            evaluation.write({"episode_return": won, "steps": 7})
        evaluation.dump()
        evaluation.close()
        loggers("learner").write({"loss": 1.0})
        run.log({"a": 1.0})
    printed = capsys.readouterr().out
    assert printed.startswith("[eval] episode_return_max = 3 | episode_return_mean = 2 |")
    assert printed.count("\n") == 1
    assert points("eval/episode_return_mean") == [(7, 2.0)]
    with pytest.raises(ValueError, match="is not a regular expression"):
        logger_factory(run)("train", smoothing_regex="(")
    RunLogger(run).close()


def test_acme_is_not_imported_for_it() -> None:
    code = "import sys, rolltape.frameworks.acme; print([m for m in sys.modules if m.split('.')[0] == 'acme'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_guide_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from dm_env_script import Scripted
    from train_acme_loop import Still

    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide" / "acme.md").read_text(), re.DOTALL)
    assert len(blocks) > 1
    with rolltape.init(id="r") as run:
        for block in blocks:
            given = {"environment": Scripted(tmp_path / "truth"), "agent": Still(), "run": run}
            exec(compile(block, "acme.md", "exec"), given)
    assert recorded(tmp_path / "tapes", "r", *NAMES) == truth(tmp_path / "truth") != []
