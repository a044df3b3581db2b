"""How a run ended, told from the exception that ended it."""

from __future__ import annotations


def end_of(error: BaseException | None) -> tuple[str, str | None, int | None]:
    """(status, error, exit code) of a run that ended with this exception, or without one."""
    if error is None:
        return "finished", None, None
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        return ("failed", f"exit status {error.code}", code) if code else ("finished", None, 0)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "KeyboardInterrupt", None
    text = str(error).strip().splitlines()
    return "failed", f"{type(error).__name__}: {text[0]}" if text else type(error).__name__, None
