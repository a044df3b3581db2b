"""The runs of a ClickHouse store. What was said of a writer is kept until its ``ver`` has changed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from rolltape.errors import RunNotFound
from rolltape.store.clickhouse.client import Client
from rolltape.store.clickhouse.native import texts
from rolltape.store.clickhouse.questions import Parameters, names
from rolltape.store.model import RunInfo, WriterInfo
from rolltape.store.notes import Notes
from rolltape.store.run_info import Told, describe, in_order, strange, writer_status
from rolltape.tape.life import SILENCE
from rolltape.tape.names import directory_name

_RENEWED = 2 * SILENCE  # s after which a writer is no longer taken for alive if nobody says so again
_FEW = 200  # changed writers that are asked for by their names

Written = tuple[str, str, str]  # project, run, writer


class StoredWriter:
    """One writer's tape, as ClickHouse tells of it; the names that `TapeReader` has."""

    def __init__(self, key: Written, opening: bytes) -> None:
        self.key = key
        self.tape = opening  # tells one tape from another of the same name
        self.path = Path(f"{key[2]}.tape")
        self.ver = -1
        self.identity: dict[str, Any] = {}
        self.identity_problem: str | None = None
        self.opening: dict[str, Any] = {}
        self.end: dict[str, Any] | None = None
        self.facts: dict[str, Any] = {}
        self.problem: str | None = None
        self.opened = self.last_sign = 0  # ns
        self.frames = self.points = self.lost = 0
        self.known_metrics: set[str] = set()  # of those that were asked about
        self.blocks: dict[str, Any] = {}  # by metric; see `points.Blocks`
        self._said_alive = False
        self._told = 0  # ns, by the clock of who loads it
        self._renewed = -1e9  # monotonic s

    def take(self, ver: int, points: int, facts: Mapping[str, Any], now: int) -> None:
        """Take a newer row; ``now``: unix seconds, by the server's clock."""
        told = int(facts["told"])
        since = now - told / 1e9
        # Clocks may differ: that it changes while somebody looks is a sign as good as a young time
        fresh = since < _RENEWED or (self.ver >= 0 and told > self._told)
        self._renewed = time.monotonic() - (max(since, 0.0) if since < _RENEWED else 0.0) if fresh else -1e9
        self._told, self.ver, self.points = told, ver, points
        self.identity, self.identity_problem = facts["identity"], facts["problem"]
        self.opening, self.end, self.facts = facts["opening"], facts["end"], facts["facts"]
        self.problem, self.frames, self.lost = facts["tape_problem"], facts["frames"], facts["lost"]
        self.opened, self.last_sign, self._said_alive = facts["opened"], facts["last_sign"], facts["alive"]

    @property
    def alive(self) -> bool:
        """Whether the writer lived when its tape was last looked at, if that was not long ago."""
        return self.end is None and self._said_alive and time.monotonic() - self._renewed < _RENEWED

    def metrics(self) -> list[str]:
        """Those of the metrics asked about that it has."""
        return sorted(self.known_metrics)

    def schemas_of(self, metric: str) -> frozenset[str]:
        """Names what shares its steps and times: here each metric alone."""
        return frozenset((metric,))

    def info(self) -> WriterInfo:
        """As people are told of it."""
        problem = None if self.alive else self.problem
        status = writer_status(cast(Told, self))
        return WriterInfo(self.key[2], status, self.opening.get("parent"), self.frames, self.points, self.lost, problem)


class StoredRun(NamedTuple):
    """A run and its writers in the order in which they began."""

    project: str
    id: str
    shard: int
    writers: list[StoredWriter]
    info: RunInfo

    @property
    def key(self) -> str:
        """As `RunInfo.key`."""
        return self.info.key


class Listing:
    """The runs on all shards. May be used from any thread.

    Args:
        clients: of the shards.
        every: does something for each shard, all at once.
    """

    def __init__(self, clients: Sequence[Client], every: Callable[[Callable[[int], None]], None]) -> None:
        self._clients = clients
        self._every = every
        self._lock = threading.Lock()
        self._writers: list[dict[Written, StoredWriter]] = [{} for _ in clients]

    def look(self) -> dict[str, StoredRun]:
        """All runs by their keys. Raises StoreError."""
        with self._lock:
            self._every(self._look_at)
            found: dict[str, StoredRun] = {}
            for shard, writers in enumerate(self._writers):
                runs: dict[tuple[str, str], list[StoredWriter]] = {}
                for writer in writers.values():
                    runs.setdefault(writer.key[:2], []).append(writer)
                for (project, run), those in runs.items():
                    one = _run(shard, project, run, those)
                    found[one.key] = one
            return found

    def _look_at(self, shard: int) -> None:
        there = self._clients[shard].columns(
            f"SELECT {names('project', 'run', 'writer')}, max(ver) AS newest, toUnixTimestamp(now()) AS now"
            " FROM runs GROUP BY project, run, writer"
        )
        known = self._writers[shard]
        keys = list(zip(*(texts(there.get(f"{name}_name", ())) for name in ("project", "run", "writer")), strict=True))
        newest = dict(zip(keys, there["newest"].tolist() if keys else [], strict=True))
        for gone in known.keys() - newest.keys():
            del known[gone]
        changed = [key for key, ver in newest.items() if key not in known or known[key].ver != ver]
        if changed:
            self._read(shard, changed, int(there["now"][0]))

    def _read(self, shard: int, changed: list[Written], now: int) -> None:
        parameters = Parameters()
        which = ""
        if len(changed) <= _FEW:
            keys = ", ".join(f"({parameters.every(key)})" for key in changed)
            which = f" WHERE (project, run, writer) IN ({keys})"
        found = self._clients[shard].columns(
            f"SELECT {names('project', 'run', 'writer')}, opening, facts, points, ver FROM runs FINAL{which}",
            parameters,
        )
        known = self._writers[shard]
        if not found:
            return
        those = zip(*(texts(found[f"{name}_name"]) for name in ("project", "run", "writer")), strict=True)
        points, vers = found["points"].tolist(), found["ver"].tolist()
        for key, opening, facts, held, ver in zip(those, found["opening"], found["facts"], points, vers, strict=True):
            writer = known.get(key)
            if writer is None or writer.tape != opening:
                writer = known[key] = StoredWriter(key, opening)
            writer.take(ver, held, json.loads(facts), now)


def _run(shard: int, project: str, run: str, writers: list[StoredWriter]) -> StoredRun:
    directory = Path(directory_name(project)) / directory_name(run)
    ordered = cast(list[StoredWriter], in_order(cast(list[Told], writers)))
    first = max(ordered, key=lambda writer: len(writer.identity))
    try:
        identity = {"project": project, "id": run, **first.identity}
        info = describe(directory, identity, first.identity_problem, cast(list[Told], ordered), Notes())
    except Exception as error:  # one strange run must not hide the others
        info = strange(directory, error)
    return StoredRun(project, run, shard, ordered, info)


def find(runs: Mapping[str, StoredRun], wanted: str, where: object) -> StoredRun:
    """The run of this key, id or ``project/id``. Raises RunNotFound."""
    if wanted in runs:
        return runs[wanted]
    matches = [one for one in runs.values() if wanted in (one.id, f"{one.project}/{one.id}")]
    if len(matches) > 1:
        keys = ", ".join(sorted(one.key for one in matches))
        raise RunNotFound(f"several runs are called {wanted!r}: {keys}")
    if not matches:
        raise RunNotFound(f"there is no run {wanted!r} in {where}")
    return matches[0]


def newest_first(runs: Iterable[StoredRun]) -> list[RunInfo]:
    """As a list shows them."""
    return sorted((one.info for one in runs), key=lambda info: (-info.started, info.key))
