"""TerminalLogger: one line a row, coloured for people only, and never a reason for training to end."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.loggers.terminal import TerminalLogger


def lines(*rows: dict[str, Any], label: str = "") -> list[str]:
    printed: list[str] = []
    logger = TerminalLogger(label, printed.append)
    for row in rows:
        logger.write(row)
    logger.close()
    return printed


def test_a_line_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    logger = TerminalLogger("train")
    logger.write({"steps": 3000, "episode_return": 12.3456, "lr": 3e-4, "done": True, "none": None, "note": "ok"})
    logger.close()
    line = "[train] done = True | episode_return = 12.35 | lr = 0.0003 | none = None | note = ok | steps = 3000\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0003, "0.0003"),
        (3e-9, "3e-09"),
        (999.94, "999.9"),
        (12345.678, "12345.7"),
        (-123456789.0, "-123456789.0"),
        (1e9, "1e+09"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float32(0.1), "0.1"),
        (np.int64(123456789), "123456789"),
        (np.array(2), "2"),
        (np.array([1.0, 2.0, 4.0]), "mean 2.333 of 3"),
        (np.array([[True, False]]), "mean 0.5 of 2"),
        (np.array([]), "mean nan of 0"),
        (np.array([np.inf, -np.inf]), "mean nan of 2"),
        (rolltape.Image(np.zeros((2, 2))), "<image>"),
        ({"nested": 1}, "{'nested': 1}"),
        ("two\nlines\t\x1b[31mred\u202e\ud800", r"two\nlines\t\x1b[31mred\u202e\ud800"),
        ("[red]markup[/red] :smile: é", "[red]markup[/red] :smile: é"),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert lines({"x": value}) == [f"x = {text}"]


def test_keys_and_labels_are_printed_and_never_obeyed() -> None:
    assert lines({"[bold]k\x1b]0;x\x07": 1}, label="a\r[/]") == [r"[a\r[/]] [bold]k\x1b]0;x\x07 = 1"]


CHILD = """
import sys, warnings
warnings.simplefilter("error")
from rolltape.loggers.terminal import TerminalLogger
logger = TerminalLogger("train [red]")
assert "rich" not in sys.modules
logger.write({"[blink]key": "[/]:smile: \\x1b[5m", "loss": 0.25, "long": "x" * 300})
print("rich" in sys.modules)
"""


def on_a_terminal(**environment: str) -> str:
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm", **environment}
    )
    os.close(theirs)
    output = b""
    try:
        while piece := os.read(ours, 65536):
            output += piece
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    assert child.wait(60) == 0, output
    return output.decode()


PLAIN = "[train [red]] [blink]key = [/]:smile: \\x1b[5m | long = " + "x" * 300 + " | loss = 0.25"


def test_colours_on_a_terminal_are_the_same_line() -> None:
    line, with_rich, _ = on_a_terminal().split("\r\n")
    assert line.startswith("\x1b[1;36m[train [red]]")
    assert re.sub(r"\x1b\[[0-9;]*m", "", line) == PLAIN
    assert with_rich == "True"


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}])
def test_no_color(environment: dict[str, str]) -> None:
    assert on_a_terminal(**environment).split("\r\n") == [PLAIN, "False", ""]


def test_an_encoding_that_lacks_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    TerminalLogger().write({"é": 1})
    assert raw.getvalue() == b"\\xe9 = 1\n"


@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_closed_stdout_is_told_once_and_never_raised(monkeypatch: pytest.MonkeyPatch, strict: str) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", strict)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    logger = TerminalLogger()
    with pytest.warns(RolltapeWarning, match="a line cannot be printed") as told:
        logger.write({"a": 1})
        logger.write({"a": 2})
    assert len(told) == 1
    assert logger.lost == 2


def test_no_stdout_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    TerminalLogger().write({"a": 1})


GONE = """
import sys, warnings
from rolltape.loggers.terminal import TerminalLogger
warnings.simplefilter("always")
logger = TerminalLogger()
sys.stdin.readline()
for i in range(1000):
    logger.write({"i": i, "text": "x" * 100})
print("trained", logger.lost, file=sys.stderr)
"""


def test_training_goes_on_when_the_reader_of_the_pipe_has_gone(script: Any) -> None:
    trainer = script(GONE)
    trainer.process.stdout.close()
    trainer.process.stdin.write("go\n")
    trainer.process.stdin.close()
    err = trainer.process.stderr.read()
    assert trainer.process.wait(60) == 0, err
    assert "trained 1\n" in err
    assert err.count("RolltapeWarning: the terminal: a line cannot be printed") == 1
    trainer.process.stdout = trainer.process.stdin = None


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="label must be a string, not NoneType"):
        TerminalLogger(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="print_fn must be a function, not str"):
        TerminalLogger("", "print")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="values must be a mapping"):
        TerminalLogger().write(3)  # type: ignore[arg-type]


def test_a_failing_print_fn(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: str) -> None:
        raise KeyError(line)

    with pytest.raises(RecordingError, match="a row cannot be written: 'a = 1'"):
        TerminalLogger("", fail).write({"a": 1})
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    logger = TerminalLogger("", fail)
    with pytest.warns(RolltapeWarning, match="a row cannot be written"):
        logger.write({"a": 1})
    assert logger.lost == 1
