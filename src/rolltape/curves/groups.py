"""Groups: runs that differ only in their seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rolltape.curves.name_bases import name_base, own_name
from rolltape.curves.seed_keys import Rank, ignored_by, seed_of, seed_rank
from rolltape.store import RunInfo
from rolltape.store.flat_config import fingerprint, flatten, shown, stable_text

Settings = frozenset[tuple[str, Hashable]]  # stands for a flat config: its keys and the fingerprints of their values

_BETWEEN = " · "


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that differ only in their seed.

    Attributes:
        id: 12 hexadecimal digits of project, name without a seed, and config: the same in every process, and
            whatever other groups there are.
        name: what tells it from the other groups, as ``ppo · lr=0.0003``; unique among them.
        project: of its runs.
        config: what all its runs share: their flat config (nested keys joined by dots) without seeds and without what
            was to be ignored.
        runs: in the order they were given. Two runs of one seed are both there.
        seeds: by RunInfo.key: the value of the config's seed, else the number that ends the run's name, else None.
    """

    id: str
    name: str
    project: str
    config: dict[str, Any]
    runs: list[RunInfo]
    seeds: dict[str, Any]


class _Entry(NamedTuple):
    """A run taken apart."""

    info: RunInfo
    name: str
    config: dict[str, Any]
    settings: Settings
    seeds: list[Any]  # [] or the one value


def group_runs(
    infos: Sequence[RunInfo], seed_key: str | Sequence[str] | None = None, ignore: str | Sequence[str] = ()
) -> list[Group]:
    """Group runs by project, name without its seed, and config without its seed; in the order they first appear.

    Names: runs of different names are different groups, even with equal (or empty) configs, unless the names differ
    only in a seed at their end: ``ppo-seed1`` and ``ppo_seed2`` (always), ``ppo-s1`` and ``ppo-s2`` (unless the config
    has another seed), ``ppo-1`` and ``ppo-2`` (only if that is the config's seed), also followed by a time as in
    CleanRL's ``CartPole-v1__ppo__1__1730000000``; see `name_base`. Runs that were given no name are told apart by
    their configs only.

    Configs: 1 is 1.0 but not True, NaN is NaN, a missing key is not None; see `fingerprint`. What else differs from
    run to run (a log directory, a start time) must be named in ``ignore``: nothing is guessed.

    A group's name has the project (if there are several), the run name without its seed (if there are several), and
    of the config, by key, what is not the same in all groups of one such name. Groups that would be called alike are
    numbered.

    Args:
        infos: of the runs, each once.
        seed_key: the keys that hold seeds, whole or their last parts; None: those in SEED_NAMES. An empty sequence:
            none.
        ignore: flat config keys that groups are not told apart by, with all that is nested in them.

    Raises:
        ValueError: a run is given twice, or a key's name is not a string.
    """
    entries = _taken_apart(infos, seed_rank(seed_key), ignored_by(ignore))
    seeds_of_name: dict[Hashable, dict[Hashable, Any]] = {}
    for entry in entries:
        seen = seeds_of_name.setdefault((entry.info.project, entry.name, entry.settings), {})
        seen.update((fingerprint(seed), seed) for seed in entry.seeds)

    grouped: dict[tuple[str, str, Settings], list[tuple[_Entry, Any]]] = {}
    for entry in entries:
        project = entry.info.project
        base, number = name_base(entry.name, seeds_of_name[project, entry.name, entry.settings].values())
        seed = entry.seeds[0] if entry.seeds else number
        grouped.setdefault((project, base, entry.settings), []).append((entry, seed))

    configs = [members[0][0].config for members in grouped.values()]
    names = _names(list(grouped), configs)
    return [
        Group(
            _id(project, base, config),
            name,
            project,
            config,
            [entry.info for entry, _ in members],
            {entry.info.key: seed for entry, seed in members},
        )
        for name, config, ((project, base, _), members) in zip(names, configs, grouped.items(), strict=True)
    ]


def _id(project: str, base: str, config: dict[str, Any]) -> str:
    told = repr((project, base, sorted((key, stable_text(value)) for key, value in config.items())))
    return hashlib.blake2b(told.encode(errors="surrogatepass"), digest_size=6).hexdigest()


def _taken_apart(infos: Sequence[RunInfo], rank: Rank, ignored: Callable[[str], bool]) -> list[_Entry]:
    keys = [info.key for info in infos]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"infos holds run {twice!r} twice")
    known: dict[str, tuple[int | None, bool]] = {}
    entries = []
    for info in infos:
        flat = flatten(info.config)
        config, ranks = {}, {}
        for key, value in flat.items():
            if key not in known:
                known[key] = rank(key), ignored(key)
            seed, left_out = known[key]
            if seed is not None:
                ranks[key] = seed
            elif not left_out:
                config[key] = value
        settings = frozenset((key, fingerprint(value)) for key, value in config.items())
        entries.append(_Entry(info, own_name(info), config, settings, [seed_of(flat, ranks)] if ranks else []))
    return entries


def _names(told_apart: list[tuple[str, str, Settings]], configs: list[dict[str, Any]]) -> list[str]:
    """A name for each group of project, base and settings, and its config."""
    several_projects = len({project for project, _, _ in told_apart}) > 1
    several_bases = len({base for _, base, _ in told_apart}) > 1
    of_base: dict[tuple[str, str], list[Settings]] = {}
    for project, base, settings in told_apart:
        of_base.setdefault((project, base), []).append(settings)
    # What a name stands for is not said again: "ppo_Ant" needs no algo=ppo
    differing = sorted({key for every in of_base.values() for key in _differing(every)})
    names: dict[str, None] = {}
    for (project, base, _), config in zip(told_apart, configs, strict=True):
        parts = [project] if several_projects else []
        parts += [base] if several_bases and base else []
        parts += [f"{key}={shown(config[key])}" for key in differing if key in config]
        plain = name = _BETWEEN.join(parts) or base or project
        number = 1
        while name in names:
            number += 1
            name = f"{plain} ({number})"
        names[name] = None
    return list(names)


def _differing(every: Collection[Settings]) -> set[str]:
    """The keys that do not have the same value in all configs."""
    common = dict(frozenset.intersection(*every)) if every else {}
    return {key for settings in every for key, _ in settings} - common.keys()
