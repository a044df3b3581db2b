"""One line a row for people: coloured on a terminal, plain text in pipes and files."""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from rolltape.loggers.plain import Plain, plain
from rolltape.loggers.sink import Sink
from rolltape.recording.media import File, Image, Video

_UNPRINTED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # controls, reading directions, surrogates, line separators


class TerminalLogger(Sink):
    """Prints ``[label] key = value | key = value``, keys sorted, every row on one line.

    On a terminal the line is coloured by Rich; with NO_COLOR, a ``print_fn`` or another stdout it is plain. Floats have
    four digits (0.0003, 12.35, 123456.7), arrays are ``mean 12.3 of 8`` (the number of values), and what is neither
    number nor text is printed as its own text. Control characters and markup are printed, never obeyed.

    Lines for a stdout that is closed or whose reader has gone are lost: told once, also under ``ROLLTAPE_STRICT=1``.
    Device values are waited for.

    Args:
        label: what the rows are about; empty for none.
        print_fn: gets each line instead of stdout.

    Raises:
        TypeError: ``label`` is not a string, or ``print_fn`` cannot be called.
    """

    def __init__(self, label: str = "", print_fn: Callable[[str], object] | None = None) -> None:
        if not isinstance(label, str):
            raise TypeError(f"label must be a string, not {type(label).__name__}")
        if print_fn is not None and not callable(print_fn):
            raise TypeError(f"print_fn must be a function, not {type(print_fn).__name__}")
        super().__init__("the terminal")
        self._label = _harmless(label)
        self._print_fn = print_fn
        self._console: Any = None

    def _plain(self, _key: str, value: Any) -> Plain:
        try:
            return plain(value)
        except Exception:
            return str(value)

    def _put(self, row: dict[str, Plain]) -> None:
        pairs = [(_harmless(key), _text(row[key])) for key in sorted(row)]
        if self._print_fn is not None:
            self._print_fn(self._line(pairs))
        elif sys.stdout is not None:
            try:
                _write(self._coloured(pairs) if _in_colour() else self._line(pairs))
            except (OSError, ValueError) as error:
                self._lose("stdout", f"a line cannot be printed: {error}", serious=False)

    def _line(self, pairs: list[tuple[str, str]]) -> str:
        return (f"[{self._label}] " if self._label else "") + " | ".join(f"{key} = {value}" for key, value in pairs)

    def _coloured(self, pairs: list[tuple[str, str]]) -> str:
        from rich.console import Console
        from rich.text import Text

        if self._console is None:
            self._console = Console(file=io.StringIO(), force_terminal=True)
        text = Text()
        text.append(f"[{self._label}] " if self._label else "", "bold cyan")
        for i, (key, value) in enumerate(pairs):
            text.append(f"{' | ' if i else ''}{key} = ", "dim").append(value, "bold")
        with self._console.capture() as captured:
            self._console.print(text, soft_wrap=True, end="")
        return str(captured.get())


def _in_colour() -> bool:
    return not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def _write(line: str) -> None:
    """Print a line, whatever the encoding of stdout.

    Raises:
        OSError, ValueError: stdout is broken or closed.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The line stays in Python's buffer, and at exit Python would fail over it (see its documentation of SIGPIPE).
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        raise


def _text(value: Plain) -> str:
    if isinstance(value, np.ndarray):
        with np.errstate(all="ignore"):
            return f"mean {_number(float(value.mean()) if value.size else np.nan)} of {value.size}"
    if isinstance(value, float):
        return _number(value)
    return f"<{value.kind}>" if isinstance(value, File | Image | Video) else _harmless(str(value))


def _number(value: float) -> str:
    return f"{value:.1f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"


def _harmless(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNPRINTED else character
        for character in text
    )
