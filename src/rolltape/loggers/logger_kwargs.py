"""Where a Spinning Up experiment keeps its files."""

from __future__ import annotations

import os
import time
from pathlib import Path


def setup_logger_kwargs(
    exp_name: str,
    seed: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    datestamp: bool = False,
) -> dict[str, str]:
    """``output_dir`` and ``exp_name`` for a logger: ``<data_dir>/<exp_name>``, and in it ``<exp_name>_s<seed>``.

    Args:
        exp_name: the experiment's name.
        seed: gives every seed a directory of its own.
        data_dir: where all experiments lie; None: ``data``.
        datestamp: put the date before the experiment, and date and time before its seeds.
    """
    day = time.strftime("%Y-%m-%d_") if datestamp else ""
    second = time.strftime("%Y-%m-%d_%H-%M-%S-") if datestamp else ""
    directory = Path(data_dir if data_dir is not None else "data", day + exp_name)
    if seed is not None:
        directory = directory / f"{second}{exp_name}_s{seed}"
    return {"output_dir": os.fspath(directory), "exp_name": exp_name}
