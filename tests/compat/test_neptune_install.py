"""Old scripts run unchanged: `import neptune` means the stand-in, and the guide's blocks are such scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rolltape
from peers import ROOT, in_peer

INSTALL = "import rolltape.compat.neptune; rolltape.compat.neptune.install()\n"
ARTICLE = """
    import sys
    import neptune

    class DummyEnvironment:
        def __iter__(self):
            return iter([(200, 10.0), (400, 12.5), (400, float("nan")), (300, 7.5)])

    neptune.init(sys.argv[1])
    with neptune.create_experiment(name="PPO", params={"lr": 0.1, "gamma": 0.99}, tags=["baseline"],
                                   upload_stdout=False, send_hardware_metrics=False) as experiment:
        for interactions, episode_return in DummyEnvironment():
            experiment.log_metric("train/return", interactions, episode_return)
        for loss in (3, 2, 1):
            neptune.log_metric("learner/loss", loss)
        for key, value in {"net.sizes": [64, 64], "seed": 1}.items():
            experiment.set_property(key, value)
        neptune.append_tag("done")
        neptune.log_text("log", "the end")
        neptune.log_artifact(__file__, "train.py")
"""
NEWER = """
    import sys
    import neptune
    from neptune.exceptions import NeptuneException
    from neptune.types import File
    from neptune.utils import stringify_unsupported

    run = neptune.init_run(project=sys.argv[1], name="DQN", tags=["b"], capture_hardware_metrics=False)
    run["parameters"] = stringify_unsupported({"lr": 1e-3, "net": {"sizes": (64, 64)}})
    for episode in range(3):
        run["train/return"].append(episode * 1.5, step=episode * 10)
        run["train"].append({"loss": 1 / (episode + 1)})
    run["sys/tags"].add(["c"])
    run["notes"].upload(File.from_content("it worked"))
    try:
        run["missing"].fetch()
    except NeptuneException as error:
        run["told"] = str(error)
    run.stop()
"""
SCALE = """
    import sys
    from neptune_scale import Run
    from neptune_scale.types import File, Histogram

    if __name__ == "__main__":
        with Run(project=sys.argv[1], run_id="scaled", experiment_name="SAC") as run:
            run.log_configs({"parameters": {"lr": 1e-4}}, flatten=True)
            run.add_tags(["s"])
            for step in range(3):
                run.log_metrics({"train/return": step / 2, "train/loss": 1.0}, step=step)
            run.log_histograms({"returns": Histogram([0, 1], counts=[5])}, step=2)
            run.assign_files({"policy": File(b"weights", mime_type="text/plain")})
"""
BRIDGE = """
    import sys
    import neptune.new as neptune
    from neptune.new.types import File

    run = neptune.init(project=sys.argv[1], name="bridge")
    run["a/b"] = 1
    run["loss"].log(0.5)
    run.stop()
"""
OLDER = """
    import sys
    import neptune.legacy as neptune
    from neptune.legacy.experiments import Experiment
    from neptune.experiments import Experiment as Same

    project = neptune.init(sys.argv[1])
    exp = project.create_experiment()
    assert isinstance(exp, Experiment) and Experiment is Same
    exp.log_metric("loss", 1.0)
    neptune.stop()
"""


def python(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of Python with these arguments."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(params=["install", "python -m"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], None]:
    """Run a script, with the two lines or as it is."""

    def run(code: str) -> None:
        path = tmp_path / "old" / "script.py"
        path.parent.mkdir()
        path.write_text((INSTALL if request.param == "install" else "") + textwrap.dedent(code))
        how = [] if request.param == "install" else ["-m", "rolltape.compat.neptune"]
        assert python("-W", "error", *how, path, "ws/proj", cwd=tmp_path) == (0, "", "")

    return run


def the_run() -> tuple[Any, dict[str, tuple[list[int], list[float]]], list[dict[str, Any]]]:
    """The one run there is: what is known of it, its metrics' steps and values, its texts and files."""
    store = rolltape.open()
    (info,) = store.runs()
    points = {name: store.points(info.id, name) for name in store.metrics(info.id)}
    return info, {n: (p.step.tolist(), p.value.tolist()) for n, p in points.items()}, store.events(info.id)


def test_the_script_of_the_article(play: Callable[[str], None]) -> None:
    play(ARTICLE)
    info, points, events = the_run()
    assert (info.project, info.name, info.status, info.tags) == ("proj", "PPO", "finished", ["baseline", "done"])
    assert info.config == {"lr": 0.1, "gamma": 0.99, "properties/net.sizes": [64, 64], "properties/seed": 1}
    assert points["learner/loss"] == ([0, 1, 2], [3, 2, 1])
    assert points["train/return"][0] == [200, 400, 400, 300]
    assert points["train/return"][1] == pytest.approx([10, 12.5, float("nan"), 7.5], nan_ok=True)
    assert [(e["name"], e["kind"]) for e in events] == [("log", "text"), ("artifacts/train.py", "file")]


def test_a_script_of_1_x(play: Callable[[str], None]) -> None:
    play(NEWER)
    info, points, events = the_run()
    assert (info.project, info.name, info.status, info.tags) == ("proj", "DQN", "finished", ["b", "c"])
    assert info.config == {
        "parameters/lr": 1e-3,
        "parameters/net/sizes": "(64, 64)",
        "told": "this process has assigned nothing to 'missing'",
    }
    assert points == {"train/return": ([0, 10, 20], [0, 1.5, 3]), "train/loss": ([0, 1, 2], [1, 0.5, 1 / 3])}
    assert [(e["name"], e["kind"]) for e in events] == [("notes", "file")]


def test_a_script_of_scale(play: Callable[[str], None]) -> None:
    play(SCALE)
    info, points, events = the_run()
    assert (info.id, info.project, info.name, info.status, info.tags) == ("scaled", "proj", "SAC", "finished", ["s"])
    assert info.config == {"parameters/lr": 1e-4}
    assert points == {"train/return": ([0, 1, 2], [0, 0.5, 1]), "train/loss": ([0, 1, 2], [1, 1, 1])}
    assert [(e["name"], e["kind"]) for e in events] == [("returns", "text"), ("policy", "file")]


def test_a_script_of_the_years_between(play: Callable[[str], None]) -> None:
    play(BRIDGE)
    info, points, _ = the_run()
    assert (info.project, info.name, info.config, points) == ("proj", "bridge", {"a/b": 1}, {"loss": ([0], [0.5])})


def test_a_script_that_imports_legacy(play: Callable[[str], None]) -> None:
    play(OLDER)
    info, points, _ = the_run()
    assert (info.status, points) == ("finished", {"loss": ([0], [1])})


def in_python(code: str) -> str:
    status, out, err = python("-c", textwrap.dedent(code))
    assert status == 0, err
    return out + err


def test_installing_again_does_nothing(tapes: Path) -> None:
    said = in_python(f"""
        {INSTALL}
        import sys, neptune, rolltape.compat.neptune as ours
        before, finders = dict(sys.modules), list(sys.meta_path)
        ours.install()
        neptune.install()
        print(neptune is ours, sys.modules == before, sys.meta_path == finders, neptune.__version__)
    """)
    assert said == "True True True 1.14.0\n"


def test_modules_that_mean_nothing_here_import_and_warn_once(tapes: Path) -> None:
    said = in_python(f"""
        {INSTALL}
        import neptune.integrations.tensorflow_keras
        from neptune.integrations.sacred import NeptuneObserver
        from neptune.integrations.sacred import NeptuneObserver as Again
        from neptune import ModelVersion
        NeptuneObserver(run=1).anything(2)
        print(neptune.types.File, neptune.utils.stringify_unsupported.__name__)
        import neptune_scale.projects, neptune.new.integrations.torch, neptune.legacy.git_info
        print(neptune_scale.types.File)
        import importlib
        try:
            importlib.import_module("neptune_fetcher")
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert said.count("neptune.integrations.sacred.NeptuneObserver is not offered") == 1
    assert said.count("neptune.ModelVersion is not offered") == 1
    assert said.count("RolltapeWarning") == 2
    assert "stringify_unsupported" in said
    assert "No module named 'neptune_fetcher'" in said


def test_the_real_package_is_not_replaced_under_way() -> None:
    said = in_peer(
        "neptune",
        """
        import neptune
        import rolltape.compat.neptune
        try:
            rolltape.compat.neptune.install()
        except ImportError as error:
            print(error)
        import neptune as still
        print(still is neptune, "compat" in still.__file__)
        """,
    )
    assert re.search(r"neptune is imported already, from .*site-packages.*: call install\(\) before", said)
    assert said.endswith("True False\n")


def test_nor_is_half_of_it_replaced(tapes: Path) -> None:
    said = in_python("""
        import sys, types
        sys.modules["neptune_scale"] = types.ModuleType("neptune_scale")
        import rolltape.compat.neptune
        try:
            rolltape.compat.neptune.install()
        except ImportError as error:
            print(error, error.name, "neptune" in sys.modules)
    """)
    assert said == "neptune_scale is imported already, from nowhere: call install() before neptune_scale False\n"


def test_the_real_package_may_stay_installed(tapes: Path) -> None:
    said = in_peer(
        "neptune", INSTALL + "import neptune\nprint(neptune.__file__)\nneptune.init('ws/p').create_experiment()"
    )
    assert "rolltape" in said
    assert [info.project for info in rolltape.open().runs()] == ["p"]


def test_rolltape_loads_no_stand_in() -> None:
    said = in_python(
        "import rolltape, sys; rolltape.init; print(any('rolltape.compat' in name for name in sys.modules))"
    )
    assert said == "False\n"


@pytest.mark.parametrize(
    ("arguments", "message"), [([], "usage: python -m"), (["-x"], "usage"), (["gone.py"], "there is no script gone.py")]
)
def test_the_command_tells_what_is_wrong(arguments: list[str], message: str) -> None:
    status, out, err = python("-m", "rolltape.compat.neptune", *arguments)
    assert (status, out) == (1, "")
    assert message in err


def test_a_script_imports_what_lies_beside_it(tapes: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "network.py").write_text("sizes = [64]")
    (tmp_path / "old" / "train.py").write_text("import sys, network; print(network.sizes, sys.argv, __name__)")
    said = python("-m", "rolltape.compat.neptune", "old/train.py", "--lr", "1", cwd=tmp_path)
    assert said == (0, "[64] ['old/train.py', '--lr', '1'] __main__\n", "")


def test_an_exception_of_the_script_fails_the_run(tapes: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text("import neptune\nneptune.init('p')\nneptune.create_experiment()\nraise ValueError('no reward')\n")
    status, _, _ = python("-m", "rolltape.compat.neptune", path)
    assert status == 1
    (info,) = rolltape.open().runs()
    assert (info.status, info.error) == ("failed", "ValueError: no reward")


GUIDE = (ROOT / "docs" / "guide" / "neptune.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL))
def test_the_python_of_the_guide_runs(tapes: Path, tmp_path: Path, block: str) -> None:
    path = tmp_path / "block.py"
    path.write_text(block)
    assert python("-W", "error", path, cwd=tmp_path) == (0, "", "")
    assert len(rolltape.open().runs()) >= 1
