"""The real RLlib and Tune, trained with rolltape attached."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from contract import Episode, guide_runs, killed, recorded, trained, truth
from small_ray import kill_ray, small_ray  # noqa: F401 (a fixture)

import rolltape
from rolltape.errors import RolltapeWarning

pytest.importorskip("ray")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from rolltape.frameworks.rllib import RolltapeLoggerCallback
    from rolltape.frameworks.tune import ResultLogger

pytestmark = pytest.mark.timeout(400)
RETURN, LENGTH = "env_runners/episode_return", "env_runners/episode_len"
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "rllib_ppo_grid.py"


def at(episodes: list[Episode], steps: Any) -> list[Episode]:
    return [episode._replace(step=steps(episode.step)) for episode in episodes]


def points(metric: str, run: str) -> list[tuple[int, float]]:
    found = rolltape.open().points(run, metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


def run_of(project: str) -> Any:
    (run,) = rolltape.open().runs(project)
    return run


# The contract


def test_algorithms_trained_without_tune(tapes: Path, tmp_path: Path) -> None:
    trained("train_rllib_algorithm.py", tmp_path)

    local = run_of("local")
    happened = truth(tmp_path / "local")
    assert len(happened) == 26
    assert recorded(tapes, local.id, RETURN, LENGTH) == happened
    assert points("training_iteration", local.id) == [(40, 1), (80, 2), (120, 3), (160, 4)], "once, by two callbacks"
    assert points("num_env_steps_sampled_lifetime", local.id) == [(n, n) for n in (40, 80, 120, 160)]
    assert points("learners/default_policy/total_loss", local.id)[-1][0] == 160
    assert points("custom/flag", local.id)[0] == (40, 1.0)
    assert points("custom/series", local.id)[:2] == [(40, 1.0), (40, 2.0)]
    assert (local.name, local.status, local.lost) == ("PPO-scripted-s1", "finished", 0)
    assert local.config["algorithm"] == "PPO"
    assert local.config["seed"] == 1
    assert local.config["callbacks"][0].endswith("Custom")
    assert "0x" not in json.dumps(local.config), "no addresses, which would differ between seeds"

    evaluated = at(truth(tmp_path / "evaluation"), lambda made: 80 if made < 20 else 160)
    assert recorded(tapes, local.id, f"evaluation/{RETURN}", f"evaluation/{LENGTH}") == evaluated
    assert len(evaluated) == 6

    resumed = at(truth(tmp_path / "resumed"), lambda made: 160 + made - 40 * (made > 40))
    assert recorded(tapes, run_of("resumed").id, RETURN, LENGTH) == resumed
    assert len(resumed) == 12

    remote = run_of("remote")
    kept = recorded(tapes, remote.id, RETURN, LENGTH)
    assert Counter(kept) == Counter(at(truth(tmp_path / "remote"), lambda made: 2 * made)), "both runners' episodes"
    assert len(kept) == 20
    assert points("still/open", remote.id), "a run that is given stays open"
    assert remote.config["mine"] == 1
    assert remote.config["num_env_runners"] == 2
    assert remote.status == "finished"

    died = run_of("recreated")
    kept = recorded(tapes, died.id, RETURN, LENGTH)
    happened = truth(tmp_path / "recreated")
    assert 0 <= len(happened) - len(kept) <= 1
    assert not Counter(at(kept, lambda _: 0)) - Counter(at(happened, lambda _: 0))
    assert max(episode.step for episode in kept) > 120, "the new runner goes on from where all were"
    assert died.status == "finished"

    rows = json.loads((tmp_path / "own.json").read_text())
    own = [Episode(row[RETURN], row[LENGTH], row["step"]) for row in rows if RETURN in row]
    assert own == truth(tmp_path / "own")
    assert [row["step"] for row in rows if "training_iteration" in row] == [40]
    assert not any("closed" in row for row in rows)

    agents = run_of("agents").id
    alone = [(episode.step, episode.episode_return) for episode in truth(tmp_path / "agents")]
    assert len(alone) == 6
    assert points("env_runners/agent_episode_return/one", agents) == alone
    assert points("env_runners/agent_episode_return/two", agents) == [(step, 2 * value) for step, value in alone]
    assert points(RETURN, agents) == [(step, 3 * value) for step, value in alone]
    assert points("env_runners/module_episode_return/shared", agents) == points(RETURN, agents)
    assert [value for _, value in points(LENGTH, agents)] == [ep.length for ep in truth(tmp_path / "agents")]


def test_a_grid_of_trials_one_of_which_fails_and_is_resumed(tapes: Path, tmp_path: Path) -> None:
    (told,) = [line for line in trained("train_rllib_tune.py", tmp_path).splitlines() if line.startswith("[[")]
    before = json.loads(told)
    assert sorted(before) == [[0.001, "finished", None], [0.1, "failed", "RuntimeError: the learning rate is absurd"]]
    runs = {run.config["lr"]: run for run in rolltape.open().runs()}
    assert len(rolltape.open().runs()) == len(runs) == 2, "episodes and results of a trial are one run"
    kept: list[Episode] = []
    for run in runs.values():
        assert run.name == f"PPO_scripted_{run.id}"
        assert (run.status, run.lost) == ("finished", 0)
        assert points("training_iteration", run.id) == [(40, 1), (80, 2), (120, 3)], "once, by three callbacks"
        assert points("learners/default_policy/total_loss", run.id)
        kept += recorded(tapes, run.id, RETURN, LENGTH)
    assert Counter(kept) == Counter(truth(tmp_path / "truth"))
    assert len(kept) > 40


def test_kill_in_the_middle_of_training(tapes: Path, tmp_path: Path) -> None:
    path = tmp_path / "truth"
    killed("train_rllib_kill.py", path, path=path, episodes=300)
    kill_ray()  # the environment runners too
    time.sleep(0.5)
    (run,) = rolltape.open().runs()
    happened = Counter(at(truth(path), lambda made: 2 * made))
    kept = Counter(recorded(tapes, run.id, RETURN, LENGTH))
    assert not kept - happened
    assert (happened - kept).total() <= 2, "all but the one of each runner that was told before its step returned"
    assert kept.total() >= 298
    assert run.status == "killed"
    assert points("training_iteration", run.id)
    assert run.config["algorithm"] == "PPO"


# Results


class Rows:
    """Ten lines of the user's own."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, values: Any) -> None:
        self.rows.append(dict(values))

    def close(self) -> None:
        raise AssertionError("it is its owner's")


def trial(name: str) -> Any:
    return SimpleNamespace(trial_id=name, trainable_name="train", config={"lr": 1}, error_file=None)


def test_results_are_flattened_whole() -> None:
    rows = Rows()
    results = ResultLogger(rows)
    odd = object()
    nested = {"loss": np.float32(0.5), "nan": math.nan, "ok": True, "n": np.int64(3), "none": None, "empty": {}}
    with pytest.warns(RolltapeWarning, match="kept as text, once") as told:
        results.log({"a": {**nested, "odd": odd}, 7: {"x": [1, 2]}, "config": {"lr": 1}, "training_iteration": 1})
        results.log({"a": {**nested, "odd": odd}, "image": np.zeros((2, 2)), "note": "new", "timesteps_total": 64})
        results.log({"a": {"odd": odd, "n": 4}, "note": "new", "env_runners": {"num_env_steps_sampled_lifetime": 99.0}})
    first, second, third = rows.rows
    assert math.isnan(first.pop("a/nan"))
    assert first.pop("7/x").tolist() == [1, 2]
    assert first == {"a/loss": 0.5, "a/ok": True, "a/n": 3, "a/odd": repr(odd), "training_iteration": 1, "step": 1}
    assert second["note"] == "new"
    assert second["step"] == 64
    assert "array" in second["image"]
    assert third == {"a/n": 4, "env_runners/num_env_steps_sampled_lifetime": 99.0, "step": 99}
    names = [str(one.message).split(" ")[0] for one in told]
    assert names == ["'a/odd'", "'image'"], "once for each"


def test_interleaved_trials_each_to_a_logger_of_its_own() -> None:
    loggers = {"a": Rows(), "b": Rows()}
    callbacks = [RolltapeLoggerCallback(lambda trial: loggers[trial.trial_id]) for _ in range(2)]
    a, b = trial("a"), trial("b")
    for callback in callbacks:
        callback.log_trial_start(b)
        callback.log_trial_start(a)
    for n in (1, 2):
        for one in (a, b):
            for callback in callbacks:
                callback.log_trial_result(900 + n, one, {"training_iteration": n, "x": one.trial_id})
    for callback in callbacks:
        callback.log_trial_end(b, failed=True)
        callback.log_trial_end(a)
    assert loggers["a"].rows == [{"training_iteration": 1, "x": "a", "step": 1}, {"training_iteration": 2, "step": 2}]
    assert [row["step"] for row in loggers["b"].rows] == [1, 2]


def test_a_callback_that_tune_stored_goes_on_in_the_same_run() -> None:
    run = rolltape.init(id="mine")
    callback = RolltapeLoggerCallback(run)
    callback.log_trial_start(trial("t"))
    restored = pickle.loads(pickle.dumps(callback))
    callback.log_trial_result(1, trial("t"), {"training_iteration": 1})
    callback.log_trial_end(trial("t"))
    restored.log_trial_start(trial("t"))
    restored.log_trial_result(2, trial("t"), {"training_iteration": 2})
    run.close()
    assert points("training_iteration", "mine") == [(1, 1.0), (2, 2.0)]
    assert run_of("default").config == {"algorithm": "train", "lr": 1}


def test_a_stored_callback_whose_logger_cannot_be_stored_tells_so_once() -> None:
    rows = Rows()
    rows.lock = threading.Lock()  # type: ignore[attr-defined]
    restored = pickle.loads(pickle.dumps(RolltapeLoggerCallback(rows)))
    restored.log_trial_start(trial("s"))
    with pytest.warns(RolltapeWarning, match="a Rows cannot be taken to another process: give a function") as told:
        for n in (1, 2):
            restored.log_trial_result(n, trial("s"), {"training_iteration": n})
    assert len(told) == 1
    restored.log_trial_end(trial("s"))


@pytest.mark.parametrize("module", ["rllib", "tune"])
def test_without_ray(module: str) -> None:
    code = f"import sys; sys.modules['ray'] = None; import rolltape.frameworks.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    error = done.stderr.splitlines()[-1]
    assert error.startswith(f"ImportError: rolltape.frameworks.{module} needs ")
    assert "2.53 or newer (2.53.0 and 2.60.0 are tested): pip install 'rolltape[rllib]'" in error


# For people


def test_the_example(tapes: Path) -> None:
    arguments = ["--iterations", "2", "--lr", "0.001", "0.01", "--tapes", str(tapes)]
    done = subprocess.run(
        [sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines()[-1].startswith("The page: http://")
    runs = rolltape.open(tapes).runs("rllib-ppo-grid")
    assert sorted(run.config["lr"] for run in runs) == [0.001, 0.01]
    for run in runs:
        assert run.status == "finished"
        assert len(points(RETURN, run.id)) > 20
        assert [step for step, _ in points("training_iteration", run.id)] == [1000, 2000]


def test_the_guide(tapes: Path, tmp_path: Path) -> None:
    guide_runs("rllib", tmp_path)
