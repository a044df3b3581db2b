"""The real Stable-Baselines3, trained with rolltape attached."""

from __future__ import annotations

import copy
import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import guide_runs, killed, recorded, trained, truth
from gymnasium_script import Scripted

import rolltape
from rolltape.errors import RolltapeWarning
from rolltape.loggers import Logger

pytest.importorskip("stable_baselines3")
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common import logger as sb3
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper, VecNormalize

from rolltape.frameworks.stable_baselines3 import RolltapeCallback, RolltapeKVWriter, rolltape_logger

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
torch.set_num_threads(1)
RETURN, LENGTH = "rollout/ep_rew", "rollout/ep_len"


class Rows(Logger):
    """Ten lines of the user's own."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, values: Any) -> None:
        self.rows.append(dict(values))

    def close(self) -> None:
        pass


def ppo(environment: Any, **more: Any) -> PPO:
    small: dict[str, Any] = {"n_steps": 32, "batch_size": 16, "n_epochs": 1, "policy_kwargs": {"net_arch": [4]}}
    return PPO("MlpPolicy", environment, device="cpu", **(small | more))


def points(metric: str, run: str = "r") -> list[tuple[int, float]]:
    found = rolltape.open().points(run, metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


# The contract


@pytest.mark.parametrize(("algorithm", "steps"), [("PPO", 512), ("A2C", 500), ("DQN", 600), ("SAC", 300)])
def test_the_tape_has_exactly_the_episodes_that_happened(
    algorithm: str, steps: int, tapes: Path, tmp_path: Path
) -> None:
    trained("train_sb3.py", algorithm, steps, tmp_path / "truth")
    happened = truth(tmp_path / "truth")
    assert len(happened) > 30
    assert recorded(tapes, algorithm, RETURN, LENGTH) == happened
    info = rolltape.open().run(algorithm)
    assert info.status == "finished"
    assert info.config["seed"] == 3
    assert info.config["algorithm"] == algorithm
    assert info.config["note"] == "scripted"
    assert info.config["learning_rate"] == {"PPO": 3e-4, "A2C": 7e-4, "DQN": 1e-4, "SAC": 3e-4}[algorithm]
    metrics = rolltape.open().metrics(algorithm)
    assert any(name.startswith("train/") for name in metrics)
    assert "rollout/ep_rew_mean" in metrics


def test_several_environments_and_their_steps(tapes: Path, tmp_path: Path) -> None:
    trained("train_sb3.py", "PPO", 512, tmp_path / "truth", 4)
    happened = truth(tmp_path / "truth")
    expected = [episode._replace(step=4 * episode.step) for episode in happened]
    assert recorded(tapes, "PPO", RETURN, LENGTH) == expected, "steps of all environments together"


def test_kill_in_the_middle_of_training(tapes: Path, tmp_path: Path) -> None:
    happened = killed("train_sb3.py", "PPO", 10**6, tmp_path / "truth", path=tmp_path / "truth", episodes=200)
    kept = recorded(tapes, "PPO", RETURN, LENGTH)
    assert kept == happened[: len(kept)]
    assert len(kept) >= len(happened) - 1, "all but the one that the environment told of before its step returned"
    assert rolltape.open().run("PPO").status == "killed"
    assert points("train/loss", "PPO")


# What the logger is given


def test_every_value_is_kept_before_it_is_overwritten(tapes: Path, tmp_path: Path) -> None:
    """DQN trains every 4 steps and dumps every 4 episodes: Stable-Baselines3 keeps the last loss before a dump."""
    run = rolltape.init(id="r")
    model = DQN("MlpPolicy", Scripted(tmp_path / "truth"), learning_starts=20, policy_kwargs={"net_arch": [4]})
    losses: list[tuple[int, float]] = []
    train = model.train

    def counted(*args: Any, **kwargs: Any) -> None:
        train(*args, **kwargs)
        losses.append((model.num_timesteps, float(model.logger.name_to_value["train/loss"])))

    model.train = counted  # type: ignore[method-assign]
    model.learn(200, callback=RolltapeCallback(run))
    assert len(losses) > 40
    assert points("train/loss") == losses


def test_all_keys_that_are_dumped_are_there_at_the_steps_of_the_dumps(tapes: Path, tmp_path: Path) -> None:
    model = ppo(Scripted(tmp_path / "truth"))
    model.set_logger(sb3.configure(str(tmp_path / "log"), ["csv"]))
    model.learn(128, callback=RolltapeCallback(rolltape.init(id="r")))
    model.logger.close()
    with (tmp_path / "log" / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    for key in rows[-1]:
        written = [float(row[key]) for row in rows if row[key]]
        assert [value for _, value in points(key)][: len(written)] == pytest.approx(written), key
    assert [step for step, _ in points("time/iterations")] == [32, 64, 96, 128]
    assert [step for step, _ in points("train/loss")] == [32, 64, 96, 128], "when it was computed, not a dump later"


def test_what_a_callback_of_the_users_logs(tapes: Path, tmp_path: Path) -> None:
    class Mine(BaseCallback):
        def _on_step(self) -> bool:
            self.logger.record_mean("mine/mean", self.num_timesteps)
            self.logger.record("mine/none", None)
            self.logger.record("mine/secret", 1.0, exclude=("rolltape", "csv"))
            self.logger.record("mine/not_in_csv", self.num_timesteps, exclude="csv")
            return True

    model = ppo(Scripted(tmp_path / "truth"))
    model.set_logger(sb3.configure(str(tmp_path / "log"), ["csv"]))
    model.learn(64, callback=[Mine(), RolltapeCallback(rolltape.init(id="r"))])
    model.logger.close()
    assert points("mine/mean") == [(step, float(step)) for step in range(1, 65)]
    assert points("mine/not_in_csv") == points("mine/mean")
    assert {name for name in rolltape.open().metrics("r") if name.startswith("mine")} == {
        "mine/mean",
        "mine/not_in_csv",
    }
    with (tmp_path / "log" / "progress.csv").open() as file:
        means = [float(row["mine/mean"]) for row in csv.DictReader(file)]
    assert means == [16.5, 48.5], "Stable-Baselines3's own mean is as ever"


def test_several_learns_go_on_in_one_run(tapes: Path, tmp_path: Path) -> None:
    model = ppo(Scripted(tmp_path / "truth"))
    callback = RolltapeCallback(project="p", name="twice")
    model.learn(64, callback=callback)
    model.learn(64, callback=callback, reset_num_timesteps=False)
    callback.close()
    (info,) = rolltape.open().runs()
    assert info.name == "twice"
    steps = rolltape.open().points(info.key, "time/total_timesteps").value.tolist()
    assert steps == [32, 64, 96, 128]
    assert recorded(tapes, info.key, RETURN, LENGTH) == truth(tmp_path / "truth")


def test_another_model_is_another_run(tapes: Path, tmp_path: Path) -> None:
    callback = RolltapeCallback(project="seeds")
    for seed in range(2):
        ppo(Scripted(tmp_path / "truth"), seed=seed).learn(64, callback=callback)
    callback.close()
    infos = rolltape.open().runs("seeds")
    assert sorted(info.config["seed"] for info in infos) == [0, 1]
    assert {info.status for info in infos} == {"finished"}
    assert sorted(info.name for info in infos) == ["PPO-None-s0", "PPO-None-s1"]


def test_eval_callback_rows(tapes: Path, tmp_path: Path) -> None:
    model = ppo(Scripted(tmp_path / "truth"))
    evaluation = EvalCallback(
        DummyVecEnv([lambda: Scripted(tmp_path / "other")]), n_eval_episodes=2, eval_freq=50, verbose=0
    )
    with pytest.warns(UserWarning):  # Stable-Baselines3: no Monitor
        model.learn(128, callback=[RolltapeCallback(rolltape.init(id="r")), evaluation])
    assert [step for step, _ in points("eval/mean_reward")] == [50, 100]


def test_without_a_monitor_episodes_are_counted_here(tapes: Path, tmp_path: Path) -> None:
    environments = VecNormalize(DummyVecEnv([lambda: Scripted(tmp_path / "truth")]))
    ppo(environments).learn(128, callback=RolltapeCallback(rolltape.init(id="r")))
    assert recorded(tapes, "r", RETURN, LENGTH) == truth(tmp_path / "truth"), "the environment's own rewards"


def test_an_episode_goes_on_over_several_learns(tapes: Path, tmp_path: Path) -> None:
    model = ppo(DummyVecEnv([lambda: Scripted(tmp_path / "truth")]))
    callback = RolltapeCallback(rolltape.init(id="r"))
    for i in range(4):
        model.learn(32, callback=callback, reset_num_timesteps=i == 0)
    assert recorded(tapes, "r", RETURN, LENGTH) == truth(tmp_path / "truth")


def test_environments_that_answer_nothing(tapes: Path, tmp_path: Path) -> None:
    class Silent(VecEnvWrapper):
        def reset(self) -> Any:
            return self.venv.reset()

        def step_wait(self) -> Any:
            return self.venv.step_wait()

        def get_attr(self, attr_name: str, indices: Any = None) -> Any:
            if attr_name == "spec":
                raise AttributeError(attr_name)
            return self.venv.get_attr(attr_name, indices)

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> Any:
            raise AttributeError("env_is_wrapped")

    environments = Silent(DummyVecEnv([lambda: Scripted(tmp_path / "truth")]))
    ppo(environments).learn(64, callback=RolltapeCallback(rolltape.init(id="r")))
    assert recorded(tapes, "r", RETURN, LENGTH) == truth(tmp_path / "truth")


def test_a_model_may_be_copied_while_it_learns(tapes: Path, tmp_path: Path) -> None:
    class Copies(BaseCallback):
        def _on_step(self) -> bool:
            if self.num_timesteps == 20:
                copy.deepcopy(self.model)
                self.model.save(tmp_path / "model")
            return True

    callbacks = [RolltapeCallback(rolltape.init(id="r")), Copies()]
    ppo(DummyVecEnv([lambda: Scripted(tmp_path / "truth")])).learn(64, callback=callbacks)
    assert [step for step, _ in points("time/iterations")] == [32, 64]


def test_a_learn_that_was_interrupted_is_over(tapes: Path, tmp_path: Path) -> None:
    class Stops(BaseCallback):
        def _on_step(self) -> bool:
            if self.num_timesteps == 40:
                raise KeyboardInterrupt
            return True

    model = ppo(Scripted(tmp_path / "truth"))
    model.set_logger(sb3.configure(str(tmp_path), []))
    with pytest.raises(KeyboardInterrupt):
        model.learn(96, callback=[RolltapeCallback(rolltape.init(id="first")), Stops()])
    before = len(points("train/loss", "first"))
    model.learn(96, callback=RolltapeCallback(rolltape.init(id="second")))
    assert len(points("train/loss", "first")) == before == 1
    assert len(points("train/loss", "second")) == 3


def test_another_logger_in_the_middle(tapes: Path, tmp_path: Path) -> None:
    class Replaces(BaseCallback):
        def _on_step(self) -> bool:
            if self.num_timesteps == 40:
                self.model.set_logger(sb3.configure(str(tmp_path), []))
            return True

    ppo(Scripted(tmp_path / "truth")).learn(128, callback=[Replaces(), RolltapeCallback(rolltape.init(id="r"))])
    assert [step for step, _ in points("train/loss")] == [32, 64, 96, 128]
    assert recorded(tapes, "r", RETURN, LENGTH) == truth(tmp_path / "truth")


# The other two ways in


def test_a_writer_among_the_output_formats(tapes: Path, tmp_path: Path) -> None:
    logger = sb3.configure(str(tmp_path), [])
    logger.output_formats.append(RolltapeKVWriter(rolltape.init(id="r")))
    logger.record("a", 1.0)
    logger.record("b", 2, exclude="stdout")
    logger.record("c", 3, exclude=("csv", "rolltape"))
    logger.record("d", None)
    logger.dump(10)
    logger.record("a", 1.5)
    logger.dump(20)
    logger.close()
    assert points("a") == [(10, 1.0), (20, 1.5)]
    assert points("b") == [(10, 2.0)]
    assert rolltape.open().metrics("r") == ["a", "b"]


def test_set_logger(tapes: Path, tmp_path: Path) -> None:
    model = ppo(Scripted(tmp_path / "truth"))
    model.set_logger(rolltape_logger(rolltape.init(id="r"), str(tmp_path), ["csv"]))
    model.learn(96)
    model.logger.close()
    assert [step for step, _ in points("rollout/ep_rew_mean")] == [32, 64, 96]
    assert (tmp_path / "progress.csv").read_text().count("\n") == 4


def test_a_logger_keeps_what_is_overwritten(tapes: Path) -> None:
    logger = rolltape_logger(rolltape.init(id="r"))
    logger.dump(5)
    for i in range(3):
        logger.record("loss", float(i))
    logger.dump(10)
    assert points("loss") == [(5, 0.0), (5, 1.0), (10, 2.0)]


def test_what_waits_for_a_dump_is_recorded_once(tapes: Path, tmp_path: Path) -> None:
    """A logger that stays, with and without a callback: what was given before, between and after."""
    run = rolltape.init(id="r")
    model = ppo(Scripted(tmp_path / "truth"))
    model.set_logger(rolltape_logger(run))
    model.logger.record("before", 1.0)
    model.learn(64, callback=RolltapeCallback(run))
    model.learn(64, reset_num_timesteps=False)
    assert [value for _, value in points("before")] == [1.0]
    assert [step for step, _ in points("train/loss")] == [32, 64, 128], "that of 128 waits for a dump"
    model.logger.dump(128)
    assert [step for step, _ in points("time/iterations")] == [32, 64, 96, 128]


@pytest.mark.parametrize("second", ["callback", "writer", "logger"])
def test_two_adapters_on_one_run_record_nothing_twice(second: str, tapes: Path, tmp_path: Path) -> None:
    run = rolltape.init(id="r")
    model = ppo(Scripted(tmp_path / "truth"))
    callbacks = [RolltapeCallback(run)]
    if second == "callback":
        callbacks.append(RolltapeCallback(run))
    elif second == "writer":
        model.set_logger(sb3.configure(str(tmp_path), []))
        model.logger.output_formats.append(RolltapeKVWriter(run))
    else:
        model.set_logger(rolltape_logger(run))
    model.learn(96, callback=callbacks)
    assert recorded(tapes, "r", RETURN, LENGTH) == truth(tmp_path / "truth")
    assert [step for step, _ in points("time/iterations")] == [32, 64, 96]
    if second == "writer":
        model.logger.record("after", 1.0)
        model.logger.dump(100)
        assert points("after") == [(100, 1.0)], "the writer goes on when the callback has gone"


def test_any_logger(tmp_path: Path) -> None:
    to = Rows()
    ppo(Scripted(tmp_path / "truth")).learn(64, callback=RolltapeCallback(to))
    episodes = [(row[RETURN], row[LENGTH], row["step"]) for row in to.rows if RETURN in row]
    assert episodes == [tuple(episode) for episode in truth(tmp_path / "truth")]
    assert {"time/fps", "step"} in [set(row) for row in to.rows]


# Values


def test_media_histograms_and_hyperparameters(tapes: Path) -> None:
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure()
    figure.add_subplot().plot([1, 2])
    run = rolltape.init(id="r")
    logger = rolltape_logger(run)
    only_tensorboard = ("stdout", "log", "json", "csv")
    logger.record("video", sb3.Video(torch.zeros(1, 4, 3, 8, 6, dtype=torch.uint8), fps=10), exclude=only_tensorboard)
    logger.record("image", sb3.Image(torch.rand(3, 8, 6), "CHW"), exclude=only_tensorboard)
    logger.record("images", sb3.Image(np.zeros((2, 8, 6, 3), np.uint8), "NHWC"))
    logger.record("figure", sb3.Figure(figure, close=True))
    logger.record("weights", torch.arange(6.0).reshape(2, 3))
    logger.record("one", torch.tensor([2.5]))
    logger.record("text", "hello")
    logger.record("hparams", sb3.HParam({"gamma": 0.9}, {"score": 3.0}))
    logger.dump(7)
    run.close()
    events = {event["name"]: event["kind"] for event in rolltape.open().events("r")}
    assert events == {
        "video": "video", "image": "image", "images/0": "image", "images/1": "image", "figure": "image", "text": "text",
    }  # fmt: skip
    assert points("weights") == [(7, float(i)) for i in range(6)]
    assert points("one") == [(7, 2.5)]
    assert points("score") == [(7, 3.0)]
    assert rolltape.open().run("r").config == {"gamma": 0.9}


def test_a_custom_metric_that_is_no_number_is_kept_as_text_once(tapes: Path) -> None:
    logger = rolltape_logger(rolltape.init(id="r"))
    with pytest.warns(RolltapeWarning, match="'odd' is a dict that cannot be a metric") as told:
        for step in range(3):
            logger.record("odd", {"a": 1})
            logger.record("x", float(step))
            logger.dump(step)
    assert len(told) == 1
    assert [event["text"] for event in rolltape.open().events("r")] == ["{'a': 1}"]
    assert points("x") == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_without_the_framework_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['stable_baselines3'] = None; import rolltape.frameworks.stable_baselines3"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: rolltape.frameworks.stable_baselines3 needs Stable-Baselines3 2.0" in done.stderr
    assert "rolltape[sb3]" in done.stderr


def test_the_guide(tapes: Path, tmp_path: Path) -> None:
    guide_runs("stable-baselines3", tmp_path)
