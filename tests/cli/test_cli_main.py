"""The command line as a whole: help, version, exit codes, pipes, what it loads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rolltape
from rolltape import cli
from rolltape.cli import ls, main, make_parser

COMMANDS = ["demo", "ui", "serve", "ship", "ls", "show", "export", "sql", "verify", "token"]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: rolltape {command}")
    assert "\n\n" in out, "a description of what the command does"


def test_every_option_is_explained() -> None:
    (subparsers,) = (action for action in make_parser()._actions if action.dest == "command")
    assert isinstance(subparsers.choices, dict)
    for name, parser in subparsers.choices.items():
        assert [action.dest for action in parser._actions if not action.help] == [], name


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rolltape {rolltape.__version__}\n"


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: rolltape")


@pytest.mark.parametrize("argv", [["nope"], ["ls", "--nope"], ["show"], ["ui", "--port", "70000"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert capsys.readouterr().out == ""


def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(tmp_path / "new\nline\x1b[31m")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"rolltape: there is no directory {tmp_path}/new\\nline\\x1b[31m\n"


def test_an_error_of_the_system_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_args: object) -> int:
        raise PermissionError(13, "Permission denied", "/tapes/p")

    monkeypatch.setattr(ls, "run", refuse)
    assert main(["ls"]) == 2
    assert capsys.readouterr().err == "rolltape: /tapes/p: Permission denied\n"


def test_ctrl_c_is_130_without_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(ls, "run", interrupt)
    assert main(["ls"]) == 130
    assert capsys.readouterr().err == ""


def run_shell(command: str) -> subprocess.CompletedProcess[str]:
    python = f"{sys.executable} -W error -m rolltape"
    return subprocess.run(
        ["bash", "-c", command.replace("ROLLTAPE", python)], capture_output=True, text=True, timeout=60
    )


def test_piped_output_is_tab_separated(tapes: Path) -> None:
    rolltape.init(project="p", id="one").close()
    done = run_shell("ROLLTAPE ls | cat")
    assert done.stderr == ""
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0][:4] == ["status", "project", "name", "id"]
    assert lines[1][:4] == ["finished", "p", "one", "one"]


def test_a_broken_pipe_is_quiet(tapes: Path) -> None:
    for i in range(3):
        rolltape.init(project="p", config={"long": "x" * 100_000}, id=f"run{i}").close()
    done = run_shell("ROLLTAPE ls | head -c 10; echo ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert done.stdout == "status\tpro141\n"


def test_a_pipe_that_is_closed_from_the_start_is_quiet(tapes: Path) -> None:
    rolltape.init(project="p", id="one").close()
    done = run_shell("(sleep 1; ROLLTAPE ls; echo $? >&2) | true")
    assert done.stderr == "141\n"


def test_names_that_the_output_cannot_encode(tapes: Path) -> None:
    rolltape.init(project="名前", name="lone \ud800", id="one").close()
    done = run_shell("PYTHONUTF8=0 PYTHONIOENCODING=ascii ROLLTAPE ls")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split("\t")[1:3] == ["\\u540d\\u524d", "lone \\ud800"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_process_with_130(tapes: Path) -> None:
    code = (
        "import time, sys; from rolltape.cli import main, ls;"
        "ls.run = lambda args: (print('ready', flush=True), time.sleep(60));"
        "sys.exit(main(['ls']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_help_loads_neither_numpy_nor_rich_nor_the_server() -> None:
    """The commands import what they need when they run; the package itself is left out here."""
    package = Path(cli.__file__).parent.parent
    code = (
        "import sys, types; package = types.ModuleType('rolltape');"
        f"package.__path__ = [{str(package)!r}]; sys.modules['rolltape'] = package;"
        "from rolltape.cli import main; assert main(['ls', '--help']) == 0;"
        "heavy = ('numpy', 'rich', 'starlette', 'uvicorn', 'rolltape.store', 'rolltape.server', 'rolltape.recording');"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
