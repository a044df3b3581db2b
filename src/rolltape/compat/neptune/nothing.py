"""What the stand-in does not do: told once, and then nothing happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from rolltape.recording.warning import warn

told: set[str] = set()
"""What was warned about already in this process."""


def warn_once(message: str) -> None:
    """Warn the first time that this is said."""
    if message not in told:
        told.add(message)
        warn(message)


def keep(what: str) -> None:
    """Say that something stays although the script asked for its removal."""
    warn_once(f"{what} stays: nothing that was recorded is ever removed from a tape")


def not_offered(owner: str, name: str) -> Nothing:
    """What stands in for an attribute that is not offered.

    Raises:
        AttributeError: the name begins with an underscore, so it was no part of Neptune's API.
    """
    if name.startswith("_"):
        raise AttributeError(f"{owner} has no attribute {name!r}")
    warn_once(f"{owner}.{name} is not offered by rolltape's stand-in for Neptune: it does nothing")
    return NOTHING


class Nothing:
    """Takes every call, index and attribute, and does nothing."""

    def __getattr__(self, name: str) -> Self:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: Any, **_kwargs: Any) -> Self:
        return self

    def __getitem__(self, _key: Any) -> Self:
        return self

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def __delitem__(self, _key: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def __repr__(self) -> str:
        return "<nothing: not offered by rolltape's stand-in for Neptune>"


NOTHING = Nothing()
