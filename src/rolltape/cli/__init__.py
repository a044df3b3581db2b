"""The command line: `rolltape COMMAND`. One file per command, each with ``add_parser(subparsers)`` and ``run(args)``.

``rolltape --help`` has to be quick, so NumPy, Rich, the store and the server are loaded inside the commands.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Sequence

from rolltape._version import __version__
from rolltape.cli import demo, export, ls, serve, ship, show, sql, token, ui, verify
from rolltape.cli.text import clean
from rolltape.errors import RolltapeError

__all__ = ["main"]

_COMMANDS = (demo, ui, serve, ship, ls, show, export, sql, verify, token)
_BROKEN_PIPE = 141  # what a shell reports for a process that SIGPIPE ended
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; ``argv`` defaults to the arguments of the process.

    Returns:
        The exit code. 0: done. 1: the command found what it looks for (damage, a failed run). 2: wrong usage or an
        error, told in one line on stderr. 130: Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name from disk must not fail on the encoding of a pipe
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _drop_output()
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except RolltapeError as error:
        return _complain(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{place}{error.strerror or error}")


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="rolltape",
        description="Look at recorded reinforcement-learning runs. Runs lie in a directory of tapes: the one that is "
        "given, else $ROLLTAPE_DIR, else ./tapes.",
        epilog="rolltape COMMAND --help tells more. Output that does not go to a terminal is tab-separated; NO_COLOR "
        "is honoured.",
    )
    parser.add_argument("--version", action="version", version=f"rolltape {__version__}")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser


def _run(argv: Sequence[str] | None) -> int:
    parser = make_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as asked:  # --help, --version, wrong usage: argparse has said everything
        return asked.code if isinstance(asked.code, int) else 0
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    code: int = args.run(args)
    return code


def _complain(message: str) -> int:
    with contextlib.suppress(BrokenPipeError):
        # A mistake in a condition is shown below it, in lines of their own
        print(f"rolltape: {clean(message)}".replace("\\n    ", "\n    "), file=sys.stderr)
    return 2


def _drop_output() -> None:
    """Nobody reads stdout any more: what is still buffered must not complain when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
