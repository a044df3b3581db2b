"""What was read of runs, kept for the next question: of a run that goes on only its new points are read.

The points of a run come one behind the other, so an extent and sums that were made of the first n stay true of them,
whatever comes next; the others are added. Where that does not hold (a joined axis, a run taken up again of which only
the latest points count, another tape in a tape's place) everything is read anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from rolltape.store.buckets import Floats, Sums, add_to
from rolltape.store.model import Gap, Resumed
from rolltape.store.run_files import RunFiles
from rolltape.store.run_series import Place, RunSeries

Extent = tuple[float, float]

_EDGES = 2  # kinds of buckets of one series that are kept: two pages may be of different widths
_BYTES = 64 << 20  # of all sums
_FEW = 1000  # bytes of what is kept besides sums

_Question = tuple[RunFiles, str, str, Resumed]  # the run, the metric, x
_Buckets = tuple[float, float, int, bool]  # first edge, last edge, how many, whether exact


class _Known(NamedTuple):
    """A metric of a run as of the version ``version`` of its files; not to be changed."""

    version: int
    place: Place | None  # how far its points have been read; None: what follows cannot be added
    extent: Extent | None  # None: it has no points
    gaps: list[Gap]
    sums: dict[_Buckets, tuple[Floats, Sums]]  # with their edges

    @property
    def nbytes(self) -> int:
        return _FEW + sum(column.nbytes for edges, sums in self.sums.values() for column in (edges, *sums))


class _Ask(Protocol):
    """`DirectoryStore._ask`."""

    def __call__(
        self,
        files: RunFiles,
        metrics: Sequence[str],
        x: str,
        resumed: Resumed,
        question: Callable[[RunSeries], _Known | None],
        *,
        look: bool,
    ) -> list[_Known | None]: ...


class KnownSeries:
    """May be used from any thread.

    ask: reads metrics of a run.
    """

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Question, _Known] = OrderedDict()
        self._nbytes = 0

    def extents(
        self, files: RunFiles, metrics: Sequence[str], x: str, resumed: Resumed, *, look: bool
    ) -> list[Extent | None]:
        """The smallest and largest x of each metric of a run; None for one that it does not have.

        look: whether the files are looked at anew. Raises as `RunSeries`.
        """
        found = self._known(files, metrics, x, resumed, None, look=look)
        return [None if one is None else one.extent for one in found]

    def sums(
        self,
        files: RunFiles,
        metrics: Sequence[str],
        x: str,
        resumed: Resumed,
        edges: Floats,
        *,
        exact: bool,
        look: bool,
    ) -> list[tuple[Sums, list[Gap]] | None]:
        """What lies in each of the equal buckets between edges[b + 1], and the gaps; else as `extents`."""
        wanted = float(edges[0]), float(edges[-1]), len(edges) - 1, exact
        found = self._known(files, metrics, x, resumed, (wanted, edges), look=look)
        return [None if one is None or one.extent is None else (one.sums[wanted][1], one.gaps) for one in found]

    def forget(self, files: RunFiles) -> None:
        """The run is gone."""
        with self._lock:
            for question in [question for question in self._kept if question[0] is files]:
                self._nbytes -= self._kept.pop(question).nbytes

    def _known(
        self,
        files: RunFiles,
        metrics: Sequence[str],
        x: str,
        resumed: Resumed,
        buckets: tuple[_Buckets, Floats] | None,
        *,
        look: bool,
    ) -> list[_Known | None]:
        version = files.refresh() if look or not files.version else files.version
        with self._lock:
            kept = [self._kept.get((files, metric, x, resumed)) for metric in metrics]
        if all(
            one is not None and one.version == version and (buckets is None or not one.extent or buckets[0] in one.sums)
            for one in kept
        ):
            return kept
        before = dict(zip(metrics, kept, strict=True))

        def read(series: RunSeries) -> _Known:
            return _read(series, files.version, before[series.metric], buckets)

        found = self._ask(files, metrics, x, resumed, read, look=False)
        with self._lock:
            for metric, one in zip(metrics, found, strict=True):
                if one is not None:
                    self._keep((files, metric, x, resumed), one)
        return found

    def _keep(self, question: _Question, known: _Known) -> None:
        before = self._kept.pop(question, None)
        self._nbytes += known.nbytes - (before.nbytes if before is not None else 0)
        self._kept[question] = known
        while self._nbytes > _BYTES and len(self._kept) > 1:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes


def _read(series: RunSeries, version: int, before: _Known | None, buckets: tuple[_Buckets, Floats] | None) -> _Known:
    """The series as it is now, from what was known of it before. To be used while the tapes are being read."""
    new = None if before is None or before.place is None else series.since(before.place)
    if before is None or new is None or before.extent is None:
        extent = None if series.is_empty else series.extent()
        sums: dict[_Buckets, tuple[Floats, Sums]] = {}
        place = series.place()
    else:
        place, pieces = new
        extent, sums = before.extent, before.sums
        if len(pieces.x):
            extent = min(extent[0], float(pieces.x.min())), max(extent[1], float(pieces.x.max()))
            sums = {of: (edges, add_to(one, pieces, edges)) for of, (edges, one) in sums.items()}
    if buckets is not None and extent is not None:
        sums = dict(sums)
        of, edges = buckets
        sums[of] = sums.pop(of) if of in sums else (edges, series.sums(edges, of[3]))
        while len(sums) > _EDGES:
            del sums[next(iter(sums))]
    return _Known(version, place, extent, series.gaps(), sums)
