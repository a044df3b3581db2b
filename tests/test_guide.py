"""The guide is true: its Python runs as it stands, each block in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
OF_FRAMEWORKS = {"acme", "rllib", "spinning-up", "stable-baselines-2", "stable-baselines3"}  # tests/frameworks
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(GUIDE.glob("*.md"))
    if page.stem not in OF_FRAMEWORKS
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_python_of_the_guide_runs(block: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 6
