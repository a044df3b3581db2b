"""One function for each peer that opens it in a directory; `DRIVERS` lists them all.

How a peer is driven decides what it costs, so each is in the mode that its own users would record locally with:
offline, telemetry and system monitors off, the step passed. Without a call for several scalars there is one for each.
Packages are imported when a peer is opened: only the environment of the peers has them.
"""

from __future__ import annotations

import importlib.metadata
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Values = Mapping[str, float]
Loop = Callable[[Values, range], None]


class Tracker(NamedTuple):
    """An opened peer: ``log(values, step)``, ``close()``, and for a floor that is no call at all a ``loop`` instead."""

    log: Callable[..., object]
    close: Callable[[], object]
    loop: Loop | None = None


class Driver(NamedTuple):
    """A peer: how it is called in the table, what to install for it (nothing: a floor or rolltape), how to open it."""

    title: str
    open: Callable[[Path], Tracker]
    install: tuple[str, ...] = ()

    def version(self) -> str | None:
        """The version that was measured."""
        return importlib.metadata.version(self.install[0].split("==")[0]) if self.install else None


def _nothing() -> None:
    pass


class _Noop:
    def log(self, values: Values, step: int | None = None) -> None:
        return None


def _noop(_: Path) -> Tracker:
    return Tracker(_Noop().log, _nothing)


def _append(_: Path) -> Tracker:
    rows: list[tuple[int, float]] = []

    def loop(values: Values, steps: range) -> None:
        if len(values) == 1:
            (value,) = values.values()
            for step in steps:
                rows.append((step, value))  # noqa: PERF401
        else:
            for step in steps:
                for value in values.values():
                    rows.append((step, value))  # noqa: PERF401

    return Tracker(_nothing, _nothing, loop)


def _os_write(directory: Path) -> Tracker:
    """28 bytes a point (metric, step, time, value), the points of a call in one unbuffered write."""
    from time import time

    pack = struct.Struct("<Iqdd").pack
    numbers: dict[str, int] = {}
    file = os.open(directory / "points.bin", os.O_WRONLY | os.O_CREAT)

    def log(values: Values, step: int) -> None:
        now = time()
        os.write(
            file,
            b"".join(
                [pack(numbers.setdefault(name, len(numbers)), step, now, value) for name, value in values.items()]
            ),
        )

    return Tracker(log, lambda: os.close(file))


def _rolltape(directory: Path) -> Tracker:
    import rolltape

    run = rolltape.init(project="benchmark", dir=directory)
    return Tracker(run.log, run.close)


def _tensorboardx(directory: Path) -> Tracker:
    from tensorboardX import SummaryWriter

    return _summary_writer(SummaryWriter(str(directory)))


def _torch(directory: Path) -> Tracker:
    from torch.utils.tensorboard import SummaryWriter

    return _summary_writer(SummaryWriter(str(directory)))


def _summary_writer(writer: Any) -> Tracker:
    def log(values: Values, step: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    return Tracker(log, writer.close)


def _trackio(directory: Path) -> Tracker:
    os.environ.update(TRACKIO_DIR=str(directory), HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False")
    import trackio

    trackio.init(project="benchmark", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    return Tracker(trackio.log, trackio.finish)


def _stable_baselines3(directory: Path) -> Tracker:
    from stable_baselines3.common.logger import configure

    logger = configure(str(directory), ["csv"])

    def log(values: Values, step: int) -> None:
        for name, value in values.items():
            logger.record(name, value)
        logger.dump(step)

    return Tracker(log, logger.close)


def _wandb(directory: Path) -> Tracker:
    os.environ.update(WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    import wandb

    settings = wandb.Settings(
        x_disable_stats=True, x_disable_meta=True, disable_git=True, disable_code=True, console="off"
    )
    run = wandb.init(project="benchmark", mode="offline", dir=str(directory), settings=settings)
    return Tracker(run.log, run.finish)


DRIVERS: dict[str, Driver] = {
    "noop": Driver("no-op method call", _noop),
    "append": Driver("list.append", _append),
    "write": Driver("os.write of 28 bytes", _os_write),
    "rolltape": Driver("rolltape", _rolltape),
    "stable-baselines3": Driver("SB3 logger, CSV", _stable_baselines3, ("stable-baselines3", "torch==2.13.0")),
    "trackio": Driver("Trackio", _trackio, ("trackio",)),
    "tensorboardX": Driver("tensorboardX", _tensorboardx, ("tensorboardX",)),
    "torch": Driver("torch SummaryWriter", _torch, ("torch==2.13.0", "tensorboard")),
    "wandb": Driver("W&B offline", _wandb, ("wandb",)),
}
