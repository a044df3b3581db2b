"""The runs under some directories, found as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rolltape.errors import StoreError
from rolltape.store.run_directories import RunDirectories, is_run
from rolltape.store.shipping.run_cursor import Chosen, RunCursor
from rolltape.store.shipping.state_file import Delivered

_SCAN = 1.0  # s between two looks for new runs
_AT_A_TIME = 500  # runs without a writer that are looked at for a new one
_SLOW = 5.0  # s between two looks at writers that were taken for dead


class Following:
    """Every run under ``directories``: each a store's, a project's or a run's.

    Raises:
        StoreError: one of them is not there.
    """

    def __init__(self, directories: Sequence[Path], chosen: Chosen, delivered: Delivered) -> None:
        self.runs: dict[str, RunCursor] = {}
        self._chosen = chosen
        self._delivered = delivered
        self._fixed: list[str] = []
        self._finders: list[RunDirectories] = []
        self._scanned = self._slow = float("-inf")
        self._turn = 0
        for given in directories:
            directory = given.expanduser().resolve()
            if not directory.is_dir():
                raise StoreError(f"there is no directory {given}")
            if is_run(str(directory)) or any(directory.glob("*.tape")):
                self._fixed.append(str(directory))
            elif any(is_run(str(one)) for one in directory.iterdir()):
                self._finders.append(RunDirectories(directory.parent, {directory.name}))
            else:
                self._finders.append(RunDirectories(directory))

    def forget(self) -> None:
        """Begin anew: the server does not have what it had."""
        self.runs.clear()
        self._delivered.forget()
        self._scanned = float("-inf")

    def rescan(self) -> None:
        """Have the next look see what is there now."""
        self._scanned = float("-inf")

    def look(self) -> Iterator[str]:
        """Look for news; yields sentences to be told."""
        now = time.monotonic()
        if now - self._scanned >= _SCAN:
            self._scanned = now
            self._scan()
        slow = now - self._slow >= _SLOW
        if slow:
            self._slow = now
        for run in self.runs.values():
            yield from run.look(all_of_them=slow)
            run.collect_files()

    def _scan(self) -> None:
        for path in self._fixed:
            self._add(path)
        for finder in self._finders:
            for path in finder.paths().values():
                self._add(path)
        runs = list(self.runs.values())
        live = [run for run in runs if run.open]
        quiet = [run for run in runs if not run.open]
        if len(quiet) > _AT_A_TIME:
            self._turn = (self._turn + _AT_A_TIME) % len(quiet)
            quiet = (quiet[self._turn :] + quiet[: self._turn])[:_AT_A_TIME]
        now = time.time_ns()
        settled = (self._finders or [RunDirectories(Path(self._fixed[0]))])[0]
        for run in live + quiet:
            if not run.scan(lambda stamp: settled.is_settled(stamp, now)):
                del self.runs[run.path]

    def _add(self, path: str) -> None:
        if path not in self.runs:
            run = self.runs[path] = RunCursor(path, self._chosen, self._delivered)
            run.scan(lambda _: False)
