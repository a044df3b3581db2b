"""Against the real Acme, in an environment of its own, and without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from peers import in_peer

CODE = (Path(__file__).parent / "against_acme.py").read_text()


def test_the_same_calls_give_the_same_rows() -> None:
    compared = in_peer("acme", CODE, stubs=True).splitlines()
    assert len(compared) == 24
    assert compared[-1] == "isinstance"


def test_a_real_environment_loop_writes_to_a_run(tapes: Path) -> None:
    code = """
    import acme, dm_env, numpy as np
    import rolltape
    from acme import specs
    from rolltape.loggers import make_logger

    class Corridor(dm_env.Environment):
        '''Episode number n takes n steps of reward 2.'''
        episodes = left = 0
        def reset(self):
            self.episodes += 1
            self.left = self.episodes
            return dm_env.restart(np.zeros(1))
        def step(self, action):
            self.left -= 1
            return dm_env.transition(2.0, np.zeros(1)) if self.left else dm_env.termination(2.0, np.zeros(1))
        def observation_spec(self): return specs.Array((1,), float)
        def action_spec(self): return specs.DiscreteArray(2)
        def reward_spec(self): return specs.Array((), float)

    class Still(acme.Actor):
        def select_action(self, observation): return 0
        def observe_first(self, timestep): pass
        def observe(self, action, next_timestep): pass
        def update(self, wait=False): pass

    with rolltape.init(id="r") as run:
        logger = make_logger(run, "train", smoothing_regex="return", terminal=False)
        acme.EnvironmentLoop(Corridor(), Still(), logger=logger).run(num_episodes=20)
    """
    import rolltape

    in_peer("acme", code, stubs=True, ROLLTAPE_DIR=str(tapes))
    store = rolltape.open()
    found = store.points("r", "train/episode_return")
    assert found.value.tolist() == [2.0 * n for n in range(1, 21)]
    assert found.step.tolist() == [n * (n + 1) // 2 for n in range(1, 21)], "environment steps"
    smoothed = store.points("r", "train/episode_return_smoothed_0.99")
    assert smoothed.step.tolist() == found.step.tolist()
    assert smoothed.value[0] == 2.0
    assert store.points("r", "train/episodes").value.tolist() == list(range(1, 21))


def test_without_acme_nothing_is_imported() -> None:
    code = "import sys, rolltape.loggers; print([m for m in sys.modules if m.split('.')[0] in ('acme', 'launchpad')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_acme_may_be_imported_before_and_may_fail_first() -> None:
    before = """
    import acme.utils.loggers as theirs
    from rolltape.loggers import Logger, NoneFilter
    assert issubclass(NoneFilter, theirs.Logger)
    """
    in_peer("acme", before, stubs=True)
    failing = """
    import sys
    from rolltape.loggers import Logger, NoneFilter
    launchpad, sys.path[:] = sys.path[:], [p for p in sys.path if not p.endswith("stubs")]
    try:
        import acme
    except ImportError:
        pass
    else:
        raise AssertionError("Acme imports without Launchpad")
    sys.path[:] = launchpad
    import importlib.util, acme.utils.loggers as theirs
    assert importlib.util.find_spec("acme.utils.loggers.base").loader.__class__.__module__ != "rolltape.loggers.acme"
    assert issubclass(NoneFilter, theirs.Logger)
    """
    in_peer("acme", failing, stubs=True)
