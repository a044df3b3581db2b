"""The wheel, installed alone in a fresh environment: nothing of the development tools is needed, the page is in it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(300)
def test_the_wheel_works_alone(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("rolltape-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "rolltape/server/_static/index.html" in names
    assert "rolltape/server/_static/THIRD_PARTY_LICENSES.txt" in names
    assert "rolltape/py.typed" in names
    assert not [name for name in names if not name.startswith(("rolltape/", "rolltape-"))]

    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, capture_output=True)
    environment = {**os.environ, "ROLLTAPE_DIR": str(tmp_path / "tapes"), "PYTHONPATH": ""}
    script = "import rolltape\nwith rolltape.init(id='r') as run:\n    run.log({'loss': 1.5}, 3)\n"
    for command in (
        [python, "-W", "error", "-c", script],
        [python.with_name("rolltape"), "verify"],
        [python.with_name("rolltape"), "show", "r"],
        [python.with_name("rolltape"), "ls", "--json"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    no_gymnasium = subprocess.run(
        [python.with_name("rolltape"), "demo"], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert no_gymnasium.returncode == 2
    assert "pip install 'rolltape[demo]'" in no_gymnasium.stderr
