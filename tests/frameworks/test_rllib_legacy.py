"""Tune's loggers of an older style, which Ray 2.53 was the last to have, in an environment of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract import trained
from small_ray import small_ray  # noqa: F401 (a fixture)

import rolltape

if not hasattr(pytest.importorskip("ray.tune.logger"), "Logger"):
    pytest.skip("this Ray has no tune.logger.Logger", allow_module_level=True)


@pytest.mark.timeout(300)
def test_old_style_loggers(tapes: Path, tmp_path: Path) -> None:
    trained("train_rllib_legacy.py", tmp_path)
    for project in ("old", "new"):
        slow, fast = sorted(rolltape.open().runs(project), key=lambda run: run.config["lr"])
        for run in (slow, fast):
            assert run.name == f"train_{run.id}"
            nested = rolltape.open().points(f"{project}/{run.id}", "nested/n")
            assert nested.step.tolist() == [1, 2, 3], "training_iteration, where no environment steps are told"
            assert nested.value.tolist() == [0, 1, 2], "once, by a logger and a callback on one run"
            assert rolltape.open().points(f"{project}/{run.id}", "loss").value[2] == 2 * run.config["lr"]
        assert (slow.status, slow.error) == ("finished", None)
        assert (fast.status, fast.error) == ("failed", "RuntimeError: too fast")
