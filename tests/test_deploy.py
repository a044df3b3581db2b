"""The files for servers that stay: what they start is what the real parser takes."""

from __future__ import annotations

import argparse
import configparser
import re
import shlex
from pathlib import Path

import pytest

from rolltape.cli import make_parser

DEPLOY = Path(__file__).parent.parent / "docs" / "deploy"


def of_systemd() -> list[str]:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "rolltape.service")
    assert {"Unit", "Service", "Install"} <= set(unit)
    assert unit["Service"]["Restart"] == "always"
    return shlex.split(unit["Service"]["ExecStart"])


def of_compose() -> list[str]:
    text = (DEPLOY / "docker-compose.yml").read_text()
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.strip() == "- >-") + 1
    folded = []
    for line in lines[begin:]:
        if not line.startswith("        "):
            break
        folded.append(line.strip())
    script = " ".join(folded)
    port = re.search(r'- "(\d+):(\d+)"', text)
    assert port is not None and f"--port {port[2]}" in script
    return shlex.split(script.partition("exec ")[2])


@pytest.mark.parametrize("command", [of_systemd(), of_compose()], ids=["systemd", "compose"])
def test_what_is_started_is_understood(command: list[str]) -> None:
    assert Path(command[0]).name == "rolltape"
    args: argparse.Namespace = make_parser().parse_args(command[1:])
    assert args.command == "serve"
    assert args.token_file is not None and args.dir is not None
    assert args.behind_proxy or args.certificate is not None
