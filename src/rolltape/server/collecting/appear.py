"""A finished file takes its name, unless another file has it."""

from __future__ import annotations

import contextlib
import os


def appear(draft: str, path: str) -> bool:
    """Give a finished file its name, and take that of the draft from it; False: another file was first, and stays.

    Raises:
        OSError: it cannot be done; the draft is left where it was.
    """
    try:
        os.link(draft, path)  # fails if another was first, where a rename would replace its file
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if os.path.lexists(path):
            return False
        os.rename(draft, path)  # noqa: PTH104
        return True
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)  # noqa: PTH108
    return True
