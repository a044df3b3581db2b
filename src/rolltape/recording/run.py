"""A run while it is recorded: `log`, `log_batch`, `close`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from time import time_ns
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rolltape.errors import RecordingError, RolltapeWarning
from rolltape.recording.batch import LAST_STEP, NO_STEP_LEFT, checked_batch
from rolltape.recording.describing import checked_tags, plain_config
from rolltape.recording.ending import end_of
from rolltape.recording.media import File, Image, Video, write_media
from rolltape.recording.names import checked_name
from rolltape.recording.put import GIL, MOST_METRICS, Put, make_put
from rolltape.recording.values import Later, Sorted, checked_mapping, checked_step, sort_array, sort_values
from rolltape.recording.warning import warn
from rolltape.tape.rows import TIME_UNIT
from rolltape.tape.writer import TapeWriter

_MOST_LATER = 1 << 16  # rows that may wait for a device
open_runs: set[Run] = set()
"""What is closed when Python ends, and told of a fork."""


class Run:
    """One training run being recorded. Made by `rolltape.init`; is itself a logger (`write`, `close`).

    Every call may come from any thread. After `init` nothing here raises, blocks or slows training down because of a
    full disk or a strange value: that is warned about once and counted in `lost`, and shown wherever the run is shown.
    Under ``ROLLTAPE_STRICT=1`` it raises `RecordingError` instead. Wrong arguments are a TypeError or ValueError at
    once.
    """

    def __init__(
        self,
        directory: Path,
        project: str,
        id: str,
        open_writer: Callable[[Run, str | None], TapeWriter],
    ) -> None:
        self.directory = directory
        self.project = project
        self.id = id
        self._open_writer = open_writer
        self._strict = os.environ.get("ROLLTAPE_STRICT", "") not in ("", "0")
        self._told: set[str] = set()
        self._deferred: list[str] = []
        self._later: deque[Callable[[], None]] = deque()
        self._settling = threading.RLock()
        self._settler: threading.Thread | None = None
        self._wake: SimpleQueue[None] = SimpleQueue()  # there is something to settle; a signal handler may say so
        self._end: dict[str, Any] | None = None  # what close() was told, until it is carried out
        self._slow: set[int] = set()  # threads that are recording other than by a packed row
        self._media = 0
        self._closed = False
        self._parent: str | None = None  # after a fork: the writer of the parent process
        self._last = -1
        self._writer = open_writer(self, None)
        self._puts: dict[str, Put] = {}  # first metric -> packer of the key set last seen with it
        self._all_puts: dict[tuple[str, ...], Put] = {}
        open_runs.add(self)

    @property
    def lost(self) -> int:
        """How many rows, texts and media files could not be recorded by this process."""
        return self._writer.lost

    @property
    def step(self) -> int:
        """The step of the last row logged by this process; -1 before the first."""
        return self._last

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Record one row. When this returns, ``kill -9`` cannot lose it (device values and encoded media follow later).

        Args:
            values: metric name -> number, 0-d array, 1-d array (many points at this step), text, `Image` or `Video`.
                NaN and infinities are recorded; None is skipped with a warning.
            step: any integer, normally environment steps; may repeat and go back. None: one more than the last.

        Raises:
            TypeError: ``values`` is not a mapping, a name not a string, or ``step`` not an integer.
        """
        try:
            for first in values:  # noqa: B007 (one name finds the packer, which checks the others)
                break
            else:
                return None
            put = self._puts[first]
        except (KeyError, TypeError):
            return self._log_any(values, step)
        return put(self, values, step)

    if not GIL:
        _log_alone = log

        def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
            with self._writer.lock:
                self._log_alone(values, step)

        log.__doc__ = _log_alone.__doc__

    def write(self, values: Mapping[str, Any]) -> None:
        """`log` without a step: what makes a run a logger."""
        self.log(values)

    def log_batch(
        self, values: Mapping[str, ArrayLike], step: ArrayLike | None = None, time: ArrayLike | None = None
    ) -> None:
        """Record n rows at once from columns.

        Args:
            values: metric name -> n numbers.
            step: n integers. None: counted on from the last step.
            time: n times in ns since 1970, for importers. None: now.

        Raises:
            TypeError, ValueError: a column is not 1-d numbers, or lengths differ; nothing is recorded then.
        """
        metrics, columns, steps, times = checked_batch(values, step, time)
        rows = columns.shape[1]
        if not columns.size:
            return
        if times is None:
            times = np.full(rows, _now())
        if self._ready(rows):
            left = rows if steps is not None else min(LAST_STEP - self._last, rows)  # that have a step of their own
            if steps is None:
                steps = self._last + np.minimum(np.arange(1, rows + 1), left)
            self._last = int(steps[-1])
            self._alone(partial(self._put, metrics, steps, times, columns))
            if left < rows:
                self._tell(NO_STEP_LEFT)

    def describe(
        self, config: Mapping[str, Any] | Any = None, tags: Sequence[str] = (), name: str | None = None
    ) -> None:
        """Add to what `init` said of the run: keys of the config are set, tags are added, the name is replaced.

        Raises:
            TypeError, ValueError: as `init`.
        """
        facts: dict[str, Any] = {"config": plain_config(config), "tags": checked_tags(tags)}
        if name is not None:
            facts["name"] = checked_name("name", name)
        facts = {key: fact for key, fact in facts.items() if fact}
        if facts and self._ready(1):
            self._alone(partial(self._put_facts, facts))

    def close(self, status: str = "finished", error: str | None = None, exit_code: int | None = None) -> None:
        """End the run. Everything is on the tape when this returns; closing again does nothing.

        Args:
            status: ``finished``, ``failed`` or ``interrupted``.
            error: what went wrong, in a line.
            exit_code: the exit status of the process, where it is known.
        """
        if self._closed:
            return
        self._closed = True
        self._end = {"status": status, "error": error, "exit_code": exit_code}
        if threading.get_ident() not in self._slow:
            self._finish()

    def _finish(self) -> None:
        """Carry out `close`: at once, or after the slow path in whose middle a signal handler called it."""
        end, self._end = self._end, None
        if end is None:
            return
        self._slow.add(threading.get_ident())
        self._wake.put(None)
        if self._parent is None:
            self.settle()
            self._writer.close(end)
        open_runs.discard(self)
        self._raise_deferred()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close(*end_of(error))

    def __repr__(self) -> str:
        return f"<rolltape.Run {self.project}/{self.id} in {self.directory}>"

    def _log_other(self, values: Mapping[str, Any], step: int | None) -> None:
        """Another key set that begins with the same metric."""
        put = self._all_puts.get(tuple(values))
        if put is None:
            return self._log_any(values, step)
        self._puts[next(iter(values))] = put
        return put(self, values, step)

    def _log_any(self, values: Mapping[str, Any], step: int | None) -> None:
        """Everything that `log` does not do itself: new key sets, arrays, texts, media, devices, a full half."""
        out = sort_values(checked_mapping(values))
        counted_out = step is None and self._last == LAST_STEP
        if step is None:
            step = min(self._last + 1, LAST_STEP)
        elif type(step) is not int:
            step = checked_step(step)
        if not -(2**63) <= step < 2**63:
            if self._ready(1):
                self._lose(1, "a step does not fit in 64 bits", once="step")
            return
        self._last = step
        now = _now()
        if self._ready(1):
            self._alone(partial(self._record, out, step, now))
            if counted_out:
                self._tell(NO_STEP_LEFT)

    def _alone(self, work: Callable[[], None]) -> None:
        """Do what takes locks. A signal handler or finalizer in the middle of this very thread leaves it for later."""
        me = threading.get_ident()
        if me in self._slow:
            self._wait_for(work)
            return
        try:
            self._slow.add(me)
            work()
        finally:
            self._slow.discard(me)
            self._finish()

    def _record(self, out: Sorted, step: int, now: int) -> None:
        """Record what `sort_values` found: numbers first, what cannot be recorded last."""
        self._put_numbers(out, step, now)
        for name, text in out.texts.items():
            self._put_event({"name": name, "kind": "text", "text": text, "step": step, "time": now})
        for name, media in out.media.items():
            if media.file is not None:
                self._put_media(name, media, step, now)
            else:
                self._wait_for(partial(self._put_media, name, media, step, now))
        if out.later:
            self._wait_for(partial(self._put_later, out.later, step, now))
        for name in out.empty:
            self._tell(f"metric {name!r} is None: there is nothing to record", serious=False)
        self._lose_strange(out)

    def _put_later(self, later: Mapping[str, Later], step: int, now: int) -> None:
        """Wait for a device, in the settler's thread, and record what it computed."""
        out = Sorted()
        for name, wait in later.items():
            try:
                sort_array(out, name, wait())
            except Exception as error:  # a deleted or failed device buffer, in the words of its library
                out.strange[name] = f"a device value that cannot be read ({error})"
        self._put_numbers(out, step, now)
        self._lose_strange(out)

    def _put_numbers(self, out: Sorted, step: int, now: int) -> None:
        """Arrays of one length are columns of the same rows."""
        if out.scalars:
            column = np.array(list(out.scalars.values()))[:, None]
            self._put(tuple(out.scalars), np.array([step]), np.array([now]), column)
        for rows in {len(array) for array in out.arrays.values()} - {0}:
            same = {name: array for name, array in out.arrays.items() if len(array) == rows}
            self._put(tuple(same), np.full(rows, step), np.full(rows, now), np.array(list(same.values())))

    def _put(
        self, metrics: tuple[str, ...], step: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        writer = self._writer
        try:
            schema = writer.declare(metrics)
            if metrics not in self._all_puts and len(metrics) <= MOST_METRICS:
                self._puts[metrics[0]] = self._all_puts[metrics] = make_put(writer, schema)
            if not writer.put(schema, step, time, values):
                why = "was closed meanwhile" if self._closed else "takes no more rows; is the disk full?"
                self._lose(len(step), f"{writer.path} {why}", once="full")
        except OSError as error:
            self._lose(len(step), f"cannot write to {writer.path}: {error}", once="full")

    def _put_event(self, event: Mapping[str, Any]) -> None:
        try:
            self._writer.put_event(event)
        except OSError as error:
            self._lose(1, f"cannot write to {self._writer.path}: {error}", once="full")

    def _put_facts(self, facts: Mapping[str, Any]) -> None:
        try:
            self._writer.put_facts(facts)
        except (OSError, ValueError, RecursionError) as error:
            self._lose(1, f"cannot write to {self._writer.path}: {error}", once="full")

    def _put_media(self, name: str, media: File | Image | Video, step: int, now: int) -> None:
        self._media += 1
        try:
            file = write_media(media, self.directory / "media", f"{self._writer.name}-{self._media}", name)
        except OSError as error:
            self._lose(1, f"{media.kind} {name!r} cannot be written: {error}", once="media")
            return
        self._put_event({"name": name, "kind": media.kind, "file": file, "step": step, "time": now})

    def _wait_for(self, work: Callable[[], None]) -> None:
        """Leave work to a thread of its own, so that a slow device holds up neither training nor frames."""
        if len(self._later) >= _MOST_LATER:
            self._lose(1, "too many rows wait for a device or for media to be written", once="later")
            return
        self._later.append(work)
        self._wake.put(None)
        if self._settler is None:
            self._settler = threading.Thread(target=self._settle_while_open, name="rolltape-settler", daemon=True)
            with contextlib.suppress(RuntimeError):  # no more threads to be had: close() settles
                self._settler.start()

    def _settle_while_open(self) -> None:
        self._slow.add(threading.get_ident())
        while not self._closed:
            self._wake.get()
            self.settle()

    def settle(self) -> None:
        """Record what had to wait for a device or an encoder."""
        with self._settling:
            while self._later:
                try:
                    self._later.popleft()()
                except Exception as error:
                    self._defer(error)

    def _defer(self, error: Exception) -> None:
        """Nothing may end the settler's thread or `close`: what was told already, or went wrong, is left for later."""
        try:
            if not isinstance(error, RecordingError | RolltapeWarning):
                self._lose(1, f"what had to wait cannot be recorded: {error!r}", once="settle")
                return
        except (RecordingError, RolltapeWarning) as told:
            error = told
        self._deferred.append(str(error))

    # Trouble

    def _lose_strange(self, out: Sorted) -> None:
        for name, why in out.strange.items():
            self._lose(1, f"metric {name!r} is {why}", once=f"strange {name}")

    def _lose(self, rows: int, why: str, once: str | None = None) -> None:
        self._writer.lost += rows
        self._tell(f"{why}; what could not be recorded is counted", key=once)

    def trouble(self, message: str) -> None:
        """Told by the tape of an error that loses nothing yet."""
        self._tell(message, key="trouble " + message[:60])

    def _tell(self, message: str, *, key: str | None = None, serious: bool = True) -> None:
        """Once per cause: a warning, or under strict an error, which other threads leave for the next call."""
        flushing = threading.current_thread().name.startswith("rolltape-")
        if self._strict and serious and not flushing:
            raise RecordingError(message)
        if (key or message) in self._told:
            return
        self._told.add(key or message)
        if self._strict and serious:
            self._deferred.append(message)
            return
        try:
            warn(f"run {self.project}/{self.id}: {message}")
        except RolltapeWarning:  # the user has made warnings errors
            if not flushing:
                raise
            self._deferred.append(message)

    def _raise_deferred(self) -> None:
        if self._deferred:
            messages, self._deferred = self._deferred, []
            raise RecordingError("; ".join(messages))

    def _ready(self, rows: int) -> bool:
        """Whether rows can be recorded; after a fork this makes the child a writer of its own."""
        if self._deferred:
            self._raise_deferred()
        if self._closed:
            self._tell(f"{rows} rows logged after close() are lost", key="closed")
            return False
        if self._parent is not None:
            with self._settling:
                if self._parent is not None:
                    try:
                        self._writer = self._open_writer(self, self._parent)
                    except (OSError, RuntimeError) as error:
                        self._lose(rows, f"the forked process cannot write to {self.directory}: {error}", once="fork")
                        return False
                    self._puts, self._all_puts = {}, {}
                    self._parent = None
        return True

    def after_fork(self) -> None:
        """In a forked child: leave the parent's files alone; the next row makes a writer."""
        if self._closed:
            return
        self._settling = threading.RLock()
        self._settler = None
        self._wake = SimpleQueue()
        self._slow = set()
        self._later.clear()  # the parent records them
        self._parent = self._writer.name
        self._writer.abandon()


def _now() -> int:
    """ns since 1970, to the microsecond, as every row of the head is kept."""
    return time_ns() // TIME_UNIT * TIME_UNIT
