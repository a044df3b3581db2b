"""Which lines a chart has: those asked for, or one for each of their runs."""

from __future__ import annotations

from rolltape.server.choice import Line


def one_per_run(lines: list[Line]) -> list[Line]:
    """Each group as its runs, each run once; labels end with the seed, or the run's id where it has none."""
    found: dict[str, Line] = {}
    for line in lines:
        if not line.is_group:
            found.setdefault(line.id, line)
            continue
        for key in line.keys:
            seed = line.seeds.get(key)
            which = f"seed {_in_words(seed)}" if seed is not None else key.split("/", 1)[1]
            found.setdefault(key, Line(key, f"{line.name} · {which}", False, [key], {key: seed}))
    return list(found.values())


def _in_words(seed: object) -> str:
    return f"{seed:g}" if isinstance(seed, float) else str(seed)
