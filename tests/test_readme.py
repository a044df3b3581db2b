"""The README is true: its Python runs, its commands exist, its picture is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rolltape
from rolltape.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_python_of_the_readme_runs(tapes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROLLTAPE_DIR")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
    assert len(scope["points"].step) == 100  # type: ignore[attr-defined]
    assert len(scope["curve"].edges) == 201  # type: ignore[attr-defined]
    assert len(rolltape.open("tapes").points(scope["run"].id, "train/episode_return").step) == 300  # type: ignore[attr-defined]


def test_the_commands_of_the_readme_exist(capsys: pytest.CaptureFixture[str]) -> None:
    for command in set(re.findall(r"^    rolltape (\w+)", README, re.MULTILINE)):
        assert main([command, "--help"]) == 0
    capsys.readouterr()


def test_what_the_documents_link_to_is_there() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)|(?:src|srcset)=\"([^\"]+)\"", document.read_text()):
            link = next(filter(None, target))
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_the_version_and_the_licence_agree() -> None:
    assert rolltape.__version__ in (ROOT / "src/rolltape/_version.py").read_text()
    assert "Apache License" in (ROOT / "LICENSE").read_text()
