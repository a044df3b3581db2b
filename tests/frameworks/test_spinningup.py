"""Spinning Up's logger is ours: held to the contract with a trainer that makes the calls of its VPG and PPO."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from contract import HERE, guide_runs, killed, recorded, trained, truth

import rolltape
from rolltape.frameworks import spinningup
from rolltape.loggers import Logger

pytestmark = pytest.mark.timeout(200)
STEPS = 100


def the_run() -> str:
    (info,) = rolltape.open().runs("spinup")
    return info.key


def test_the_tape_has_exactly_the_episodes_that_happened(tapes: Path, tmp_path: Path) -> None:
    """An epoch cuts off its last episode, as VPG does: that one never ended, and counts its steps all the same."""
    trained("spinup_trainer.py", tmp_path / "truth", tmp_path / "out", 5, STEPS)
    happened = truth(tmp_path / "truth")
    assert len(happened) > 50
    assert recorded(tapes, the_run(), "EpRet", "EpLen") == happened
    info = rolltape.open().run(the_run())
    assert (info.name, info.status) == ("vpg", "finished")
    assert info.config["seed"] == 3
    assert info.config["steps_per_epoch"] == STEPS
    with (tmp_path / "out" / "progress.txt").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["TotalEnvInteracts"] for row in rows] == ["100", "200", "300", "400", "500"]
    for key in ("Epoch", "AverageEpRet", "MaxEpRet", "LossPi", "TotalEnvInteracts", "Time"):
        found = rolltape.open().points(the_run(), key)
        assert found.value.tolist() == pytest.approx([float(row[key]) for row in rows], rel=1e-6), key
    assert len(rolltape.open().points(the_run(), "VVals").value) == 5 * STEPS
    assert json.loads((tmp_path / "out" / "config.json").read_text())["exp_name"] == "vpg"
    assert (tmp_path / "out" / "pyt_save" / "model.pt").exists()


def test_kill_in_the_middle_of_training(tapes: Path, tmp_path: Path) -> None:
    happened = killed(
        "spinup_trainer.py", tmp_path / "truth", tmp_path / "out", 10**6, STEPS, path=tmp_path / "truth", episodes=300
    )
    kept = recorded(tapes, the_run(), "EpRet", "EpLen")
    assert kept == happened[: len(kept)]
    assert len(kept) >= len(happened) - 1
    assert rolltape.open().run(the_run()).status == "killed"


def test_two_ranks_write_to_one_run(tapes: Path, tmp_path: Path) -> None:
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    arguments = [str(HERE / "spinup_trainer.py"), str(tmp_path / "truth"), str(tmp_path / "out"), "3", "200", "mpi"]
    done = subprocess.run([mpiexec, "-n", "2", sys.executable, *arguments], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    ranks = [truth(tmp_path / "truth"), truth(tmp_path / "truth1")]
    doubled = sorted(episode._replace(step=2 * episode.step) for rank in ranks for episode in rank)
    assert sorted(recorded(tapes, the_run(), "EpRet", "EpLen")) == doubled, "steps of both ranks"
    assert rolltape.open().points(the_run(), "TotalEnvInteracts").value.tolist() == [200.0, 400.0, 600.0]


class Experiment:
    """As the article's neptune experiment is called."""

    def __init__(self) -> None:
        self.metrics: list[tuple[str, Any, float]] = []
        self.properties: dict[str, str] = {}

    def log_metric(self, name: str, x: Any, y: float) -> None:
        self.metrics.append((name, x, y))

    def set_property(self, key: str, value: str) -> None:
        self.properties[key] = value


def test_the_articles_neptune_experiment(tapes: Path, tmp_path: Path) -> None:
    experiment = Experiment()
    run = rolltape.init(id="r")
    logger = spinningup.EpochLogger(tmp_path / "out", exp_name="x", neptune_experiment=experiment, rolltape_run=run)
    logger.save_config({"lr": 0.1, "ac_kwargs": {"hidden_sizes": [16]}})
    logger.store(EpRet=3.0)
    logger.log_tabular("EpRet", average_only=True)
    logger.log_tabular("TotalEnvInteracts", 40)
    logger.log_tabular("Note", "text")
    logger.dump_tabular()
    assert experiment.metrics == [("EpRet", 40, 3.0), ("TotalEnvInteracts", 40, 40.0)]
    assert experiment.properties == {"lr": "0.1", "ac_kwargs.hidden_sizes": "[16]"}
    assert rolltape.open().points("r", "EpRet").value.tolist() == [3.0]


def test_any_logger(tmp_path: Path) -> None:
    class Rows(Logger):
        """Ten lines of the user's own."""

        def __init__(self) -> None:
            self.rows: list[dict[str, Any]] = []

        def write(self, values: Any) -> None:
            self.rows.append(dict(values))

        def close(self) -> None:
            pass

    to = Rows()
    logger = spinningup.EpochLogger(tmp_path / "out", rolltape_run=to)
    logger.store(EpRet=1.0, EpLen=3)
    logger.log_tabular("Epoch", 0)
    logger.dump_tabular()
    assert to.rows == [{"EpRet": 1.0, "EpLen": 3}, {"Epoch": 0}]


def test_what_logx_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spinningup.colorize("x", "red", bold=True) == "\x1b[31;1mx\x1b[0m"
    assert spinningup.colorize("x", "gray", highlight=True) == "\x1b[40mx\x1b[0m"
    logger = spinningup.Logger(tmp_path / "out", "table.txt", rolltape_run=rolltape.init(id="r"))
    logger.log_tabular("A", 1)
    logger.dump_tabular()
    assert (tmp_path / "out" / "table.txt").read_text() == "A\n1\n"
    assert rolltape.open().points("r", "A").value.tolist() == [1.0]


def test_install_twice_and_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "spinup.utils.logx", raising=False)
    spinningup.install()
    spinningup.install(project="again")
    assert sys.modules["spinup.utils.logx"] is spinningup
    monkeypatch.setitem(sys.modules, "spinup.utils.logx", types.ModuleType("spinup.utils.logx"))
    with pytest.raises(ImportError, match=r"spinup\.utils\.logx is imported already, from nowhere"):
        spinningup.install()


def test_the_guide(tapes: Path, tmp_path: Path) -> None:
    guide_runs("spinning-up", tmp_path)
