"""What `neptune.exceptions` means: four are raised here; every other name is an exception that never comes."""

from __future__ import annotations

from rolltape.errors import RolltapeError


class NeptuneException(RolltapeError):
    """Base of what the stand-in raises on purpose."""


class NeptuneUninitializedException(NeptuneException):
    """`create_experiment` or `get_experiment` was called before `init`."""


class NeptuneNoExperimentContextException(NeptuneException):
    """There is no experiment that runs."""


class MissingFieldException(NeptuneException, AttributeError, KeyError):
    """This process has assigned nothing under that path."""


def __getattr__(name: str) -> type[NeptuneException]:
    if not name[0].isupper():
        raise AttributeError(f"module 'neptune.exceptions' has no attribute {name!r}")
    globals()[name] = made = type(name, (NeptuneException,), {"__module__": __name__})
    return made
