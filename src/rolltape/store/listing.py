"""The fast list of runs: opens only those that may have changed since they were last looked at.

A run whose writers have all ended changes only by a new tape or other notes, which change its directory's times. One
that was killed may yet go on (a writer elsewhere that was only silent), in its own files: their sizes and the
heartbeats of its heads are compared too. A running one is always looked at. Stamps are taken before the look, so that
whatever comes during it makes the next stamp differ. A look at a directory whose times cannot be trusted yet is not
remembered (run_directories.py).
"""

from __future__ import annotations

import itertools
import operator
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Literal, NamedTuple

from rolltape.store.catalogue import Catalogue, FileStamp, Remembered, RememberedSummaries, no_collections
from rolltape.store.model import RunInfo
from rolltape.store.run_directories import Found, RunDirectories, file_stamps, is_run, stamp_of
from rolltape.store.run_summaries import RunSummaries
from rolltape.store.where import Where
from rolltape.tape.life import machine

_WORTH = 0.05  # s of looking from which a catalogue is written
_RETRY = 60.0  # s from one failed try to write it to the next
# While somebody looks several times a second: s from one look at every directory to the next, and at least as many
# times as long as it took
_ALL, _SHARE = 2.0, 20

State = Literal["ended", "silent", "open"]
Told = tuple[object, ...]  # what a look told of a run's tapes: summaries are those of before where it is the same


class Seen(NamedTuple):
    """What a look at a run found.

    ``state`` is ``ended`` if each of its tapes ends with an END frame (also if it has none), ``silent`` if some do not,
    but no writer lives, and ``open`` if one does or if anything could not be read: then it is looked at every time.
    """

    info: RunInfo
    state: State


class Standing(NamedTuple):
    """The runs there are, by key."""

    marks: dict[str, int]  # of those that nobody writes: another number where anything is told otherwise than before
    open: list[str]  # the others


class Listing:
    """The runs under ``root`` as ``look`` tells them, remembered. May be used from any thread.

    Args:
        root: the store, resolved.
        look: opens the run in a directory and tells what it finds. It is called while others wait for the list.
        summarize: reads the summaries of the run in a directory.
        catalogue: what is remembered from one process to the next; None: nothing.
        projects: the directories of projects whose runs are listed; None: all.
    """

    def __init__(
        self,
        root: Path,
        look: Callable[[Path], Seen],
        summarize: Callable[[Path], RunSummaries],
        catalogue: Catalogue | None = None,
        projects: Set[str] | None = None,
    ) -> None:
        self._root = root
        self._look = look
        self._summarize = summarize
        self._catalogue = catalogue
        self._directories = RunDirectories(root, projects)
        self._lock = threading.RLock()
        self._known: dict[str, Remembered] | None = None
        self._unsettled: dict[str, Seen] = {}  # what is not remembered, as of the last look
        self._marks: dict[str, int] = {}  # 0 for remembered ones that are not in it
        self._next_mark = itertools.count(1)
        self._summaries: dict[str, tuple[Told, RunSummaries]] | None = None
        self._new: set[str] = set()  # what the catalogue does not hold yet
        self._new_summaries: set[str] = set()
        self._gone: set[str] = set()
        self._spent = 0.0  # s that remembering the new ones would save
        self._retry_at = 0.0
        self._looked = -1e9  # monotonic s: the last look at whatever is likely to have changed
        self._all_at = 0.0  # monotonic s: when `standing` is to look at every directory again

    def infos(self) -> list[RunInfo]:
        """All runs, newest first."""
        with self._lock:
            self._look_at_all()
            return self._newest_first()

    def recent_infos(self, age: float) -> list[RunInfo]:
        """All runs, newest first, as of the last `infos` or `standing` if that was no more than ``age`` s ago."""
        with self._lock:
            if time.monotonic() - self._looked > age:
                self._look_at_all()
            return self._newest_first()

    def run_keys(self) -> list[str]:
        """The keys of all runs, by project and directory."""
        with self._lock:
            known = self._remembered()
            there = self._directories.all()
            runs = [
                found.name.split("/")
                for found in there
                if ((one := known.get(found.name)) is not None and one.directory == found.stamp) or is_run(found.path)
            ]
        return ["/".join(run) for run in sorted(runs)]

    def standing(self) -> Standing:
        """Look at open runs and, every few seconds, at all; runs that come and go are noticed at once."""
        with self._lock:
            began = time.monotonic()
            if began >= self._all_at or os.name == "nt":  # there a file that comes may leave the times as they are
                self._look_at_all()
                self._all_at = began + max(_ALL, _SHARE * (time.monotonic() - began))
            else:
                self._look_at_open()
            marks = {**dict.fromkeys(self._remembered(), 0), **self._marks}
            return Standing(marks, [name for name in self._unsettled if name not in marks])

    def mark(self, key: str) -> int | None:
        """Look at one run unless it is open: its mark in `standing`; None if it has none."""
        with self._lock:
            if not self._directories.shows(key) or (key in self._unsettled and key not in self._marks):
                return None
            path = f"{self._root}/{key}"
            stamp = stamp_of(path)
            if stamp is None:
                return None
            found = Found(key, path, stamp)
            if _still(self._remembered(), found) is None:
                if not is_run(path):
                    return None
                self._look_at(found, time.time_ns())
            return self._mark_of(key)

    def chosen(self, infos: Iterable[RunInfo], where: Where) -> list[RunInfo]:
        """Those of the runs, which `infos` gave, that ``where`` is true of."""
        chosen = [info for info in infos if where.matches(info, lambda key=info.key: self.last(key))]  # type: ignore[misc]
        self.save()
        return chosen

    def last(self, key: str) -> Mapping[str, float]:
        """The last value of each metric of a run that `infos` gave."""
        found = self.summaries(key)
        if found is None:
            told, began = self.told(key), time.perf_counter()
            found = self._summarize(self._root / key)
            self.remember_summaries(key, told, found, time.perf_counter() - began)
        return found.last_values()

    def summaries(self, key: str) -> RunSummaries | None:
        """The summaries of a run that `infos` gave, if they are known; of an open one they never are."""
        return self.summaries_of([key]).get(key)

    def summaries_of(self, keys: Iterable[str]) -> dict[str, RunSummaries]:
        """`summaries` of many runs: those that are known, by key."""
        with self._lock:
            every = self._known_summaries()
            known = ((key, every.get(key)) for key in keys)
            return {key: one[1] for key, one in known if one is not None and one[0] == self.told(key)}

    def told(self, key: str) -> Told | None:
        """What summaries are to be remembered with, which are made after this was asked; None: not at all."""
        with self._lock:
            one = self._remembered().get(key)
            if one is not None:
                return _told(one.info, one.files)
            return _told(self._unsettled[key].info, None) if key in self._marks else None

    def remember_summaries(self, key: str, told: Told | None, values: RunSummaries, took: float) -> None:
        """What was made of a run in ``took`` s, of which that was told before."""
        if told is not None:
            with self._lock:
                self._known_summaries()[key] = told, values
                self._new_summaries.add(key)
                self._spent += took

    def save(self) -> None:
        """Write down what is new, if it is worth that."""
        with self._lock:
            self._save()

    def _remembered(self) -> dict[str, Remembered]:
        if self._known is None:
            known = self._catalogue.load() if self._catalogue else {}
            # Those of other projects stay in the catalogue: here they never were, so that they cannot be gone
            self._known = {name: one for name, one in known.items() if self._directories.shows(name)}
        return self._known

    def _known_summaries(self) -> dict[str, tuple[Told, RunSummaries]]:
        if self._summaries is None:
            known = self._remembered()
            with no_collections():
                self._summaries = {
                    name: (_told(known[name].info, known[name].files), one.values)
                    for name, one in (self._catalogue.load_summaries() if self._catalogue else {}).items()
                    if name in known and one.of(known[name])
                }
        return self._summaries

    def _look_at_all(self) -> None:
        self._looked, now = time.monotonic(), time.time_ns()
        with no_collections():
            known = self._remembered()
            there = self._directories.all()
            self._forget_all_but({found.name for found in there})
            for found in there:
                if _still(known, found) is None:
                    self._look_or_forget(found, now)
        self._save()

    def _look_at_open(self) -> None:
        """As `_look_at_all`, but at nothing that is remembered."""
        self._looked, now = time.monotonic(), time.time_ns()
        paths = self._directories.paths()
        self._forget_all_but(paths.keys())
        for name in paths.keys() - self._remembered().keys():
            stamp = stamp_of(paths[name])
            if stamp is not None and name in self._unsettled:
                self._look_at(Found(name, paths[name], stamp), now)
            elif stamp is not None:
                self._look_or_forget(Found(name, paths[name], stamp), now)
        self._save()

    def _look_or_forget(self, found: Found, now: int) -> None:
        if is_run(found.path):
            self._look_at(found, now)
        else:
            self._forget(found.name)

    def _look_at(self, found: Found, now: int) -> None:
        """Look at a run, and remember what was found if its stamps will tell when that changes."""
        began = time.perf_counter()
        name, path = found.name, Path(found.path)
        before, mark = self._info_of(name), self._mark_of(name)
        if mark == 0:
            self._known_summaries()  # those in the catalogue bear the old stamp
        seen = self._look(path)
        files = None
        if seen.state == "silent":
            files = file_stamps(found.path)
            seen = self._look(path)  # what came before the stamps is in it
        if seen.state == "ended":
            files = None
        is_open = seen.state == "open" or (seen.state == "silent" and files is None)
        is_settled = self._directories.is_settled(found.stamp, now)
        if is_open or not is_settled:
            self._forget(name)
            self._unsettled[name] = seen
        else:
            self._remembered()[name] = Remembered(found.stamp, files, "" if files is None else machine(), seen.info)
            self._unsettled.pop(name, None)
            self._new.add(name)
            self._gone.discard(name)
            if name in (self._summaries or {}):
                self._new_summaries.add(name)
            self._spent += time.perf_counter() - began
        if not is_open and (is_settled or seen.state == "ended"):
            self._marks[name] = mark if mark is not None and before == seen.info else next(self._next_mark)

    def _info_of(self, name: str) -> RunInfo | None:
        one = self._remembered().get(name) or self._unsettled.get(name)
        return None if one is None else one.info

    def _mark_of(self, name: str) -> int | None:
        return self._marks.get(name, 0 if name in self._remembered() else None)

    def _forget(self, name: str) -> None:
        self._unsettled.pop(name, None)
        self._marks.pop(name, None)
        if self._remembered().pop(name, None) is not None:
            self._new.discard(name)
            self._gone.add(name)

    def _forget_all_but(self, names: Set[str]) -> None:
        for name in [name for known in (self._remembered(), self._unsettled) for name in known.keys() - names]:
            self._forget(name)
            if self._summaries is not None:
                self._summaries.pop(name, None)

    def _newest_first(self) -> list[RunInfo]:
        found = [one.info for known in (self._remembered(), self._unsettled) for one in known.values()]
        # Two passes: a key of two would be 10,000 tuples
        found.sort(key=operator.attrgetter("key"))
        found.sort(key=operator.attrgetter("started"), reverse=True)
        return found

    def _save(self) -> None:
        if self._catalogue is None or self._spent < _WORTH or time.monotonic() < self._retry_at:
            return
        known, summaries = self._remembered(), self._summaries or {}
        runs = {name: known[name] for name in self._new}
        values = {
            name: RememberedSummaries.made(known[name], summaries[name][1])
            for name in self._new_summaries & known.keys() & summaries.keys()
            if summaries[name][0] == _told(known[name].info, known[name].files)
        }
        if self._catalogue.save(runs, values, self._gone):
            self._new.clear()
            self._new_summaries.clear()
            self._gone.clear()
            self._spent = 0.0
        else:
            self._retry_at = time.monotonic() + _RETRY


def _still(known: Mapping[str, Remembered], found: Found) -> Remembered | None:
    """What is remembered of a run, if nothing has changed since."""
    one = known.get(found.name)
    if one is None or one.directory != found.stamp:
        return None
    if one.files is not None and (
        one.machine != machine() or one.files != file_stamps(found.path, [file.name for file in one.files])
    ):
        return None
    return one


def _told(info: RunInfo, files: tuple[FileStamp, ...] | None) -> Told:
    return files, info.status, info.started, info.ended, info.points, info.lost
