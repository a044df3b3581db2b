"""The files of a store's runs, kept from one question to the next. They say what has changed since the last look."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence, Set
from pathlib import Path

from rolltape.errors import RunNotFound
from rolltape.store.cache_directory import cache_directory
from rolltape.store.listing import Seen
from rolltape.store.run_files import RunFiles
from rolltape.store.run_info import look_at_ended, strange
from rolltape.tape.filesystem import is_network


class FollowedRuns:
    """The files of runs under ``root``, which is resolved, by key. May be used from any thread."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._on_network = is_network(root)
        self._lock = threading.Lock()
        self._files: dict[str, RunFiles] = {}

    def get(self, key: str) -> RunFiles | None:
        """The files of a run, if they are kept."""
        with self._lock:
            return self._files.get(key)

    def of(self, key: str, keep: bool = True) -> RunFiles:
        """The files of a run, whether or not it is there. If they are not kept yet, ``keep`` says whether they will."""
        with self._lock:
            files = self._files.get(key)
            if files is None:
                files = RunFiles(self._root / key, self._index_places, on_network=self._on_network)
                if keep:
                    self._files[key] = files
            return files

    def drop_all_but(self, keys: Set[str]) -> list[RunFiles]:
        """Keep the files of no other runs; those that were."""
        with self._lock:
            return [self._files.pop(gone) for gone in self._files.keys() - keys]

    def look(self, directory: Path) -> Seen:
        """Look at the run in a directory. Its files are kept unless there is nothing in it to be followed."""
        key = f"{directory.parent.name}/{directory.name}"
        try:
            seen = look_at_ended(directory) if self.get(key) is None else None
            return seen or self.of(key).seen()
        except Exception as error:  # one strange run must not hide the others
            return Seen(strange(directory, error), "open")

    def _index_places(self, tape: Path) -> list[Path]:
        """Where the index of a tape may lie: beside it, or in the user's cache directory."""
        name = f"{tape.stem}.index"
        cache = cache_directory()
        digest = hashlib.blake2b(str(tape).encode(errors="surrogateescape"), digest_size=12).hexdigest()
        beside = [] if self._on_network else [tape.with_name(name)]
        return beside + ([] if cache is None else [cache / "indexes" / digest[:2] / f"{digest}.index"])


def find_run(every: Sequence[RunFiles], run: str, root: Path) -> RunFiles:
    """The files of the run of this key, id or ``project/id``. Raises RunNotFound."""
    for files in every:
        if files.key == run:
            return files
    matches = [files for files in every if files.is_called(run)]
    if len(matches) > 1:
        raise RunNotFound(f"several runs are called {run!r}: {', '.join(files.key for files in matches)}")
    if not matches:
        raise RunNotFound(f"there is no run {run!r} in {root}")
    return matches[0]


def instead_of(chosen: Sequence[RunFiles], metric: str) -> str:
    """What else in these runs goes by the name of a metric that has no points, as an end of a sentence."""
    kinds = {str(event.get("kind")) for files in chosen for event in files.events() if event.get("name") == metric}
    return f", but {', '.join(sorted(kinds))} of that name" if kinds else ""
