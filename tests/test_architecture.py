"""Who may import whom (the plan of the house), and what a training process must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rolltape

SOURCE = Path(rolltape.__file__).parent
RECORDING = {"tape", "recording", "loggers", "frameworks", "compat"}
READING = {"tape", "store", "curves", "stats", "server", "cli"}
BELOW: dict[str, set[str]] = {
    "tape": set(),
    "recording": {"tape"},
    "loggers": {"tape", "recording"},
    "frameworks": {"tape", "recording", "loggers"},
    "compat": {"tape", "recording", "loggers"},
    "store": {"tape"},
    "curves": {"tape", "store"},
    "stats": set(),
    "server": {"tape", "store", "curves", "stats"},
    "cli": {"tape", "store", "curves", "stats", "server"},
}
OPEN_TO_ALL = {"errors", "_version"}
BOTH_SIDES = {"cli/demo.py", "cli/cartpole.py"}  # and the importers


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [node.module or ""]
            if node.module == "rolltape":
                names = [f"rolltape.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("rolltape.")}
        rooms |= {"" for name in names if name == "rolltape"}
    return rooms


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_down_the_plan(path: Path) -> None:
    place = path.relative_to(SOURCE)
    room = place.parts[0]
    if len(place.parts) == 1 or str(place) in BOTH_SIDES:
        return
    allowed = BELOW[room] | {room} | OPEN_TO_ALL
    assert imported_rooms(path) <= allowed, f"{place} may import {sorted(allowed)}"


def test_every_room_is_on_the_plan() -> None:
    assert {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"} <= set(BELOW)


def test_a_training_process_loads_the_recording_side_only() -> None:
    code = (
        "import sys, rolltape; run = rolltape.init(); run.log({'loss': 1.0}); run.close();"
        "print([m for m in sys.modules if m.split('.')[0] in ('starlette', 'rich', 'uvicorn', 'sqlite3', 'gymnasium')"
        " or m.startswith(('rolltape.store', 'rolltape.server', 'rolltape.cli'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_stay_small() -> None:
    lines = {str(path.relative_to(SOURCE)): path.read_text().count("\n") for path in SOURCE.rglob("*.py")}
    assert {path: count for path, count in lines.items() if count > 420} == {}
