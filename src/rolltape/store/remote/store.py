"""Runs on another machine as a store: read through the `rolltape ui` or `rolltape serve` that shows them there."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rolltape.errors import MetricNotFound, RolltapeWarning, StoreError
from rolltape.store.arguments import check_resumed, check_window
from rolltape.store.model import Buckets, Curve, Gap, MetricSummary, Points, Resumed, RunInfo, WriterInfo
from rolltape.store.remote.address import parse
from rolltape.store.remote.asking import Answer, Asker
from rolltape.store.remote.records import all_meant, listed
from rolltape.store.remote.wire import Block, Broken
from rolltape.tape.indexed_tape import Progress, nowhere

if TYPE_CHECKING:
    from rolltape.store.export.frame import Frame

_MOST_BUCKETS = 100_000
_COLUMNS = ("count", "mean", "min", "max", "std", "nonfinite")


class RemoteStore:
    """Runs that a server shows. May be used from any thread.

    All answers are those of the server's own store, bit for bit; a condition is evaluated there.

    Args:
        address: ``https://HOST[:PORT]``. The token goes into ``$ROLLTAPE_TOKEN``, or behind the address as
            ``?token=TOKEN``. ``$ROLLTAPE_CA`` names the file of a private certificate authority.

    Raises:
        StoreError: there is no server, it cannot be believed, it wants another token, or it is no rolltape.
    """

    def __init__(self, address: str) -> None:
        self._address, token = parse(address)
        if token is not None and self._address.is_open:
            told = f"the token travels to {self._address} in the clear: others on the way can read it. Use https"
            warnings.warn(told, RolltapeWarning, stacklevel=3)
        authority = os.environ.get("ROLLTAPE_CA")
        self._asker = Asker(self._address, token, Path(authority) if authority else None)
        weakref.finalize(self, self._asker.close)  # commands and notebooks close no store
        self._asker.greet()

    @property
    def root(self) -> str:
        """Where the runs are, as people are told; without the token."""
        return str(self._address)

    def __repr__(self) -> str:
        return f"RemoteStore({self.root!r})"

    def runs(self, project: str | None = None, where: str | None = None) -> list[RunInfo]:
        """The runs, newest first; see `DirectoryStore.runs`. Raises StoreError."""
        blocks = self._asker.get("runs", {"project": project, "where": where})
        with self._understood():
            return all_meant(RunInfo, listed("runs", blocks))

    def run(self, run: str) -> RunInfo:
        """One run by its id, ``project/id`` or key. Raises RunNotFound."""
        with self._understood():
            found = all_meant(RunInfo, self._part(run, "info"))
            if len(found) != 1:
                raise Broken("it does not tell one run")
            return found[0]

    def metrics(self, run: str) -> list[str]:
        """The names of a run's metrics, sorted. Raises RunNotFound."""
        return [str(name) for name in self._part(run, "metrics")]

    def writers(self, run: str) -> list[WriterInfo]:
        """A run's writing processes. Raises RunNotFound."""
        with self._understood():
            return all_meant(WriterInfo, self._part(run, "writers"))

    def events(self, run: str) -> list[dict[str, Any]]:
        """A run's texts and media by time: name, kind, step, time (ns), and text or file. Raises RunNotFound."""
        return self._part(run, "events")

    def summaries(self, run: str, progress: Progress = nowhere) -> list[MetricSummary]:
        """Each metric of a run in numbers, by name. Raises RunNotFound.

        progress: is not told anything: the index is on the server.
        """
        blocks = self._asker.get("summaries", {"run": run})
        with self._understood():
            return all_meant(MetricSummary, listed("summaries", blocks))

    def points(self, run: str, metric: str) -> Points:
        """Every point of a metric as logged, writer after writer. Raises RunNotFound, MetricNotFound."""
        try:
            blocks = [points for _, points in self.scan(run, metric)]
        except MetricNotFound:
            if metric not in self.metrics(run):
                raise
            blocks = []  # it is known, but has no points
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
        return Points(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))

    def scan(
        self,
        run: str,
        metric: str,
        x: str = "step",
        window: tuple[float, float] | None = None,
        resumed: Resumed = "all",
    ) -> Iterator[tuple[NDArray[np.float64], Points]]:
        """The points with low <= x <= high in blocks of limited size, as they were logged; see `DirectoryStore.scan`.

        The blocks travel while they are asked for. Whoever asks for no more of them ends the answer.

        Raises:
            RunNotFound, MetricNotFound: there is none; StoreError: the window is not possible, or (while the blocks are
                asked for) the answer broke off.
        """
        check_window(window)
        check_resumed(resumed)
        low, high = (None, None) if window is None else map(_number, window)
        asked = {"run": run, "metric": metric, "x": x, "lo": low, "hi": high, "resumed": resumed}
        return self._scanned(self._asker.get("points", asked))

    def curve(
        self,
        metric: str,
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Resumed = "all",
    ) -> Curve:
        """A metric of several runs in common buckets; see `DirectoryStore.curve`.

        Raises:
            RunNotFound, MetricNotFound: no such run; no run has the metric.
            StoreError: the window, the number of buckets or ``resumed`` is not possible.
        """
        with self._understood():
            found = self._curves({"metric": metric}, runs, x, window, buckets, exact, resumed)
            if metric not in found:
                raise Broken("it does not tell the curve")
            return found[metric]

    def curves(
        self,
        metrics: Sequence[str],
        runs: Sequence[str] | None = None,
        x: str = "step",
        window: tuple[float, float] | None = None,
        buckets: int = 1000,
        exact: bool = False,
        resumed: Resumed = "all",
    ) -> dict[str, Curve]:
        """Several metrics in the same buckets, by their names; see `DirectoryStore.curves`.

        Raises:
            RunNotFound, StoreError: as of `curve`. MetricNotFound: x is no metric of these runs.
        """
        wanted = list(dict.fromkeys(metrics))
        with self._understood():
            found = self._curves({"metrics": wanted}, runs, x, window, buckets, exact, resumed)
        return {metric: found[metric] for metric in wanted if metric in found}

    def frame(self, runs: Sequence[str] | None = None, metrics: Sequence[str] | None = None) -> Frame:
        """The points of runs as one table; see `DirectoryStore.frame`. Raises as it does."""
        from rolltape.store.export.frame import frame

        return frame(self, runs, metrics)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._asker.close()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from rolltape.store.notebook import runs_html

        return runs_html(self.runs())

    def _part(self, run: str, part: str) -> list[Any]:
        blocks = self._asker.get("run", {"run": run, "part": part})
        with self._understood():
            return listed(part, blocks)

    def _scanned(self, blocks: Answer) -> Iterator[tuple[NDArray[np.float64], Points]]:
        with closing(blocks), self._understood():
            for block in blocks:
                step, time, value = _numbers(block, ("step", "time", "value"))
                x = block.columns.get("x")
                if x is None:  # it is the step
                    x = step.astype(np.float64)
                yield x, Points(step, time, value)

    def _curves(
        self,
        which: Mapping[str, Any],
        runs: Sequence[str] | None,
        x: str,
        window: tuple[float, float] | None,
        buckets: int,
        exact: bool,
        resumed: Resumed,
    ) -> dict[str, Curve]:
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise StoreError(f"buckets must be 1 to {_MOST_BUCKETS}, not {buckets}")
        check_resumed(resumed)
        check_window(window)
        asked = {
            **which,
            "runs": None if runs is None else list(dict.fromkeys(runs)),
            "x": x,
            "window": None if window is None else [float(end) for end in window],
            "buckets": int(buckets),
            "exact": bool(exact),
            "resumed": resumed,
        }
        edges: NDArray[np.float64] | None = None
        found: dict[str, Curve] = {}
        with closing(self._asker.post("curves", asked)) as blocks:
            for block in blocks:
                if edges is None:
                    (edges,) = _numbers(block, ("edges",))
                    continue
                metric, run = block.facts.get("metric"), block.facts.get("run")
                if not isinstance(metric, str) or not isinstance(run, str):
                    raise Broken("it tells a curve of nothing")
                curve = found.setdefault(metric, Curve(metric, x, edges, {}, {}, exact))
                curve.runs[run] = Buckets(*_numbers(block, _COLUMNS))
                gaps = block.facts.get("gaps", [])
                if gaps:
                    curve.gaps[run] = _gaps(gaps)
        return found

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """An answer that says something else than it should is an error of the store."""
        try:
            yield
        except Broken as error:
            raise StoreError(f"the answer of {self.root} cannot be used: {error}") from None


def _number(end: float) -> str:
    """As text that reads back the same."""
    return repr(float(end))


def _numbers(block: Block, names: Sequence[str]) -> list[NDArray[Any]]:
    """The columns of a block by their names, all of one length and of the types that they have. Raises Broken."""
    columns = [block.columns.get(name) for name in names]
    found = [column for column in columns if column is not None]
    if len(found) < len(names) or len({len(column) for column in found}) > 1:
        raise Broken(f"it does not tell the columns {', '.join(names)}")
    whole = ("step", "time", "count", "nonfinite")
    if any((column.dtype.kind == "i") != (name in whole) for name, column in zip(names, found, strict=True)):
        raise Broken(f"the columns {', '.join(names)} are of other types")
    return found


def _gaps(told: Any) -> list[Gap]:
    if not isinstance(told, list) or not all(isinstance(gap, list) and len(gap) == 2 for gap in told):
        raise Broken("it tells gaps that are none")
    return [Gap(float(before), float(after)) for before, after in told]
