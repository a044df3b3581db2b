"""Names of projects, runs and metrics. Their directories' names are as in `rolltape.tape.names`."""

from rolltape.tape.names import checked_name, directory_name

__all__ = ["checked_name", "directory_name"]
