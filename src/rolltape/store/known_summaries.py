"""The summaries of many runs at once: those that are known, and as many of the others as a limited time allows.

Of a run that is not written any more they are remembered by the listing, in the catalogue too; of an open one in
memory, until something new is seen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from weakref import WeakKeyDictionary

from rolltape.store.listing import Listing
from rolltape.store.model import MetricSummary, RunInfo
from rolltape.store.run_files import RunFiles
from rolltape.store.run_summaries import RunSummaries
from rolltape.store.summary_scan import TapeScan, summaries_of
from rolltape.tape.indexed_tape import IndexedTape
from rolltape.tape.reader import TapeReader

_LONG = 10_000  # points of a metric from which an index that is there answers faster than they are counted


class KnownSummaries:
    """Remembers the summaries of runs. May be used from any thread.

    Args:
        listing: of the store.
        followed: the files of a run that are kept, by its key; None: there are none.
        files: makes the files of a run; they are kept if the second argument is true.
        from_indexes: summaries from the indexes of a run's tapes.
    """

    def __init__(
        self,
        listing: Listing,
        followed: Callable[[str], RunFiles | None],
        files: Callable[[str, bool], RunFiles],
        from_indexes: Callable[[RunFiles], Sequence[MetricSummary]],
    ) -> None:
        self._listing = listing
        self._followed = followed
        self._files = files
        self._from_indexes = from_indexes
        self._open: WeakKeyDictionary[RunFiles, tuple[int, RunSummaries]] = WeakKeyDictionary()  # by version
        self._scans: WeakKeyDictionary[TapeReader, TapeScan] = WeakKeyDictionary()
        self._begun: dict[str, RunFiles] = {}  # of which not all frames are counted yet
        self._strange: dict[str, object] = {}  # what was known of a run when it could not be read
        self._computing = threading.Lock()

    def of(self, infos: Sequence[RunInfo], budget: float) -> tuple[dict[str, RunSummaries], int]:
        """What is known, or found out in ``budget`` s, by key; and of how many runs it is not known yet.

        Runs that cannot be read are left out, and not counted. Of one that has changed since, the older summaries are
        given until there are newer ones.
        """
        until = time.monotonic() + budget
        found: dict[str, RunSummaries] = self._listing.summaries_of([info.key for info in infos])
        unknown = []
        for info in infos:
            if info.key not in found:
                known, is_current = self._of_open(info.key)
                if known is not None:
                    found[info.key] = known
                if not is_current:
                    unknown.append(info.key)
        if not unknown or budget <= 0 or not self._computing.acquire(timeout=budget):
            return found, len(unknown)
        try:
            # First those that were known: their scans go on from where they were
            for number, key in enumerate(sorted(unknown, key=lambda key: key not in found)):
                if time.monotonic() >= until:
                    return found, len(unknown) - number
                values, is_done = self._find_out(key, until)
                if not is_done:
                    return found, len(unknown) - number
                if values is not None:
                    found[key] = values
                else:
                    found.pop(key, None)
            return found, 0
        finally:
            self._computing.release()
            self._listing.save()

    def read(self, key: str) -> RunSummaries:
        """Those of one run as it is now. Raises TapeError, OSError."""
        files = self._followed(key) or self._files(key, False)
        values = self._scan(files, float("inf"))
        assert values is not None
        return values

    def _of_open(self, key: str) -> tuple[RunSummaries | None, bool]:
        """What is known of a run that the listing knows nothing of, and whether that is all there is to know."""
        files = self._followed(key)
        if key in self._strange and self._strange[key] == self._state(key):
            return None, True
        known = None if files is None else self._open.get(files)
        if files is None or known is None:
            return None, False
        return known[1], known[0] == files.version

    def _state(self, key: str) -> object:
        files = self._followed(key)
        return self._listing.told(key), None if files is None else (id(files), files.version)

    def _find_out(self, key: str, until: float) -> tuple[RunSummaries | None, bool]:
        """The summaries of a run, None if it cannot be read; and whether there was time for it."""
        found = self._listing.summaries_of([key]).get(key)
        known, is_current = (found, True) if found is not None else self._of_open(key)
        if is_current:  # another thread was faster
            return known, True
        told, began = self._listing.told(key), time.perf_counter()
        files = self._begun.pop(key, None) or self._followed(key) or self._files(key, told is None)
        try:
            version = files.refresh()
            values = self._scan(files, until)
        except Exception:  # one strange run must not hide the others; asking for it tells why
            self._strange[key] = self._state(key)
            return None, True
        if values is None:
            self._begun = {key: files}
            return None, False
        self._strange.pop(key, None)
        if told is not None:
            self._listing.remember_summaries(key, told, values, time.perf_counter() - began)
        else:
            self._open[files] = version, values
        return values, True

    def _scan(self, files: RunFiles, until: float) -> RunSummaries | None:
        """Count what there is; None if that takes longer. Raises TapeError, OSError."""
        with files.opened() as tapes:
            if not _is_indexed(tapes):
                scans = [(tape.reader, self._scans.setdefault(tape.reader, TapeScan())) for tape in tapes]
                if not all(scan.go_on(reader, until) for reader, scan in scans):
                    return None
                return RunSummaries.of(summaries_of(scan.totals(reader) for reader, scan in scans))
        return RunSummaries.of(self._from_indexes(files))


def _is_indexed(tapes: Sequence[IndexedTape]) -> bool:
    """Whether the indexes of long tapes are there and complete."""
    return bool(tapes) and all(_covers(tape) for tape in tapes)


def _covers(tape: IndexedTape) -> bool:
    metrics = tape.reader.metrics()
    if tape.reader.points <= _LONG * len(metrics):
        return False
    series: Mapping[str, int] = {name: one.points for name in metrics if (one := tape.series(name)) is not None}
    return all(series.get(name, 0) == int(tape.reader.counts(name).sum()) for name in metrics)
