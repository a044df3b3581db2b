"""Against the real Stable Baselines 2.10.2, on TensorFlow 2 that stands in for TensorFlow 1."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow1_shim
from contract import Episode, killed, recorded, trained, truth

import rolltape
from rolltape.recording.run import open_runs

if importlib.util.find_spec("stable_baselines") is None:
    pytest.skip("Stable Baselines 2 is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # TensorFlow and Gym, of what NumPy and Python drop
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:`tf.layers:UserWarning"),
    pytest.mark.filterwarnings(
        "ignore:.*progress.csv:pytest.PytestUnraisableExceptionWarning"
    ),  # configure() leaves it
]


SMALL: dict[str, dict[str, Any]] = {
    "DQN": {"learning_starts": 50},
    "SAC": {"learning_starts": 50},
    "TD3": {"learning_starts": 50},
    "DDPG": {"nb_rollout_steps": 50, "batch_size": 32},
    "TRPO": {"timesteps_per_batch": 64},
    "PPO1": {"timesteps_per_actorbatch": 64},
}


class Rows:
    """A logger of the user's own, in ten lines."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.closed = 0

    def write(self, values: Any) -> None:
        self.rows.append(dict(values))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def sb2() -> Iterator[Any]:
    """The adapter's module, with no writer at work and the logger as at the import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what old packages say when they are imported
        if "stable_baselines" not in sys.modules:
            tensorflow1_shim.install()
        from stable_baselines import logger

        from rolltape.frameworks import stable_baselines

    formats = logger.Logger.DEFAULT.output_formats[:]
    yield stable_baselines
    logger.reset()
    logger.Logger.DEFAULT.output_formats[:] = formats
    stable_baselines._attached.clear()


def points(run: str, metric: str) -> list[tuple[int, float]]:
    found = rolltape.open().points(run, metric)
    return list(zip(found.step.tolist(), found.value.tolist(), strict=True))


# Training


@pytest.mark.parametrize("algorithm", ["PPO2", "DQN"])
def test_what_is_on_the_tape_is_what_happened(algorithm: str, tapes: Path, tmp_path: Path) -> None:
    trained("train_sb2.py", algorithm, tmp_path / "truth", 640, "--monitor", "--verbose=1")
    happened = truth(tmp_path / "truth")
    assert len(happened) > 90
    assert recorded(tapes, "r", "ep_reward", "ep_len") == happened


def test_several_environments_several_writers_and_learning_on(tapes: Path, tmp_path: Path) -> None:
    """Two writers on one run record nothing twice; an episode goes on over two learn() calls."""
    trained("train_sb2.py", "PPO2", tmp_path / "truth", 192, "--environments=2", "--writers=2", "--learn=2")
    happened = [Episode(won, length, 2 * step) for won, length, step in truth(tmp_path / "truth")]
    assert len(happened) > 50
    assert recorded(tapes, "r", "ep_reward", "ep_len") == happened
    assert len(points("r", "policy_loss")) == 2 * 3 * 16


@pytest.mark.parametrize("algorithm", ["PPO2", "DQN"])
def test_killed_in_the_middle_what_was_acknowledged_is_there(algorithm: str, tapes: Path, tmp_path: Path) -> None:
    happened = killed("train_sb2.py", algorithm, tmp_path / "truth", 10**7, path=tmp_path / "truth", episodes=150)
    found = recorded(tapes, "r", "ep_reward", "ep_len")
    assert found == happened[: len(found)]
    assert len(found) >= len(happened) - 1, "all but one that had not come back from the environment"


def model(algorithm: str, path: Path, **settings: Any) -> Any:
    import gym
    import stable_baselines
    from gym_script import Scripted

    module = {"SAC": "sac", "TD3": "td3", "DDPG": "ddpg"}.get(algorithm)  # those have policies of their own
    policy = getattr(stable_baselines, module).MlpPolicy if module else "MlpPolicy"
    scripted = Scripted(path / "truth")
    if module:
        scripted.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    return getattr(stable_baselines, algorithm)(policy, scripted, seed=2, n_cpu_tf_sess=1, **settings)


@pytest.mark.parametrize("algorithm", ["PPO2", "A2C", "ACKTR", "ACER", "DQN", "SAC", "TD3", "DDPG", "TRPO", "PPO1"])
def test_every_algorithm_without_a_monitor_and_silent(sb2: Any, algorithm: str, tapes: Path, tmp_path: Path) -> None:
    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        model(algorithm, tmp_path, **SMALL.get(algorithm, {})).learn(256)
    assert recorded(tapes, "r", "ep_reward", "ep_len") == truth(tmp_path / "truth") != []
    losses = set(rolltape.open().metrics("r")) - {"ep_reward", "ep_len"}
    assert bool(losses) == (algorithm not in ("TRPO", "PPO1")), "these two have no gradient step to listen to"


def test_every_update_where_the_framework_passes_means_on(sb2: Any, tmp_path: Path) -> None:
    from stable_baselines import logger

    passed_on = Rows()

    class Spy(logger.KVWriter):  # type: ignore[misc]
        def writekvs(self, kvs: Any) -> None:
            passed_on.write(kvs)

        def close(self) -> None:
            pass

    with rolltape.init(id="r") as run:
        logger.Logger.CURRENT.output_formats[:] = [sb2.RolltapeKVWriter(run), Spy()]
        model("PPO2", tmp_path, n_steps=32, verbose=1).learn(96)
    assert len(passed_on.rows) == 3
    for name in ("policy_loss", "value_loss", "policy_entropy", "approxkl", "clipfrac"):
        found = rolltape.open().points("r", name)
        assert found.step.tolist() == [32] * 16 + [64] * 16 + [96] * 16
        means = found.value.reshape(3, 16).mean(1)
        assert means == pytest.approx([float(row[name]) for row in passed_on.rows], rel=1e-5, abs=1e-7)
    for name in ("fps", "explained_variance", "n_updates", "total_timesteps", "serial_timesteps"):
        assert points("r", name) == [(row["total_timesteps"], row[name]) for row in passed_on.rows]


def test_the_losses_of_dqn_are_those_that_tensorboard_gets(sb2: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        settings = {"learning_starts": 50, "prioritized_replay": True, "tensorboard_log": str(tmp_path)}
        model("DQN", tmp_path, **settings).learn(120)
    shown: dict[str, list[tuple[int, float]]] = {"loss/loss": [], "loss/td_error": []}
    for event in tf.train.summary_iterator(str(next(tmp_path.glob("DQN_1/events*")))):
        for value in event.summary.value:
            if value.tag in shown:
                shown[value.tag].append((event.step, value.simple_value))
    for name, expected in shown.items():
        found = points("r", name)
        assert [step for step, _ in found] == [step for step, _ in expected] == list(range(51, 121))
        assert [value for _, value in found] == pytest.approx([value for _, value in expected], rel=1e-4, abs=1e-6)


def test_the_config_is_what_the_model_was_made_with(sb2: Any, tmp_path: Path) -> None:
    with rolltape.init(id="r", config={"seed": 7, "note": "mine"}) as run:
        sb2.RolltapeKVWriter(run)
        architecture = {"net_arch": [4], "act_fun": Rows().write}  # whose text would have an address in it
        learner = model("PPO2", tmp_path, n_steps=32, cliprange=lambda left: 0.1 * left)
        learner.policy_kwargs = architecture
        learner.learn(32)
    config = rolltape.open().runs()[0].config
    assert (config["algorithm"], config["env"], config["policy"]) == ("PPO2", "Scripted", "MlpPolicy")
    assert (config["seed"], config["note"], config["n_steps"], config["learning_rate"]) == (2, "mine", 32, 2.5e-4)
    assert "lambda" in config["cliprange"]
    assert config["policy_kwargs"] == {"net_arch": [4], "act_fun": "Rows.write"}


@pytest.mark.parametrize("name", ["Monitor", "Statistics"])
def test_what_a_wrapper_above_the_monitor_ends_is_no_episode(sb2: Any, tmp_path: Path, name: str) -> None:
    """As with the lives of an Atari game. A monitor of another name is known by the first episode that it tells."""
    import gym
    import stable_baselines
    from gym_script import Scripted
    from stable_baselines.bench import Monitor

    class Lives(gym.Wrapper):  # type: ignore[misc]
        steps, over = 0, True

        def reset(self) -> Any:
            return self.env.reset() if self.over else self.env.observation_space.sample()

        def step(self, action: Any) -> Any:
            self.steps += 1
            observation, reward, self.over, info = self.env.step(action)
            return observation, reward, self.over or self.steps % 2 == 0, info

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        lives = Lives(type(name, (Monitor,), {})(Scripted(tmp_path / "truth"), None))
        stable_baselines.DQN("MlpPolicy", lives, n_cpu_tf_sess=1, learning_starts=1000).learn(100)
    found, happened = recorded(tmp_path / "tapes", "r", "ep_reward", "ep_len"), truth(tmp_path / "truth")
    if name != "Monitor":
        assert found.pop(0) == (2.0, 2, 2)
    assert found == happened != []


def test_returns_are_the_environments_own_under_normalisation(sb2: Any, tmp_path: Path) -> None:
    import stable_baselines
    from gym_script import Scripted
    from stable_baselines.common.vec_env import DummyVecEnv, VecNormalize

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        normalised = VecNormalize(DummyVecEnv([lambda: Scripted(tmp_path / "truth")]))
        stable_baselines.PPO2("MlpPolicy", normalised, n_steps=32, n_cpu_tf_sess=1).learn(96)
    assert recorded(tmp_path / "tapes", "r", "ep_reward", "ep_len") == truth(tmp_path / "truth") != []


@pytest.mark.parametrize("callback", [None, lambda *_: None, [], "class"])
def test_the_users_callback_is_called_as_ever(sb2: Any, tmp_path: Path, callback: Any) -> None:
    from stable_baselines.common.callbacks import BaseCallback

    class Stop(BaseCallback):  # type: ignore[misc]
        def _on_step(self) -> bool:
            return bool(self.n_calls < 20)

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        learner = model("DQN", tmp_path, learning_starts=1000)
        learner.learn(40, callback=Stop() if callback == "class" else callback)
        assert learner.num_timesteps == (20 if callback == "class" else 40)
    assert recorded(tmp_path / "tapes", "r", "ep_reward", "ep_len") == truth(tmp_path / "truth") != []


def test_success_is_told_of_each_episode(sb2: Any, tmp_path: Path) -> None:
    import gym
    import stable_baselines
    from gym_script import Scripted
    from stable_baselines.common.vec_env import DummyVecEnv

    class Judged(gym.Wrapper):  # type: ignore[misc]
        def step(self, action: Any) -> Any:
            observation, reward, ends, info = self.env.step(action)
            return observation, reward, ends, info | ({"is_success": reward % 2 == 0} if ends else {})

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        judged = DummyVecEnv([lambda: Judged(Scripted(tmp_path / "truth"))])
        stable_baselines.A2C("MlpPolicy", judged, n_cpu_tf_sess=1).learn(100)
    happened = truth(tmp_path / "truth")
    assert points("r", "is_success") == [(each.step, (n + 1) % 2) for n, each in enumerate(happened, 1)] != []


def test_an_algorithm_of_another_kind_trains_on(sb2: Any, tmp_path: Path) -> None:
    from stable_baselines import DQN

    class Own(DQN):  # type: ignore[misc]
        def learn(self, total_timesteps: int, **_more: Any) -> Any:
            self._train_step = lambda: "a loss"
            callback = self._init_callback(None)
            callback.on_training_start({}, {})
            for self.num_timesteps in range(total_timesteps):
                assert callback.on_step() is not False
                assert self._train_step() == "a loss"
            return self

    with rolltape.init(id="r") as run:
        sb2.RolltapeKVWriter(run)
        own = Own("MlpPolicy", model("DQN", tmp_path).env, n_cpu_tf_sess=1)
        with pytest.warns(rolltape.RolltapeWarning, match="of Own cannot be told") as told:
            own.learn(3)
    messages = [str(each.message) for each in told if each.category is rolltape.RolltapeWarning]
    assert [message.split(" of Own")[0] for message in messages] == ["the episodes", "the losses"]


# The writer


def test_configure_reset_and_scopes_lose_no_row(sb2: Any, tmp_path: Path) -> None:
    from stable_baselines import logger

    with rolltape.init(id="r") as run:
        logger.Logger.CURRENT.output_formats.append(sb2.RolltapeKVWriter(run))

        def dump(step: int) -> None:
            logger.logkv("a", step)
            logger.logkv("total_timesteps", step)
            logger.dumpkvs()

        dump(1)
        logger.configure(str(tmp_path / "one"), ["csv"])
        dump(2)
        logger.configure(str(tmp_path / "two"), ["json"])
        dump(3)
        with logger.ScopedConfigure(str(tmp_path / "three"), ["csv"]):
            dump(4)
        dump(5)
        logger.reset()
        dump(6)
        logger.configure(str(tmp_path / "four"), [])
        logger.Logger.CURRENT.output_formats.append(sb2.RolltapeKVWriter(run))
        dump(7)
    assert points("r", "a") == [(step, float(step)) for step in range(1, 8)]
    assert run not in open_runs


def test_a_closed_run_is_left_alone_and_the_next_seed_has_its_own(sb2: Any) -> None:
    from stable_baselines import logger

    for seed in range(3):
        with rolltape.init(id=f"s{seed}", config={"seed": seed}) as run:
            logger.Logger.CURRENT.output_formats.append(sb2.RolltapeKVWriter(run))
            logger.logkv("a", seed)
            logger.dumpkvs()
    assert [points(f"s{seed}", "a") for seed in range(3)] == [[(0, float(seed))] for seed in range(3)]
    logger.logkv("a", 9)
    logger.dumpkvs()
    assert not any(isinstance(each, sb2.RolltapeKVWriter) for each in logger.Logger.CURRENT.output_formats)


@pytest.mark.parametrize("key", ["total_timesteps", "total timesteps", "TimestepsSoFar", "total/steps", "steps"])
def test_the_step_is_found_and_stays(sb2: Any, key: str) -> None:
    with rolltape.init(id="r") as run:
        writer = sb2.RolltapeKVWriter(run)
        row = {"fps": np.int64(7), key: np.int64(40), "% time spent exploring": 2}
        writer.writekvs(row)
        writer.writekvs({"a": np.float32(0.5)})
        assert len(row) == 3
    assert points("r", "fps") == [(40, 7.0)]
    assert points("r", key) == [(40, 40.0)]
    assert points("r", "% time spent exploring") == [(40, 2.0)]
    assert points("r", "a") == [(40, 0.5)], "a row without a step has the last"


def test_what_is_no_number_is_text_once(sb2: Any) -> None:
    rows = Rows()
    writer = sb2.RolltapeKVWriter(rows)
    with pytest.warns(rolltape.RolltapeWarning, match="'map' is no number but a dict: it is kept as text this once"):
        writer.writekvs({"map": {"x": 1}, "steps": 3, "none": None, "many": np.arange(2.0), "one": np.float32(0.5)})
    writer.writekvs({"map": {"x": 2}, "scalar": True})
    assert rows.rows[0].pop("many").tolist() == [0.0, 1.0]
    assert rows.rows[0] == {"map": "{'x': 1}", "steps": 3, "one": 0.5, "total_timesteps": 3}
    assert rows.rows[1] == {"scalar": True, "total_timesteps": 3}


def test_any_logger_will_do_and_is_never_closed(sb2: Any, tmp_path: Path) -> None:
    from stable_baselines import logger

    rows = Rows()
    writer = sb2.RolltapeKVWriter(rows)
    logger.configure(str(tmp_path / "one"), [])
    model("DQN", tmp_path, learning_starts=1000, verbose=1).learn(60, log_interval=4)
    logger.reset()
    assert rows.closed == 0
    episodes = [row for row in rows.rows if "ep_reward" in row]
    happened = truth(tmp_path / "truth")
    assert [Episode(row["ep_reward"], row["ep_len"], row["total_timesteps"]) for row in episodes] == happened
    dumped = [row for row in rows.rows if "steps" in row]
    assert [row["steps"] for row in dumped] == [row["total_timesteps"] for row in dumped] != []
    writer.detach()
    logger.logkv("a", 1)
    logger.dumpkvs()
    assert rows.rows[-1].get("a") is None


def test_without_the_framework_the_error_names_it() -> None:
    code = "import sys; sys.modules['stable_baselines'] = None; import rolltape.frameworks.stable_baselines"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: rolltape.frameworks.stable_baselines needs Stable Baselines 2.10" in done.stderr
    assert "pip install 'stable-baselines==2.10.2'" in done.stderr


def test_the_guide_is_true(sb2: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parent.parent.parent / "docs" / "guide" / "stable-baselines-2.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) == 3
    scope: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, page.name, "exec"), scope)
