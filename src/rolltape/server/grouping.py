"""Which runs a question is about: groups and single runs, as the page names them."""

from __future__ import annotations

import threading

from rolltape.curves.groups import Group, group_runs
from rolltape.server.choice import Choice, GroupingOptions, Line
from rolltape.server.query import Refused, shown
from rolltape.store import DirectoryStore, RunInfo

_RECENT = 0.5  # s: while a page listens, the news look more often than that
_KEPT = 8  # ways of grouping that are remembered


class Groupings:
    """Groups the runs of a store, and remembers the groups while the runs are the same. For any thread."""

    def __init__(self, store: DirectoryStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[GroupingOptions, tuple[tuple[RunInfo, ...], list[Group]]] = {}

    def groups(self, infos: list[RunInfo], options: GroupingOptions) -> list[Group]:
        """The groups of these runs; their ``runs`` are these very objects."""
        return group_runs(infos, options.seed_keys or None, options.ignore)

    def lines(self, choice: Choice) -> list[Line]:
        """What is asked about. Raises Refused for a group or run that is not in the store."""
        infos = self._recent()
        groups = {group.id: group for group in self._all(infos, choice.options)}
        runs = {info.key: info for info in infos}
        for wanted in choice.lines:
            if wanted not in groups and wanted not in runs:
                what = "run" if "/" in wanted else "group or run"
                raise Refused(f"{what} {shown(wanted)} is not in this store", 404)
        chosen = [groups[wanted] for wanted in choice.lines if wanted in groups]
        names = self._names(chosen, choice.options)
        return [
            Line(wanted, names[wanted], True, [info.key for info in groups[wanted].runs], dict(groups[wanted].seeds))
            if wanted in groups
            else Line(wanted, runs[wanted].name, False, [wanted], {})
            for wanted in choice.lines
        ]

    def _recent(self) -> list[RunInfo]:
        """All runs there are now, as of a look that may be a moment old: names and configs hardly ever change."""
        infos = self._store.recent_runs(_RECENT)
        there = {files.key for files in self._store.run_files()}
        return infos if there == {info.key for info in infos} else self._store.runs()

    def _names(self, chosen: list[Group], options: GroupingOptions) -> dict[str, str]:
        """What tells these groups from each other, which is less than what tells all of the store apart."""
        again = self.groups([info for group in chosen for info in group.runs], options)
        return {group.id: group.name for group in again}

    def _all(self, infos: list[RunInfo], options: GroupingOptions) -> list[Group]:
        """All groups, made anew only where a run came, went or changed its name or config."""
        with self._lock:
            kept = self._kept.get(options)
        if kept is not None and len(kept[0]) == len(infos) and all(map(_same, kept[0], infos)):
            return kept[1]
        groups = self.groups(infos, options)
        with self._lock:
            self._kept.pop(options, None)
            self._kept[options] = tuple(infos), groups
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))
        return groups


def _same(one: RunInfo, other: RunInfo) -> bool:
    """Whether grouping sees no difference. The config of a run that has not changed is mostly the same object."""
    return one is other or (
        one.key == other.key
        and one.name == other.name
        and one.project == other.project
        and (one.config is other.config or one.config == other.config)
    )
